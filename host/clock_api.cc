#include "host/clock_api.h"

#include "base/json.h"
#include "base/limits.h"

namespace hearth::host {
namespace {

using base::Json;

void Refuse(aws::Call& call, int status, const char* type, std::string message) {
  call.responder.Send(aws::RestJsonError({status, type, std::move(message)}, call.request_id));
}

}  // namespace

void ClockApi::Register(aws::Gateway& gateway) {
  gateway.RegisterOwn("/_hearth/clock", [this](aws::Call call) { Handle(std::move(call)); });
}

void ClockApi::Handle(aws::Call call) {
  if (call.request.method == "GET") {
    call.responder.Send(aws::RestJsonAnswer(200, Shown(), call.request_id));
  } else if (call.request.method == "POST") {
    Advance(std::move(call));
  } else {
    Refuse(call, 405, "MethodNotAllowedException",
           "/_hearth/clock takes GET and POST, not " + call.request.method);
  }
}

void ClockApi::Advance(aws::Call call) {
  if (time_ == nullptr) {
    return Refuse(call, 409, "ConflictException",
                  "this host's clock is the machine's: start hearthd with --clock virtual");
  }
  constexpr int64_t kMost = std::chrono::milliseconds(limits::kClockAdvance).count();
  const auto body = base::ParseJson(call.request.body);
  const bool is_number = body && body->is_object() && body->contains("advance_ms") &&
                         (*body)["advance_ms"].is_number_integer();
  // An unsigned number that is too large for int64_t reads as a negative one.
  const int64_t advance_ms = is_number ? (*body)["advance_ms"].get<int64_t>() : -1;
  if (advance_ms < 0 || advance_ms > kMost) {
    return Refuse(call, 400, "ValidationException",
                  "the body is {\"advance_ms\": N}, N from 0 to " + std::to_string(kMost));
  }
  // Nanoseconds since 1970 end in 2262.
  constexpr base::WallTime kLast{std::chrono::sys_days{std::chrono::year(2200) / 1 / 1}};
  if (clock_.WallNow() + std::chrono::milliseconds(advance_ms) > kLast) {
    return Refuse(call, 400, "ValidationException", "the clock does not go beyond the year 2200");
  }
  auto shared = std::make_shared<aws::Call>(std::move(call));
  time_->Advance(std::chrono::milliseconds(advance_ms), [this, shared](base::Result<void> moved) {
    if (!moved) return Refuse(*shared, 409, "ConflictException", moved.error().ToString());
    shared->responder.Send(aws::RestJsonAnswer(200, Shown(), shared->request_id));
  });
}

base::Json ClockApi::Shown() const {
  return {{"now", base::FormatIso8601(clock_.WallNow())},
          {"now_ms", base::EpochMillis(clock_.WallNow())},
          {"virtual", time_ != nullptr}};
}

}  // namespace hearth::host
