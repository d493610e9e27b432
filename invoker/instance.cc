#include "invoker/instance.h"

#include <fmt/format.h>

#include <cstring>

#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/sys.h"
#include "invoker/instance_spec.h"
#include "invoker/kept_tmps.h"
#include "invoker/snapshots.h"
#include "invoker/stem_cells.h"

namespace hearth::invoker {
namespace {

// A call shorter than this cannot have touched more than a few MB, so that its "Max Memory Used"
// may be a reading as old as kPeakAge: some thousand short calls a second do not each ask the
// kernel.
constexpr auto kQuickCall = std::chrono::milliseconds(1);
constexpr auto kPeakAge = std::chrono::milliseconds(10);

InitFailure FailureOfExit(const sandbox::Outcome& outcome) {
  const bool oom = outcome.out_of_memory && outcome.kind == sandbox::Outcome::Kind::kSignaled;
  return {oom ? InvocationStatus::kOutOfMemory : InvocationStatus::kInitError,
          oom ? "Runtime.OutOfMemory" : "Runtime.ExitError",
          {},
          ExitText(outcome)};
}

}  // namespace

Instance::Instance(const InstanceParts& parts, Delegate& delegate, uint64_t id,
                   FunctionRef function)
    : parts_(parts),
      delegate_(delegate),
      id_(id),
      function_(std::move(function)),
      log_(parts.logs, *function_, parts.loop.clock()),
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

const char* Instance::StateText() const {
  switch (state_) {
    case State::kStarting:
      return "starting";
    case State::kInit:
      return "init";
    case State::kIdle:
      return frozen_ ? "frozen" : "idle";
    case State::kBusy:
      return "busy";
    case State::kEnding:
    case State::kGone:
      return "ending";
  }
  return "";
}

InstanceInfo Instance::Info() const {
  InstanceInfo info;
  info.id = id_;
  info.function = function_->name;
  info.version = function_->version;
  info.state = StateText();
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

// --- Calls

void Instance::Invoke(PendingCallPtr call) {
  CHECK(state_ == State::kIdle && !call_);
  if (frozen_) (void)Thaw();
  WriteReport(Output::kDrain);
  Transition(State::kBusy);
  call_ = std::move(call);
  call_began_ = parts_.loop.clock().Now();
  // The event goes first and the line after: what the function writes is read on a later turn.
  Run();
  log_.Start(call_->request.request_id, call_->request.want_log_tail);
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
  if (extensions_) {
    extensions_->Invoke({request.request_id,
                         base::EpochMillis(clock.WallNow() + function_->timeout - used),
                         request.invoked_arn, request.trace_id});
  }
}

void Instance::OnResponse(std::string_view, std::string payload, std::string content_type) {
  if (!call_) return;
  if (payload.size() > limits::kMaxResponsePayload) {
    return AnswerTooLarge(limits::kMaxResponsePayload);
  }
  Answer(InvocationStatus::kSuccess, std::move(payload), {}, std::move(content_type));
}

void Instance::AnswerTooLarge(size_t limit) {
  Answer(InvocationStatus::kResponseTooLarge,
         "{\"errorMessage\":\"Response payload size exceeded maximum allowed payload size (" +
             std::to_string(limit) + " bytes).\",\"errorType\":\"Function.ResponseSizeTooLarge\"}",
         "Function.ResponseSizeTooLarge");
}

// What comes after the call has its answer goes nowhere: the function is not stopped.
void Instance::OnStreamBegin(std::string_view, std::string content_type) {
  if (!call_) return;
  stream_ = {std::move(content_type), 0, {}};
  if (call_->request.sink == nullptr) return;
  call_->request.sink->Begin(stream_.content_type, [this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) session_->ResumeStream();
  });
}

bool Instance::OnStreamPiece(std::string_view piece) {
  if (!call_) return true;
  ResponseSink* const sink = call_->request.sink.get();
  const size_t limit = sink == nullptr ? limits::kMaxResponsePayload : limits::kMaxStreamedResponse;
  stream_.size += piece.size();
  if (stream_.size > limit) {
    AnswerTooLarge(limit);
    session_->ResumeStream();  // Its caller, who may have stopped it, is gone.
    return true;
  }
  if (sink != nullptr) return sink->Write(piece);
  stream_.collected += piece;
  return true;
}

void Instance::OnStreamEnd() {
  if (!call_) return;
  Answer(InvocationStatus::kSuccess, std::exchange(stream_.collected, {}), {},
         std::move(stream_.content_type));
}

void Instance::OnError(std::string_view, runtime::FunctionError error) {
  if (call_) Answer(InvocationStatus::kFunctionError, std::move(error.payload));
}

void Instance::OnIdle() {
  if (state_ != State::kBusy || (extensions_ && !extensions_->RuntimeIdle())) return;
  BecomeIdle();
}

void Instance::BecomeIdle() {
  if (state_ != State::kBusy) return;
  timer_.Cancel();
  if (extensions_) WriteReport(Output::kDrain);
  Transition(State::kIdle);
  idle_since_ = parts_.loop.clock().Now();
  delegate_.OnIdle(*this);
}

void Instance::OnCallTimeout() {
  if (output_) output_->Drain(true);  // There is none before its process runs.
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
  } else if (report_.due) {
    report_.report.status = "timeout";  // An extension has not come back from the call.
  }
  BeginEnding(InstanceExtensions::Reason::kTimeout);
  delegate_.OnEnding(*this);
}

void Instance::OnBroken(std::string reason) {
  if (state_ == State::kEnding || state_ == State::kGone) return;
  HLOG_DEBUG("{}: request {}: {}", function_->name,
             call_ ? call_->request.request_id : std::string("none"), reason);
  if (state_ == State::kIdle) {
    BeginEnding();
    return delegate_.OnEnding(*this);
  }
  // How its process ended says what to answer; one that only broke the protocol is made to end.
  if (!extensions_ || !extensions_->KillRuntime()) sandbox_->Kill();
}

void Instance::Answer(InvocationStatus status, std::string payload, std::string_view error_type,
                      std::string content_type) {
  const base::MonoTime now = parts_.loop.clock().Now();
  const bool cold = invocations_++ == 0;
  const bool own_init = call_->init_failed;  // The init was part of this call.
  CallReport report;
  report.duration = std::min<base::Duration>(now - call_began_, function_->timeout);
  report.memory_mib = function_->memory_mib;
  if (cold && !own_init && ready_ != base::MonoTime{}) {
    (is_restore_ ? report.restore_duration : report.init_duration) = ready_ - launched_;
  }
  report.billed_ms =
      CeilMillis(report.duration + report.init_duration.value_or(base::Duration::zero()));

  report.handler_failed = status == InvocationStatus::kFunctionError;
  report.produced_bytes = payload.empty() ? stream_.size : payload.size();
  stream_ = {};

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
    for (const auto& step : start_steps_) spans.start_steps.emplace_back(step.step, step.took);
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
          status == InvocationStatus::kInitError ? ReportedErrorType(error_type) : error_type;
      break;
  }
  PendingCallPtr call = std::move(call_);
  report_ = {call->request.request_id, report, now, true};
  // What extensions do for a call belongs to it, but its caller does not wait for them.
  const bool goes_on = report.status.empty() && extensions_ && extensions_->TakesPartInCalls();
  if (goes_on && call->request.want_log_tail) {
    if (output_) output_->Drain(false);
    result.log_tail = log_.TakeTail();
  } else if (call->request.want_log_tail) {
    result.log_tail = WriteReport(Output::kDrain);
    return delegate_.OnAnswered(*this, std::move(call), std::move(result));
  }
  // The caller's answer goes first.
  delegate_.OnAnswered(*this, std::move(call), std::move(result));
  if (!report.status.empty()) {
    WriteReport(Output::kDrain);
    return;
  }
  // What the function wrote before it answered has come with the same turn's I/O, and is read
  // behind that without asking for it.
  parts_.loop.Post([this, goes_on, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    if (!goes_on) {
      WriteReport(Output::kCatchUp);
    } else if (report_.due) {
      if (output_) output_->CatchUp();
      log_.RuntimeDone(report_.request_id, report_.report);
    }
  });
}

// Of the last call, where it is still to be written.
std::string Instance::WriteReport(Output output) {
  if (!report_.due) return {};
  report_.due = false;
  if (output_ && output == Output::kDrain) output_->Drain(false);
  if (output_ && output == Output::kCatchUp) output_->CatchUp();
  CallReport& report = report_.report;
  if (extensions_ && extensions_->TakesPartInCalls()) {  // That is over as well.
    const base::MonoTime now = parts_.loop.clock().Now();
    const uint64_t answered_ms = report.billed_ms;
    report.duration = std::min<base::Duration>(now - call_began_, function_->timeout);
    report.billed_ms =
        CeilMillis(report.duration + report.init_duration.value_or(base::Duration::zero()));
    delegate_.OnExtensionsRan(*this, now - report_.at, report.billed_ms - answered_ms);
  }
  if (report.duration >= kQuickCall || report_.at - peak_read_ >= kPeakAge) {
    if (const auto peak = sandbox_ ? sandbox_->MemoryPeak() : base::Bytes()) {
      peak_ = std::max(peak_, *peak);
      peak_read_ = report_.at;
    }
  }
  report.max_memory_mib = static_cast<uint32_t>(peak_.ToMiBCeil());
  return log_.End(report_.request_id, report);
}

// --- Idle and end

void Instance::Freeze() {
  CHECK(state_ == State::kIdle && !frozen_);
  frozen_ = sandbox_->Freeze().has_value();
  if (frozen_ && telemetry_) telemetry_->Pause();
}

// False where it is gone: its exit is on its way.
bool Instance::Thaw() {
  frozen_ = false;
  if (telemetry_) telemetry_->Resume();
  return sandbox_->Thaw().has_value();
}

void Instance::End(const std::string& reason, Manner manner) {
  if (state_ == State::kEnding || state_ == State::kGone) return;
  if (call_) Answer(InvocationStatus::kHostError, reason);
  BeginEnding(InstanceExtensions::Reason::kSpindown, manner);
  delegate_.OnEnding(*this);
}

void Instance::BeginEnding(InstanceExtensions::Reason reason, Manner manner) {
  WriteReport(Output::kDrain);
  timer_.Cancel();
  Transition(State::kEnding);
  is_reset_ = reason != InstanceExtensions::Reason::kSpindown;
  if (!sandbox_) return;
  if (manner == Manner::kAtOnce || !extensions_ || !extensions_->WantsShutdown()) return Kill();
  if (frozen_ && !(delegate_.MayGrow(*this) && Thaw())) return Kill();
  extensions_->BeginShutdown(reason);
}

void Instance::Kill() {
  is_killed_ = true;
  sandbox_->Kill();
}

void Instance::OnShutdownOver() {
  if (state_ == State::kEnding) Kill();
}

void Instance::OnExit(const sandbox::Outcome& outcome) {
  // One that ends without being asked to has failed. Before anybody hears of it: who comes next is
  // to find it. One that is restored has /tmp as its init left it.
  if (!is_retired && !is_restore_ && (state_ != State::kEnding || is_reset_)) {
    parts_.kept_tmps.Put(function_, parts_.zygote.KeepTmp(*sandbox_));
  }
  if (extensions_) extensions_->DrainOutput();
  RuntimeEnded(outcome);
  Gone();
}

void Instance::OnRuntimeEnded(const sandbox::Outcome& outcome) {
  if (state_ == State::kEnding || state_ == State::kGone) return;
  sandbox::Outcome known = outcome;
  known.out_of_memory = sandbox_->OutOfMemoryKills() > 0;
  RuntimeEnded(known);
}

void Instance::RuntimeEnded(const sandbox::Outcome& outcome) {
  WriteReport(Output::kDrain);
  // The group is gone, and with it what it could tell.
  peak_ = std::max(peak_, outcome.memory_peak);
  if (output_) output_->Drain(true);
  if (session_) session_->ReadRest();  // An answer it gave before it ended is an answer.
  switch (state_) {
    case State::kStarting:
    case State::kGone:
      CHECK(false);
      return;
    case State::kInit:
      FailInit(FailureOfInitExit(outcome));
      break;
    case State::kIdle:
    case State::kBusy:
      if (call_ && outcome.host_lost) {
        Answer(InvocationStatus::kHostError, "the sandbox was lost");
      } else if (call_) {
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
}

void Instance::OnExtensionFailed(std::string_view type, const std::string& what) {
  if (state_ == State::kEnding || state_ == State::kGone) return;
  if (output_) output_->Drain(true);
  if (state_ == State::kInit) {
    return FailInit({InvocationStatus::kInitError, std::string(type), {}, what});
  }
  if (call_) {
    Answer(InvocationStatus::kExited,
           FailurePayload(std::string(type), call_->request.request_id, what), type);
  }
  BeginEnding();
  delegate_.OnEnding(*this);
}

InitFailure Instance::FailureOfInitExit(const sandbox::Outcome& outcome) {
  if (outcome.host_lost) {
    return {InvocationStatus::kHostError, {}, {}, "the sandbox was lost"};
  }
  // Any code of the function's could end so, but none has run where nothing was read.
  if (outcome.exit_status != sandbox::kRestoreFailed || !session_ || !session_->HasUnread()) {
    return FailureOfExit(outcome);
  }
  is_restore_ ? parts_.snapshots.Renew(function_) : parts_.stem_cells.ImageFailed(runtime_);
  return {InvocationStatus::kHostError, {}, {}, "its image is out of date"};
}

void Instance::Gone() {
  Transition(State::kGone);
  delegate_.OnGone(*this);
}

}  // namespace hearth::invoker
