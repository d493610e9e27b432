// CgroupLayout: where this machine keeps each cgroup controller.
//
// cgroup v2 is the model. A hybrid machine has the v2 core (freeze, kill) on one mount and the
// controllers on v1 mounts. Source: cgroups(7), proc(5) mountinfo.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::sandbox {

struct CgroupLayout {
  std::string core;    // mount point of cgroup2; cgroup.freeze, cgroup.kill, cgroup.events
  std::string memory;  // mount point of the controller; equals core where it is v2
  std::string cpu;
  std::string pids;

  bool unified() const { return memory == core && cpu == core && pids == core; }
  bool MemoryIsV2() const { return memory == core; }
  bool CpuIsV2() const { return cpu == core; }
  bool PidsIsV2() const { return pids == core; }
};

// Reads mountinfo's text and cgroup.controllers of the v2 mount: a controller is v2 where the core
// offers it, else v1 where it is mounted, else empty. Fails where there is no cgroup2 mount.
base::Result<CgroupLayout> DetectCgroups(std::string_view mountinfo);
// For each controller that this machine lacks: what is missing and how to get it.
std::vector<std::string> MissingControllers(const CgroupLayout& layout);

}  // namespace hearth::sandbox
