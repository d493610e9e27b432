// How an instance begins: its sandbox, made anew or a stem cell's, and the init of its runtime.
#include <cstring>

#include "base/limits.h"
#include "base/log.h"
#include "base/sys.h"
#include "invoker/endpoint.h"
#include "invoker/instance.h"
#include "invoker/instance_spec.h"
#include "invoker/kept_tmps.h"
#include "invoker/runtime_launch.h"
#include "invoker/snapshots.h"
#include "invoker/stem_cells.h"

namespace hearth::invoker {
namespace {

// Far more than a burst of a thousand starts takes: the zygote hangs.
constexpr auto kLaunchTimeout = std::chrono::seconds(60);

// What the program could not be executed for is the function's fault; all else is the host's.
InitFailure FailureOfLaunch(const base::Error& error, const std::string& executable) {
  const bool is_entrypoint = !executable.empty() && error.step == "exec" &&
                             (error.error_number == ENOENT || error.error_number == EACCES ||
                              error.error_number == ENOEXEC);
  if (!is_entrypoint) return {InvocationStatus::kHostError, {}, {}, error.ToString()};
  return {InvocationStatus::kInitError,
          "Runtime.InvalidEntrypoint",
          {},
          LaunchText(executable, error.error_number)};
}

}  // namespace

void Instance::Start(PendingCallPtr call) {
  if (call) {
    call_ = std::move(call);
    call_began_ = created_;
    log_.Start(call_->request.request_id, call_->request.want_log_tail);
    timer_.Start(function_->timeout, [this] { OnCallTimeout(); });
  } else {
    timer_.Start(kLaunchTimeout, [this] {
      FailInit({InvocationStatus::kHostError,
                {},
                {},
                "start " + function_->name + ": the zygote made no sandbox within " +
                    std::to_string(kLaunchTimeout.count()) + " s"});
    });
  }
  auto begun = Begin();
  if (begun) return;
  parts_.loop.Post([this, alive = std::weak_ptr<bool>(alive_), error = begun.error()] {
    if (!alive.expired()) OnLaunchFailed(error);
  });
}

base::Result<void> Instance::Begin() {
  const auto runtime = parts_.catalog.Find(function_->runtime);
  if (!runtime) {
    return base::MakeError(base::ErrorKind::kUnsupported, "start " + function_->name,
                           "the runtime " + function_->runtime + " is not on this machine");
  }
  runtime_ = *runtime;
  const int snapshot = parts_.snapshots.Image(*function_);
  is_restore_ = snapshot >= 0;
  sandbox::Spec spec = TRY(
      MakeSandboxSpec(parts_.options, *function_, runtime_, log_.stream(), InitializationType()));
  auto external = ExternalExtensions(spec);
  is_restore_ = snapshot >= 0 && external.empty();
  // One that is restored has /tmp as its init left it.
  if (!is_restore_) kept_tmp_ = parts_.kept_tmps.Take(*function_);
  if (kept_tmp_) spec.tmp_of = kept_tmp_->sandbox();
  if (!external.empty()) {
    RecordTelemetry();
    MakeExtensions(std::move(external));
    return Launch(std::move(spec), -1);
  }
  if (ServesRuntimeApi(spec)) RecordTelemetry();
  if (is_restore_) return Launch(std::move(spec), snapshot);
  if (auto cell = parts_.stem_cells.Take(*function_, runtime_)) {
    Adopt(std::move(*cell), std::move(spec));
    return {};
  }
  return Launch(std::move(spec), parts_.stem_cells.Image(*function_, runtime_));
}

const char* Instance::InitializationType() const {
  return is_restore_ ? kSnapStart : is_provisioned ? kProvisioned : kOnDemand;
}

// From `image` where there is one, which then waits for its environment; -1: there is none.
base::Result<void> Instance::Launch(sandbox::Spec spec, int image) {
  from_image_ = image >= 0;
  const auto runtime = std::make_shared<InitProgram>();
  if (extensions_) *runtime = RunUnderInit(spec);
  return LaunchRuntime(
      parts_.zygote, std::move(spec), runtime_.transport, image,
      [this, runtime, alive = std::weak_ptr<bool>(alive_)](base::Result<RuntimeProcess> process) {
        if (alive.expired()) return;
        if (!process) return OnLaunchFailed(process.error());
        sandbox_ = std::move(process->sandbox);
        sandbox_->OnExit([this](sandbox::Outcome end) { OnExit(end); });
        start_steps_ = sandbox_->timings();
        output_ = Capture(std::move(process->output), "function");
        OnLaunched(std::move(process->channel), process->environment);
        if (!process->init.valid() || state_ != State::kInit) return;
        extensions_->Start(std::move(process->init),
                           Capture(std::move(process->extension_output), "extension"),
                           std::move(*runtime));
      });
}

// A stem cell becomes this instance. Should it have died meanwhile, a launch of its own takes over.
void Instance::Adopt(StemCell cell, sandbox::Spec spec) {
  output_ = Capture(std::move(cell.process.output), "function");
  sandbox_ = std::move(cell.process.sandbox);
  const auto channel = std::make_shared<runtime::ChannelSockets>(std::move(cell.process.channel));
  sandbox::Adoption adoption{spec.memory, spec.cpu_permille, spec.pids, {}, spec.tmp_of};
  for (auto& mount : spec.mounts) {
    if (mount.target != kRuntimeTarget) adoption.mounts.push_back(mount);
  }
  sandbox_->OnExit([](sandbox::Outcome) {});  // The answer to the adoption says it.
  parts_.zygote.Adopt(
      *sandbox_, adoption,
      [this, alive = std::weak_ptr<bool>(alive_), channel,
       spec = std::move(spec)](base::Result<std::vector<sandbox::StepTiming>> adopted) {
        if (alive.expired()) return;
        if (adopted) {
          start_steps_ = std::move(*adopted);
          sandbox_->OnExit([this](sandbox::Outcome end) { OnExit(end); });
          return OnLaunched(std::move(*channel), spec.environment);
        }
        HLOG_WARN("{}: a stem cell was lost: {}", function_->name, adopted.error().ToString());
        sandbox_.reset();
        if (state_ == State::kEnding) return Gone();
        if (auto launched = Launch(spec, -1); !launched) OnLaunchFailed(launched.error());
      });
}

std::unique_ptr<runtime::LogCapture> Instance::Capture(base::UniqueFd output, const char* type) {
  return runtime::LogCapture::Create(
      parts_.loop, std::move(output),
      [this, type](std::string_view line) { log_.Output(type, line); });
}

void Instance::RecordTelemetry() {
  telemetry_ = std::make_unique<InstanceTelemetry>(parts_.loop, [this](auto callback) {
    parts_.zygote.MakeSocket(*sandbox_, std::move(callback));
  });
  log_.Feed(telemetry_.get());
}

// The runtime's process runs. `environment` is for one that waits for it: a stem cell, or one that
// goes on from an image.
void Instance::OnLaunched(runtime::ChannelSockets channel,
                          const std::vector<std::string>& environment) {
  launched_ = parts_.loop.clock().Now();
  kept_tmp_.reset();
  if (state_ == State::kEnding) return Kill();
  Transition(State::kInit);
  const std::string version = RuntimeVersionText(runtime_);
  is_restore_ ? log_.RestoreStart(version) : log_.InitStart(version, InitializationType());
  MakeSession(std::move(channel));
  if (!environment.empty()) session_->Load(environment);
  if (!call_) timer_.Start(limits::kInitTimeout, [this] { OnInitTimeout(); });
}

void Instance::MakeSession(runtime::ChannelSockets channel) {
  auto listeners = sandbox_->TakeListeners();
  endpoint_ = ServeEndpoint(parts_.loop, parts_.options, listeners);
  const auto other = [this](io::HttpRequest& request, io::HttpResponder& responder) {
    return HandleOtherApi(request, responder);
  };
  if (runtime_.transport == runtime::Transport::kRuntimeApi) {
    CHECK(listeners.size() == 1);
    session_ = runtime::MakeRuntimeApiSession(parts_.loop, std::move(listeners[0]), *this, other);
    return;
  }
  session_ = runtime::MakeChannelSession(parts_.loop, std::move(channel), *this);
  if (!listeners.empty()) {
    api_server_ = runtime::ApiServer::Create(parts_.loop, std::move(listeners[0]), other);
  }
}

void Instance::MakeExtensions(std::vector<std::string> external) {
  InstanceExtensions::Delegate& self = *this;
  extensions_ = std::make_unique<InstanceExtensions>(
      parts_.loop,
      runtime::ExtensionsApi::Function{function_->name, function_->version, function_->handler,
                                       parts_.options.account.id},
      std::move(external), [this] { parts_.zygote.Terminate(*sandbox_); }, telemetry_.get(), self);
}

// Of the sandbox's. Most have no extension: what serves them is made when one is heard of.
bool Instance::HandleOtherApi(io::HttpRequest& request, io::HttpResponder& responder) {
  if (!runtime::ExtensionsApi::IsForIt(request)) return false;
  if (!extensions_) {
    MakeExtensions({});
    if (state_ != State::kInit) (void)extensions_->RuntimeReady();
  }
  return extensions_->Handle(request, responder);
}

void Instance::OnLaunchFailed(const base::Error& error) {
  if (state_ != State::kEnding)
    FailInit(FailureOfLaunch(error, from_image_ ? std::string() : runtime_.executable));
  Gone();
}

void Instance::OnRuntimeNotStarted(int error_number) {
  if (state_ != State::kInit) return;
  FailInit(
      FailureOfLaunch({base::ErrorKind::kSystem, "exec", error_number, {}}, runtime_.executable));
}

void Instance::OnReady() {
  if (state_ == State::kInit && (!extensions_ || extensions_->RuntimeReady())) InitDone();
}

// The runtime, and whatever else has a part in it, is ready.
void Instance::InitDone() {
  if (state_ != State::kInit) return;
  if (extensions_) LogExtensions();
  ready_ = parts_.loop.clock().Now();
  is_restore_ ? log_.RestoreReport(ready_ - launched_) : log_.InitDone(ready_ - launched_);
  if (telemetry_ && !telemetry_->EndInit()) log_.Feed(nullptr);  // Nobody has subscribed.
  // The init phase ran on a whole CPU at least; from here on the function's own share holds.
  const auto limit_cpu = [this] {
    const uint32_t permille = CpuPermille(function_->memory_mib);
    if (permille < 1000) (void)sandbox_->SetCpuLimit(permille);
  };
  if (call_) {
    Transition(State::kBusy);
    Run();  // First, as somebody waits for it.
    return limit_cpu();
  }
  limit_cpu();
  timer_.Cancel();
  Transition(State::kIdle);
  idle_since_ = ready_;
  delegate_.OnIdle(*this);
}

void Instance::OnInitError(runtime::FunctionError error) {
  if (state_ != State::kInit) return;
  output_->Drain(true);
  // What init left cannot be put back: its instances must begin at the beginning.
  if (is_restore_ && error.type == "Runtime.RestoreError") parts_.snapshots.Renew(function_);
  FailInit({InvocationStatus::kInitError, std::move(error.type), std::move(error.payload), {}});
}

void Instance::LogExtensions() {
  for (const runtime::Extension& one : extensions_->all()) {
    log_.Extension(one.name, runtime::StateName(one.state), runtime::EventNames(one),
                   one.error_type);
  }
}

void Instance::OnInitTimeout() {
  output_->Drain(true);
  FailInit({InvocationStatus::kTimeout, {}, {}, {}});
}

void Instance::FailInit(InitFailure failure) {
  if (extensions_) LogExtensions();
  const auto took = parts_.loop.clock().Now() - (sandbox_ ? launched_ : created_);
  const bool timed_out = failure.status == InvocationStatus::kTimeout;
  if (failure.status != InvocationStatus::kHostError) {
    log_.InitReport(took, call_ ? "invoke" : "init", timed_out ? "timeout" : "error",
                    timed_out ? "" : ReportedErrorType(failure.error_type));
  }
  using Reason = InstanceExtensions::Reason;
  const Reason reason = timed_out ? Reason::kTimeout : Reason::kFailure;
  if (!call_) {
    BeginEnding(reason);
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
  BeginEnding(reason);
  delegate_.OnEnding(*this);
}

}  // namespace hearth::invoker
