// One call of a function: what was asked, and how it was answered.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "invoker/function.h"
#include "sandbox/outcome.h"

namespace hearth::invoker {

// Where an answer goes that comes in pieces. Owner: whoever asked for the call; outlives it.
class ResponseSink {
 public:
  virtual ~ResponseSink() = default;
  // First of all. `has_room` may be called whenever Write has said false and there is room again.
  virtual void Begin(std::string content_type, std::function<void()> has_room) = 0;
  // False: it has more than it can pass on, and wants no more before `has_room`.
  virtual bool Write(std::string_view piece) = 0;
  // The end is the call's callback: a success without a payload, or the way it failed.
};

// An answer that comes in pieces.
struct StreamedSoFar {
  std::string content_type;
  size_t size = 0;
  std::string collected;  // Where the call has no sink.
};

struct InvokeRequest {
  std::string request_id;  // UUID; also the x-amzn-RequestId of the answer.
  FunctionRef function;
  std::string invoked_arn;  // As asked for, with its qualifier.
  std::string trace_id;
  std::string client_context;  // JSON, decoded.
  std::string payload;         // JSON text, never empty: the wire API makes "{}" of nothing.
  bool want_log_tail = false;
  // Null: an answer in pieces is collected, as one that came whole.
  std::shared_ptr<ResponseSink> sink{};
  base::MonoTime received{};  // When the HTTP request was complete; where the spans start.
};

// Time stamps of the arrows of a call, in order; REPORT, metrics, ps and bench read the same ones.
struct Spans {
  std::chrono::nanoseconds queue{};    // admission: waiting for memory, concurrency or an instance
  std::chrono::nanoseconds start{};    // making the sandbox (cold only)
  std::chrono::nanoseconds init{};     // runtime and handler initialisation (cold only)
  std::chrono::nanoseconds handler{};  // event sent -> answer received
  std::chrono::nanoseconds total{};    // received -> result
  std::vector<std::pair<std::string, std::chrono::nanoseconds>> start_steps;  // cold only
};

// How a call ended. Closed: one switch, no default.
enum class InvocationStatus {
  kSuccess,
  kFunctionError,  // The handler raised; payload is its error object. Function error "Unhandled".
  kInitError,      // Init raised or exited.
  kTimeout,
  kExited,  // The runtime ended without an answer.
  kOutOfMemory,
  kResponseTooLarge,
  kThrottled,  // 429; throttle_reason says why. No instance was used.
  kHostError,  // 500 ServiceException: the host could not do it; host_error says what.
};

struct InvocationResult {
  InvocationStatus status = InvocationStatus::kSuccess;
  std::string payload;  // What the caller gets as body (the function's result or error object).
  std::string content_type = "application/json";
  std::string executed_version;
  std::string log_tail;         // Where asked for: the last 4 KB of START to REPORT; not base64.
  std::string throttle_reason;  // "ReservedFunctionConcurrentInvocationLimitExceeded", ...
  std::string host_error;
  bool cold = false;
  Spans spans;
  std::chrono::microseconds duration{};
  uint64_t billed_ms = 0;
};

// True where the answer carries X-Amz-Function-Error: Unhandled.
bool IsFunctionError(InvocationStatus status);

// {"errorType":TYPE,"errorMessage":"RequestId: ID Error: WHAT"}: AWS's answer where the runtime
// itself could say nothing. Source: aws-facts 4.4.
std::string FailurePayload(const std::string& type, const std::string& request_id,
                           const std::string& what);
// "Runtime exited with error: exit status 3", as AWS words how a runtime ended.
std::string ExitText(const sandbox::Outcome& outcome);
// "exit status 3", "signal: killed".
std::string StatusText(const sandbox::Outcome& outcome);
// "fork/exec /opt/extensions/x: permission denied".
std::string LaunchText(const std::string& path, int error_number);
// The type as INIT_REPORT and REPORT name it: AWS's own, or Runtime.Unknown.
std::string_view ReportedErrorType(std::string_view type);

using InvokeCallback = std::function<void(InvocationResult)>;

}  // namespace hearth::invoker
