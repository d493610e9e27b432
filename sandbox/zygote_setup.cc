// How a zygote begins and ends: what it finds out and makes before the first launch, and the order
// in which everything goes.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>

#include "base/file.h"
#include "base/sys.h"
#include "sandbox/seccomp.h"
#include "sandbox/zygote.h"

namespace hearth::sandbox {
namespace {

namespace sys = base::sys;

// A predecessor whose hearthd was killed is still removing its groups.
constexpr auto kLockTimeout = std::chrono::seconds(3);
constexpr size_t kMaxSlots = 16384;  // ranges of 65,536 user ids: a quarter of all there are
constexpr size_t kMaxWaiting = 512;  // launches without an embryo that are held at once
constexpr size_t kSpareFiles = 2 * kMaxWaiting * kMaxPassed;  // for what is no live sandbox

bool IsSameFolder(int fd, const std::string& path) {
  struct stat open_one{}, there{};
  return ::fstat(fd, &open_one) == 0 && ::stat(path.c_str(), &there) == 0 &&
         open_one.st_dev == there.st_dev && open_one.st_ino == there.st_ino;
}

}  // namespace

base::Result<std::unique_ptr<Zygote>> Zygote::Create(ZygoteOptions options, base::UniqueFd host,
                                                     const base::Clock& clock) {
  std::unique_ptr<Zygote> out(new Zygote(std::move(options), std::move(host), clock));
  TRY(out->Prepare());
  return out;
}

base::Result<void> Zygote::Prepare() {
  closer_ = TRY(Closer::Start());
  fillers_ = TRY(MakeFillerReports());
  CgroupLayout layout = TRY(DetectCgroups(TRY(base::ReadFile("/proc/self/mountinfo"))));
  machine_.cgroup_layout = layout.unified() ? "unified" : "hybrid";
  machine_.unenforced = MissingControllers(layout);
  if (!machine_.unenforced.empty() && !options_.allow_unenforced) {
    return base::MakeError(base::ErrorKind::kUnsupported, "check cgroup controllers",
                           machine_.unenforced.front());
  }
  TRY(LockGroups(layout));
  LimitSlots();
  const size_t stale = TRY(groups_->RemoveStale());
  if (stale > 0) {
    machine_.notices.push_back("removed " + std::to_string(stale) +
                               " sandboxes that a killed predecessor left behind");
  }
  TRY(base::MakeFolders(options_.state_folder, 0700));
  TRY(LeaveHostsMounts());
  root_ = std::make_unique<RootImage>(TRY(RootImage::Build(options_.state_folder + "/root")));
  volumes_ = std::make_unique<TmpVolumes>(
      TRY(TmpVolumes::Create(options_.state_folder + "/tmp", kUsualTmp)));
  machine_.tmp_kind = volumes_->kind();
  if (!volumes_->why_tmpfs().empty()) {
    machine_.notices.push_back("/tmp is a tmpfs, which counts as the function's memory: " +
                               volumes_->why_tmpfs());
  }
  filter_ = TRY(BuildSeccompFilter());
  epoll_ = base::UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_.valid()) return base::SystemError("epoll_create1");
  TRY(sys::SetNonBlocking(host_.get()));
  WatchHost();
  TRY(Watch(fillers_.receiving.get(), Source::kFillers, 0, EPOLLIN));
  Send(EncodeHello(machine_));
  Refill();
  return {};
}

// groups_ is set with the lock only: whoever has groups_ removes everything below it in the end.
base::Result<void> Zygote::LockGroups(const CgroupLayout& layout) {
  const auto deadline = base::Deadline::After(clock_, kLockTimeout);
  while (true) {
    auto tree = TRY(CgroupTree::Create(layout, options_.cgroup_name));
    const std::string path = tree.CorePath();
    lock_ = base::UniqueFd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // A predecessor that was just ending may have removed what was opened here.
    if (lock_.valid() && ::flock(lock_.get(), LOCK_EX | LOCK_NB) == 0 &&
        IsSameFolder(lock_.get(), path)) {
      groups_ = std::make_unique<CgroupTree>(std::move(tree));
      return {};
    }
    if (deadline.HasPassed(clock_)) {
      return base::MakeError(base::ErrorKind::kConflict, "lock the cgroup",
                             "another zygote governs " + path + ": choose another cgroup name");
    }
    ::poll(nullptr, 0, 10);
  }
}

// Each sandbox costs a pidfd and its /tmp here; one in the making, and a launch that waits, some
// more.
void Zygote::LimitSlots() {
  slots_ = std::make_unique<SlotTable>(*groups_);
  struct rlimit files{};
  CHECK(::getrlimit(RLIMIT_NOFILE, &files) == 0);
  const size_t spare = std::min<size_t>(kSpareFiles, files.rlim_cur / 2);
  const size_t by_files = (files.rlim_cur - spare) / 2;
  max_waiting_ = std::max<size_t>(1, spare / 2 / kMaxPassed);
  max_slots_ = std::min({options_.max_sandboxes, by_files, kMaxSlots});
  const char* const reason = max_slots_ == options_.max_sandboxes ? "max_sandboxes allows"
                             : max_slots_ == by_files
                                 ? "the limit of open files allows: raise RLIMIT_NOFILE (hard)"
                                 : "there are ranges of user ids";
  why_full_ = std::to_string(max_slots_) + " sandboxes are live: as many as " + reason;
}

base::Result<void> Zygote::LeaveHostsMounts() {
  if (::unshare(CLONE_NEWNS) != 0) return base::SystemError("unshare mounts");
  // Slave: new mounts of the host are seen here, ours are never seen there.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
    return base::SystemError("make mounts slaves");
  }
  // The pids that clone3 gives are those of our own pid namespace.
  if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) {
    return base::SystemError("mount /proc");
  }
  own_mounts_ = base::UniqueFd(::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
  if (!own_mounts_.valid()) return base::SystemError("open /proc/self/ns/mnt");
  own_network_ = base::UniqueFd(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!own_network_.valid()) return base::SystemError("open /proc/self/ns/net");
  return {};
}

Zygote::~Zygote() {
  // Kill everything first, so that the dying overlap; then wait for each and remove its group.
  if (!groups_) return;
  slots_->ForEach([](Slot& slot) {
    if (slot.filler.pid > 0) (void)sys::PidfdSendSignal(slot.filler.pidfd.get(), SIGKILL);
    slot.group.Kill();
  });
  slots_->ForEach([](Slot& slot) {
    siginfo_t info;
    for (const auto* pidfd : {&slot.filler.pidfd, &slot.embryo.pidfd}) {
      if (pidfd->valid()) {
        ::waitid(P_PIDFD, static_cast<id_t>(pidfd->get()), &info, WEXITED);
      }
    }
  });
  // A successor waits for the lock, and nobody for the volumes, which this process's end closes.
  (void)groups_->RemoveStale();
  groups_->Remove();
  lock_.Reset();
}

}  // namespace hearth::sandbox
