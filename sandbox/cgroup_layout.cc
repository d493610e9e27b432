#include "sandbox/cgroup_layout.h"

#include <sstream>

#include "base/file.h"

namespace hearth::sandbox {
namespace {

bool HasWord(std::string_view text, std::string_view word, char separator) {
  size_t at = 0;
  while (at <= text.size()) {
    const size_t end = std::min(text.find(separator, at), text.size());
    if (text.substr(at, end - at) == word) return true;
    at = end + 1;
  }
  return false;
}

// mountinfo writes blanks and backslashes of a path as \040 and the like.
std::string Unescape(std::string_view path) {
  std::string out;
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '\\' && i + 3 < path.size()) {
      out += static_cast<char>((path[i + 1] - '0') * 64 + (path[i + 2] - '0') * 8 +
                               (path[i + 3] - '0'));
      i += 3;
    } else {
      out += path[i];
    }
  }
  return out;
}

}  // namespace

base::Result<CgroupLayout> DetectCgroups(std::string_view mountinfo) {
  CgroupLayout out;
  std::istringstream lines{std::string(mountinfo)};
  std::string line;
  while (std::getline(lines, line)) {
    // id parent major:minor root mount-point options [optional...] - type source super-options
    const size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    std::istringstream left{line.substr(0, dash)};
    std::istringstream right{line.substr(dash + 3)};
    std::string id, parent, device, root, point, type, source, super;
    left >> id >> parent >> device >> root >> point;
    right >> type >> source >> super;
    // The first mount of a kind is the machine's; later ones are somebody's view of a part.
    const auto take = [&point](std::string& mount) {
      if (mount.empty()) mount = Unescape(point);
    };
    if (type == "cgroup2") take(out.core);
    if (type != "cgroup") continue;
    if (HasWord(super, "memory", ',')) take(out.memory);
    if (HasWord(super, "cpu", ',')) take(out.cpu);
    if (HasWord(super, "pids", ',')) take(out.pids);
  }
  if (out.core.empty()) {
    return base::MakeError(base::ErrorKind::kUnsupported, "find cgroups",
                           "no cgroup2 file system is mounted: mount -t cgroup2 none "
                           "/sys/fs/cgroup (or boot with systemd.unified_cgroup_hierarchy=1)");
  }
  std::string offered = TRY(base::ReadFile(out.core + "/cgroup.controllers"));
  while (!offered.empty() && offered.back() == '\n') offered.pop_back();
  if (HasWord(offered, "memory", ' ')) out.memory = out.core;
  if (HasWord(offered, "cpu", ' ')) out.cpu = out.core;
  if (HasWord(offered, "pids", ' ')) out.pids = out.core;
  return out;
}

std::vector<std::string> MissingControllers(const CgroupLayout& layout) {
  std::vector<std::string> out;
  if (layout.memory.empty()) {
    out.push_back(
        "the memory controller is missing, so memory is not limited: boot the kernel "
        "with cgroup_enable=memory, built with CONFIG_MEMCG");
  }
  if (layout.cpu.empty()) {
    out.push_back(
        "the cpu controller is missing, so CPU is not limited: use a kernel built with "
        "CONFIG_CFS_BANDWIDTH, or mount it (mount -t cgroup -o cpu none DIR)");
  }
  if (layout.pids.empty()) {
    out.push_back(
        "the pids controller is missing, so processes are not limited: use a kernel "
        "built with CONFIG_CGROUP_PIDS, or mount it (mount -t cgroup -o pids none DIR)");
  }
  return out;
}

}  // namespace hearth::sandbox
