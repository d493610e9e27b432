// The answers of the APIs that a sandbox is served: Runtime API and Extensions API.
#pragma once

#include <string>
#include <string_view>

#include "io/http_message.h"

namespace hearth::runtime {

io::HttpResponse JsonAnswer(int status, std::string body);
// 202 {"status":"OK"}
io::HttpResponse Accepted();
// {"errorMessage":…,"errorType":…}
io::HttpResponse ApiError(int status, std::string_view type, std::string_view message);

}  // namespace hearth::runtime
