#include "sandbox/root_image.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/file.h"
#include "base/sys.h"
#include "sandbox/embryo.h"
#include "sandbox/image.h"
#include "sandbox/init.h"

namespace hearth::sandbox {
namespace {

namespace sys = base::sys;

// Empty folders: mount points, and what programs expect to exist. The dynamic linker forgets a
// folder of LD_LIBRARY_PATH that is absent when it first looks, so those below mount points exist
// before anything is mounted: for stem cells, which start without code and layers.
constexpr const char* kFolders[] = {
    "dev",       "etc",         "etc/ssl",   "home",         "media",    "mnt",     "opt",
    "opt/lib",   "proc",        "root",      "run",          "srv",      "sys",     "tmp",
    "usr",       "var",         "var/cache", "var/empty",    "var/lang", "var/lib", "var/log",
    "var/rapid", "var/runtime", "var/task",  "var/task/lib", "var/tmp"};

// Copied from the host where they exist: what libc, TLS and the interpreters read.
constexpr const char* kCopied[] = {
    "etc/ld.so.cache",     "etc/ld.so.conf",     "etc/ld.so.conf.d", "etc/alternatives",
    "etc/mime.types",      "etc/protocols",      "etc/services",     "etc/ssl/certs",
    "etc/ssl/openssl.cnf", "etc/localtime",      "etc/timezone",     "etc/python3",
    "etc/python3.11",      "etc/debian_version", "etc/os-release",   "etc/gai.conf",
    "etc/nodejs",          "etc/inputrc",        "etc/magic",        "etc/locale.alias"};

struct Text {
  const char* path;
  std::string content;
};

std::vector<Text> CuratedFiles() {
  const std::string uid = std::to_string(kSandboxUid);
  const std::string gid = std::to_string(kSandboxGid);
  return {
      {"etc/passwd",
       "root:x:0:0:root:/root:/bin/bash\n"
       "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
       "sbx_user1051:x:" +
           uid + ":" + gid + "::/home/sbx_user1051:/sbin/nologin\n"},
      {"etc/group", "root:x:0:\nnogroup:x:65534:\nsbx_user1051:x:" + gid + ":\n"},
      {"etc/hosts", "127.0.0.1 localhost sandbox.localdomain sandbox\n::1 localhost\n"},
      {"etc/nsswitch.conf",
       "passwd: files\ngroup: files\nhosts: files dns\nnetworks: files\n"
       "protocols: files\nservices: files\n"},
      {"etc/resolv.conf", ""},
      {"etc/host.conf", "multi on\n"},
      {"etc/machine-id", ""},
  };
}

base::Result<void> MakeFolder(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
    return base::SystemError("make " + path);
  }
  return {};
}

base::Result<void> MakeFile(const std::string& path, std::string_view content) {
  base::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd.valid()) return base::SystemError("create " + path);
  return base::WriteAll(fd.get(), content);
}

base::Result<void> MakeLink(const std::string& target, const std::string& path) {
  if (::symlink(target.c_str(), path.c_str()) != 0) return base::SystemError("link " + path);
  return {};
}

base::Result<void> Bind(const std::string& source, const std::string& target, unsigned flags = 0) {
  base::UniqueFd tree = TRY(sys::OpenTree(AT_FDCWD, source, OPEN_TREE_CLONE | flags));
  return sys::MoveMount(tree.get(), "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH);
}

base::Result<void> FillEtc(const std::string& root) {
  for (const char* path : kCopied) {
    const std::string source = std::string("/") + path;
    if (!base::FileExists(source)) continue;
    std::error_code error;
    // Files are followed, so that /etc/localtime is a copy; folders keep their links.
    const bool folder = std::filesystem::is_directory(source, error);
    const auto options = std::filesystem::copy_options::recursive |
                         (folder ? std::filesystem::copy_options::copy_symlinks
                                 : std::filesystem::copy_options::none);
    std::filesystem::copy(source, root + "/" + path, options, error);
    if (error) return base::SystemError("copy " + source, error.value());
  }
  for (const auto& file : CuratedFiles()) TRY(MakeFile(root + "/" + file.path, file.content));
  return MakeLink("/proc/self/mounts", root + "/etc/mtab");
}

base::Result<void> FillDev(const std::string& root) {
  for (const char* name : {"null", "zero", "full", "random", "urandom"}) {
    TRY(MakeFile(root + "/dev/" + name, ""));
    TRY(Bind(std::string("/dev/") + name, root + "/dev/" + name));
  }
  TRY(MakeLink("/proc/self/fd", root + "/dev/fd"));
  TRY(MakeLink("/proc/self/fd/0", root + "/dev/stdin"));
  TRY(MakeLink("/proc/self/fd/1", root + "/dev/stdout"));
  return MakeLink("/proc/self/fd/2", root + "/dev/stderr");
}

base::Result<void> FillUsr(const std::string& root) {
  TRY(Bind("/usr", root + "/usr", AT_RECURSIVE));
  for (const char* name : {"bin", "sbin", "lib", "lib32", "lib64", "libx32"}) {
    const std::string source = std::string("/") + name;
    std::error_code error;
    if (std::filesystem::is_symlink(source, error)) {
      TRY(MakeLink(std::filesystem::read_symlink(source, error), root + source));
    } else if (std::filesystem::is_directory(source, error)) {
      TRY(MakeFolder(root + source));
      TRY(Bind(source, root + source, AT_RECURSIVE));
    }
  }
  // Stock `provided` bootstraps say #!/bin/sh and use bash's features, as Amazon Linux's sh is
  // bash.
  std::error_code error;
  const auto shell = std::filesystem::canonical("/usr/bin/sh", error);
  const auto bash = std::filesystem::canonical("/usr/bin/bash", error);
  if (!error && shell != bash) TRY(Bind(bash, root + shell.string()));
  return {};
}

// Programs of ours that run inside stand beside the one that runs here. Where `path` was not built,
// whoever needs it fails to execute it.
base::Result<void> PlaceProgram(const std::string& root, const std::string& path) {
  std::error_code error;
  const auto own = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return base::SystemError("read /proc/self/exe", error.value());
  const std::string program = own.parent_path() / std::filesystem::path(path).filename();
  if (!base::FileExists(program)) return {};
  TRY(MakeFile(root + path, TRY(base::ReadFile(program))));
  if (::chmod((root + path).c_str(), 0755) != 0) return base::SystemError("chmod " + path);
  return {};
}

}  // namespace

base::Result<RootImage> RootImage::Build(const std::string& folder) {
  TRY(base::MakeFolders(folder, 0700));
  base::UniqueFd fs = TRY(sys::Fsopen("tmpfs"));
  TRY(sys::FsconfigString(fs.get(), "mode", "755"));
  TRY(sys::FsconfigString(fs.get(), "size", "64m"));
  base::UniqueFd mount = TRY(sys::FsconfigCreateAndMount(fs.get(), 0));
  TRY(sys::MoveMount(mount.get(), "", AT_FDCWD, folder, MOVE_MOUNT_F_EMPTY_PATH));
  for (const char* name : kFolders) TRY(MakeFolder(folder + "/" + name));
  if (::chmod((folder + "/root").c_str(), 0700) != 0) return base::SystemError("chmod root");
  TRY(FillEtc(folder));
  TRY(FillDev(folder));
  TRY(FillUsr(folder));
  TRY(PlaceProgram(folder, kRestoreProgram));
  TRY(PlaceProgram(folder, kInitProgram));
  struct mount_attr confined{};
  confined.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID;
  confined.propagation = MS_PRIVATE;
  TRY(sys::MountSetattr(AT_FDCWD, folder, AT_RECURSIVE, confined));
  struct mount_attr no_devices{};
  no_devices.attr_set = MOUNT_ATTR_NODEV;
  TRY(sys::MountSetattr(AT_FDCWD, folder, 0, no_devices));
  TRY(sys::MountSetattr(AT_FDCWD, folder + "/usr", AT_RECURSIVE, no_devices));
  return RootImage(folder);
}

base::Result<base::UniqueFd> RootImage::Clone() const {
  return sys::OpenTree(AT_FDCWD, folder_, OPEN_TREE_CLONE | AT_RECURSIVE);
}

base::Result<base::UniqueFd> CloneReadOnly(const std::string& source) {
  base::UniqueFd tree = TRY(sys::OpenTree(AT_FDCWD, source, OPEN_TREE_CLONE | AT_RECURSIVE));
  struct mount_attr confined{};
  confined.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  confined.propagation = MS_PRIVATE;
  TRY(sys::MountSetattr(tree.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, confined));
  return tree;
}

}  // namespace hearth::sandbox
