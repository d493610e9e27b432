// Files as values: read one, write one so that it is either wholly there or not at all.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace hearth::base {

// The whole of a file of at most `limit` bytes.
Result<std::string> ReadFile(const std::string& path, Bytes limit = Bytes::MiB(64));
// Reads a kernel file (/proc, /sys, cgroup) from its start through an open descriptor.
Result<std::string> ReadFromStart(int fd);
// Writes a kernel file in one write(2); no temporary name, no fsync.
Result<void> WriteKernelFile(const std::string& path, std::string_view text);
// Durable: temporary name, fsync, rename, fsync of the folder.
Result<void> WriteFileAtomically(const std::string& path, std::string_view data, int mode = 0644);
Result<void> MakeFolders(const std::string& path, int mode = 0755);
Result<void> SyncFolder(const std::string& path);
// Deletes a tree; never follows a symbolic link out of it; absence is success.
Result<void> RemoveTree(const std::string& path);
bool FileExists(const std::string& path);

Result<void> WriteAll(int fd, std::string_view data);

}  // namespace hearth::base
