// The parts of data files that a piece of an object's bytes is made of, and how to read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "triggers/s3/object_record.h"

namespace hearth::s3 {

struct ByteRun {
  int64_t file = 0;
  uint64_t at = 0;
  uint64_t left = 0;
};

std::vector<ByteRun> RunsOf(const std::vector<Extent>& extents, Piece piece);
// Appends exactly so many bytes of the file; one that has less is kCorrupt.
base::Result<void> ReadTo(std::string& out, int fd, uint64_t at, size_t size);
// Appends them where they can be had without waiting for the disk; false: `out` is as it was.
bool ReadCachedTo(std::string& out, int fd, uint64_t at, size_t size);
base::Result<void> WriteAt(int fd, std::string_view bytes, uint64_t at);  // A full disk is kLimit.

}  // namespace hearth::s3
