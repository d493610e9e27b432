// TmpVolume: a sandbox's /tmp, limited in bytes and inodes.
//
// A sparse copy of a prepared ext4 image (no journal), attached to a loop device: its pages are
// page cache, which the kernel can write back and drop, so that a full /tmp does not count as the
// function's memory. The copy has no name (O_TMPFILE) and the loop device clears itself, so a
// volume is gone with its last mount, whoever dies; closing that takes long (sandbox/closer.h).
// Files in an image belong to a sandbox's own ids, which each mount maps to those of the sandbox it
// is in: so one volume can serve several sandboxes, one after the other. Where ext4 or loop is
// missing: tmpfs, for one sandbox only.
// Source: mount_setattr(2), MOUNT_ATTR_IDMAP.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace hearth::sandbox {

struct TmpSize {
  base::Bytes size;
  uint64_t inodes = 0;
  auto operator<=>(const TmpSize&) const = default;
};

// The detached mount, and later the mount that the sandbox has: while this is open the volume
// lives.
struct TmpVolume {
  base::UniqueFd mount;
  std::optional<uint32_t> device;  // The loop device's number; nothing: tmpfs.
};

constexpr char kTmpfs[] = "tmpfs";

class TmpVolumes {
 public:
  // `folder` is ours; templates are kept in it. Probes this machine by making one volume.
  static base::Result<TmpVolumes> Create(const std::string& folder, const TmpSize& usual);

  // Empty, for the sandbox whose ids begin at `first_id` of the host. Takes 2 - 4 ms, and runs
  // mkfs.ext4 (30 ms) at the first use of a size: not on a request's path.
  // `number` is the caller's own among those that live: it is tried first as that of the device.
  base::Result<TmpVolume> Make(const TmpSize& size, uint32_t first_id, uint32_t number) const;

  const std::string& kind() const { return kind_; }      // "ext4 image" or kTmpfs
  const std::string& why_tmpfs() const { return why_; }  // empty for "ext4 image"

 private:
  explicit TmpVolumes(std::string folder) : folder_(std::move(folder)) {}
  std::string folder_;
  std::string kind_ = "ext4 image";
  std::string why_;
};

// Shows what is in a detached mount to the sandbox whose first process is `pid`, as its own.
base::Result<void> MapToSandbox(const TmpVolume& volume, pid_t pid);
// The same files, detached, mapped to nobody yet. Fails for a tmpfs.
base::Result<TmpVolume> MountAgain(const TmpVolume& volume);

}  // namespace hearth::sandbox
