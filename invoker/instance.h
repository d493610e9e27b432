// Instance: one sandbox and the runtime in it, from its launch to the last trace of it.
//
//   starting --launched--> init --ready--> idle <--> busy
//       \___________________\_______________\________\----> ending --exit--> gone
//
// It serves one call at a time. Freezing is a property of idle, not a state: a frozen instance is
// thawed by the call it gets. Whatever happens to the sandbox becomes either the answer of the call
// that runs, or an InitFailure. Owner: an InstancePool, which is told of every change that matters
// to it; a delegate call is the last thing an instance does, and may destroy nothing before OnGone.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "invoker/instance_extensions.h"
#include "invoker/instance_log.h"
#include "invoker/instance_parts.h"
#include "io/timer.h"
#include "runtime/api_server.h"
#include "runtime/log_capture.h"
#include "runtime/session.h"
#include "sandbox/zygote_client.h"

namespace hearth::invoker {

struct StemCell;

class Instance final : private runtime::RuntimeSession::Delegate,
                       private InstanceExtensions::Delegate {
 public:
  enum class State { kStarting, kInit, kIdle, kBusy, kEnding, kGone };

  class Delegate {
   public:
    virtual ~Delegate() = default;
    // It is idle: after its init, or after a call.
    virtual void OnIdle(Instance& instance) = 0;
    // It is ending: its init, which was no call's own, has failed.
    virtual void OnInitFailed(Instance& instance, InitFailure failure) = 0;
    // A call that it held has its answer. The owner runs the call's callback.
    virtual void OnAnswered(Instance& instance, PendingCallPtr call, InvocationResult result) = 0;
    // Its extensions have come back from a call, so long after its answer; `billed_ms` are theirs.
    // Nothing ends in it, and more may follow.
    virtual void OnExtensionsRan(Instance& instance, base::Duration took, uint64_t billed_ms) = 0;
    // It is ending, for any other reason. Exactly one of these two is told, once.
    virtual void OnEnding(Instance& instance) = 0;
    // It was frozen and is about to end in good order: may it use its whole size again?
    virtual bool MayGrow(Instance& instance) = 0;
    // Nothing is left of it; it may be destroyed on a later turn of the loop.
    virtual void OnGone(Instance& instance) = 0;
  };

  Instance(const InstanceParts& parts, Delegate& delegate, uint64_t id, FunctionRef function);
  ~Instance() override;

  // Asks for the sandbox. With a call: its init has failed once, so this init is part of the call,
  // under the function's own timeout (AWS's "suppressed init").
  void Start(PendingCallPtr call = nullptr);
  // Only while idle. Thaws.
  void Invoke(PendingCallPtr call);
  // Whatever it does; a call that runs is answered with `reason` as the host's error. In good order
  // its extensions have their moment; at once, it is killed: others wait for its memory.
  enum class Manner { kInGoodOrder, kAtOnce };
  void End(const std::string& reason, Manner manner = Manner::kInGoodOrder);
  // Only while idle.
  void Freeze();

  // "starting", "init", "idle", "frozen", "busy", "ending"
  const char* StateText() const;

  uint64_t id() const { return id_; }
  State state() const { return state_; }
  bool frozen() const { return frozen_; }
  // A failure has ended it, and what it has in /tmp will come to the next one in a moment.
  bool IsBeingReset() const { return is_reset_ && is_killed_ && state_ == State::kEnding; }
  const FunctionVersion& function() const { return *function_; }
  // What it may use; and what it uses now, as far as that is known.
  base::Bytes size() const;
  base::Bytes MemoryNow() const;
  // For a thread that takes back what it can do without (sandbox::ReclaimMemory).
  base::Result<base::UniqueFd> OpenReclaim() const { return sandbox_->OpenReclaim(); }
  base::MonoTime idle_since() const { return idle_since_; }
  // From its making to its first idle moment, after which it has served so many calls.
  base::Duration start_took() const { return ready_ - created_; }
  uint64_t invocations() const { return invocations_; }
  InstanceInfo Info() const;

  // What the memory budget holds for it; is it being started for waiting calls? Kept by the pool.
  base::Bytes reserved;
  bool is_for_waiting = false;
  // It has answered, and will be idle when its runtime asks for the next event; kept by the pool.
  bool is_finishing = false;
  // IsBeingReset, and its end is waited for; kept by the pool.
  bool is_resetting = false;
  // Its revision serves no more; kept by the pool.
  bool is_retired = false;
  // Provisioned: neither memory pressure nor a keep-alive ends it; kept by the pool.
  bool is_provisioned = false;
  IdleHook idle_hook;

 private:
  void Transition(State to);
  base::Result<void> Begin();
  const char* InitializationType() const;
  base::Result<void> Launch(sandbox::Spec spec, int image);
  void Adopt(StemCell cell, sandbox::Spec spec);
  std::unique_ptr<runtime::LogCapture> Capture(base::UniqueFd output, const char* type);
  void RecordTelemetry();
  bool Thaw();
  void OnLaunched(runtime::ChannelSockets channel, const std::vector<std::string>& environment);
  void MakeSession(runtime::ChannelSockets channel);
  void MakeExtensions(std::vector<std::string> external);
  bool HandleOtherApi(io::HttpRequest& request, io::HttpResponder& responder);
  void OnLaunchFailed(const base::Error& error);
  void OnExit(const sandbox::Outcome& outcome);
  void RuntimeEnded(const sandbox::Outcome& outcome);
  void InitDone();
  void LogExtensions();
  void BecomeIdle();
  void OnInitTimeout();
  void OnCallTimeout();
  void Run();
  InitFailure FailureOfInitExit(const sandbox::Outcome& outcome);
  void FailInit(InitFailure failure);
  void Answer(InvocationStatus status, std::string payload, std::string_view error_type = {},
              std::string content_type = "application/json");
  // How far its output is read first: all that is there, or what the loop's reading left behind.
  enum class Output { kDrain, kCatchUp };
  std::string WriteReport(Output output);
  void AnswerTooLarge(size_t limit);
  void BeginEnding(InstanceExtensions::Reason reason = InstanceExtensions::Reason::kFailure,
                   Manner manner = Manner::kInGoodOrder);
  void Kill();
  void Gone();

  // runtime::RuntimeSession::Delegate
  void OnReady() override;
  void OnInitError(runtime::FunctionError error) override;
  void OnResponse(std::string_view request_id, std::string payload,
                  std::string content_type) override;
  void OnError(std::string_view request_id, runtime::FunctionError error) override;
  void OnStreamBegin(std::string_view request_id, std::string content_type) override;
  bool OnStreamPiece(std::string_view piece) override;
  void OnStreamEnd() override;
  void OnIdle() override;
  void OnBroken(std::string reason) override;

  // InstanceExtensions::Delegate
  void OnExtensionsReady() override { InitDone(); }
  void OnExtensionsIdle() override { BecomeIdle(); }
  void OnExtensionFailed(std::string_view type, const std::string& what) override;
  void OnRuntimeNotStarted(int error_number) override;
  void OnRuntimeEnded(const sandbox::Outcome& outcome) override;
  void OnShutdownOver() override;

  const InstanceParts& parts_;
  Delegate& delegate_;
  const uint64_t id_;
  const FunctionRef function_;
  runtime::Runtime runtime_;
  InstanceLog log_;
  State state_ = State::kStarting;
  bool frozen_ = false;
  bool from_image_ = false;  // Its process goes on from an image: a stem cell's, or its version's.
  bool is_restore_ = false;  // Its version's: what happens before it is ready is no init.
  io::Timer timer_;          // Init's, or the call's.
  std::unique_ptr<sandbox::Sandbox> sandbox_;
  std::vector<sandbox::StepTiming> start_steps_;
  std::unique_ptr<runtime::LogCapture> output_;
  std::unique_ptr<runtime::RuntimeSession> session_;
  std::unique_ptr<InstanceTelemetry> telemetry_;    // Where extensions may come.
  std::unique_ptr<InstanceExtensions> extensions_;  // Most have none.
  std::unique_ptr<runtime::ApiServer> api_server_;  // Where no session is one for extensions.
  std::unique_ptr<sandbox::KeptTmp> kept_tmp_;      // For its sandbox, until that has it.
  bool is_reset_ = false;                           // Its end is a failure's.
  bool is_killed_ = false;
  std::unique_ptr<runtime::ApiServer> endpoint_;  // Of this host's services.
  PendingCallPtr call_;
  StreamedSoFar stream_;
  base::Bytes peak_;  // Of its memory, as last read, or as its exit said.
  base::MonoTime peak_read_{};
  struct {
    std::string request_id;
    CallReport report;
    base::MonoTime at{};
    bool due = false;
  } report_;  // Of the call that was answered last.
  base::MonoTime created_{};
  base::MonoTime launched_{};
  base::MonoTime ready_{};
  base::MonoTime idle_since_{};
  base::MonoTime call_began_{};  // Its event was sent, or its own init began.
  uint64_t invocations_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace hearth::invoker
