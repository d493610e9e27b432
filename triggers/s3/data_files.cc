#include "triggers/s3/data_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>

#include <fmt/format.h>

#include "base/file.h"
#include "base/id.h"

namespace hearth::s3 {

using base::Result;
using base::UniqueFd;

std::unexpected<base::Error> DiskError(std::string_view step) {
  const int number = errno;
  if (number == ENOSPC || number == EDQUOT || number == EFBIG) {
    return base::MakeError(base::ErrorKind::kLimit, step, "the disk is full");
  }
  return base::SystemError(step, number);
}

NewFile::NewFile(NewFile&& other) noexcept
    : fd_(std::move(other.fd_)), name_(std::exchange(other.name_, {})) {}

NewFile::~NewFile() {
  if (!name_.empty()) ::unlink(name_.c_str());
}

Result<DataFiles> DataFiles::Open(const std::string& folder) {
  // Files under temporary names, from file systems that make none without.
  TRY(base::RemoveTree(folder + "/new"));
  TRY(base::MakeFolders(folder + "/new", 0700));
  TRY(base::MakeFolders(folder + "/data", 0700));
  TRY(base::SyncFolder(folder));
  TRY(base::SyncFolder(folder + "/.."));
  return DataFiles(folder);
}

std::string DataFiles::Block(int64_t block) const {
  return fmt::format("{}/data/{:x}", folder_, block);
}

std::string DataFiles::Path(int64_t number) const {
  return fmt::format("{}/data/{:x}/{:x}", folder_, BlockOf(number), number);
}

Result<NewFile> DataFiles::Create() const {
  const std::string folder = folder_ + "/new";
  UniqueFd unnamed(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (unnamed.valid()) return NewFile(std::move(unnamed), {});
  if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL) {
    return DiskError("make a file in " + folder);
  }
  std::string name = folder + "/" + base::NewHexId(32);
  UniqueFd named(::open(name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
  if (!named.valid()) return DiskError("make " + name);
  return NewFile(std::move(named), std::move(name));
}

Result<void> DataFiles::Keep(NewFile& file, int64_t number) const {
  const std::string path = Path(number);
  const std::string from =
      file.name_.empty() ? fmt::format("/proc/self/fd/{}", file.fd()) : file.name_;
  if (::linkat(AT_FDCWD, from.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) != 0) {
    return DiskError("link " + path);
  }
  if (::fsync(file.fd()) == 0) return {};
  auto failure = DiskError("sync " + path);
  ::unlink(path.c_str());
  return failure;
}

Result<void> DataFiles::Link(int64_t from, int64_t to) const {
  const std::string path = Path(to);
  if (::link(Path(from).c_str(), path.c_str()) != 0) return DiskError("link " + path);
  return {};
}

Result<void> DataFiles::SyncBlock(int64_t block) const { return base::SyncFolder(Block(block)); }

Result<UniqueFd> DataFiles::OpenFile(int64_t number) const {
  const std::string path = Path(number);
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return base::SystemError("open " + path);
  return fd;
}

UniqueFd DataFiles::OpenCached(int64_t number) const {
  const std::string path = Path(number);
  struct open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC;
  how.resolve = RESOLVE_CACHED;
  return UniqueFd(
      static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
}

Result<void> DataFiles::Remove(int64_t number) const {
  const std::string path = Path(number);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return base::SystemError("remove " + path);
  return {};
}

Result<void> DataFiles::MakeBlock(int64_t block) const {
  const std::string path = Block(block);
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return DiskError("make " + path);
  return base::SyncFolder(folder_ + "/data");
}

Result<void> DataFiles::SyncRemoved(int64_t block) const {
  auto synced = SyncBlock(block);
  if (!synced && synced.error().error_number == ENOENT) return base::SyncFolder(folder_ + "/data");
  return synced;
}

void DataFiles::RemoveBlock(int64_t block) const { ::rmdir(Block(block).c_str()); }

Result<std::vector<int64_t>> DataFiles::Numbers(int64_t block) const {
  std::vector<int64_t> out;
  DIR* const listing = ::opendir(Block(block).c_str());
  if (listing == nullptr) {
    if (errno == ENOENT) return out;
    return base::SystemError("open " + Block(block));
  }
  while (const struct dirent* entry = ::readdir(listing)) {
    const std::string_view name = entry->d_name;
    int64_t number = 0;
    const char* const end = name.data() + name.size();
    const auto [at, error] = std::from_chars(name.data(), end, number, 16);
    if (error == std::errc() && at == end) out.push_back(number);
  }
  ::closedir(listing);
  return out;
}

}  // namespace hearth::s3
