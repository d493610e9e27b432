#include "sandbox/zygote.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/sys.h"
#include "sandbox/sandbox_socket.h"

namespace hearth::sandbox {
namespace {

namespace sys = base::sys;

constexpr auto kClosePause = std::chrono::milliseconds(10);
constexpr size_t kMaxDead = 64;  // groups that wait for a quiet moment to be removed

uint64_t Tag(uint64_t slot, uint64_t source) { return slot << 3 | source; }

}  // namespace

base::Result<void> Zygote::Watch(int fd, Source source, uint64_t slot, uint32_t events) {
  struct epoll_event event{};
  event.events = events;
  event.data.u64 = Tag(slot, static_cast<uint64_t>(source));
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0) return {};
  if (errno == EEXIST && ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0) return {};
  return base::SystemError("epoll_ctl");
}

base::Result<void> Zygote::Run() {
  while (!host_gone_) {
    std::array<struct epoll_event, 64> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), TimeoutMs());
    if (count < 0 && errno != EINTR) return base::SystemError("epoll_wait");
    for (int i = 0; i < count && !host_gone_; ++i) {
      const uint64_t tag = events[static_cast<size_t>(i)].data.u64;
      const auto source = static_cast<Source>(tag & 7);
      if (source == Source::kHost) {
        Flush();
        // It is gone, even where it is not being read.
        if ((events[static_cast<size_t>(i)].events & (EPOLLHUP | EPOLLERR)) != 0) return {};
        OnHost();
        continue;
      }
      if (source == Source::kFillers) {
        OnFillers();
        continue;
      }
      if (source == Source::kCapture) {
        OnCapture(tag >> 3);
        continue;
      }
      // An earlier event of this round may have ended the slot.
      if (Slot* const slot = slots_->Find(tag >> 3)) Dispatch(source, *slot);
    }
    ExpireLaunches();
    Refill();
    Shrink();
    if (count == 0 || dead_.size() > kMaxDead) RemoveDead();
    closes_wait_ = !closer_->Flush();
    WatchHost();
  }
  return {};
}

// Sleeps until something happens, unless there is something to do at a time of its own.
int Zygote::TimeoutMs() {
  const auto now = clock_.Now();
  std::optional<base::MonoTime> wake;
  const auto at = [&wake](base::MonoTime time) { wake = wake ? std::min(*wake, time) : time; };
  if (!dead_.empty()) at(dead_again_at_);
  if (!launch_deadlines_.empty()) at(launch_deadlines_.front().first);
  if (refill_waits_) at(quiet_at_);
  if (closes_wait_) at(now + kClosePause);
  if (demand_.Peak(now) > options_.pool_size) at(demand_.Expiry());
  if (!wake) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*wake - now);
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 60'000));
}

// Descriptors are shared (with hearthd, with fillers), so closing ours would leave the watch
// behind.
void Zygote::Unwatch(base::UniqueFd& fd) {
  if (!fd.valid()) return;
  (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd.get(), nullptr);
  fd.Reset();
}

void Zygote::Dispatch(Source source, Slot& slot) {
  switch (source) {
    case Source::kHost:
    case Source::kFillers:
    case Source::kCapture:
      return;
    case Source::kFillerExit:
      return OnFillerExit(slot);
    case Source::kControl:
      return OnControl(slot);
    case Source::kExit:
      return OnExit(slot);
  }
}

// --- hearthd's requests

// Each launch that waits holds descriptors. Those that would be too many wait where they are, in
// the socket and with hearthd.
void Zygote::OnHost() {
  while (!host_gone_ && waiting_ < max_waiting_) {
    auto message = sys::ReceiveMessage(host_.get(), kMaxPacket, MSG_DONTWAIT);
    if (!message) {
      if (message.error().error_number == EAGAIN) return;
      host_gone_ = true;
      return;
    }
    if (message->closed) {
      host_gone_ = true;
      return;
    }
    // A host that cannot speak the protocol cannot be answered either: it is a bug of ours.
    if (!Take(message->data, std::move(message->fds))) host_gone_ = true;
  }
}

base::Result<void> Zygote::Take(std::string_view packet, std::vector<base::UniqueFd> fds) {
  const std::string_view body = packet.substr(1);
  switch (static_cast<PacketKind>(packet[0])) {
    case PacketKind::kLaunch:
      Accept(TRY(DecodeLaunch(body)), std::move(fds));
      return {};
    case PacketKind::kAdopt:
      Adopt(TRY(DecodeAdopt(body)));
      return {};
    case PacketKind::kTerminate:
      if (const Slot* const slot = slots_->FindRunning(TRY(DecodeSandbox(body)))) {
        (void)sys::PidfdSendSignal(slot->embryo.pidfd.get(), SIGTERM);
      }
      return {};
    case PacketKind::kRelease:
      Release(TRY(DecodeSandbox(body)));
      return {};
    case PacketKind::kCapture:
      Capture(TRY(DecodeCapture(body)), fds);
      return {};
    case PacketKind::kSocket:
      MakeSocket(TRY(DecodeSocket(body)));
      return {};
    default:
      return base::Invalid("read packet", "it is no request");
  }
}

void Zygote::Accept(LaunchPacket packet, std::vector<base::UniqueFd> fds) {
  const auto refuse = [&](base::Error error) { Send(EncodeFailed({packet.id, std::move(error)})); };
  auto spec = DecodeSpec(packet.spec);
  if (!spec) return refuse(spec.error());
  if (fds.size() != packet.passed_as.size() || fds.size() > kMaxPassed) {
    return refuse(base::Invalid("launch", "descriptors are missing or too many").error());
  }
  failed_fills_ = 0;
  const TmpSize tmp{spec->tmp, spec->tmp_inodes};
  const auto now = clock_.Now();
  if (tmp == kUsualTmp) demand_.Count(now);
  kinds_[tmp].waiting.push_back(
      {packet.id, std::move(*spec), std::move(packet.passed_as), std::move(fds), now});
  ++waiting_;
  Serve(tmp);
}

void Zygote::Adopt(const AdoptPacket& packet) {
  Slot* const slot = slots_->FindRunning(packet.sandbox);
  std::vector<StepTiming> timings;
  auto began = clock_.Now();
  const auto done = [&](const char* step) {
    const auto now = clock_.Now();
    timings.push_back({step, now - std::exchange(began, now)});
  };
  const auto adopt = [&]() -> base::Result<void> {
    if (slot == nullptr) {
      return base::MakeError(base::ErrorKind::kNotFound, "adopt", "the sandbox has ended");
    }
    const Adoption& adoption = packet.adoption;
    TRY(slot->SetLimits({adoption.memory, adoption.cpu_permille, adoption.pids}));
    done("cgroup");
    TRY(Mount(*slot, adoption.mounts, adoption.tmp_of));
    done("mounts");
    return {};
  };
  const auto adopted = adopt();
  Send(adopted ? EncodeDone({packet.id, std::move(timings)})
               : EncodeFailed({packet.id, adopted.error()}));
}

void Zygote::MakeSocket(const SocketPacket& packet) {
  const Slot* const slot = slots_->FindRunning(packet.sandbox);
  if (slot == nullptr) {
    const base::Error error{base::ErrorKind::kNotFound, "make a socket", 0,
                            "the sandbox has ended"};
    return Send(EncodeFailed({packet.id, error}));
  }
  const auto made = SocketInSandbox(slot->embryo.pidfd.get(), own_network_.get());
  if (!made) return Send(EncodeFailed({packet.id, made.error()}));
  Send(EncodeDone({packet.id, {}}), {made->get()});
}

// --- answers

void Zygote::Send(std::string packet, std::vector<int> fds) {
  Outgoing out{std::move(packet), {}};
  for (const int fd : fds) out.fds.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  outgoing_.push_back(std::move(out));
  Flush();
}

void Zygote::Flush() {
  while (!outgoing_.empty()) {
    std::vector<int> fds;
    for (const auto& fd : outgoing_.front().fds) fds.push_back(fd.get());
    const auto sent = sys::SendMessage(host_.get(), outgoing_.front().packet, fds, MSG_DONTWAIT);
    if (!sent && sent.error().error_number == EAGAIN) return;
    if (!sent) host_gone_ = true;
    outgoing_.pop_front();
  }
}

void Zygote::WatchHost() {
  const uint32_t events = (waiting_ < max_waiting_ ? EPOLLIN : 0u) |
                          (outgoing_.empty() ? 0u : static_cast<uint32_t>(EPOLLOUT));
  if (std::exchange(host_events_, events) == events) return;
  (void)Watch(host_.get(), Source::kHost, 0, events);
}

}  // namespace hearth::sandbox
