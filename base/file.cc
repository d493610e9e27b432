#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/id.h"

namespace hearth::base {
namespace {

std::string FolderOf(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Result<std::string> ReadFile(const std::string& path, Bytes limit) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return SystemError("open " + path);
  std::string out;
  char block[65536];
  while (true) {
    const ssize_t got = ::read(fd.get(), block, sizeof block);
    if (got < 0) {
      if (errno == EINTR) continue;
      return SystemError("read " + path);
    }
    if (got == 0) return out;
    out.append(block, static_cast<size_t>(got));
    if (out.size() > limit.count()) {
      return MakeError(ErrorKind::kLimit, "read " + path,
                       "the file is larger than " + std::to_string(limit.count()) + " bytes");
    }
  }
}

Result<std::string> ReadFromStart(int fd) {
  std::string out;
  char block[4096];
  while (true) {
    const ssize_t got = ::pread(fd, block, sizeof block, static_cast<off_t>(out.size()));
    if (got < 0) {
      if (errno == EINTR) continue;
      return SystemError("read kernel file");
    }
    if (got == 0) return out;
    out.append(block, static_cast<size_t>(got));
  }
}

Result<void> WriteKernelFile(const std::string& path, std::string_view text) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.valid()) return SystemError("open " + path);
  if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return SystemError("write '" + std::string(text) + "' to " + path);
  }
  return {};
}

Result<void> WriteAll(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t put = ::write(fd, data.data(), data.size());
    if (put < 0) {
      if (errno == EINTR) continue;
      return SystemError("write");
    }
    data.remove_prefix(static_cast<size_t>(put));
  }
  return {};
}

Result<void> WriteFileAtomically(const std::string& path, std::string_view data, int mode) {
  const std::string temporary = path + ".tmp-" + NewHexId(8);
  const auto write = [&]() -> Result<void> {
    UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (!fd.valid()) return SystemError("create " + temporary);
    TRY(WriteAll(fd.get(), data));
    if (::fsync(fd.get()) != 0) return SystemError("fsync " + temporary);
    if (::rename(temporary.c_str(), path.c_str()) != 0) return SystemError("rename to " + path);
    return SyncFolder(FolderOf(path));
  };
  auto written = write();
  if (!written) ::unlink(temporary.c_str());
  return written;
}

Result<void> MakeFolders(const std::string& path, int mode) {
  for (size_t at = 1; at != std::string::npos;) {
    at = path.find('/', at);
    const std::string folder = path.substr(0, at);
    if (::mkdir(folder.c_str(), static_cast<mode_t>(mode)) != 0 && errno != EEXIST) {
      return SystemError("make folder " + folder);
    }
    if (at != std::string::npos) ++at;
  }
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return SystemError("make folder " + path);
  if (!S_ISDIR(status.st_mode)) return SystemError("make folder " + path, ENOTDIR);
  return {};
}

Result<void> SyncFolder(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return SystemError("open " + path);
  if (::fsync(fd.get()) != 0) return SystemError("fsync " + path);
  return {};
}

Result<void> RemoveTree(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) return SystemError("remove " + path, error.value());
  return {};
}

bool FileExists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

}  // namespace hearth::base
