#include "sandbox/zygote.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>

#include "base/sys.h"

namespace hearth::sandbox {
namespace {

namespace sys = base::sys;

constexpr size_t kMaxFillers = 4;     // at once; more would only compete for the CPUs
constexpr size_t kMaxWaiting = 4096;  // launches without an embryo
constexpr size_t kMaxSlots = 16384;   // uid ranges of 65,536 below 2^32
constexpr int kMaxFailedFills = 3;    // in a row, before the pool is left to the next launch
constexpr auto kLaunchTimeout = std::chrono::seconds(10);

// /dev/stderr is /proc/self/fd/2, and opening that asks who owns the pipe.
base::Result<void> GivePipe(int fd, uid_t owner, gid_t group) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return base::SystemError("fstat a passed descriptor");
  if (!S_ISFIFO(status.st_mode) || ::fchown(fd, owner, group) == 0) return {};
  return base::SystemError("give a pipe to the sandbox");
}

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
    const bool timed = std::ranges::any_of(slots_, [](const auto& entry) {
      return entry.second->state == Slot::State::kEnding ||
             entry.second->state == Slot::State::kLaunching;
    });
    std::array<struct epoll_event, 64> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), timed ? 10 : -1);
    if (count < 0 && errno != EINTR) return base::SystemError("epoll_wait");
    for (int i = 0; i < count && !host_gone_; ++i) {
      const uint64_t tag = events[static_cast<size_t>(i)].data.u64;
      const auto source = static_cast<Source>(tag & 7);
      if (source == Source::kHost) {
        Flush();
        OnHost();
        continue;
      }
      if (source == Source::kCapture) {
        OnCapture(tag >> 3);
        continue;
      }
      // An earlier event of this round may have ended the slot.
      const auto found = slots_.find(tag >> 3);
      if (found != slots_.end()) Dispatch(source, *found->second);
    }
    SweepEnding();
    Serve();
    Refill();
    Flush();
  }
  return {};
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
    case Source::kCapture:
      return;
    case Source::kFiller:
      return OnFiller(slot);
    case Source::kFillerExit:
      return OnFillerExit(slot);
    case Source::kControl:
      return OnControl(slot);
    case Source::kExit:
      return OnExit(slot);
  }
}

void Zygote::Transition(Slot& slot, Slot::State to) {
  using State = Slot::State;
  const State from = slot.state;
  const bool allowed = (to == State::kEnding && from != State::kEnding) ||
                       (from == State::kFilling && to == State::kPreparing) ||
                       (from == State::kPreparing && to == State::kReady) ||
                       (from == State::kReady && to == State::kLaunching) ||
                       (from == State::kLaunching && to == State::kRunning);
  CHECK(allowed);
  slot.state = to;
}

// --- hearthd's requests

void Zygote::OnHost() {
  while (!host_gone_) {
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
    const std::string_view body = std::string_view(message->data).substr(1);
    if (message->data[0] == static_cast<char>(PacketKind::kAdopt)) {
      if (auto packet = DecodeAdopt(body)) {
        Adopt(*packet);
        continue;
      }
    }
    if (message->data[0] == static_cast<char>(PacketKind::kCapture)) {
      if (auto packet = DecodeCapture(body)) {
        Capture(*packet, message->fds);
        continue;
      }
    }
    auto packet = message->data[0] == static_cast<char>(PacketKind::kLaunch)
                      ? DecodeLaunch(body)
                      : base::Invalid("read packet", "it is no request");
    if (!packet) {
      // A host that cannot speak the protocol cannot be answered either: it is a bug of ours.
      host_gone_ = true;
      return;
    }
    Accept(std::move(*packet), std::move(message->fds));
  }
}

void Zygote::Accept(LaunchPacket packet, std::vector<base::UniqueFd> fds) {
  const auto refuse = [&](base::Error error) { Send(EncodeFailed({packet.id, std::move(error)})); };
  auto spec = DecodeSpec(packet.spec);
  if (!spec) return refuse(spec.error());
  if (fds.size() != packet.passed_as.size() || fds.size() > kMaxPassed) {
    return refuse(base::Invalid("launch", "descriptors are missing or too many").error());
  }
  if (waiting_.size() >= kMaxWaiting) {
    return refuse(
        base::MakeError(base::ErrorKind::kLimit, "launch", "4,096 launches are waiting already")
            .error());
  }
  failed_fills_ = 0;
  waiting_.push_back(
      {packet.id, std::move(*spec), std::move(packet.passed_as), std::move(fds), clock_.Now()});
}

Slot* Zygote::FindRunning(uint64_t launch_id) {
  const auto found = std::ranges::find_if(slots_, [&](const auto& entry) {
    return entry.second->launch_id == launch_id && entry.second->state == Slot::State::kRunning;
  });
  return found == slots_.end() ? nullptr : found->second.get();
}

void Zygote::Adopt(const AdoptPacket& packet) {
  Slot* const slot = FindRunning(packet.sandbox);
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
    TRY(slot->group.SetLimits({adoption.memory, adoption.cpu_permille, adoption.pids}));
    done("cgroup");
    TRY(MountIntoSandbox(slot->embryo.pidfd.get(), own_mounts_.get(), adoption.mounts));
    done("mounts");
    return {};
  };
  const auto adopted = adopt();
  Send(adopted ? EncodeDone({packet.id, std::move(timings)})
               : EncodeFailed({packet.id, adopted.error()}));
}

Slot* Zygote::FindReady(const TmpSize& tmp) {
  for (auto& [number, slot] : slots_) {
    if (slot->state == Slot::State::kReady && slot->tmp == tmp) return slot.get();
  }
  return nullptr;
}

void Zygote::Serve() {
  for (size_t i = 0; i < waiting_.size();) {
    const Spec& spec = waiting_[i].spec;
    Slot* slot = FindReady({spec.tmp, spec.tmp_inodes});
    if (slot == nullptr) {
      ++i;
      continue;
    }
    Launch launch = std::move(waiting_[i]);
    waiting_.erase(waiting_.begin() + static_cast<ptrdiff_t>(i));
    Order(*slot, std::move(launch));
  }
}

// --- the pool

uint32_t Zygote::FreeUidIndex() const {
  std::set<uint32_t> used;
  for (const auto& [number, slot] : slots_) used.insert(slot->uid_index);
  uint32_t index = 0;
  while (used.contains(index)) ++index;
  return index;
}

void Zygote::Refill() {
  // Wanted: one embryo for each waiting launch of its /tmp size, and the pool of the usual size.
  std::vector<TmpSize> wanted;
  for (const auto& launch : waiting_) wanted.push_back({launch.spec.tmp, launch.spec.tmp_inodes});
  for (size_t i = 0; i < options_.pool_size; ++i) wanted.push_back(kUsualTmp);
  size_t fillers = 0;
  for (const auto& [number, slot] : slots_) {
    if (slot->state > Slot::State::kReady) continue;
    fillers += slot->state == Slot::State::kFilling;
    const auto found = std::ranges::find(wanted, slot->tmp);
    if (found != wanted.end()) wanted.erase(found);
  }
  for (const auto& tmp : wanted) {
    const bool urgent = !waiting_.empty();
    if (fillers >= (urgent ? kMaxFillers : 1) || slots_.size() >= kMaxSlots) return;
    // Each failure answers a waiting launch, so this ends; the pool alone is left unfilled.
    if (failed_fills_ >= kMaxFailedFills && !urgent) return;
    auto started = StartSlot(tmp);
    if (!started) {
      ++failed_fills_;
      FailWaiting(tmp, started.error());
      return;
    }
    ++fillers;
  }
}

base::Result<void> Zygote::StartSlot(const TmpSize& tmp) {
  const uint64_t number = next_slot_++;
  Cgroup group = groups_->Group("s" + std::to_string(number));
  auto slot = std::make_unique<Slot>(Slot{.number = number, .tmp = tmp, .group = group});
  slot->uid_index = FreeUidIndex();
  const FillerJob job{group,       options_.governor,
                      tmp,         options_.first_uid + slot->uid_index * kUidsPerSandbox,
                      root_.get(), volumes_.get(),
                      &filter_};
  slot->filler = TRY(StartFiller(job));
  TRY(Watch(slot->filler.socket.get(), Source::kFiller, number, EPOLLIN));
  TRY(Watch(slot->filler.pidfd.get(), Source::kFillerExit, number, EPOLLIN));
  slots_.emplace(number, std::move(slot));
  return {};
}

void Zygote::OnFiller(Slot& slot) {
  if (slot.state != Slot::State::kFilling) return;
  auto adopt = [&]() -> base::Result<void> {
    slot.embryo = TRY(ReceiveEmbryo(slot.filler.socket.get()));
    Unwatch(slot.filler.socket);
    TRY(Watch(slot.embryo.control.get(), Source::kControl, slot.number, EPOLLIN));
    TRY(Watch(slot.embryo.pidfd.get(), Source::kExit, slot.number, EPOLLIN));
    return {};
  };
  auto adopted = adopt();
  if (adopted) return Transition(slot, Slot::State::kPreparing);
  ++failed_fills_;
  FailWaiting(slot.tmp, adopted.error());
  End(slot);
}

void Zygote::OnFillerExit(Slot& slot) {
  siginfo_t info;
  ::waitid(P_PIDFD, static_cast<id_t>(slot.filler.pidfd.get()), &info, WEXITED | WNOHANG);
  Unwatch(slot.filler.pidfd);
  slot.filler.pid = 0;
}

// --- one embryo

void Zygote::OnControl(Slot& slot) {
  auto message =
      sys::ReceiveMessage(slot.embryo.control.get(), sizeof(EmbryoReport) + 1, MSG_DONTWAIT);
  if (!message) {
    if (message.error().error_number != EAGAIN) End(slot);
    return;
  }
  if (message->closed) {
    // Close-on-exec: the program runs, or the process died, which its pidfd then says.
    Unwatch(slot.embryo.control);
    if (slot.state == Slot::State::kLaunching && slot.listening) return Launched(slot);
    return End(slot);
  }
  EmbryoReport report;
  if (message->data.size() != sizeof report) return End(slot);
  std::memcpy(&report, message->data.data(), sizeof report);
  for (uint32_t i = 0; i < std::min<uint32_t>(report.count, std::size(report.timings)); ++i) {
    slot.timings.push_back({StepName(static_cast<Step>(report.timings[i].step)),
                            std::chrono::nanoseconds(report.timings[i].took_ns)});
  }
  switch (report.kind) {
    case EmbryoReport::kPrepared:
      failed_fills_ = 0;
      slot.timings.clear();
      return Transition(slot, Slot::State::kReady);
    case EmbryoReport::kListening:
      slot.listeners = std::move(message->fds);
      slot.listening = true;
      return;
    default: {
      base::Error error =
          base::SystemError(StepName(static_cast<Step>(report.failed_step)), report.error_number)
              .error();
      if (slot.state == Slot::State::kLaunching) return FailLaunch(slot, std::move(error));
      ++failed_fills_;
      FailWaiting(slot.tmp, std::move(error));
      return End(slot);
    }
  }
}

void Zygote::Order(Slot& slot, Launch launch) {
  Transition(slot, Slot::State::kLaunching);
  slot.launch_id = launch.id;
  slot.ordered_at = clock_.Now();
  slot.timings.push_back({"wait for an embryo", slot.ordered_at - launch.asked_at});
  auto sent = SendOrder(slot, launch);
  if (!sent) FailLaunch(slot, sent.error());
}

base::Result<void> Zygote::SendOrder(Slot& slot, const Launch& launch) {
  const Spec& spec = launch.spec;
  TRY(slot.group.SetLimits({spec.memory, spec.cpu_permille, spec.pids}));
  const auto limited_at = clock_.Now();
  slot.timings.push_back({"cgroup", limited_at - slot.ordered_at});
  std::vector<base::UniqueFd> mounts;
  std::vector<int> fds;
  std::string strings;
  const auto put = [&strings](const std::string& text) { strings.append(text).push_back('\0'); };
  put(spec.executable);
  put(spec.working_directory);
  put(spec.hostname);
  for (const auto& mount : spec.mounts) {
    mounts.push_back(TRY(CloneReadOnly(mount.source)));
    fds.push_back(mounts.back().get());
    put(mount.target);
  }
  for (const auto& argument : spec.argv) put(argument);
  for (const auto& variable : spec.environment) put(variable);
  EmbryoOrder order;
  order.mount_count = static_cast<uint32_t>(spec.mounts.size());
  order.passed_count = static_cast<uint32_t>(launch.passed.size());
  order.argument_count = static_cast<uint32_t>(spec.argv.size());
  order.variable_count = static_cast<uint32_t>(spec.environment.size());
  order.port_count = static_cast<uint32_t>(spec.listen_ports.size());
  order.string_bytes = static_cast<uint32_t>(strings.size());
  const uid_t owner = options_.first_uid + slot.uid_index * kUidsPerSandbox;
  for (size_t i = 0; i < launch.passed.size(); ++i) {
    TRY(GivePipe(launch.passed[i].get(), owner + kSandboxUid, owner + kSandboxGid));
    order.passed_as[i] = launch.passed_as[i];
    fds.push_back(launch.passed[i].get());
  }
  std::ranges::copy(spec.listen_ports, order.ports);
  std::string packet(reinterpret_cast<const char*>(&order), sizeof order);
  packet += strings;
  TRY(sys::SendMessage(slot.embryo.control.get(), packet, fds, MSG_DONTWAIT));
  const auto sent_at = clock_.Now();
  slot.timings.push_back({"clone mounts", sent_at - limited_at});
  return {};
}

void Zygote::Launched(Slot& slot) {
  Transition(slot, Slot::State::kRunning);
  base::Duration known{};
  for (const auto& timing : slot.timings) known += timing.took;
  const auto waited = slot.timings.front().took;
  const auto whole = clock_.Now() - slot.ordered_at;
  // The embryo may begin while the zygote's own step still ends, so the rest can be below zero.
  const auto rest = std::max(base::Duration::zero(), whole - (known - waited));
  slot.timings.push_back({"seccomp and exec", rest});
  std::vector<int> fds{slot.embryo.pidfd.get()};
  for (const auto& listener : slot.listeners) fds.push_back(listener.get());
  Send(EncodeLaunched({slot.launch_id, slot.group.path(), slot.timings}), std::move(fds));
  slot.listeners.clear();
}

void Zygote::FailLaunch(Slot& slot, base::Error error) {
  Send(EncodeFailed({slot.launch_id, std::move(error)}));
  slot.launch_id = 0;
  End(slot);
}

// The embryo of this kind that the longest waiting launch would have had cannot be made.
void Zygote::FailWaiting(const TmpSize& tmp, base::Error error) {
  const auto found = std::ranges::find_if(waiting_, [&](const Launch& launch) {
    return TmpSize{launch.spec.tmp, launch.spec.tmp_inodes} == tmp;
  });
  if (found == waiting_.end()) return;
  Send(EncodeFailed({found->id, std::move(error)}));
  waiting_.erase(found);
}

void Zygote::OnExit(Slot& slot) {
  siginfo_t info{};
  if (::waitid(P_PIDFD, static_cast<id_t>(slot.embryo.pidfd.get()), &info, WEXITED | WNOHANG) !=
          0 ||
      info.si_pid == 0) {
    return;
  }
  // Exec may have succeeded so shortly before that both events came in one round: first the
  // report, then the end of the control socket.
  if (slot.state == Slot::State::kLaunching && slot.embryo.control.valid()) OnControl(slot);
  if (slot.state == Slot::State::kLaunching && slot.embryo.control.valid()) OnControl(slot);
  Unwatch(slot.embryo.pidfd);
  if (slot.state == Slot::State::kRunning) {
    Outcome outcome;
    const bool exited = info.si_code == CLD_EXITED;
    outcome.kind = exited ? Outcome::Kind::kExited : Outcome::Kind::kSignaled;
    (exited ? outcome.exit_status : outcome.signal) = info.si_status;
    if (const auto usage = slot.group.ReadUsage()) {
      outcome.out_of_memory = usage->oom_kills > 0;
      outcome.memory_peak = usage->memory_peak;
      outcome.cpu_time = std::chrono::microseconds(usage->cpu_time_us);
    }
    Send(EncodeExited({slot.launch_id, outcome}));
  } else if (slot.state == Slot::State::kLaunching) {
    return FailLaunch(
        slot, base::MakeError(base::ErrorKind::kSystem, "launch", "the sandbox died before exec")
                  .error());
  }
  if (slot.state != Slot::State::kEnding) End(slot);
}

void Zygote::End(Slot& slot) {
  if (slot.state != Slot::State::kEnding) Transition(slot, Slot::State::kEnding);
  slot.group.Kill();
  Unwatch(slot.embryo.control);
  Unwatch(slot.filler.socket);
}

void Zygote::SweepEnding() {
  std::erase_if(slots_, [this](auto& entry) {
    Slot& slot = *entry.second;
    if (slot.state == Slot::State::kLaunching && clock_.Now() - slot.ordered_at > kLaunchTimeout) {
      FailLaunch(slot, base::MakeError(base::ErrorKind::kTimeout, "launch",
                                       "exec did not happen within 10 s")
                           .error());
    }
    if (slot.state != Slot::State::kEnding) return false;
    if (slot.filler.pid > 0 || slot.embryo.pidfd.valid()) return false;
    const auto removed = slot.group.Remove();
    return removed.has_value() || removed.error().error_number != EBUSY;
  });
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
    if (!sent && sent.error().error_number == EAGAIN) {
      (void)Watch(host_.get(), Source::kHost, 0, EPOLLIN | EPOLLOUT);
      return;
    }
    if (!sent) host_gone_ = true;
    outgoing_.pop_front();
  }
  (void)Watch(host_.get(), Source::kHost, 0, EPOLLIN);
}

}  // namespace hearth::sandbox
