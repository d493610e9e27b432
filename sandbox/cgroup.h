// Cgroup: the resource group of one sandbox, whatever the machine's layout.
//
// CgroupTree is Hearth's own folder in each hierarchy; it holds no process itself ("no internal
// processes" of v2). A Cgroup below it is one sandbox. Nothing above this pair knows v1 from v2.
// Files, directly. Source: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst.
#pragma once

#include <sys/types.h>

#include <array>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/cgroup_layout.h"

namespace hearth::sandbox {

struct CgroupLimits {
  base::Bytes memory;         // with no swap
  uint32_t cpu_permille = 0;  // of one CPU, per 100 ms
  uint32_t pids = 0;
};
// Most specs begin with these: what was set before it is asked for costs no launch anything.
constexpr CgroupLimits kUsualLimits{base::Bytes::MiB(128), 1000, 1024};

struct CgroupUsage {
  base::Bytes memory_peak;
  uint64_t oom_kills = 0;
  uint64_t cpu_time_us = 0;
};

// The files through which a group is governed once it lives.
enum class GroupFile {
  kFreeze,      // write "1" or "0"
  kKill,        // write "1"
  kCpu,         // write FormatCpuLimit
  kReclaim,     // ReclaimMemory
  kMemoryNow,   // a number of bytes
  kMemoryPeak,  // a number of bytes
  kOom,         // a line "oom_kill N"
};

class Cgroup {
 public:
  Cgroup(const CgroupLayout* layout, std::string path) : layout_(layout), path_(std::move(path)) {}

  // Makes the group's folders, the settings that do not depend on a spec, and kUsualLimits. The
  // user `governor` may open its GroupFiles.
  base::Result<void> Make(uid_t governor) const;
  // An O_PATH-like descriptor of the core's folder for CLONE_INTO_CGROUP.
  base::Result<base::UniqueFd> OpenCore() const;
  // Moves the calling process into the groups that CLONE_INTO_CGROUP does not reach (v1). Each
  // move may wait for a grace period (10 ms): never on a request's path.
  base::Result<void> EnterV1() const;
  // Of memory and pids only those that differ from `now` are written.
  base::Result<void> SetLimits(const CgroupLimits& limits, const CgroupLimits& now = {}) const;
  // /dev/null in place of a file that this machine lacks.
  base::Result<base::UniqueFd> Open(GroupFile file) const;
  base::Result<CgroupUsage> ReadUsage() const;
  void Kill() const;
  bool HasProcesses() const;
  // Removes every folder; EBUSY while a process is still leaving: ask again. Absence is success.
  base::Result<void> Remove() const;
  const std::string& path() const { return path_; }

 private:
  base::Result<void> SetMemoryLimit(base::Bytes limit) const;
  std::vector<std::string> NamesOf(GroupFile file) const;
  base::Result<void> GiveTo(uid_t governor) const;
  base::Result<void> SetCpuLimit(uint32_t permille) const;
  std::string Core(const char* file) const { return layout_->core + path_ + file; }
  std::string Memory(const char* file) const { return layout_->memory + path_ + file; }
  std::string Cpu(const char* file) const { return layout_->cpu + path_ + file; }
  std::string Pids(const char* file) const { return layout_->pids + path_ + file; }
  std::vector<std::string> Folders() const;

  const CgroupLayout* layout_;
  std::string path_;  // "/hearth/s12", the same in every hierarchy
};

class CgroupTree {
 public:
  // Makes Hearth's own folders and, on v2, hands the controllers down to them.
  static base::Result<CgroupTree> Create(CgroupLayout layout, const std::string& name);

  Cgroup Group(const std::string& name) const { return Cgroup(&layout_, path_ + "/" + name); }
  // Kills and removes the groups that a killed predecessor left behind; says how many.
  base::Result<size_t> RemoveStale() const;
  // The core's folder goes last: its lock says that all of them are ours, and a successor that
  // waits for it makes the others anew.
  void Remove() const;
  const CgroupLayout& layout() const { return layout_; }
  std::string CorePath() const { return layout_.core + path_; }

 private:
  CgroupTree(CgroupLayout layout, std::string path)
      : layout_(std::move(layout)), path_(std::move(path)) {}
  CgroupLayout layout_;
  std::string path_;
};

// What is written to GroupFile::kCpu.
std::string FormatCpuLimit(uint32_t permille, bool v2);
// Asks the kernel for up to `amount` of the memory that the group of a GroupFile::kReclaim can do
// without (file pages; what may be swapped), frozen or not. Blocks while pages are taken and
// written back: milliseconds and more. That there was less to take is no failure.
base::Result<void> ReclaimMemory(int fd, base::Bytes amount);
// The number after `key` in a file of "key number" lines; 0 where it is not there.
uint64_t NumberAfter(std::string_view text, std::string_view key);

}  // namespace hearth::sandbox
