// RootImage: the read-only file tree that every sandbox starts from (image "host").
//
// Built once, when the zygote starts, in the zygote's private mount namespace: the machine's own
// /usr bound read-only, a curated /etc, a minimal /dev, empty mount points. A sandbox gets a
// detached clone of it (open_tree), so folders above it need no permission for the function's user.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hearth::sandbox {

class RootImage {
 public:
  // `folder` is an empty folder of ours; the image is mounted over it.
  static base::Result<RootImage> Build(const std::string& folder);
  base::Result<base::UniqueFd> Clone() const;

 private:
  explicit RootImage(std::string folder) : folder_(std::move(folder)) {}
  std::string folder_;
};

// A detached, read-only, private clone of a host folder: nosuid, nodev.
base::Result<base::UniqueFd> CloneReadOnly(const std::string& source);

}  // namespace hearth::sandbox
