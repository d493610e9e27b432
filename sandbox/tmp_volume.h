// TmpVolume: a sandbox's /tmp, limited in bytes and inodes.
//
// A sparse copy of a prepared ext4 image (no journal), attached to a loop device: its pages are
// page cache, which the kernel can write back and drop, so that a full /tmp does not count as the
// function's memory. The copy has no name (O_TMPFILE) and the loop device clears itself, so a
// volume is gone with its last mount, whoever dies. Where ext4 or loop is missing: tmpfs.
#pragma once

#include <sys/types.h>

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

class TmpVolumes {
 public:
  // `folder` is ours; templates are kept in it. Probes this machine by making one volume.
  static base::Result<TmpVolumes> Create(const std::string& folder, const TmpSize& usual);

  // A detached mount whose root belongs to `owner` (host ids), mode 0700. Takes 2 - 4 ms, and runs
  // mkfs.ext4 (30 ms) at the first use of a size: not on a request's path.
  // `number` is the caller's own among those that live: it is tried first as that of the device.
  base::Result<base::UniqueFd> Make(const TmpSize& size, uid_t owner, gid_t group,
                                    uint32_t number) const;

  const std::string& kind() const { return kind_; }      // "ext4 image" or "tmpfs"
  const std::string& why_tmpfs() const { return why_; }  // empty for "ext4 image"

 private:
  explicit TmpVolumes(std::string folder) : folder_(std::move(folder)) {}
  std::string folder_;
  std::string kind_ = "ext4 image";
  std::string why_;
};

}  // namespace hearth::sandbox
