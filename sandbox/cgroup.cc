#include "sandbox/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "base/file.h"

namespace hearth::sandbox {
namespace {

constexpr uint32_t kPeriodUs = 100'000;  // The kernel's default period.
// v1 counts what waits in TCP and UDP sockets apart from memory.limit_in_bytes, and without a limit
// of its own not at all: over its loopback a function could take the whole machine's tcp_mem.
constexpr base::Bytes kV1SocketMemory = base::Bytes::MiB(32);

base::Result<void> MakeFolder(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
    return base::SystemError("make cgroup " + path);
  }
  return {};
}

base::Result<base::UniqueFd> OpenFile(const std::string& path, int flags) {
  base::UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC));
  if (!fd.valid()) return base::SystemError("open " + path);
  return fd;
}

// What a kernel may have been built without.
base::Result<void> WriteWhereThere(const std::string& path, std::string_view text) {
  return base::FileExists(path) ? base::WriteKernelFile(path, text) : base::Result<void>();
}

std::vector<std::string> SubfoldersOf(const std::string& path) {
  std::vector<std::string> out;
  std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), &::closedir);
  if (!folder) return out;
  while (const struct dirent* entry = ::readdir(folder.get())) {
    const std::string name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..") out.push_back(name);
  }
  return out;
}

// Sandboxes cannot make groups (no cgroupfs is mounted in them), so one level is all there is.
base::Result<void> RemoveFolder(const std::string& path) {
  if (::rmdir(path.c_str()) != 0 && errno != ENOENT) return base::SystemError("remove " + path);
  return {};
}

}  // namespace

std::string FormatCpuLimit(uint32_t permille, bool v2) {
  // The kernel refuses a quota below 1 ms.
  const uint64_t quota_us = std::max<uint64_t>(1000, uint64_t{kPeriodUs} * permille / 1000);
  return v2 ? std::to_string(quota_us) + " " + std::to_string(kPeriodUs) : std::to_string(quota_us);
}

base::Result<void> ReclaimMemory(int fd, base::Bytes amount) {
  // v1's file takes any number, and all it can.
  const std::string text = std::to_string(amount.count());
  if (::write(fd, text.data(), text.size()) < 0 && errno != EAGAIN && errno != EINTR) {
    return base::SystemError("reclaim memory");
  }
  return {};
}

uint64_t NumberAfter(std::string_view text, std::string_view key) {
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ') {
      uint64_t value = 0;
      std::from_chars(line.data() + key.size() + 1, line.data() + line.size(), value);
      return value;
    }
    at = end + 1;
  }
  return 0;
}

std::vector<std::string> Cgroup::Folders() const {
  std::vector<std::string> out{layout_->core + path_};
  for (const auto* mount : {&layout_->memory, &layout_->cpu, &layout_->pids}) {
    const std::string folder = *mount + path_;
    if (!mount->empty() && std::ranges::find(out, folder) == out.end()) out.push_back(folder);
  }
  return out;
}

base::Result<void> Cgroup::Make(uid_t governor) const {
  for (const auto& folder : Folders()) TRY(MakeFolder(folder));
  if (governor != 0) TRY(GiveTo(governor));
  TRY(SetLimits(kUsualLimits));
  if (layout_->memory.empty()) return {};
  if (layout_->MemoryIsV2()) {
    TRY(base::WriteKernelFile(Memory("/memory.oom.group"), "1"));
    return WriteWhereThere(Memory("/memory.swap.max"), "0");
  }
  TRY(WriteWhereThere(Memory("/memory.swappiness"), "0"));
  return WriteWhereThere(Memory("/memory.kmem.tcp.limit_in_bytes"),
                         std::to_string(kV1SocketMemory.count()));
}

// The kernel goes through all groups of the machine at each write (a millisecond where there are
// 5,000), even if it says what is there already.
base::Result<void> Cgroup::SetCpuLimit(uint32_t permille) const {
  if (layout_->cpu.empty()) return {};
  const std::string path = NamesOf(GroupFile::kCpu).front();
  const std::string limit = FormatCpuLimit(permille, layout_->CpuIsV2());
  if (base::ReadFile(path).value_or("") == limit + "\n") return {};
  return base::WriteKernelFile(path, limit);
}

base::Result<void> Cgroup::GiveTo(uid_t governor) const {
  for (const auto file :
       {GroupFile::kFreeze, GroupFile::kKill, GroupFile::kCpu, GroupFile::kReclaim}) {
    for (const auto& name : NamesOf(file)) {
      if (name == "/dev/null") continue;
      if (::chown(name.c_str(), governor, static_cast<gid_t>(-1)) == 0) break;
      if (errno != ENOENT) return base::SystemError("give " + name + " to its governor");
    }
  }
  return {};
}

base::Result<base::UniqueFd> Cgroup::OpenCore() const {
  return OpenFile(layout_->core + path_, O_RDONLY | O_DIRECTORY);
}

base::Result<void> Cgroup::EnterV1() const {
  for (const auto& folder : Folders()) {
    if (folder == layout_->core + path_) continue;
    TRY(base::WriteKernelFile(folder + "/cgroup.procs", "0"));
  }
  return {};
}

base::Result<void> Cgroup::SetLimits(const CgroupLimits& limits, const CgroupLimits& now) const {
  if (limits.memory != now.memory) TRY(SetMemoryLimit(limits.memory));
  TRY(SetCpuLimit(limits.cpu_permille));
  if (limits.pids == now.pids || layout_->pids.empty()) return {};
  return base::WriteKernelFile(Pids("/pids.max"), std::to_string(limits.pids));
}

base::Result<void> Cgroup::SetMemoryLimit(base::Bytes limit) const {
  if (layout_->memory.empty()) return {};
  const std::string memory = std::to_string(limit.count());
  if (layout_->MemoryIsV2()) return base::WriteKernelFile(Memory("/memory.max"), memory);
  // Memory and swap together: with both equal there is no swap. Absent without swap accounting.
  // The sum may never be the smaller of the two, so it goes first where the limit grows.
  const std::string sum = Memory("/memory.memsw.limit_in_bytes");
  const bool has_sum = base::FileExists(sum);
  const bool raised = has_sum && base::WriteKernelFile(sum, memory).has_value();
  TRY(base::WriteKernelFile(Memory("/memory.limit_in_bytes"), memory));
  if (has_sum && !raised) return base::WriteKernelFile(sum, memory);
  return {};
}

// The first of these that is there, as later kernels have more.
std::vector<std::string> Cgroup::NamesOf(GroupFile file) const {
  const bool v2 = layout_->MemoryIsV2();
  const bool memory = !layout_->memory.empty();
  switch (file) {
    case GroupFile::kFreeze:
      return {Core("/cgroup.freeze")};
    case GroupFile::kKill:
      return {Core("/cgroup.kill")};
    case GroupFile::kCpu:
      if (layout_->cpu.empty()) return {"/dev/null"};
      return {Cpu(layout_->CpuIsV2() ? "/cpu.max" : "/cpu.cfs_quota_us")};
    case GroupFile::kReclaim:
      if (!memory) return {"/dev/null"};
      // v2's came with Linux 5.19. v1's name is older than what it does: it takes from groups that
      // have processes, too.
      if (v2) return {Memory("/memory.reclaim"), "/dev/null"};
      return {Memory("/memory.force_empty")};
    case GroupFile::kMemoryNow:
      if (!memory) return {"/dev/null"};
      return {Memory(v2 ? "/memory.current" : "/memory.usage_in_bytes")};
    case GroupFile::kMemoryPeak:
      if (!memory) return {"/dev/null"};
      // memory.peak came with Linux 5.19; before it the present use has to do.
      if (v2) return {Memory("/memory.peak"), Memory("/memory.current")};
      return {Memory("/memory.max_usage_in_bytes")};
    case GroupFile::kOom:
      if (!memory) return {"/dev/null"};
      return {Memory(v2 ? "/memory.events" : "/memory.oom_control")};
  }
  return {};
}

base::Result<base::UniqueFd> Cgroup::Open(GroupFile file) const {
  const int mode = file < GroupFile::kMemoryNow ? O_WRONLY : O_RDONLY;
  base::Result<base::UniqueFd> out;
  for (const auto& name : NamesOf(file)) {
    out = OpenFile(name, mode);
    if (out || out.error().error_number != ENOENT) break;
  }
  return out;
}

base::Result<CgroupUsage> Cgroup::ReadUsage() const {
  CgroupUsage out;
  const std::string peak = TRY(base::ReadFromStart(TRY(Open(GroupFile::kMemoryPeak)).get()));
  uint64_t bytes = 0;
  std::from_chars(peak.data(), peak.data() + peak.size(), bytes);
  out.memory_peak = base::Bytes(bytes);
  out.oom_kills =
      NumberAfter(TRY(base::ReadFromStart(TRY(Open(GroupFile::kOom)).get())), "oom_kill");
  // The core accounts CPU time even where the cpu controller is on v1.
  out.cpu_time_us = NumberAfter(TRY(base::ReadFile(Core("/cpu.stat"))), "usage_usec");
  return out;
}

void Cgroup::Kill() const {
  // A group that is gone has nothing left to kill.
  (void)base::WriteKernelFile(Core("/cgroup.kill"), "1");
}

bool Cgroup::HasProcesses() const {
  const auto events = base::ReadFile(Core("/cgroup.events"));
  return events && NumberAfter(*events, "populated") != 0;
}

base::Result<void> Cgroup::Remove() const {
  for (const auto& folder : Folders()) TRY(RemoveFolder(folder));
  return {};
}

base::Result<CgroupTree> CgroupTree::Create(CgroupLayout layout, const std::string& name) {
  CgroupTree tree(std::move(layout), "/" + name);
  const CgroupLayout& at = tree.layout_;
  for (const auto* mount : {&at.core, &at.memory, &at.cpu, &at.pids}) {
    if (!mount->empty()) TRY(MakeFolder(*mount + tree.path_));
  }
  const std::pair<const char*, bool> controllers[] = {
      {"+memory", at.MemoryIsV2()}, {"+cpu", at.CpuIsV2()}, {"+pids", at.PidsIsV2()}};
  for (const auto& [controller, is_v2] : controllers) {
    if (!is_v2) continue;
    TRY(base::WriteKernelFile(at.core + "/cgroup.subtree_control", controller));
    TRY(base::WriteKernelFile(at.core + tree.path_ + "/cgroup.subtree_control", controller));
  }
  return tree;
}

base::Result<size_t> CgroupTree::RemoveStale() const {
  size_t removed = 0;
  std::vector<std::string> names = SubfoldersOf(layout_.core + path_);
  for (const auto* mount : {&layout_.memory, &layout_.cpu, &layout_.pids}) {
    if (mount->empty()) continue;
    for (auto& name : SubfoldersOf(*mount + path_)) names.push_back(std::move(name));
  }
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  for (const auto& name : names) {
    const Cgroup group = Group(name);
    group.Kill();
    // A killed process leaves its group when it has been reaped: bounded, a second at most.
    constexpr int kTries = 200;
    base::Result<void> gone;
    for (int i = 0; i < kTries; ++i) {
      gone = group.Remove();
      if (gone || gone.error().error_number != EBUSY) break;
      ::poll(nullptr, 0, 5);
    }
    TRY(std::move(gone));
    ++removed;
  }
  return removed;
}

void CgroupTree::Remove() const {
  for (const auto* mount : {&layout_.memory, &layout_.cpu, &layout_.pids}) {
    if (!mount->empty() && *mount != layout_.core) (void)RemoveFolder(*mount + path_);
  }
  (void)RemoveFolder(layout_.core + path_);
}

}  // namespace hearth::sandbox
