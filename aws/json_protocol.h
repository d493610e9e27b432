// The json 1.0 and 1.1 protocols: the operation is named by X-Amz-Target, its input is the body, an
// error is {"__type":…,"message":…}. Source: aws-facts 1.0.
#pragma once

#include <string>
#include <string_view>

#include "aws/gateway.h"

namespace hearth::aws {

// "Logs_20140328.FilterLogEvents" -> "FilterLogEvents"; empty where there is none.
std::string_view JsonOperation(const io::HttpRequest& request);

// `version` is "1.0" or "1.1".
io::HttpResponse JsonAnswer(std::string_view version, const base::Json& body,
                            const std::string& request_id);
io::HttpResponse JsonError(std::string_view version, const ApiError& error,
                           const std::string& request_id);

}  // namespace hearth::aws
