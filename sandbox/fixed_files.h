// Files that a process image need not hold: anybody in a sandbox of the same kind finds them under
// the same path, and nobody there can change them. Read through /proc by whoever writes the image
// (sandbox/capture.h), which is privileged: a path is used only to find what is open already.
#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/image_format.h"
#include "sandbox/process_map.h"

namespace hearth::sandbox {

// Whether the file of a region is one; `file` then says what it is. `process`: "/proc/<pid>".
bool IsFixed(const std::string& process, const MemoryRegion& region, struct stat& file);

struct OpenFile {
  ImageDescriptor descriptor;  // Its path's place in the strings is not set yet.
  std::string path;
};
// What the process holds above the descriptor `last`, by number. An error where one of them cannot
// be opened again.
base::Result<std::vector<OpenFile>> DescribeOpenFiles(const std::string& process, int last);

// Why there can be no image.
std::unexpected<base::Error> CannotWriteDown(std::string why);

}  // namespace hearth::sandbox
