// What stands in for the zygote, its sandboxes and the runtimes in them.
//
// A FakeProcess is one sandbox as its test sees it: the test says when the zygote has made it, what
// the runtime in it says on its channel, what it prints, and how it ends. Everything is delivered
// on a later turn of the loop, as the real ones do.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "io/loop.h"
#include "runtime/channel.h"
#include "sandbox/zygote_client.h"

namespace hearth::invoker::test {

// A kInvoke frame, as the runtime reads it.
struct Event {
  std::string request_id;
  int64_t deadline_ms = 0;
  std::string arn;
  std::string trace_id;
  std::string client_context;
  std::string payload;
};

class FakeProcess : public std::enable_shared_from_this<FakeProcess> {
 public:
  FakeProcess(io::Loop& loop, uint64_t id, const sandbox::Spec& spec,
              const std::vector<sandbox::PassedFd>& fds,
              sandbox::ZygoteClient::LaunchCallback callback);

  // The zygote's part.
  void Launched();
  void LaunchFails(const std::string& step, int error_number);
  bool pending() const { return callback_ != nullptr; }

  // The runtime's part.
  void Ready() { Send(runtime::FrameType::kReady, {}); }
  void InitError(std::string_view type, std::string_view payload) {
    Send(runtime::FrameType::kInitError, {type, payload});
  }
  void Respond(std::string_view request_id, std::string_view payload) {
    Send(runtime::FrameType::kResponse, {request_id, "application/json", payload});
  }
  void Fail(std::string_view request_id, std::string_view type, std::string_view payload) {
    Send(runtime::FrameType::kError, {request_id, type, payload});
  }
  void LastError(std::string_view request_id, std::string_view type, std::string_view payload) {
    Send(runtime::FrameType::kLastError, {request_id, type, payload});
  }
  void Send(runtime::FrameType type, const std::vector<std::string_view>& fields);
  void SendBytes(std::string_view bytes);
  void CloseChannel() {
    events_.Reset();
    answers_.Reset();
  }
  void Print(std::string_view text);
  // A stem cell's part: the environment that it was told to load; empty: none yet.
  std::vector<std::string> TakeLoad();
  // Whether it was told to get ready to be written down.
  bool TakePrepare();
  // The next event that has arrived; nullopt: none.
  std::optional<Event> Take();

  // The kernel's part: how the first process ended. Both of its pipes close with it.
  void Exit(int status) { End({.kind = sandbox::Outcome::Kind::kExited, .exit_status = status}); }
  void Signal(int signal, bool out_of_memory = false) {
    End({.kind = sandbox::Outcome::Kind::kSignaled,
         .signal = signal,
         .out_of_memory = out_of_memory});
  }
  void End(const sandbox::Outcome& outcome);
  // Its end is read before what it has said.
  void ExitFirst(int status);

  bool launched() const { return launched_; }
  bool ended() const { return ended_; }
  // From its launch until its exit has been told, or its owner dropped it.
  bool alive() const { return !told_ && !dropped; }
  std::string address() const;  // Of its Runtime API's listener.

  // Where hearth-init is its first process: the programs it was told to start since the last time,
  // the signals it was to send ("program 0: 15"), and how programs end.
  std::vector<std::string> TakePrograms();
  std::vector<std::string> TakeSignals();
  void ProgramEnds(uint32_t program, uint32_t kind, int value);
  void PrintAsExtension(std::string_view text);

  const uint64_t id;
  const sandbox::Spec spec;
  sandbox::MemoryUse memory{base::Bytes::MiB(128), base::Bytes::MiB(40)};
  bool lingers = false;   // A kill takes effect only where the test says Exit or Signal.
  bool freezable = true;  // Otherwise Freeze fails.
  bool frozen = false;
  bool dropped = false;
  int freezes = 0;
  int thaws = 0;
  int kills = 0;
  uint32_t cpu_permille = 0;  // The last SetCpuLimit; 0: none.
  int memory_reads = 0;
  base::UniqueFd reclaim;  // What OpenReclaim gives, where a test has set it.
  int terminations = 0;
  bool refuses_adoption = false;
  std::string refuses_capture;               // Why; empty: it does not.
  std::optional<sandbox::Adoption> adopted;  // The last that was asked for.

 private:
  friend class FakeSandbox;

  bool Close();
  void Tell(const sandbox::Outcome& outcome);

  io::Loop& loop_;
  sandbox::ZygoteClient::LaunchCallback callback_;
  base::UniqueFd events_;
  base::UniqueFd answers_;
  base::UniqueFd output_;
  base::UniqueFd init_;
  base::UniqueFd extension_output_;
  std::vector<std::string> programs_;
  std::vector<std::string> signals_;
  void ReadOrders();
  std::vector<base::UniqueFd> listeners_;
  uint16_t port_ = 0;
  std::string received_;
  std::function<void(sandbox::Outcome)> on_exit_;
  bool launched_ = false;
  bool ended_ = false;
  bool told_ = false;
};
using FakeProcessPtr = std::shared_ptr<FakeProcess>;

class FakeZygote final : public sandbox::ZygoteClient {
 public:
  explicit FakeZygote(io::Loop& loop) : loop_(loop) {}

  const sandbox::MachineReport& machine() const override { return machine_; }
  pid_t pid() const override { return 1; }
  int fd() const override { return -1; }
  void OnReadable() override {}
  void OnLost(std::function<void()>) override {}
  void Launch(const sandbox::Spec& spec, const std::vector<sandbox::PassedFd>& fds,
              LaunchCallback callback) override;
  void Adopt(const sandbox::Sandbox& sandbox, const sandbox::Adoption& adoption,
             AdoptCallback callback) override;
  void Terminate(const sandbox::Sandbox& sandbox) override;
  // tmps_kept has it as long as it is.
  std::unique_ptr<sandbox::KeptTmp> KeepTmp(const sandbox::Sandbox& sandbox) override;
  // In the test's own network.
  void MakeSocket(const sandbox::Sandbox& sandbox, SocketCallback callback) override;
  void Capture(const sandbox::Sandbox& sandbox, int image, const sandbox::ImageRules& rules,
               CaptureCallback callback) override;

  size_t alive() const;

  std::set<uint64_t> tmps_kept;           // Of which sandboxes.
  std::vector<FakeProcessPtr> processes;  // Every launch, in order; a test may forget some.
  // Where set, captures answer when the test runs what it finds here.
  bool holds_captures = false;
  std::function<void()> finish_capture;
  // Runs inside Launch: plays what the test does not do by hand.
  std::function<void(FakeProcess&)> on_launch;

 private:
  io::Loop& loop_;
  uint64_t launches_ = 0;
  sandbox::MachineReport machine_;
};

}  // namespace hearth::invoker::test
