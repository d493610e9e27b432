#include "aws/json_protocol.h"

namespace hearth::aws {

std::string_view JsonOperation(const io::HttpRequest& request) {
  const std::string_view target = request.headers.Get("X-Amz-Target");
  const auto dot = target.find('.');
  return dot == std::string_view::npos ? std::string_view() : target.substr(dot + 1);
}

io::HttpResponse JsonAnswer(std::string_view version, const base::Json& body,
                            const std::string& request_id) {
  io::HttpResponse response;
  response.headers.Add("Content-Type", "application/x-amz-json-" + std::string(version));
  response.headers.Add("x-amzn-RequestId", request_id);
  // An operation without an output answers with no body at all.
  if (!body.is_null()) response.body = base::ToJsonText(body);
  return response;
}

io::HttpResponse JsonError(std::string_view version, const ApiError& error,
                           const std::string& request_id) {
  base::Json body = error.extra.is_object() ? error.extra : base::Json::object();
  body["__type"] = error.type;
  body["message"] = error.message;
  io::HttpResponse response = JsonAnswer(version, body, request_id);
  response.status = error.status;
  return response;
}

}  // namespace hearth::aws
