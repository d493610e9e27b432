#include "invoker/invoke_api.h"

#include <algorithm>

#include "base/digest.h"
#include "base/id.h"
#include "base/limits.h"
#include "invoker/api_call.h"
#include "invoker/function_name.h"
#include "invoker/json_fault.h"
#include "invoker/streamed_answer.h"

namespace hearth::invoker {
namespace {

constexpr size_t kMaxTraceId = 1024;

std::string Micros(base::Duration span) {
  return std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(span).count());
}

std::string SpansText(const InvocationResult& result) {
  const Spans& s = result.spans;
  std::string out = std::string("cold=") + (result.cold ? "1" : "0") + ";queue=" + Micros(s.queue) +
                    ";start=" + Micros(s.start) + ";init=" + Micros(s.init) +
                    ";handler=" + Micros(s.handler) + ";total=" + Micros(s.total);
  for (const auto& [step, span] : s.start_steps) {
    out += ";start." + step + "=" + Micros(span);
  }
  return out;
}

aws::ApiError Throttled(const InvocationResult& result) {
  return {.status = 429,
          .type = "TooManyRequestsException",
          .message = "Rate Exceeded.",
          .extra = {{"Reason", result.throttle_reason}}};
}

// The two sentences as callers of AWS have recorded them.
aws::ApiError TooLarge(size_t size, std::string_view type, size_t limit) {
  const std::string bytes = std::to_string(limit);
  return {.status = 413,
          .type = "RequestEntityTooLargeException",
          .message = type == "Event" ? std::to_string(size) +
                                           " byte payload is too large for the Event invocation "
                                           "type (limit " +
                                           bytes + " bytes)"
                                     : "Request must be smaller than " + bytes +
                                           " bytes for the InvokeFunction operation"};
}

// Of a text that is JSON.
bool IsObject(std::string_view json) {
  const size_t first = json.find_first_not_of(" \t\r\n");
  return first != json.npos && json[first] == '{';
}

// A caller's own trace id is passed on where it can be one: it becomes an environment variable and
// a header, so it is printable ASCII and not long. AWS's own is of about 100 characters.
bool IsTraceId(std::string_view text) {
  return !text.empty() && text.size() <= kMaxTraceId &&
         std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

std::optional<aws::ApiError> ReadClientContext(const io::HttpRequest& http, InvokeRequest& into) {
  const std::string_view text = http.headers.Get("X-Amz-Client-Context");
  if (text.empty()) return std::nullopt;
  if (text.size() > limits::kMaxClientContext) {
    return ValidationError(text, "clientContext",
                           "Member must have length less than or equal to 3583");
  }
  auto decoded = base::Base64Decode(text);
  // Runtimes take its members without a look: anything but an object of JSON would end them.
  if (!decoded || JsonFault(*decoded) || !IsObject(*decoded)) {
    return aws::ApiError{.status = 400,
                         .type = "InvalidRequestContentException",
                         .message = "Client context must be a valid Base64-encoded JSON object."};
  }
  into.client_context = std::move(*decoded);
  return std::nullopt;
}

std::optional<aws::ApiError> CheckPayload(std::string& payload, std::string_view type) {
  const size_t limit = type == "Event" ? limits::kMaxAsyncPayload : limits::kMaxSyncPayload;
  if (payload.size() > limit) return TooLarge(payload.size(), type, limit);
  if (payload.empty()) {
    payload = "{}";  // AWS hands the handler an empty object where the caller sent nothing.
    return std::nullopt;
  }
  if (auto fault = JsonFault(payload)) {
    return aws::ApiError{.status = 400,
                         .type = "InvalidRequestContentException",
                         .message = "Could not parse request body into json: " + *fault};
  }
  return std::nullopt;
}

}  // namespace

std::string NewTraceId(base::WallTime now) {
  static constexpr char kHex[] = "0123456789abcdef";
  const auto seconds = static_cast<uint32_t>(base::EpochMillis(now) / 1000);
  const std::string random = base::NewHexId(40);
  std::string out;
  out.reserve(80);
  out.append("Root=1-");
  for (int shift = 28; shift >= 0; shift -= 4) out.push_back(kHex[(seconds >> shift) & 15]);
  out.append("-").append(random, 0, 24).append(";Parent=").append(random, 24, 16);
  return out.append(";Sampled=0");
}

void InvokeApi::Handle(aws::Call call, std::string_view encoded_name, Answer answer) {
  const base::MonoTime received = clock_.Now();
  const io::HttpRequest& http = call.request;
  const auto name = ParseFunctionName(account_, io::PercentDecode(encoded_name),
                                      io::QueryParameter(http.query(), "Qualifier").value);
  if (!name) return Refuse(call, name.error());
  FunctionRef function = registry_.Resolve(*name);
  if (function == nullptr) return Refuse(call, FunctionNotFound(account_, *name));
  std::string type(http.headers.Get("X-Amz-Invocation-Type"));
  if (type.empty()) type = "RequestResponse";
  const bool may_be_event = answer == Answer::kWhole;
  if (type != "RequestResponse" && (type != "Event" || !may_be_event) && type != "DryRun") {
    return Refuse(call, ValidationError(type, "invocationType",
                                        may_be_event ? "Member must satisfy enum value set: "
                                                       "[Event, RequestResponse, DryRun]"
                                                     : "Member must satisfy enum value set: "
                                                       "[RequestResponse, DryRun]"));
  }
  const std::string_view log_type = http.headers.Get("X-Amz-Log-Type");
  if (!log_type.empty() && log_type != "None" && log_type != "Tail") {
    return Refuse(call, ValidationError(log_type, "logType",
                                        "Member must satisfy enum value set: [None, Tail]"));
  }
  InvokeRequest request{.request_id = call.request_id,
                        .function = std::move(function),
                        .invoked_arn = FunctionArn(account_, name->name, name->qualifier),
                        .trace_id = std::string(http.headers.Get("X-Amzn-Trace-Id")),
                        .client_context = {},
                        .payload = std::move(call.request.body),
                        .want_log_tail = log_type == "Tail",
                        .received = received};
  if (!IsTraceId(request.trace_id)) request.trace_id = NewTraceId(clock_.WallNow());
  if (auto refusal = CheckPayload(request.payload, type)) return Refuse(call, *refusal);
  if (type == "Event") return InvokeLater(std::move(call), std::move(request));
  if (auto refusal = CheckInvocable(*request.function)) return Refuse(call, *refusal);
  if (auto refusal = ReadClientContext(call.request, request)) return Refuse(call, *refusal);
  if (type == "DryRun") return AnswerNothing(call, 204);
  if (answer == Answer::kStream) return InvokeStreaming(std::move(call), std::move(request));
  InvokeNow(std::move(call), std::move(request));
}

void InvokeApi::InvokeStreaming(aws::Call call, InvokeRequest request) {
  auto stream = std::make_shared<StreamedAnswer>(
      std::move(call), StreamedAnswer::Options{.executed_version = request.function->version,
                                               .trace_id = request.trace_id,
                                               .want_log_tail = request.want_log_tail});
  request.sink = stream;
  invoker_.Invoke(std::move(request), [stream](const InvocationResult& result) {
    if (!stream->has_begun() && result.status == InvocationStatus::kThrottled) {
      return Refuse(stream->call(), Throttled(result));
    }
    if (!stream->has_begun() && result.status == InvocationStatus::kHostError) {
      return Refuse(stream->call(),
                    {.status = 500, .type = "ServiceException", .message = result.host_error});
    }
    stream->End(result);
  });
}

void InvokeApi::InvokeNow(aws::Call call, InvokeRequest request) {
  const bool tail = request.want_log_tail;
  const bool spans = call.request.headers.Get("X-Hearth-Spans") == "1";
  std::string trace_id = request.trace_id;
  // std::function wants what it holds to be copyable; a Call is not.
  auto held = std::make_shared<aws::Call>(std::move(call));
  invoker_.Invoke(std::move(request), [held, tail, spans,
                                       trace_id = std::move(trace_id)](InvocationResult result) {
    if (result.status == InvocationStatus::kThrottled) {
      return Refuse(*held, Throttled(result));
    }
    if (result.status == InvocationStatus::kHostError) {
      return Refuse(*held,
                    {.status = 500, .type = "ServiceException", .message = result.host_error});
    }
    io::HttpResponse response{.status = 200, .headers = {}, .body = std::move(result.payload)};
    io::HttpHeaders& headers = response.headers;
    headers.Add("Content-Type", std::move(result.content_type));
    headers.Add("x-amzn-RequestId", held->request_id);
    headers.Add("X-Amz-Executed-Version", std::move(result.executed_version));
    headers.Add("X-Amzn-Trace-Id", trace_id);
    if (IsFunctionError(result.status)) headers.Add("X-Amz-Function-Error", "Unhandled");
    if (tail) headers.Add("X-Amz-Log-Result", base::Base64Encode(result.log_tail));
    if (spans) headers.Add("X-Hearth-Spans", SpansText(result));
    held->responder.Send(std::move(response));
  });
}

void InvokeApi::InvokeLater(aws::Call call, InvokeRequest request) {
  if (events_ == nullptr) {
    return Refuse(call, {.status = 501,
                         .type = "NotImplementedException",
                         .message = "This host has no event queue: Event invocations are off"});
  }
  auto held = std::make_shared<aws::Call>(std::move(call));
  events_->Put({.request_id = request.request_id,
                .function_name = request.function->name,
                .invoked_arn = std::move(request.invoked_arn),
                .trace_id = request.trace_id,
                .payload = std::move(request.payload)},
               [held, trace_id = request.trace_id](base::Result<void> result) {
                 if (!result && result.error().kind == base::ErrorKind::kLimit) {
                   InvocationResult throttled;
                   throttled.throttle_reason = "CallerRateLimitExceeded";
                   return Refuse(*held, Throttled(throttled));
                 }
                 if (!result) {
                   return Refuse(*held, {.status = 500,
                                         .type = "ServiceException",
                                         .message = result.error().ToString()});
                 }
                 io::HttpResponse response{.status = 202, .headers = {}, .body = {}};
                 response.headers.Add("x-amzn-RequestId", held->request_id);
                 response.headers.Add("X-Amzn-Trace-Id", trace_id);
                 held->responder.Send(std::move(response));
               });
}

}  // namespace hearth::invoker
