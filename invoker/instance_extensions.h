// InstanceExtensions: the extensions of one instance, from their start to their share of its end.
//
//   registering --all external have--> runtime's init --its first next--> settling --all asked-->
//   serving <-> a call; from each of them --> shutting down
//
// An instance whose layers hold programs in extensions/ runs them, and its runtime, below
// hearth-init; one that has no such program gets this only when a part of its runtime registers.
// An instance without extensions has none of this. Owner: an Instance, of which the delegate is a
// part. Source: "Lambda execution environment lifecycle" (aws-facts 4.4).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "invoker/init_control.h"
#include "invoker/instance_telemetry.h"
#include "io/timer.h"
#include "runtime/extensions_api.h"
#include "runtime/log_capture.h"

namespace hearth::invoker {

class InstanceExtensions final : private runtime::ExtensionsApi::Delegate,
                                 private InitControl::Delegate {
 public:
  // Why an instance ends, as a SHUTDOWN event says it.
  enum class Reason { kSpindown, kTimeout, kFailure };

  class Delegate {
   public:
    virtual ~Delegate() = default;
    // The runtime and all extensions are through with their init.
    virtual void OnExtensionsReady() = 0;
    // All that had a part in the call wait for the next one.
    virtual void OnExtensionsIdle() = 0;
    // `type` as AWS names it: "Extension.Crash".
    virtual void OnExtensionFailed(std::string_view type, const std::string& what) = 0;
    virtual void OnRuntimeNotStarted(int error_number) = 0;
    virtual void OnRuntimeEnded(const sandbox::Outcome& outcome) = 0;
    // Whoever was to be heard has been: what still runs is to be killed.
    virtual void OnShutdownOver() = 0;
  };

  // `external` are the names of the programs in /opt/extensions. `terminate` asks the sandbox's
  // first process to end, where that is the runtime. `telemetry` outlives it; without, nobody can
  // subscribe.
  InstanceExtensions(io::Loop& loop, runtime::ExtensionsApi::Function function,
                     std::vector<std::string> external, std::function<void()> terminate,
                     InstanceTelemetry* telemetry, Delegate& delegate);

  // Starts the external ones, and behind them the runtime.
  void Start(base::UniqueFd init, std::unique_ptr<runtime::LogCapture> output, InitProgram runtime);
  // True: the request has been taken.
  bool Handle(io::HttpRequest& request, io::HttpResponder& responder) {
    return api_.Handle(request, responder);
  }
  const std::vector<runtime::Extension>& all() const { return api_.all(); }

  // The runtime is through with its init; false: OnExtensionsReady is still to come.
  bool RuntimeReady();
  // Whether any is told of calls.
  bool TakesPartInCalls() const;
  void Invoke(const runtime::ExtensionsApi::Call& call);
  // The runtime waits for its next call; false: OnExtensionsIdle is still to come.
  bool RuntimeIdle();
  // False: the runtime is the sandbox's first process.
  bool KillRuntime();
  // Whether anybody is to be heard before the instance is killed.
  bool WantsShutdown() const;
  // OnShutdownOver follows, on a later turn of the loop.
  void BeginShutdown(Reason reason);
  // What they wrote until now.
  void DrainOutput();

 private:
  enum class Phase { kRegistering, kRuntimeInit, kSettling, kServing, kShutdown, kOver };

  static uint32_t ProgramOf(size_t index) { return static_cast<uint32_t>(index) + 1; }
  void StartRuntime();
  void Serve();
  void OnTelemetryDrained();
  void TerminateRuntime();
  void TellExtensions();
  void CheckShutdown();
  void EndShutdown();

  // runtime::ExtensionsApi::Delegate
  void OnRegistered() override;
  void OnAsked() override;
  void OnExtensionError(std::string_view type) override;
  std::optional<runtime::TelemetryRefusal> OnSubscription(
      std::string_view name, runtime::TelemetrySubscription subscription) override;
  // InitControl::Delegate
  void OnStartFailed(uint32_t program, int error_number) override;
  void OnEnded(uint32_t program, const sandbox::Outcome& outcome) override;

  io::Loop& loop_;
  const std::vector<std::string> external_;
  const std::function<void()> terminate_;
  InstanceTelemetry* const telemetry_;
  Delegate& delegate_;
  runtime::ExtensionsApi api_;
  std::unique_ptr<runtime::LogCapture> output_;
  std::unique_ptr<InitControl> init_;  // Where there are external ones.
  InitProgram runtime_;
  std::vector<bool> alive_;  // By program.
  Phase phase_;
  bool call_runs_ = false;
  bool runtime_waits_ = false;
  // Of the shutdown.
  Reason reason_ = Reason::kSpindown;
  bool told_ = false;     // The extensions have been.
  bool drained_ = false;  // Their telemetry is with them.
  io::Timer timer_;
  base::MonoTime deadline_{};
};

}  // namespace hearth::invoker
