// Adoption: a sandbox that was launched before it was known what for gets its limits and its code.
//
// Runs in the zygote. The mounts go over the image's empty mount points from outside: the zygote
// enters the sandbox's mount namespace for one system call a mount and comes back, so the sandbox
// itself never needs a privilege. Source: setns(2), move_mount(2).
#pragma once

#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "sandbox/spec.h"

namespace hearth::sandbox {

struct Adoption {
  base::Bytes memory = base::Bytes::MiB(128);
  uint32_t cpu_permille = 1000;
  uint32_t pids = 1024;
  std::vector<BindMount> mounts;
  uint64_t tmp_of = 0;  // Spec::tmp_of
};

// `sandbox` is the pidfd of its first process, `own_mounts` the caller's mount namespace, to which
// it returns: not being able to would leave the zygote in a hostile place, so that aborts. The
// caller is single-threaded.
// `tmp` is a detached mount for /tmp, over the one that is there; -1: that one stays.
base::Result<void> MountIntoSandbox(int sandbox, int own_mounts,
                                    const std::vector<BindMount>& mounts, int tmp = -1);

}  // namespace hearth::sandbox
