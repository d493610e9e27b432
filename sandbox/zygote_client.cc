#include "sandbox/zygote_client.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <map>
#include <set>

#include "base/clock.h"
#include "base/file.h"
#include "base/sys.h"
#include "sandbox/live_sandbox.h"
#include "sandbox/tmp_volume.h"
#include "sandbox/wire.h"

namespace hearth::sandbox {
namespace {

namespace sys = base::sys;

constexpr auto kStartTimeout = std::chrono::seconds(30);
constexpr auto kEndTimeout = std::chrono::seconds(10);
constexpr size_t kMaxKeptTmp = 256;  // Each is a mount, and what its files take on disk.

class RealClient final : public ZygoteClient {
 public:
  RealClient(pid_t pid, base::UniqueFd pidfd, base::UniqueFd socket, MachineReport machine,
             CgroupLayout layout)
      : pid_(pid),
        pidfd_(std::move(pidfd)),
        socket_(std::move(socket)),
        machine_(std::move(machine)),
        layout_(std::make_shared<const CgroupLayout>(std::move(layout))) {}

  ~RealClient() override {
    socket_.Reset();  // The zygote kills and removes everything, then exits.
    Reap();
    for (const auto& [id, state] : running_) state->ended = true;
  }

  const MachineReport& machine() const override { return machine_; }
  pid_t pid() const override { return pid_; }
  int fd() const override { return socket_.get(); }
  void OnLost(std::function<void()> callback) override { on_lost_ = std::move(callback); }

  void Launch(const Spec& spec, const std::vector<PassedFd>& fds,
              LaunchCallback callback) override {
    const uint64_t id = next_id_++;
    launches_.emplace(id, std::move(callback));
    if (lost_) {
      refused_.emplace_back(id, Gone().error());
      return;
    }
    Outgoing out;
    LaunchPacket packet{id, {}, EncodeSpec(spec)};
    auto checked = Check(spec, fds, packet.spec);
    for (const auto& passed : fds) {
      if (!checked) break;
      packet.passed_as.push_back(passed.as);
      out.fds.emplace_back(::fcntl(passed.fd, F_DUPFD_CLOEXEC, 3));
      if (!out.fds.back().valid()) checked = base::SystemError("duplicate a passed descriptor");
    }
    if (!checked) {
      refused_.emplace_back(id, checked.error());
      return Nudge();
    }
    out.packet = EncodeLaunch(packet);
    outgoing_.push_back(std::move(out));
    Flush();
  }

  void Adopt(const Sandbox& sandbox, const Adoption& adoption, AdoptCallback callback) override {
    const uint64_t id = next_id_++;
    Ask(id, {EncodeAdopt({id, sandbox.id(), adoption}), {}},
        [callback = std::move(callback)](base::Result<Finished> done) {
          if (!done) return callback(std::unexpected(std::move(done).error()));
          callback(std::move(done->timings));
        });
  }

  void MakeSocket(const Sandbox& sandbox, SocketCallback callback) override {
    const uint64_t id = next_id_++;
    Ask(id, {EncodeSocket({id, sandbox.id()}), {}},
        [callback = std::move(callback)](base::Result<Finished> done) {
          if (!done) return callback(std::unexpected(std::move(done).error()));
          if (done->fds.size() == 1) return callback(std::move(done->fds[0]));
          callback(
              base::MakeError(base::ErrorKind::kLimit, "make a socket",
                              "no more descriptors may be opened: raise RLIMIT_NOFILE (hard)"));
        });
  }

  void Capture(const Sandbox& sandbox, int image, const ImageRules& rules,
               CaptureCallback callback) override {
    const uint64_t id = next_id_++;
    Outgoing out{EncodeCapture({id, sandbox.id(), rules}), {}};
    out.fds.emplace_back(::fcntl(image, F_DUPFD_CLOEXEC, 3));
    Ask(id, std::move(out), [callback = std::move(callback)](auto done) {
      callback(done ? base::Result<void>() : std::unexpected(std::move(done).error()));
    });
  }

  void Terminate(const Sandbox& sandbox) override { Tell(EncodeTerminate(sandbox.id())); }

  std::unique_ptr<KeptTmp> KeepTmp(const Sandbox& sandbox) override {
    if (lost_ || machine_.tmp_kind == kTmpfs || kept_.size() >= kMaxKeptTmp) return nullptr;
    if (!running_.contains(sandbox.id()) && ending_ != sandbox.id()) return nullptr;
    kept_.insert(sandbox.id());
    return std::make_unique<Kept>(*this, sandbox.id());
  }

  void OnReadable() override {
    Flush();
    TellRefused();
    // One packet a time, and never again after a callback has destroyed this client.
    const std::weak_ptr<bool> alive = alive_;
    while (!alive.expired() && !lost_) {
      auto message = sys::ReceiveMessage(socket_.get(), kMaxPacket, MSG_DONTWAIT);
      if (!message && message.error().error_number == EAGAIN) return;
      if (!message || message->closed) return Lose();
      Handle(std::move(*message));
    }
  }

 private:
  struct Outgoing {
    std::string packet;
    std::vector<base::UniqueFd> fds;
  };

  // The answer to a request about a sandbox that is there.
  struct Finished {
    std::vector<StepTiming> timings;
    std::vector<base::UniqueFd> fds;
  };
  using DoneCallback = std::function<void(base::Result<Finished>)>;

  class Kept final : public KeptTmp {
   public:
    Kept(RealClient& client, uint64_t sandbox)
        : client_(client), alive_(client.alive_), sandbox_(sandbox) {}
    ~Kept() override {
      if (!alive_.expired()) client_.Release(sandbox_);
    }
    uint64_t sandbox() const override { return sandbox_; }

   private:
    RealClient& client_;
    const std::weak_ptr<bool> alive_;
    const uint64_t sandbox_;
  };

  // Of one that has ended, or the zygote will free it when it does.
  void Release(uint64_t sandbox) {
    kept_.erase(sandbox);
    if (!running_.contains(sandbox)) Tell(EncodeRelease(sandbox));
  }

  void Tell(std::string packet) {
    if (lost_) return;
    outgoing_.push_back({std::move(packet), {}});
    Flush();
  }

  void Ask(uint64_t id, Outgoing request, DoneCallback callback) {
    asked_.emplace(id, std::move(callback));
    if (lost_) {
      refused_.emplace_back(id, Gone().error());
      return;
    }
    outgoing_.push_back(std::move(request));
    Flush();
  }

  static std::unexpected<base::Error> Gone() {
    return base::MakeError(base::ErrorKind::kClosed, "ask the zygote", "the zygote is gone");
  }

  static base::Result<void> Check(const Spec& spec, const std::vector<PassedFd>& fds,
                                  std::string_view encoded) {
    TRY(DecodeSpec(encoded));
    if (fds.size() > kMaxPassed || spec.mounts.size() + fds.size() > sys::kMaxPassedFds) {
      return base::MakeError(base::ErrorKind::kLimit, "launch", "more than 8 descriptors passed");
    }
    for (const auto& passed : fds) {
      if (passed.as < 0 || passed.as > kMaxPassedNumber) {
        return base::Invalid("launch", "a descriptor cannot become number " +
                                           std::to_string(passed.as) + ": 0 to 199 can");
      }
    }
    return {};
  }

  void Handle(sys::ReceivedMessage message);
  void Launched(LaunchedPacket packet, std::vector<base::UniqueFd> fds);
  void Abandon(const LaunchedPacket& packet);
  void Exited(const ExitedPacket& packet);
  void Done(uint64_t id, base::Result<Finished> result);
  void Fail(uint64_t id, base::Error error);

  void TellRefused() {
    const std::weak_ptr<bool> alive = alive_;
    while (!alive.expired() && !refused_.empty()) {
      auto [id, error] = std::move(refused_.front());
      refused_.pop_front();
      Fail(id, std::move(error));
    }
  }

  // Callbacks run inside OnReadable only, so a refusal of our own needs fd() to become readable:
  // an empty launch request makes the zygote answer.
  void Nudge() {
    outgoing_.push_back({EncodeLaunch({0, {}, {}}), {}});
    Flush();
  }

  void Flush() {
    while (!outgoing_.empty() && !lost_) {
      std::vector<int> fds;
      for (const auto& fd : outgoing_.front().fds) fds.push_back(fd.get());
      const auto sent =
          sys::SendMessage(socket_.get(), outgoing_.front().packet, fds, MSG_DONTWAIT);
      // Full: the zygote answers what it has, and the next OnReadable sends the rest. A broken
      // socket is found by the next OnReadable as well.
      if (!sent) return;
      outgoing_.pop_front();
    }
  }

  void Lose() {
    lost_ = true;
    const std::weak_ptr<bool> alive = alive_;
    // The sandboxes die with their zygote (PDEATHSIG); this makes sure of it.
    for (const auto& [id, state] : running_) state->Kill();
    auto launches = std::move(launches_);
    auto asked = std::move(asked_);
    auto running = std::move(running_);
    auto on_lost = std::move(on_lost_);
    for (auto& [id, callback] : launches) callback(Gone());
    for (auto& [id, callback] : asked) callback(Gone());
    for (auto& [id, state] : running) {
      Outcome killed{.kind = Outcome::Kind::kSignaled, .signal = SIGKILL, .host_lost = true};
      state->ended = true;
      state->outcome = killed;
      if (auto on_exit = std::exchange(state->on_exit, nullptr)) on_exit(killed);
    }
    if (on_lost) on_lost();
  }

  void Reap() {
    struct pollfd ended{pidfd_.get(), POLLIN, 0};
    const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(kEndTimeout);
    if (::poll(&ended, 1, static_cast<int>(limit.count())) != 1) {
      (void)sys::PidfdSendSignal(pidfd_.get(), SIGKILL);
    }
    siginfo_t info;
    ::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED);
  }

  pid_t pid_;
  base::UniqueFd pidfd_;
  base::UniqueFd socket_;
  MachineReport machine_;
  std::shared_ptr<const CgroupLayout> layout_;
  std::function<void()> on_lost_;
  std::map<uint64_t, LaunchCallback> launches_;
  std::map<uint64_t, DoneCallback> asked_;
  std::map<uint64_t, std::shared_ptr<SandboxState>> running_;
  std::set<uint64_t> kept_;  // Sandboxes whose /tmp is to outlive them.
  uint64_t ending_ = 0;      // Whose end is being told.
  std::deque<std::pair<uint64_t, base::Error>> refused_;
  std::deque<Outgoing> outgoing_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  uint64_t next_id_ = 1;
  bool lost_ = false;
};

void RealClient::Handle(sys::ReceivedMessage message) {
  const std::string_view body = std::string_view(message.data).substr(1);
  switch (static_cast<PacketKind>(message.data[0])) {
    case PacketKind::kLaunched: {
      auto packet = DecodeLaunched(body);
      if (!packet) return Lose();
      if (message.fds_lost || message.fds.empty()) return Abandon(*packet);
      return Launched(std::move(*packet), std::move(message.fds));
    }
    case PacketKind::kDone: {
      auto packet = DecodeDone(body);
      if (!packet) return Lose();
      return Done(packet->id, Finished{std::move(packet->timings), std::move(message.fds)});
    }
    case PacketKind::kFailed: {
      auto packet = DecodeFailed(body);
      if (!packet) return Lose();
      return Fail(packet->id, std::move(packet->error));
    }
    case PacketKind::kExited: {
      const auto packet = DecodeExited(body);
      if (!packet) return Lose();
      return Exited(*packet);
    }
    case PacketKind::kOptions:
    case PacketKind::kHello:
    case PacketKind::kLaunch:
    case PacketKind::kAdopt:
    case PacketKind::kCapture:
    case PacketKind::kSocket:
    case PacketKind::kTerminate:
    case PacketKind::kRelease:
      break;
  }
  Lose();
}

void RealClient::Launched(LaunchedPacket packet, std::vector<base::UniqueFd> fds) {
  const auto found = launches_.find(packet.id);
  if (found == launches_.end()) return;
  LaunchCallback callback = std::move(found->second);
  launches_.erase(found);
  // The zygote watches the pidfd; here its number is all that is needed.
  const pid_t pid = PidOf(fds.front().get());
  fds.erase(fds.begin());
  auto state = std::make_shared<SandboxState>(layout_, std::move(packet.group));
  running_.emplace(packet.id, state);
  callback(std::make_unique<LiveSandbox>(packet.id, pid, std::move(packet.timings), std::move(fds),
                                         std::move(state)));
}

// It runs, but nobody can hold what belongs to it.
void RealClient::Abandon(const LaunchedPacket& packet) {
  SandboxState(layout_, packet.group).Kill();
  Fail(packet.id, base::MakeError(base::ErrorKind::kLimit, "launch",
                                  "no more descriptors may be opened: raise RLIMIT_NOFILE (hard)")
                      .error());
}

void RealClient::Exited(const ExitedPacket& packet) {
  const auto found = running_.find(packet.id);
  if (found == running_.end()) return Tell(EncodeRelease(packet.id));
  const std::shared_ptr<SandboxState> state = std::move(found->second);
  running_.erase(found);
  state->ended = true;
  state->outcome = packet.outcome;
  const std::weak_ptr<bool> alive = alive_;
  ending_ = packet.id;
  if (auto on_exit = std::exchange(state->on_exit, nullptr)) on_exit(packet.outcome);
  if (alive.expired()) return;
  ending_ = 0;
  if (!kept_.contains(packet.id)) Tell(EncodeRelease(packet.id));
}

void RealClient::Done(uint64_t id, base::Result<Finished> result) {
  const auto found = asked_.find(id);
  if (found == asked_.end()) return;
  DoneCallback callback = std::move(found->second);
  asked_.erase(found);
  callback(std::move(result));
}

void RealClient::Fail(uint64_t id, base::Error error) {
  const auto found = launches_.find(id);
  if (found == launches_.end()) return Done(id, std::unexpected(std::move(error)));
  LaunchCallback callback = std::move(found->second);
  launches_.erase(found);
  callback(std::unexpected(std::move(error)));
}

struct Spawned {
  pid_t pid = 0;
  base::UniqueFd pidfd;
};

// MARKED FUNCTION: runs in the child between clone3 and execve. Only async-signal-safe calls.
[[noreturn]] void ExecZygote(const char* program, int socket, int status) noexcept {
  // Its own session: a terminal's signals are for hearthd.
  ::setsid();
  const int null = ::open("/dev/null", O_RDONLY);
  if (null > 0) ::dup2(null, 0);
  constexpr int kZygoteSocket = 3;
  const int high = ::fcntl(status, F_DUPFD_CLOEXEC, kZygoteSocket + 1);
  if (socket == kZygoteSocket) {
    ::fcntl(socket, F_SETFD, 0);
  } else {
    ::dup2(socket, kZygoteSocket);
  }
  char name[] = "hearth-zygote";
  char* const argv[] = {name, nullptr};
  ::execve(program, argv, environ);
  const int error = errno;
  (void)!::write(high, &error, sizeof error);
  ::_exit(127);
}

// In a pid namespace of its own: when the zygote dies, however, the kernel kills everything that
// came from it. PDEATHSIG alone would not do: exec by a second thread loses it.
base::Result<Spawned> Spawn(const std::string& program, int socket) {
  sys::Pipe status = TRY(sys::MakePipe());
  int pidfd = -1;
  struct clone_args args{};
  args.flags = CLONE_NEWPID | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  Spawned out;
  out.pid = TRY(sys::Clone3(args));
  if (out.pid == 0) ExecZygote(program.c_str(), socket, status.write.get());
  out.pidfd = base::UniqueFd(pidfd);
  status.write.Reset();
  int error = 0;
  if (::read(status.read.get(), &error, sizeof error) != sizeof error) return out;
  siginfo_t info;
  ::waitid(P_PIDFD, static_cast<id_t>(out.pidfd.get()), &info, WEXITED);
  return base::SystemError("start " + program, error);
}

base::Result<MachineReport> ReceiveHello(int socket) {
  struct pollfd ready{socket, POLLIN, 0};
  const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(kStartTimeout);
  if (::poll(&ready, 1, static_cast<int>(limit.count())) != 1) {
    return base::MakeError(base::ErrorKind::kTimeout, "start the zygote", "no hello in 30 s");
  }
  const auto message = TRY(sys::ReceiveMessage(socket, kMaxPacket));
  if (message.closed) {
    return base::MakeError(base::ErrorKind::kClosed, "start the zygote", "it exited at once");
  }
  const std::string_view body = std::string_view(message.data).substr(1);
  if (message.data[0] == static_cast<char>(PacketKind::kFailed)) {
    return std::unexpected(TRY(DecodeFailed(body)).error);
  }
  return DecodeHello(body);
}

}  // namespace

base::Result<std::unique_ptr<ZygoteClient>> ZygoteClient::Start(const ZygoteOptions& options) {
  if (::geteuid() != 0) {
    return base::MakeError(base::ErrorKind::kUnsupported, "start the zygote",
                           "it needs root to make sandboxes");
  }
  CgroupLayout layout = TRY(DetectCgroups(TRY(base::ReadFile("/proc/self/mountinfo"))));
  auto [mine, its] = TRY(sys::SocketPair(sys::SocketType::kSeqpacket));
  Spawned zygote = TRY(Spawn(options.program, its.get()));
  its.Reset();
  const auto greet = [&]() -> base::Result<MachineReport> {
    TRY(sys::SendMessage(mine.get(), EncodeOptions(options), {}));
    return ReceiveHello(mine.get());
  };
  auto machine = greet();
  if (!machine) {
    mine.Reset();
    (void)sys::PidfdSendSignal(zygote.pidfd.get(), SIGKILL);
    siginfo_t info;
    ::waitid(P_PIDFD, static_cast<id_t>(zygote.pidfd.get()), &info, WEXITED);
    return std::unexpected(std::move(machine).error());
  }
  TRY(sys::SetNonBlocking(mine.get()));
  return std::make_unique<RealClient>(zygote.pid, std::move(zygote.pidfd), std::move(mine),
                                      std::move(*machine), std::move(layout));
}

}  // namespace hearth::sandbox
