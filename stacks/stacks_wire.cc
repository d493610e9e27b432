#include "stacks/stacks_wire.h"

namespace hearth::stacks {

void Answer(aws::Call call, int status, const base::Json& body) {
  io::HttpResponse response;
  response.status = status;
  response.headers.Set("Content-Type", "application/json");
  response.headers.Set("x-amzn-RequestId", call.request_id);
  if (!body.is_null()) response.body = base::ToJsonText(body) + "\n";
  call.responder.Send(std::move(response));
}

base::Json ToJson(const std::vector<Diagnostic>& diagnostics) {
  base::Json out = base::Json::array();
  for (const auto& diagnostic : diagnostics) {
    out.push_back({{"line", diagnostic.position.line},
                   {"column", diagnostic.position.column},
                   {"message", diagnostic.message}});
  }
  return out;
}

void AnswerErrors(aws::Call call, int status, const std::vector<Diagnostic>& errors) {
  Answer(std::move(call), status, {{"errors", ToJson(errors)}});
}

int StatusOf(const base::Error& error) {
  switch (error.kind) {
    case base::ErrorKind::kInvalid:
    case base::ErrorKind::kLimit:
    case base::ErrorKind::kUnsupported:
      return 400;
    case base::ErrorKind::kNotFound:
      return 404;
    case base::ErrorKind::kConflict:
      return 409;
    case base::ErrorKind::kTimeout:
      return 504;
    case base::ErrorKind::kSystem:
    case base::ErrorKind::kCorrupt:
    case base::ErrorKind::kClosed:
      return 500;
  }
  return 500;
}

}  // namespace hearth::stacks
