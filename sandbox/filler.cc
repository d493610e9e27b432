#include "sandbox/filler.h"

#include <linux/close_range.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <charconv>

#include "base/file.h"
#include "base/sys.h"
#include "sandbox/embryo.h"
#include "sandbox/wire.h"

namespace hearth::sandbox {
namespace {

namespace sys = base::sys;

// "0 <first> 65536": the sandbox's ids are this range of the host's.
base::Result<void> WriteIdMaps(pid_t pid, uint32_t first_uid) {
  const std::string map = "0 " + std::to_string(first_uid) + " " + std::to_string(kUidsPerSandbox);
  const std::string folder = "/proc/" + std::to_string(pid);
  TRY(base::WriteKernelFile(folder + "/uid_map", map));
  return base::WriteKernelFile(folder + "/gid_map", map);
}

// Under memory pressure of the whole machine functions go first, hearthd and others after.
constexpr std::string_view kOomScoreAdjust = "500";

// From here on the filler's effective user is the first of the sandbox's own range, with root's
// capabilities. What the kernel counts for each user (inotify instances, pending signals,
// namespaces) it counts for the owner of the user namespace too: were that root, one sandbox could
// use up what root's daemons and every other sandbox have.
base::Result<void> BecomeOwner(uint32_t first_uid) {
  if (::prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0) != 0 ||
      ::syscall(SYS_setresuid, -1, first_uid, -1) != 0) {
    return base::SystemError("become the sandbox's user");
  }
  // The kernel forgets it with each change of credentials.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  return {};
}

base::Result<FilledEmbryo> MakeEmbryo(const FillerJob& job) {
  TRY(job.group.Make(job.governor));
  const base::UniqueFd core = TRY(job.group.OpenCore());
  TmpVolume tmp = TRY(job.volumes->Make(job.tmp, job.first_uid, job.uid_index));
  base::UniqueFd root = TRY(job.root->Clone());
  auto [mine, its] = TRY(sys::SocketPair(sys::SocketType::kSeqpacket));
  TRY(job.group.EnterV1());
  TRY(BecomeOwner(job.first_uid));

  int pidfd = -1;
  struct clone_args args{};
  args.flags = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC |
               CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_PIDFD | CLONE_INTO_CGROUP | CLONE_PARENT;
  args.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  args.cgroup = static_cast<uint64_t>(core.get());
  const pid_t pid = TRY(sys::Clone3(args));
  if (pid == 0) {
    EmbryoPlan plan;
    plan.control = its.get();
    plan.root_tree = root.get();
    plan.tmp_mount = tmp.mount.get();
    plan.filter.len = static_cast<unsigned short>(job.filter->size());
    plan.filter.filter = const_cast<struct sock_filter*>(job.filter->data());
    RunEmbryo(plan);
  }
  FilledEmbryo out{pid, base::UniqueFd(pidfd), std::move(mine), std::move(tmp)};
  const auto go = [&]() -> base::Result<void> {
    TRY(WriteIdMaps(pid, job.first_uid));
    TRY(MapToSandbox(out.tmp, pid));
    TRY(base::WriteKernelFile("/proc/" + std::to_string(pid) + "/oom_score_adj", kOomScoreAdjust));
    return sys::SendMessage(out.control.get(), "g", {});
  };
  auto gone = go();
  if (!gone) {
    job.group.Kill();
    return std::unexpected(std::move(gone).error());
  }
  return out;
}

// Of a report: pidfd, control, /tmp.
constexpr size_t kFilledFds = 3;
constexpr uint32_t kNoDevice = UINT32_MAX;

[[noreturn]] void RunFiller(const FillerJob& job, int reports) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  const auto embryo = MakeEmbryo(job);
  WireWriter out;
  out.Number(job.number);
  if (embryo) {
    const std::array<int, kFilledFds> fds{embryo->pidfd.get(), embryo->control.get(),
                                          embryo->tmp.mount.get()};
    out.Number(static_cast<uint64_t>(embryo->pid));
    out.Number(embryo->tmp.device.value_or(kNoDevice));
    (void)sys::SendMessage(reports, out.Take(), fds);
  } else {
    (void)sys::SendMessage(reports, out.Take() + EncodeFailed({0, embryo.error()}), {});
  }
  ::_exit(0);
}

}  // namespace

base::Result<FillerReports> MakeFillerReports() {
  auto [receiving, sending] = TRY(sys::SocketPair(sys::SocketType::kSeqpacket));
  TRY(sys::SetNonBlocking(receiving.get()));
  return FillerReports{std::move(receiving), std::move(sending)};
}

base::Result<Filler> StartFiller(const FillerJob& job, int reports) {
  int pidfd = -1;
  struct clone_args args{};
  // The table of descriptors is shared until the child copies the low part of it: copying all of it
  // would cost each filler more with each sandbox that lives.
  args.flags = CLONE_PIDFD | CLONE_FILES;
  args.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  const pid_t pid = TRY(sys::Clone3(args));
  if (pid == 0) {
    const bool own =
        sys::CloseRange(static_cast<unsigned>(reports) + 1, ~0u, CLOSE_RANGE_UNSHARE).has_value();
    if (!own) ::_exit(1);
    RunFiller(job, reports);
  }
  return Filler{pid, base::UniqueFd(pidfd)};
}

base::Result<FillerReport> ReceiveFillerReport(int socket) {
  auto message = TRY(sys::ReceiveMessage(socket, kMaxPacket));
  const std::string_view data = message.data;
  WireReader in(data);
  FillerReport out{TRY(in.Number()), FilledEmbryo{}};
  if (message.fds.size() != kFilledFds) {
    // The kind of packet is known.
    out.embryo = std::unexpected(TRY(DecodeFailed(data.substr(sizeof(uint64_t) + 1))).error);
    return out;
  }
  const auto pid = static_cast<pid_t>(TRY(in.Number(INT32_MAX)));
  const auto device = static_cast<uint32_t>(TRY(in.Number(UINT32_MAX)));
  TmpVolume tmp{std::move(message.fds[2]), device};
  if (device == kNoDevice) tmp.device.reset();
  out.embryo =
      FilledEmbryo{pid, std::move(message.fds[0]), std::move(message.fds[1]), std::move(tmp)};
  return out;
}

}  // namespace hearth::sandbox
