// DataFiles: bytes of objects, in files that are named by numbers and never change.
//
// A file is written without a name and gets its number when it is whole: a crash before leaves
// nothing, one after it a file without a row in the index, which a start finds in the few blocks of
// numbers that were in use (object_index.h, "reserved"). Blocking; any thread. Owner: DiskStore.
// A full disk is kLimit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hearth::s3 {

// 4,096 numbers make a block; a folder each.
constexpr int64_t FirstOfBlock(int64_t block) { return block << 12; }
constexpr int64_t BlockOf(int64_t file) { return file >> 12; }

// The error of a call that failed with errno; a full disk, or one that grants no more, is kLimit.
std::unexpected<base::Error> DiskError(std::string_view step);

// Is gone when this is, unless it got a number.
class NewFile {
 public:
  NewFile() = default;
  NewFile(NewFile&& other) noexcept;
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile();
  int fd() const { return fd_.get(); }

 private:
  friend class DataFiles;
  NewFile(base::UniqueFd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}
  base::UniqueFd fd_;
  std::string name_;  // Empty where the file system makes files without one.
};

class DataFiles {
 public:
  // Makes `folder` where it is missing; what was unfinished goes.
  static base::Result<DataFiles> Open(const std::string& folder);

  base::Result<NewFile> Create() const;
  // Its bytes are durable; its name is when its block has been synced, once for many of them.
  // Nothing is left of it where this fails.
  base::Result<void> Keep(NewFile& file, int64_t number) const;
  // Another number of the same bytes. EMLINK, where a file has too many, and what else
  // keeps the file system from it are errors after which a copy helps.
  base::Result<void> Link(int64_t from, int64_t to) const;
  base::Result<base::UniqueFd> OpenFile(int64_t number) const;
  // Only where nothing of it must be read from the disk for that; else not valid.
  base::UniqueFd OpenCached(int64_t number) const;
  base::Result<void> Remove(int64_t number) const;  // Absence is success.

  base::Result<void> SyncBlock(int64_t block) const;
  // What was removed of a block, which may be gone itself, is so for good.
  base::Result<void> SyncRemoved(int64_t block) const;
  base::Result<void> MakeBlock(int64_t block) const;
  void RemoveBlock(int64_t block) const;                            // Where it is empty.
  base::Result<std::vector<int64_t>> Numbers(int64_t block) const;  // That are there.
  std::string Path(int64_t number) const;

 private:
  explicit DataFiles(std::string folder) : folder_(std::move(folder)) {}
  std::string Block(int64_t block) const;

  std::string folder_;
};

}  // namespace hearth::s3
