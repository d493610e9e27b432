#include "invoker/invocation.h"

#include <cctype>
#include <csignal>
#include <cstring>

#include "base/json.h"

namespace hearth::invoker {
namespace {

// As Go's os.ProcessState says it, which is what AWS passes on.
std::string SignalText(int signal) {
  switch (signal) {
    case SIGHUP:
      return "hangup";
    case SIGINT:
      return "interrupt";
    case SIGQUIT:
      return "quit";
    case SIGILL:
      return "illegal instruction";
    case SIGTRAP:
      return "trace/breakpoint trap";
    case SIGABRT:
      return "aborted";
    case SIGBUS:
      return "bus error";
    case SIGFPE:
      return "floating point exception";
    case SIGKILL:
      return "killed";
    case SIGSEGV:
      return "segmentation fault";
    case SIGPIPE:
      return "broken pipe";
    case SIGALRM:
      return "alarm clock";
    case SIGTERM:
      return "terminated";
    case SIGSYS:
      return "bad system call";
    default:
      return "signal " + std::to_string(signal);
  }
}

}  // namespace

bool IsFunctionError(InvocationStatus status) {
  switch (status) {
    case InvocationStatus::kFunctionError:
    case InvocationStatus::kInitError:
    case InvocationStatus::kTimeout:
    case InvocationStatus::kExited:
    case InvocationStatus::kOutOfMemory:
    case InvocationStatus::kResponseTooLarge:
      return true;
    case InvocationStatus::kSuccess:
    case InvocationStatus::kThrottled:
    case InvocationStatus::kHostError:
      return false;
  }
  return false;
}

std::string FailurePayload(const std::string& type, const std::string& request_id,
                           const std::string& what) {
  return "{\"errorType\":" + base::JsonQuote(type) +
         ",\"errorMessage\":" + base::JsonQuote("RequestId: " + request_id + " Error: " + what) +
         "}";
}

std::string StatusText(const sandbox::Outcome& outcome) {
  switch (outcome.kind) {
    case sandbox::Outcome::Kind::kExited:
      return "exit status " + std::to_string(outcome.exit_status);
    case sandbox::Outcome::Kind::kSignaled:
      return "signal: " + SignalText(outcome.signal);
  }
  return {};
}

std::string ExitText(const sandbox::Outcome& outcome) {
  const bool clean = outcome.kind == sandbox::Outcome::Kind::kExited && outcome.exit_status == 0;
  return clean ? "Runtime exited without providing a reason"
               : "Runtime exited with error: " + StatusText(outcome);
}

std::string LaunchText(const std::string& path, int error_number) {
  std::string reason = ::strerrordesc_np(error_number);
  reason[0] = static_cast<char>(std::tolower(reason[0]));
  return "fork/exec " + path + ": " + reason;
}

std::string_view ReportedErrorType(std::string_view type) {
  const bool is_own = type.starts_with("Runtime.") || type.starts_with("Function.") ||
                      type.starts_with("Extension.");
  return is_own ? type : "Runtime.Unknown";
}

}  // namespace hearth::invoker
