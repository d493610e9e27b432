#include "sandbox/adoption.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>

#include "base/sys.h"
#include "sandbox/root_image.h"

namespace hearth::sandbox {

namespace sys = base::sys;

base::Result<void> MountIntoSandbox(int sandbox, int own_mounts,
                                    const std::vector<BindMount>& mounts, int tmp) {
  // Cloned here: the sources are this namespace's.
  std::vector<base::UniqueFd> trees;
  for (const auto& mount : mounts) trees.push_back(TRY(CloneReadOnly(mount.source)));
  if (::setns(sandbox, CLONE_NEWNS) != 0) return base::SystemError("enter the sandbox's mounts");
  base::Result<void> moved;
  for (size_t i = 0; i < trees.size() && moved; ++i) {
    moved = sys::MoveMount(trees[i].get(), "", AT_FDCWD, mounts[i].target, MOVE_MOUNT_F_EMPTY_PATH);
  }
  if (tmp >= 0 && moved) {
    moved = sys::MoveMount(tmp, "", AT_FDCWD, "/tmp", MOVE_MOUNT_F_EMPTY_PATH);
  }
  CHECK(::setns(own_mounts, CLONE_NEWNS) == 0);
  return moved;
}

}  // namespace hearth::sandbox
