#include "invoker/instance.h"

#include <fmt/format.h>

#include <cstring>

#include "base/json.h"
#include "base/limits.h"
#include "base/sys.h"
#include "invoker/instance_spec.h"

namespace hearth::invoker {
namespace {

uint64_t CeilMillis(base::Duration duration) {
  return static_cast<uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

// "python:3.11.2"; a provided runtime has no version of ours.
std::string RuntimeVersionText(const runtime::Runtime& runtime) {
  switch (runtime.language) {
    case runtime::Language::kPython:
      return "python:" + runtime.version;
    case runtime::Language::kNode:
      return "nodejs:" + runtime.version;
    case runtime::Language::kProvided:
      return {};
  }
  return {};
}

// What the program could not be executed for is the function's fault; all else is the host's.
InitFailure FailureOfLaunch(const base::Error& error, const std::string& executable) {
  const bool is_entrypoint =
      error.step == "exec" && (error.error_number == ENOENT || error.error_number == EACCES ||
                               error.error_number == ENOEXEC);
  if (!is_entrypoint) return {InvocationStatus::kHostError, {}, {}, error.ToString()};
  std::string reason = ::strerrordesc_np(error.error_number);
  reason[0] = static_cast<char>(std::tolower(reason[0]));
  return {InvocationStatus::kInitError,
          "Runtime.InvalidEntrypoint",
          {},
          "fork/exec " + executable + ": " + reason};
}

InitFailure FailureOfExit(const sandbox::Outcome& outcome) {
  const bool oom = outcome.out_of_memory && outcome.kind == sandbox::Outcome::Kind::kSignaled;
  return {oom ? InvocationStatus::kOutOfMemory : InvocationStatus::kInitError,
          oom ? "Runtime.OutOfMemory" : "Runtime.ExitError",
          {},
          ExitText(outcome)};
}

// INIT_REPORT names AWS's own types only.
std::string_view ReportedType(std::string_view type) {
  return type.starts_with("Runtime.") || type.starts_with("Function.") ? type : "Runtime.Unknown";
}

}  // namespace

Instance::Instance(const InstanceParts& parts, Delegate& delegate, uint64_t id,
                   FunctionRef function)
    : parts_(parts),
      delegate_(delegate),
      id_(id),
      function_(std::move(function)),
      log_(parts.logs, LogGroupName(*function_), function_->version, parts.loop.clock().WallNow()),
      timer_(parts.loop),
      created_(parts.loop.clock().Now()) {
  idle_hook.home.push_back(this);
  idle_hook.node = idle_hook.home.begin();
}

Instance::~Instance() = default;

void Instance::Transition(State to) {
  const State from = state_;
  const bool allowed = (to == State::kEnding && from != State::kEnding && from != State::kGone) ||
                       (from == State::kStarting && to == State::kInit) ||
                       (from == State::kInit && (to == State::kIdle || to == State::kBusy)) ||
                       (from == State::kIdle && to == State::kBusy) ||
                       (from == State::kBusy && to == State::kIdle) ||
                       (from == State::kEnding && to == State::kGone);
  CHECK(allowed);
  state_ = to;
}

base::Bytes Instance::size() const { return base::Bytes::MiB(function_->memory_mib); }

base::Bytes Instance::MemoryNow() const {
  if (!sandbox_) return {};
  const auto memory = sandbox_->Memory();
  return memory ? memory->now : base::Bytes();
}

InstanceInfo Instance::Info() const {
  InstanceInfo info;
  info.id = id_;
  info.function = function_->name;
  info.version = function_->version;
  switch (state_) {
    case State::kStarting:
      info.state = "starting";
      break;
    case State::kInit:
      info.state = "init";
      break;
    case State::kIdle:
      info.state = frozen_ ? "frozen" : "idle";
      break;
    case State::kBusy:
      info.state = "busy";
      break;
    case State::kEnding:
    case State::kGone:
      info.state = "ending";
      break;
  }
  if (sandbox_) {
    info.pid = sandbox_->pid();
    if (const auto memory = sandbox_->Memory()) {
      info.memory_now = memory->now;
      info.memory_peak = memory->peak;
    }
  }
  info.memory_limit = size();
  info.age = parts_.loop.clock().Now() - created_;
  info.invocations = invocations_;
  return info;
}

// --- Start

void Instance::Start(PendingCallPtr call) {
  if (call) {
    call_ = std::move(call);
    call_began_ = created_;
    log_.Start(call_->request.request_id, function_->version, call_->request.want_log_tail);
    timer_.Start(function_->timeout, [this] { OnCallTimeout(); });
  }
  const auto launch = [this]() -> base::Result<void> {
    const auto runtime = parts_.catalog.Find(function_->runtime);
    if (!runtime) {
      return base::MakeError(base::ErrorKind::kUnsupported, "start " + function_->name,
                             "the runtime " + function_->runtime + " is not on this machine");
    }
    runtime_ = *runtime;
    const sandbox::Spec spec =
        TRY(MakeSandboxSpec(parts_.options, *function_, runtime_, log_.stream()));
    base::sys::Pipe pipe = TRY(base::sys::MakePipe());
    output_ = runtime::LogCapture::Create(parts_.loop, std::move(pipe.read),
                                          [this](std::string_view line) { log_.Line(line); });
    std::vector<sandbox::PassedFd> fds{{pipe.write.get(), 1}, {pipe.write.get(), 2}};
    auto channel = std::make_shared<base::UniqueFd>();
    base::UniqueFd its;
    if (runtime_.transport == runtime::Transport::kChannel) {
      auto pair = TRY(base::sys::SocketPair(base::sys::SocketType::kStream));
      *channel = std::move(pair.first);
      its = std::move(pair.second);
      fds.push_back({its.get(), kChannelFd});
    }
    parts_.zygote.Launch(spec, fds,
                         [this, alive = std::weak_ptr<bool>(alive_),
                          channel](base::Result<std::unique_ptr<sandbox::Sandbox>> sandbox) {
                           if (alive.expired()) return;
                           if (!sandbox) return OnLaunchFailed(sandbox.error());
                           OnLaunched(std::move(*sandbox), std::move(*channel));
                         });
    return {};
  };
  auto launched = launch();
  if (launched) return;
  parts_.loop.Post([this, alive = std::weak_ptr<bool>(alive_), error = launched.error()] {
    if (!alive.expired()) OnLaunchFailed(error);
  });
}

void Instance::OnLaunched(std::unique_ptr<sandbox::Sandbox> sandbox, base::UniqueFd channel) {
  sandbox_ = std::move(sandbox);
  sandbox_->OnExit([this](sandbox::Outcome outcome) { OnExit(outcome); });
  launched_ = parts_.loop.clock().Now();
  if (state_ == State::kEnding) return sandbox_->Kill();
  Transition(State::kInit);
  if (const std::string version = RuntimeVersionText(runtime_); !version.empty()) {
    log_.InitStart(version);
  }
  if (runtime_.transport == runtime::Transport::kChannel) {
    session_ = runtime::MakeChannelSession(parts_.loop, std::move(channel), *this);
  } else {
    auto listeners = sandbox_->TakeListeners();
    CHECK(listeners.size() == 1);
    session_ = runtime::MakeRuntimeApiSession(parts_.loop, std::move(listeners[0]), *this);
  }
  if (!call_) timer_.Start(limits::kInitTimeout, [this] { OnInitTimeout(); });
}

void Instance::OnLaunchFailed(const base::Error& error) {
  if (state_ != State::kEnding) FailInit(FailureOfLaunch(error, runtime_.executable));
  Gone();
}

void Instance::OnReady() {
  if (state_ != State::kInit) return;
  ready_ = parts_.loop.clock().Now();
  const uint32_t permille = CpuPermille(function_->memory_mib);
  // The init phase ran on a whole CPU at least; from here on the function's own share holds.
  if (permille < 1000) (void)sandbox_->SetCpuLimit(permille);
  if (call_) {
    Transition(State::kBusy);
    return Run();
  }
  timer_.Cancel();
  Transition(State::kIdle);
  idle_since_ = ready_;
  delegate_.OnIdle(*this);
}

void Instance::OnInitError(runtime::FunctionError error) {
  if (state_ != State::kInit) return;
  output_->Drain(true);
  FailInit({InvocationStatus::kInitError, std::move(error.type), std::move(error.payload), {}});
}

void Instance::OnInitTimeout() {
  output_->Drain(true);
  FailInit({InvocationStatus::kTimeout, {}, {}, {}});
}

void Instance::FailInit(InitFailure failure) {
  const auto took = parts_.loop.clock().Now() - (sandbox_ ? launched_ : created_);
  const bool timed_out = failure.status == InvocationStatus::kTimeout;
  if (failure.status != InvocationStatus::kHostError) {
    log_.InitReport(took, call_ ? "invoke" : "init", timed_out ? "timeout" : "error",
                    timed_out ? "" : ReportedType(failure.error_type));
  }
  if (!call_) {
    BeginEnding();
    return delegate_.OnInitFailed(*this, std::move(failure));
  }
  std::string payload = std::move(failure.payload);
  if (payload.empty() && failure.status != InvocationStatus::kHostError) {
    const bool oom = failure.status == InvocationStatus::kOutOfMemory;
    payload = FailurePayload(oom ? "Runtime.ExitError" : failure.error_type,
                             call_->request.request_id, failure.what);
  } else if (payload.empty()) {
    payload = failure.what;
  }
  Answer(failure.status, std::move(payload), failure.error_type);
  BeginEnding();
  delegate_.OnEnding(*this);
}

// --- Calls

void Instance::Invoke(PendingCallPtr call) {
  CHECK(state_ == State::kIdle && !call_);
  if (frozen_) {
    frozen_ = false;
    (void)sandbox_->Thaw();  // Fails where it is gone: its exit is on its way and answers.
  }
  Transition(State::kBusy);
  call_ = std::move(call);
  call_began_ = parts_.loop.clock().Now();
  // The event goes first and the line after: what the function writes is read on a later turn.
  Run();
  log_.Start(call_->request.request_id, function_->version, call_->request.want_log_tail);
  timer_.Start(function_->timeout, [this] { OnCallTimeout(); });
}

void Instance::Run() {
  InvokeRequest& request = call_->request;
  const base::Clock& clock = parts_.loop.clock();
  const base::Duration used = clock.Now() - call_began_;  // By an init that is part of the call.
  session_->Invoke({.request_id = request.request_id,
                    .deadline_ms = base::EpochMillis(clock.WallNow() + function_->timeout - used),
                    .invoked_function_arn = request.invoked_arn,
                    .trace_id = request.trace_id,
                    .client_context = std::move(request.client_context),
                    .cognito_identity = {},
                    .tenant_id = {},
                    .payload = std::move(request.payload)});
}

void Instance::OnResponse(std::string_view, std::string payload, std::string content_type) {
  if (!call_) return;
  if (payload.size() > limits::kMaxResponsePayload) {
    return Answer(InvocationStatus::kResponseTooLarge,
                  "{\"errorMessage\":\"Response payload size exceeded maximum allowed payload size "
                  "(" +
                      std::to_string(limits::kMaxResponsePayload) +
                      " bytes).\",\"errorType\":\"Function.ResponseSizeTooLarge\"}",
                  "Function.ResponseSizeTooLarge");
  }
  Answer(InvocationStatus::kSuccess, std::move(payload), {}, std::move(content_type));
}

void Instance::OnError(std::string_view, runtime::FunctionError error) {
  if (call_) Answer(InvocationStatus::kFunctionError, std::move(error.payload));
}

void Instance::OnIdle() {
  if (state_ != State::kBusy) return;
  timer_.Cancel();
  Transition(State::kIdle);
  idle_since_ = parts_.loop.clock().Now();
  delegate_.OnIdle(*this);
}

void Instance::OnCallTimeout() {
  if (output_) output_->Drain(true);  // There is none where its launch is just failing.
  if (call_) {
    const auto& clock = parts_.loop.clock();
    const double seconds = std::chrono::duration<double>(function_->timeout).count();
    const std::string what = fmt::format("Task timed out after {:.2f} seconds", seconds);
    const std::string id = call_->request.request_id;
    if (state_ == State::kStarting || state_ == State::kInit) {
      log_.InitReport(clock.Now() - created_, "invoke", "timeout", "");
    }
    log_.Line(base::FormatIso8601(clock.WallNow()) + " " + id + " " + what);
    Answer(InvocationStatus::kTimeout, FailurePayload("Sandbox.Timedout", id, what));
  }
  BeginEnding();
  delegate_.OnEnding(*this);
}

void Instance::OnBroken(std::string reason) {
  if (state_ == State::kEnding || state_ == State::kGone) return;
  broken_ = std::move(reason);
  if (state_ == State::kIdle) {
    BeginEnding();
    return delegate_.OnEnding(*this);
  }
  // How its process ended says what to answer; one that only broke the protocol is made to end.
  sandbox_->Kill();
}

void Instance::Answer(InvocationStatus status, std::string payload, std::string_view error_type,
                      std::string content_type) {
  const base::MonoTime now = parts_.loop.clock().Now();
  const bool cold = invocations_++ == 0;
  const bool own_init = call_->init_failed;  // The init was part of this call.
  CallReport report;
  report.duration = std::min<base::Duration>(now - call_began_, function_->timeout);
  report.memory_mib = function_->memory_mib;
  if (cold && !own_init && ready_ != base::MonoTime{}) report.init_duration = ready_ - launched_;
  report.billed_ms =
      CeilMillis(report.duration + report.init_duration.value_or(base::Duration::zero()));

  InvocationResult result;
  result.status = status;
  if (status == InvocationStatus::kHostError) {
    result.host_error = std::move(payload);
  } else {
    result.payload = std::move(payload);
  }
  result.content_type = std::move(content_type);
  result.executed_version = function_->version;
  result.cold = cold;
  result.duration = std::chrono::duration_cast<std::chrono::microseconds>(report.duration);
  result.billed_ms = report.billed_ms;
  Spans& spans = result.spans;
  spans.handler = now - std::max(call_began_, ready_);
  spans.total = now - call_->request.received;
  if (cold && ready_ != base::MonoTime{}) {
    spans.start = launched_ - created_;
    spans.init = ready_ - launched_;
    for (const auto& step : sandbox_->timings())
      spans.start_steps.emplace_back(step.step, step.took);
  }
  spans.queue = std::max<base::Duration>(base::Duration::zero(),
                                         spans.total - spans.start - spans.init - spans.handler);
  switch (status) {
    case InvocationStatus::kSuccess:
    case InvocationStatus::kFunctionError:
    case InvocationStatus::kThrottled:
    case InvocationStatus::kHostError:
      break;
    case InvocationStatus::kTimeout:
      report.status = "timeout";
      break;
    case InvocationStatus::kInitError:
    case InvocationStatus::kExited:
    case InvocationStatus::kOutOfMemory:
    case InvocationStatus::kResponseTooLarge:
      report.status = "error";
      report.error_type =
          status == InvocationStatus::kInitError ? ReportedType(error_type) : error_type;
      break;
  }
  const auto write_report = [&](const std::string& request_id) {
    if (output_) output_->Drain(false);
    if (const auto memory = sandbox_ ? sandbox_->Memory() : sandbox::MemoryUse{}) {
      report.max_memory_mib = static_cast<uint32_t>(memory->peak.ToMiBCeil());
    }
    return log_.End(request_id, report);
  };
  // The caller's answer goes first, unless it carries the log.
  PendingCallPtr call = std::move(call_);
  const std::string request_id = call->request.request_id;
  if (call->request.want_log_tail) {
    result.log_tail = write_report(request_id);
    return delegate_.OnAnswered(std::move(call), std::move(result));
  }
  delegate_.OnAnswered(std::move(call), std::move(result));
  write_report(request_id);
}

// --- Idle and end

void Instance::Freeze() {
  CHECK(state_ == State::kIdle && !frozen_);
  frozen_ = sandbox_->Freeze().has_value();
}

void Instance::End(const std::string& reason) {
  if (state_ == State::kEnding || state_ == State::kGone) return;
  if (call_) Answer(InvocationStatus::kHostError, reason);
  BeginEnding();
  delegate_.OnEnding(*this);
}

void Instance::BeginEnding() {
  timer_.Cancel();
  Transition(State::kEnding);
  if (sandbox_) sandbox_->Kill();
}

void Instance::OnExit(const sandbox::Outcome& outcome) {
  if (output_) output_->Drain(true);
  switch (state_) {
    case State::kStarting:
    case State::kGone:
      CHECK(false);
      return;
    case State::kInit:
      FailInit(FailureOfExit(outcome));
      break;
    case State::kIdle:
    case State::kBusy:
      if (call_) {
        const bool oom = outcome.out_of_memory && outcome.kind == sandbox::Outcome::Kind::kSignaled;
        const std::string type = "Runtime.ExitError";
        Answer(oom ? InvocationStatus::kOutOfMemory : InvocationStatus::kExited,
               FailurePayload(type, call_->request.request_id, ExitText(outcome)),
               oom ? "Runtime.OutOfMemory" : type);
      }
      BeginEnding();
      delegate_.OnEnding(*this);
      break;
    case State::kEnding:
      break;
  }
  Gone();
}

void Instance::Gone() {
  Transition(State::kGone);
  delegate_.OnGone(*this);
}

}  // namespace hearth::invoker
