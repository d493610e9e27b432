#include "sandbox/fixed_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "base/file.h"

namespace hearth::sandbox {
namespace {

// `path` as the process sees it must still lead to that file, on a mount that is read-only.
bool IsFixedPath(const std::string& process, const std::string& path, dev_t device, ino_t inode,
                 struct stat& file) {
  const std::string here = process + "/root" + path;
  struct statvfs mount{};
  return path.starts_with('/') && ::stat(here.c_str(), &file) == 0 && file.st_dev == device &&
         file.st_ino == inode && ::statvfs(here.c_str(), &mount) == 0 &&
         (mount.f_flag & ST_RDONLY) != 0;
}

bool CanBeOpenedAgain(const std::string& process, const std::string& link, const std::string& path,
                      uint32_t flags) {
  struct stat open_one{}, there{};
  if (::stat(link.c_str(), &open_one) != 0 ||
      !IsFixedPath(process, path, open_one.st_dev, open_one.st_ino, there)) {
    return false;
  }
  if (S_ISCHR(there.st_mode)) return true;  // A sandbox has none with a state.
  return (S_ISREG(there.st_mode) || S_ISDIR(there.st_mode)) && (flags & O_ACCMODE) == O_RDONLY;
}

base::Result<OpenFile> Describe(const std::string& process, const std::string& number) {
  const std::string info = TRY(base::ReadFile(process + "/fdinfo/" + number));
  OpenFile out{};
  const auto parse = [&](std::string_view name, int base, auto& to) {
    const std::string_view text = StatusField(info, name);
    return std::from_chars(text.data(), text.data() + text.size(), to, base).ec == std::errc();
  };
  const std::string link = process + "/fd/" + number;
  char target[4096];
  const ssize_t size = ::readlink(link.c_str(), target, sizeof target);
  if (size <= 0 || !parse("pos", 10, out.descriptor.offset) ||
      !parse("flags", 8, out.descriptor.flags)) {
    return CannotWriteDown("its descriptor " + number + " cannot be read");
  }
  out.path.assign(target, static_cast<size_t>(size));
  if (!CanBeOpenedAgain(process, link, out.path, out.descriptor.flags)) {
    return CannotWriteDown("it holds an open file or socket: " + out.path);
  }
  out.descriptor.flags &= ~static_cast<uint32_t>(O_CREAT | O_EXCL | O_TRUNC);
  std::from_chars(number.data(), number.data() + number.size(), out.descriptor.number);
  return out;
}

}  // namespace

bool IsFixed(const std::string& process, const MemoryRegion& region, struct stat& file) {
  return region.inode != 0 && region.name.find('\\') == std::string::npos &&
         IsFixedPath(process, region.name, makedev(region.device_major, region.device_minor),
                     region.inode, file);
}

base::Result<std::vector<OpenFile>> DescribeOpenFiles(const std::string& process, int last) {
  std::vector<OpenFile> out;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir((process + "/fd").c_str()),
                                                   ::closedir);
  if (!folder) return base::SystemError("read its descriptors");
  while (const struct dirent* entry = ::readdir(folder.get())) {
    if (entry->d_name[0] == '.') continue;
    int number = 0;
    const std::string name = entry->d_name;
    std::from_chars(name.data(), name.data() + name.size(), number);
    if (number <= last) continue;
    out.push_back(TRY(Describe(process, name)));
    if (out.size() > kMaxImageDescriptors) return CannotWriteDown("it has too many open files");
  }
  // Upwards, so that a file that is opened meanwhile never takes a number that is still to come.
  std::ranges::sort(out, {}, [](const OpenFile& file) { return file.descriptor.number; });
  return out;
}

std::unexpected<base::Error> CannotWriteDown(std::string why) {
  return base::MakeError(base::ErrorKind::kUnsupported, "write a process image", std::move(why));
}

}  // namespace hearth::sandbox
