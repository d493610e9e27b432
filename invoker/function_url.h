// FunctionUrl: the HTTP address of a function, or of one of its aliases, and who may use it from
// where.
//
// A value; checks are pure and give AWS's own refusals. Source: Lambda API 2021-10-31, shapes
// FunctionUrlConfig and Cors; developer guide, "Creating and managing Lambda function URLs".
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/gateway.h"
#include "base/json.h"
#include "base/result.h"
#include "invoker/function.h"

namespace hearth::invoker {

// Which pages' scripts a browser lets use the URL. Empty lists, 0: nothing is said about it.
struct UrlCors {
  bool allow_credentials = false;
  std::vector<std::string> allow_headers;
  std::vector<std::string> allow_methods;
  std::vector<std::string> allow_origins;
  std::vector<std::string> expose_headers;
  std::optional<int64_t> max_age_s;
  bool operator==(const UrlCors&) const = default;
};

struct FunctionUrl {
  std::string id;          // Of its host name: 32 characters. The same for as long as it is there.
  bool needs_iam = false;  // AuthType AWS_IAM.
  bool streams = false;    // InvokeMode RESPONSE_STREAM.
  std::optional<UrlCors> cors;
  std::string created;  // base::FormatIso8601
  std::string last_modified;
  bool operator==(const FunctionUrl&) const = default;
};

// `current` with the members of a request's body; AuthType is needed where there is none yet.
std::expected<FunctionUrl, aws::ApiError> ApplyFunctionUrl(const FunctionUrl* current,
                                                           const base::Json& body);
// "http://ID.lambda-url.us-east-1.localhost:4566/", where the host is asked by `host` (a Host
// field). A name that is none of a machine's own keeps its place: ID.lambda-url.REGION.NAME.
std::string UrlText(const FunctionUrl& url, const Account& account, std::string_view host);

base::Json FunctionUrlJson(const FunctionUrl& url, const std::string& text, const std::string& arn);
base::Json ToStored(const FunctionUrl& url);
base::Result<FunctionUrl> FunctionUrlFromStored(const base::Json& stored);

}  // namespace hearth::invoker
