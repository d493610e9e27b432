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

#include "base/clock.h"
#include "base/file.h"
#include "base/sys.h"
#include "sandbox/cgroup.h"
#include "sandbox/wire.h"

namespace hearth::sandbox {
namespace {

namespace sys = base::sys;

constexpr auto kStartTimeout = std::chrono::seconds(30);
constexpr auto kEndTimeout = std::chrono::seconds(10);

base::Result<void> WriteControl(int fd, std::string_view text, const char* step) {
  if (::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return base::SystemError(step);
  }
  return {};
}

// A kernel file that holds one number: one read gives all of it.
base::Result<base::Bytes> ReadBytes(int fd) {
  char text[32];
  const ssize_t size = ::pread(fd, text, sizeof text, 0);
  if (size < 0) return base::SystemError("read a cgroup's number");
  uint64_t value = 0;
  std::from_chars(text, text + size, value);
  return base::Bytes(value);
}

// The zygote's pid namespace is not ours, so its number of a process would not be either.
pid_t PidOf(int pidfd) {
  const auto info = base::ReadFile("/proc/self/fdinfo/" + std::to_string(pidfd));
  pid_t pid = 0;
  const size_t at = info ? info->find("Pid:") : std::string::npos;
  if (at == std::string::npos) return 0;
  const char* const end = info->data() + info->size();
  std::from_chars(std::find_if(info->data() + at + 4, end, [](char c) { return c > ' '; }), end,
                  pid);
  return std::max(pid, 0);
}

// What the client and the handle share: the handle may outlive the client and the other way round.
struct Shared {
  std::vector<base::UniqueFd> handles;  // HandleFd
  bool cgroup_v2_files = false;
  bool ended = false;
  Outcome outcome;
  std::function<void(Outcome)> on_exit;
};

void KillShared(const Shared& shared) {
  // A group that is gone answers ENODEV: there is nothing left to kill.
  if (!shared.ended) (void)WriteControl(shared.handles[kKillFd].get(), "1", "cgroup.kill");
}

class RealSandbox final : public Sandbox {
 public:
  RealSandbox(LaunchedPacket packet, std::vector<base::UniqueFd> listeners,
              std::shared_ptr<Shared> shared)
      : packet_(std::move(packet)),
        pid_(PidOf(shared->handles[kPidfd].get())),
        listeners_(std::move(listeners)),
        shared_(std::move(shared)) {
    // The zygote watches it; here its number was all that was needed, and descriptors are scarce.
    shared_->handles[kPidfd].Reset();
  }
  ~RealSandbox() override {
    shared_->on_exit = nullptr;
    KillShared(*shared_);
  }

  uint64_t id() const override { return packet_.id; }
  pid_t pid() const override { return pid_; }
  const std::vector<StepTiming>& timings() const override { return packet_.timings; }
  std::vector<base::UniqueFd> TakeListeners() override { return std::move(listeners_); }
  base::Result<void> Freeze() override { return Write(kFreezeFd, "1", "cgroup.freeze"); }
  base::Result<void> Thaw() override { return Write(kFreezeFd, "0", "cgroup.freeze"); }
  void Kill() override { KillShared(*shared_); }
  base::Result<void> SetCpuLimit(uint32_t permille) override {
    return Write(kCpuFd, FormatCpuLimit(permille, packet_.cgroup_v2_files), "cpu limit");
  }
  base::Result<base::UniqueFd> OpenReclaim() const override {
    base::UniqueFd copy(::fcntl(shared_->handles[kReclaimFd].get(), F_DUPFD_CLOEXEC, 3));
    if (!copy.valid()) return base::SystemError("duplicate a descriptor");
    return copy;
  }
  base::Result<MemoryUse> Memory() const override {
    const base::Bytes now = TRY(ReadBytes(shared_->handles[kMemoryNowFd].get()));
    const base::Bytes peak = TRY(ReadBytes(shared_->handles[kMemoryPeakFd].get()));
    return MemoryUse{now, std::max(now, peak)};
  }
  base::Result<base::Bytes> MemoryPeak() const override {
    return ReadBytes(shared_->handles[kMemoryPeakFd].get());
  }
  uint64_t OutOfMemoryKills() const override {
    const auto text = base::ReadFromStart(shared_->handles[kOomFd].get());
    if (!text) return shared_->outcome.out_of_memory ? 1 : 0;
    return NumberAfter(*text, "oom_kill");
  }
  void OnExit(std::function<void(Outcome)> callback) override {
    shared_->on_exit = std::move(callback);
  }

 private:
  base::Result<void> Write(HandleFd which, std::string_view text, const char* step) {
    return WriteControl(shared_->handles[which].get(), text, step);
  }

  LaunchedPacket packet_;
  pid_t pid_;
  std::vector<base::UniqueFd> listeners_;
  std::shared_ptr<Shared> shared_;
};

class RealClient final : public ZygoteClient {
 public:
  RealClient(pid_t pid, base::UniqueFd pidfd, base::UniqueFd socket, MachineReport machine)
      : pid_(pid),
        pidfd_(std::move(pidfd)),
        socket_(std::move(socket)),
        machine_(std::move(machine)) {}

  ~RealClient() override {
    socket_.Reset();  // The zygote kills and removes everything, then exits.
    Reap();
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
      refused_.emplace_back(
          id, base::MakeError(base::ErrorKind::kClosed, "launch", "the zygote is gone").error());
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
    adoptions_.emplace(id, std::move(callback));
    if (lost_) {
      refused_.emplace_back(
          id, base::MakeError(base::ErrorKind::kClosed, "adopt", "the zygote is gone").error());
      return;
    }
    outgoing_.push_back({EncodeAdopt({id, sandbox.id(), adoption}), {}});
    Flush();
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
  void Exited(const ExitedPacket& packet);
  void Adopted(uint64_t id, base::Result<std::vector<StepTiming>> result);
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
    for (const auto& [id, shared] : running_) KillShared(*shared);
    auto launches = std::move(launches_);
    auto adoptions = std::move(adoptions_);
    auto running = std::move(running_);
    auto on_lost = std::move(on_lost_);
    for (auto& [id, callback] : launches) {
      callback(base::MakeError(base::ErrorKind::kClosed, "launch", "the zygote is gone"));
    }
    for (auto& [id, callback] : adoptions) {
      callback(base::MakeError(base::ErrorKind::kClosed, "adopt", "the zygote is gone"));
    }
    for (auto& [id, shared] : running) {
      Outcome killed{.kind = Outcome::Kind::kSignaled, .signal = SIGKILL};
      shared->ended = true;
      shared->outcome = killed;
      if (auto on_exit = std::exchange(shared->on_exit, nullptr)) on_exit(killed);
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
  std::function<void()> on_lost_;
  std::map<uint64_t, LaunchCallback> launches_;
  std::map<uint64_t, AdoptCallback> adoptions_;
  std::map<uint64_t, std::shared_ptr<Shared>> running_;
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
      if (!packet || message.fds.size() < kHandleFds) return Lose();
      return Launched(std::move(*packet), std::move(message.fds));
    }
    case PacketKind::kAdopted: {
      auto packet = DecodeAdopted(body);
      if (!packet) return Lose();
      return Adopted(packet->id, std::move(packet->timings));
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
      break;
  }
  Lose();
}

void RealClient::Launched(LaunchedPacket packet, std::vector<base::UniqueFd> fds) {
  const auto found = launches_.find(packet.id);
  if (found == launches_.end()) return;
  LaunchCallback callback = std::move(found->second);
  launches_.erase(found);
  std::vector<base::UniqueFd> listeners;
  for (size_t i = kHandleFds; i < fds.size(); ++i) listeners.push_back(std::move(fds[i]));
  fds.resize(kHandleFds);
  auto shared = std::make_shared<Shared>();
  shared->handles = std::move(fds);
  shared->cgroup_v2_files = packet.cgroup_v2_files;
  running_.emplace(packet.id, shared);
  callback(std::make_unique<RealSandbox>(std::move(packet), std::move(listeners), shared));
}

void RealClient::Exited(const ExitedPacket& packet) {
  const auto found = running_.find(packet.id);
  if (found == running_.end()) return;
  const std::shared_ptr<Shared> shared = std::move(found->second);
  running_.erase(found);
  shared->ended = true;
  shared->outcome = packet.outcome;
  if (auto on_exit = std::exchange(shared->on_exit, nullptr)) on_exit(packet.outcome);
}

void RealClient::Adopted(uint64_t id, base::Result<std::vector<StepTiming>> result) {
  const auto found = adoptions_.find(id);
  if (found == adoptions_.end()) return;
  AdoptCallback callback = std::move(found->second);
  adoptions_.erase(found);
  callback(std::move(result));
}

void RealClient::Fail(uint64_t id, base::Error error) {
  const auto found = launches_.find(id);
  if (found == launches_.end()) return Adopted(id, std::unexpected(std::move(error)));
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
                                      std::move(*machine));
}

}  // namespace hearth::sandbox
