// Merge: several trees over each other, as a function sees its layers in /opt.
#pragma once

#include <string>
#include <vector>

#include "base/limits.h"
#include "base/result.h"

namespace hearth::layers {

// Lays the trees of `sources` over each other into `folder`, which exists and is empty: folders are
// joined; of two files, or of a file and a folder, of one name the later tree's stays. Files are
// hard links where the file system can, else copies. No symbolic link is followed: what a tree
// plants leads nowhere. More than `entries` files and folders in all: kLimit. Not durable; on
// failure the folder's content is unspecified. Blocking.
base::Result<void> MergeTrees(const std::vector<std::string>& sources, const std::string& folder,
                              size_t entries = limits::kMaxArchiveEntries);

}  // namespace hearth::layers
