#include "aws/gateway.h"

namespace hearth::aws {

io::HttpResponse RestJsonAnswer(int status, const base::Json& body, const std::string& request_id) {
  io::HttpResponse response;
  response.status = status;
  response.headers.Add("Content-Type", "application/json");
  response.headers.Add("x-amzn-RequestId", request_id);
  if (!body.is_null()) response.body = base::ToJsonText(body);
  return response;
}

io::HttpResponse RestJsonError(const ApiError& error, const std::string& request_id) {
  base::Json body = error.extra.is_object() ? error.extra : base::Json::object();
  body["Type"] = error.status >= 500 ? "Service" : "User";
  // Clients differ in which spelling they read.
  body["message"] = error.message;
  body["Message"] = error.message;
  io::HttpResponse response = RestJsonAnswer(error.status, body, request_id);
  response.headers.Add("x-amzn-ErrorType", error.type);
  return response;
}

}  // namespace hearth::aws
