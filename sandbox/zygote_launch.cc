// The zygote's launches: from an embryo's order to the end of what it became.
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstring>

#include "base/sys.h"
#include "sandbox/adoption.h"
#include "sandbox/zygote.h"

namespace hearth::sandbox {
namespace {

namespace sys = base::sys;

constexpr auto kLaunchTimeout = std::chrono::seconds(10);
constexpr auto kFirstMoments = std::chrono::milliseconds(1);
constexpr size_t kRemovedAtOnce = 4;
constexpr auto kBusyPause = std::chrono::milliseconds(10);

// /dev/stderr is /proc/self/fd/2, and opening that asks who owns the pipe.
base::Result<void> GivePipe(int fd, uid_t owner, gid_t group) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return base::SystemError("fstat a passed descriptor");
  if (!S_ISFIFO(status.st_mode) || ::fchown(fd, owner, group) == 0) return {};
  return base::SystemError("give a pipe to the sandbox");
}

}  // namespace

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
    if (slot.state == Slot::State::kPreparing) {
      return FailFill(slot, base::MakeError(base::ErrorKind::kClosed, "make an embryo",
                                            "it died before it was prepared")
                                .error());
    }
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
      Transition(slot, Slot::State::kReady);
      return Serve(slot.tmp);
    case EmbryoReport::kListening:
      slot.listeners = std::move(message->fds);
      slot.listening = true;
      return;
    default: {
      base::Error error =
          base::SystemError(StepName(static_cast<Step>(report.failed_step)), report.error_number)
              .error();
      if (slot.state == Slot::State::kLaunching) return FailLaunch(slot, std::move(error));
      return FailFill(slot, std::move(error));
    }
  }
}

void Zygote::Order(Slot& slot, Launch launch) {
  Transition(slot, Slot::State::kLaunching);
  slot.launch_id = launch.id;
  slot.ordered_at = clock_.Now();
  launch_deadlines_.emplace_back(slot.ordered_at + kLaunchTimeout, slot.number);
  slot.timings.push_back({"wait for an embryo", slot.ordered_at - launch.asked_at});
  auto sent = SendOrder(slot, launch);
  if (!sent) FailLaunch(slot, sent.error());
}

// What a sandbox sees from outside: folders, and the /tmp that another one had, should it be kept.
base::Result<void> Zygote::Mount(Slot& slot, const std::vector<BindMount>& mounts,
                                 uint64_t tmp_of) {
  const auto kept = kept_.find(tmp_of);
  if (kept == kept_.end()) {
    return MountIntoSandbox(slot.embryo.pidfd.get(), own_mounts_.get(), mounts);
  }
  auto tmp = MountAgain(kept->second);
  Release(tmp_of);
  // Better an empty /tmp than no sandbox.
  if (!tmp || !MapToSandbox(*tmp, slot.embryo.pid)) {
    return MountIntoSandbox(slot.embryo.pidfd.get(), own_mounts_.get(), mounts);
  }
  TRY(MountIntoSandbox(slot.embryo.pidfd.get(), own_mounts_.get(), mounts, tmp->mount.get()));
  std::swap(slot.embryo.tmp, *tmp);
  closer_->Close(std::move(tmp->mount));  // The empty one lives below, as long as the sandbox.
  return {};
}

void Zygote::Release(uint64_t sandbox) {
  const auto kept = kept_.extract(sandbox);
  if (!kept.empty()) closer_->Close(std::move(kept.mapped().mount));
}

base::Result<void> Zygote::SendOrder(Slot& slot, const Launch& launch) {
  const Spec& spec = launch.spec;
  TRY(slot.SetLimits({spec.memory, spec.cpu_permille, spec.pids}));
  const auto limited_at = clock_.Now();
  slot.timings.push_back({"cgroup", limited_at - slot.ordered_at});
  TRY(Mount(slot, spec.mounts, spec.tmp_of));
  slot.timings.push_back({"mounts", clock_.Now() - limited_at});
  std::vector<int> fds;
  std::string strings;
  const auto put = [&strings](const std::string& text) { strings.append(text).push_back('\0'); };
  put(spec.executable);
  put(spec.working_directory);
  for (const auto& argument : spec.argv) put(argument);
  for (const auto& variable : spec.environment) put(variable);
  EmbryoOrder order;
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
  return sys::PidfdSendSignal(slot.embryo.pidfd.get(), kOrderSignal);
}

void Zygote::Launched(Slot& slot) {
  Transition(slot, Slot::State::kRunning);
  base::Duration known{};
  for (const auto& timing : slot.timings) known += timing.took;
  const auto waited = slot.timings.front().took;
  const auto whole = clock_.Now() - slot.ordered_at;
  // The embryo may begin while the zygote's own step still ends, so the rest can be below zero.
  const auto rest = std::max(base::Duration::zero(), whole - (known - waited));
  slot.timings.push_back({"exec", rest});
  std::vector<int> fds{slot.embryo.pidfd.get()};
  for (const auto& listener : slot.listeners) fds.push_back(listener.get());
  Send(EncodeLaunched({slot.launch_id, slot.group.path(), slot.timings}), std::move(fds));
  slot.listeners.clear();
  quiet_at_ = clock_.Now() + kFirstMoments;
}

void Zygote::FailLaunch(Slot& slot, base::Error error) {
  Send(EncodeFailed({slot.launch_id, std::move(error)}));
  slot.launch_id = 0;
  End(slot);
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
    kept_.emplace(slot.launch_id, std::move(slot.embryo.tmp));
    Send(EncodeExited({slot.launch_id, outcome}));
  } else if (slot.state == Slot::State::kLaunching) {
    return FailLaunch(
        slot, base::MakeError(base::ErrorKind::kSystem, "launch", "the sandbox died before exec")
                  .error());
  }
  if (slot.state != Slot::State::kEnding) End(slot);
}

// Idempotent: whoever sees the last of a slot's processes go calls it again.
void Zygote::End(Slot& slot) {
  if (slot.state != Slot::State::kEnding) {
    Transition(slot, Slot::State::kEnding);
    if (slot.filler.pid > 0) (void)sys::PidfdSendSignal(slot.filler.pidfd.get(), SIGKILL);
    slot.group.Kill();
    Unwatch(slot.embryo.control);
  }
  if (!slot.IsEmpty() || std::exchange(slot.is_dead, true)) return;
  dead_.push_back(slot.number);
  closer_->Close(std::move(slot.embryo.tmp.mount));
}

void Zygote::ExpireLaunches() {
  const auto now = clock_.Now();
  while (!launch_deadlines_.empty() && launch_deadlines_.front().first <= now) {
    Slot* const slot = slots_->Find(launch_deadlines_.front().second);
    launch_deadlines_.pop_front();
    if (slot == nullptr || slot->state != Slot::State::kLaunching) continue;
    FailLaunch(*slot, base::MakeError(base::ErrorKind::kTimeout, "launch",
                                      "exec did not happen within 10 s")
                          .error());
  }
}

// A few at a time: four folders are removed for each on a hybrid machine, and a launch may come.
void Zygote::RemoveDead() {
  const auto now = clock_.Now();
  if (now < dead_again_at_) return;
  for (size_t left = std::min(dead_.size(), kRemovedAtOnce); left > 0; --left) {
    Slot* const slot = slots_->Find(dead_.front());
    CHECK(slot != nullptr);
    const auto removed = slot->group.Remove();
    if (!removed && removed.error().error_number == EBUSY) {
      dead_again_at_ = now + kBusyPause;
      return;
    }
    dead_.pop_front();
    slots_->Remove(*slot);
  }
}

}  // namespace hearth::sandbox
