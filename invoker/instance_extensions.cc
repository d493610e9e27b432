#include "invoker/instance_extensions.h"

#include <algorithm>
#include <csignal>

#include "base/limits.h"
#include "base/log.h"
#include "invoker/invocation.h"

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;
using runtime::Extension;

// AWS's. Within it a runtime has this share, from its SIGTERM on.
constexpr auto kExternalShutdown = 2000ms;
constexpr auto kRuntimeShare = 500ms;
constexpr auto kInternalShutdown = 300ms;  // AWS: of 500 ms, and nobody has the rest.
// Of that, for what telemetry is left: its listener ends with the runtime.
constexpr auto kInternalTelemetry = 150ms;

constexpr char kFolder[] = "/opt/extensions/";

const char* ReasonText(InstanceExtensions::Reason reason) {
  switch (reason) {
    case InstanceExtensions::Reason::kSpindown:
      return "spindown";
    case InstanceExtensions::Reason::kTimeout:
      return "timeout";
    case InstanceExtensions::Reason::kFailure:
      return "failure";
  }
  return "";
}

// Customer's, credentials and the platform's: what concerns the runtime alone is left out.
// Source: "Configuring environment variables for extensions", aws-facts 4.1.
std::vector<std::string> ExtensionEnvironment(const std::vector<std::string>& of_runtime) {
  constexpr std::string_view kOfRuntime[] = {
      "AWS_EXECUTION_ENV=",        "AWS_LAMBDA_LOG_GROUP_NAME=", "AWS_LAMBDA_LOG_STREAM_NAME=",
      "AWS_XRAY_CONTEXT_MISSING=", "AWS_XRAY_DAEMON_ADDRESS=",   "LAMBDA_RUNTIME_DIR=",
      "LAMBDA_TASK_ROOT="};
  std::vector<std::string> out;
  std::ranges::copy_if(of_runtime, std::back_inserter(out), [&](const std::string& variable) {
    return !variable.starts_with('_') && std::ranges::none_of(kOfRuntime, [&](auto prefix) {
      return variable.starts_with(prefix);
    });
  });
  return out;
}

}  // namespace

InstanceExtensions::InstanceExtensions(io::Loop& loop, runtime::ExtensionsApi::Function function,
                                       std::vector<std::string> external,
                                       std::function<void()> terminate,
                                       InstanceTelemetry* telemetry, Delegate& delegate)
    : loop_(loop),
      external_(std::move(external)),
      terminate_(std::move(terminate)),
      telemetry_(telemetry),
      delegate_(delegate),
      api_(std::move(function), external_, *this),
      alive_(external_.size() + 1),
      phase_(external_.empty() ? Phase::kRuntimeInit : Phase::kRegistering),
      timer_(loop) {}

// --- Init

void InstanceExtensions::Start(base::UniqueFd init, std::unique_ptr<runtime::LogCapture> output,
                               InitProgram runtime) {
  output_ = std::move(output);
  runtime_ = std::move(runtime);
  init_ = MUST(InitControl::Create(loop_, std::move(init), *this));
  if (external_.size() > limits::kMaxExtensions) {
    for (size_t i = limits::kMaxExtensions; i < external_.size(); ++i) {
      api_.LaunchFailed(external_[i], "TooManyExtensions");
    }
    return delegate_.OnExtensionFailed("Extension.LaunchError", "ErrTooManyExtensions");
  }
  const auto environment = ExtensionEnvironment(runtime_.environment);
  for (size_t i = 0; i < external_.size(); ++i) {
    const std::string path = kFolder + external_[i];
    const auto started = init_->Start(ProgramOf(i), {path, "/", {path}, environment});
    if (!started) HLOG_WARN("{}", started.error().ToString());  // Its timeout ends the init.
    alive_[ProgramOf(i)] = true;
  }
}

void InstanceExtensions::OnRegistered() {
  if (phase_ == Phase::kRegistering && api_.AllRegistered()) StartRuntime();
}

void InstanceExtensions::StartRuntime() {
  phase_ = Phase::kRuntimeInit;
  alive_[sandbox::kMainProgram] = true;
  const auto started = init_->Start(sandbox::kMainProgram, runtime_);
  if (!started) HLOG_WARN("{}", started.error().ToString());
  runtime_ = {};
}

void InstanceExtensions::OnStartFailed(uint32_t program, int error_number) {
  if (program >= alive_.size() || !alive_[program]) return;
  alive_[program] = false;
  if (phase_ >= Phase::kShutdown) return CheckShutdown();
  if (program == sandbox::kMainProgram) return delegate_.OnRuntimeNotStarted(error_number);
  const std::string& name = external_[program - 1];
  const bool denied = error_number == EACCES || error_number == EPERM;
  api_.LaunchFailed(name, denied ? "PermissionDenied" : "UnknownError");
  delegate_.OnExtensionFailed("Extension.LaunchError", LaunchText(kFolder + name, error_number));
}

bool InstanceExtensions::RuntimeReady() {
  api_.CloseRegistration();
  if (!api_.AllReady()) {
    phase_ = Phase::kSettling;
    return false;
  }
  Serve();
  return true;
}

void InstanceExtensions::Serve() {
  phase_ = Phase::kServing;
  api_.CloseSubscriptions();
}

std::optional<runtime::TelemetryRefusal> InstanceExtensions::OnSubscription(
    std::string_view name, runtime::TelemetrySubscription subscription) {
  CHECK(telemetry_ != nullptr);  // Without, none is taken.
  return telemetry_->Subscribe(name, std::move(subscription));
}

void InstanceExtensions::OnAsked() {
  if (phase_ == Phase::kSettling && api_.AllReady()) {
    Serve();
    return delegate_.OnExtensionsReady();
  }
  if (phase_ == Phase::kServing && call_runs_ && runtime_waits_ && api_.AllWait()) {
    call_runs_ = false;
    delegate_.OnExtensionsIdle();
  }
}

// --- Calls

bool InstanceExtensions::TakesPartInCalls() const {
  return std::ranges::any_of(api_.all(), &Extension::wants_invoke);
}

void InstanceExtensions::Invoke(const runtime::ExtensionsApi::Call& call) {
  call_runs_ = true;
  runtime_waits_ = false;
  api_.Invoke(call);
}

bool InstanceExtensions::RuntimeIdle() {
  runtime_waits_ = true;
  if (!api_.AllWait()) return false;
  call_runs_ = false;
  return true;
}

void InstanceExtensions::OnExtensionError(std::string_view type) {
  // Its process is still to say how it ends; AWS's words for one that says nothing more.
  if (phase_ < Phase::kShutdown) delegate_.OnExtensionFailed(type, "exit code 0");
}

void InstanceExtensions::OnEnded(uint32_t program, const sandbox::Outcome& outcome) {
  if (program >= alive_.size() || !alive_[program]) return;
  alive_[program] = false;
  if (phase_ >= Phase::kShutdown) return CheckShutdown();
  DrainOutput();
  if (program == sandbox::kMainProgram) return delegate_.OnRuntimeEnded(outcome);
  const bool clean = outcome.kind == sandbox::Outcome::Kind::kExited && outcome.exit_status == 0;
  delegate_.OnExtensionFailed("Extension.Crash", clean ? "exit code 0" : StatusText(outcome));
}

bool InstanceExtensions::KillRuntime() {
  if (!init_) return false;
  init_->Signal(sandbox::kMainProgram, SIGKILL);
  return true;
}

void InstanceExtensions::DrainOutput() {
  if (output_) output_->Drain(true);
}

// --- The end

bool InstanceExtensions::WantsShutdown() const {
  return std::ranges::any_of(api_.all(), [](const Extension& one) {
    return one.state != Extension::State::kStarted && one.state != Extension::State::kLaunchError;
  });
}

void InstanceExtensions::BeginShutdown(Reason reason) {
  CHECK(phase_ < Phase::kShutdown);
  phase_ = Phase::kShutdown;
  reason_ = reason;
  api_.CloseSubscriptions();
  drained_ = telemetry_ == nullptr || telemetry_->Drain([this] { OnTelemetryDrained(); });
  if (!init_) {
    deadline_ = loop_.clock().Now() + kInternalShutdown;
    if (drained_) return TerminateRuntime();
    return timer_.Start(kInternalTelemetry, [this] { TerminateRuntime(); });
  }
  deadline_ = loop_.clock().Now() + kExternalShutdown;
  // The caller is in the middle of its own end: nothing is told before a later turn.
  const bool has_runtime = alive_[sandbox::kMainProgram];
  if (has_runtime) init_->Signal(sandbox::kMainProgram, SIGTERM);
  timer_.Start(has_runtime || !drained_ ? base::Duration(kRuntimeShare) : base::Duration::zero(),
               [this] { TellExtensions(); });
}

// Where it is the sandbox's first process.
void InstanceExtensions::TerminateRuntime() {
  told_ = true;
  terminate_();
  timer_.Start(deadline_ - loop_.clock().Now(), [this] { EndShutdown(); });
}

void InstanceExtensions::OnTelemetryDrained() {
  drained_ = true;
  if (told_) return;
  init_ ? CheckShutdown() : TerminateRuntime();
}

// Once the runtime is gone, and what it did has been told, or its share is over.
void InstanceExtensions::TellExtensions() {
  told_ = true;
  if (alive_[sandbox::kMainProgram]) init_->Signal(sandbox::kMainProgram, SIGKILL);
  const auto left = deadline_ - loop_.clock().Now();
  for (size_t i = 0; i < external_.size(); ++i) {
    if (!api_.all()[i].wants_shutdown) init_->Signal(ProgramOf(i), SIGKILL);
  }
  api_.Shutdown(ReasonText(reason_), base::EpochMillis(loop_.clock().WallNow() + left));
  timer_.Start(left, [this] { EndShutdown(); });
  CheckShutdown();
}

void InstanceExtensions::CheckShutdown() {
  if (phase_ == Phase::kOver) return;
  if (!told_) {
    if (!alive_[sandbox::kMainProgram] && drained_) TellExtensions();
    return;
  }
  for (size_t i = 0; i < external_.size(); ++i) {
    if (alive_[ProgramOf(i)] && api_.all()[i].wants_shutdown) return;
  }
  EndShutdown();
}

void InstanceExtensions::EndShutdown() {
  phase_ = Phase::kOver;
  timer_.Cancel();
  delegate_.OnShutdownOver();
}

}  // namespace hearth::invoker
