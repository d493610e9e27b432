#include "layers/merge.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/file.h"

namespace hearth::layers {
namespace {

namespace fs = std::filesystem;
using base::Result;

// What is at `path` itself, without following it.
fs::file_type TypeOf(const std::string& path) {
  std::error_code error;
  return fs::symlink_status(path, error).type();
}

Result<void> MakeFolder(const std::string& path) {
  if (TypeOf(path) != fs::file_type::directory) {
    TRY(base::RemoveTree(path));
    if (::mkdir(path.c_str(), 0755) != 0) return base::SystemError("merge " + path);
  }
  // The umask must not decide what a function may read.
  if (::chmod(path.c_str(), 0755) != 0) return base::SystemError("chmod " + path);
  return {};
}

Result<void> PlaceFile(const std::string& source, const std::string& path) {
  TRY(base::RemoveTree(path));
  if (::link(source.c_str(), path.c_str()) == 0) return {};
  // Another file system, no links on it, or too many of this file.
  std::error_code error;
  fs::copy_file(source, path, error);
  if (error) return base::SystemError("merge " + path, error.value());
  return {};
}

Result<void> PlaceLink(const std::string& source, const std::string& path) {
  std::error_code error;
  const std::string target = fs::read_symlink(source, error).string();
  if (error) return base::SystemError("read link " + source, error.value());
  TRY(base::RemoveTree(path));
  if (::symlink(target.c_str(), path.c_str()) != 0) return base::SystemError("merge " + path);
  return {};
}

}  // namespace

Result<void> MergeTrees(const std::vector<std::string>& sources, const std::string& folder,
                        size_t entries) {
  size_t placed = 0;
  for (const std::string& source : sources) {
    std::error_code error;
    auto at = fs::recursive_directory_iterator(source, error);
    for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
      if (++placed > entries) {
        return base::MakeError(
            base::ErrorKind::kLimit, "merge layers",
            "Layers have more than " + std::to_string(entries) + " files and folders together");
      }
      const std::string from = at->path();
      const std::string to = folder + from.substr(source.size());
      const fs::file_type type = TypeOf(from);
      if (type == fs::file_type::directory) {
        TRY(MakeFolder(to));
      } else if (type == fs::file_type::symlink) {
        TRY(PlaceLink(from, to));
      } else {
        TRY(PlaceFile(from, to));
      }
    }
    if (error) return base::SystemError("read folder " + source, error.value());
  }
  return {};
}

}  // namespace hearth::layers
