// What /proc says about a process: its regions, and which of their pages are its own. Read by
// whoever writes a process image (sandbox/capture.h); a process decides much of what stands there,
// so every reader treats it as foreign.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::sandbox {

// One line of /proc/<pid>/maps.
struct MemoryRegion {
  uint64_t start = 0;
  uint64_t end = 0;
  uint32_t protection = 0;  // PROT_*
  bool shared = false;
  uint64_t offset = 0;  // in the file
  uint32_t device_major = 0;
  uint32_t device_minor = 0;
  uint64_t inode = 0;  // 0: no file
  std::string name;    // a path, "[heap]", or nothing

  uint64_t length() const { return end - start; }
};
base::Result<std::vector<MemoryRegion>> ParseMaps(std::string_view text);

// Pages of a region, as half-open ranges of addresses.
struct PageRun {
  uint64_t start = 0;
  uint64_t end = 0;
};
// More runs of pages than any image takes.
constexpr size_t kMaxPageRuns = 8192;
// The runs of the pages that hold what is in no file, from /proc/<pid>/pagemap. Gaps below
// `max_gap` pages belong to the run around them.
base::Result<std::vector<PageRun>> OwnPages(int pagemap, const MemoryRegion& region,
                                            uint64_t max_gap);

// A field of /proc/<pid>/status: "Threads" -> "1". Empty where it is missing.
std::string_view StatusField(std::string_view status, std::string_view name);
// The numbers of /proc/<pid>/stat from the third field on, so that number n of proc(5) is [n - 3];
// the state letter is 0.
base::Result<std::vector<uint64_t>> ParseStat(std::string_view text);

constexpr uint64_t kPageSize = 4096;

}  // namespace hearth::sandbox
