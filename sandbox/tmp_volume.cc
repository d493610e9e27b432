#include "sandbox/tmp_volume.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <optional>
#include <vector>

#include "base/file.h"
#include "base/sys.h"
#include "sandbox/embryo.h"

namespace hearth::sandbox {
namespace {

namespace sys = base::sys;

constexpr uint64_t kInodeBytes = 256;
constexpr uint64_t kBlockBytes = 4096;
// Whoever asks the kernel for a free device gets the lowest. Were ours among these, each that is
// taken would push all later ones out of their own numbers.
constexpr uint32_t kFirstOwnLoop = 4096;
constexpr uint32_t kOwnLoops = 16384;
constexpr uint32_t kOwnTries = 8;
constexpr int kLoopTries = 64;  // Others may take the free device between the two ioctls.

base::Result<void> RunMkfs(const std::string& image, const TmpSize& size) {
  std::vector<std::string> words = {
      "mkfs.ext4",
      "-q",
      "-F",
      "-b",
      std::to_string(kBlockBytes),
      "-m",
      "0",
      "-I",
      std::to_string(kInodeBytes),
      "-N",
      std::to_string(size.inodes),
      "-O",
      "^has_journal,^resize_inode,^metadata_csum,uninit_bg,sparse_super2",
      "-E",
      "lazy_itable_init=1,nodiscard,root_owner=0:0,num_backup_sb=0",
      image};
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
  char* environment[] = {path, nullptr};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  pid_t pid = 0;
  int error = ENOENT;
  for (const char* program : {"/usr/sbin/mkfs.ext4", "/sbin/mkfs.ext4"}) {
    error = ::posix_spawn(&pid, program, &actions, nullptr, argv.data(), environment);
    if (error == 0) break;
  }
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return base::SystemError("run mkfs.ext4 (package e2fsprogs)", error);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return base::SystemError("wait for mkfs.ext4");
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return base::MakeError(base::ErrorKind::kSystem, "mkfs.ext4",
                         "ended with wait status " + std::to_string(status));
}

struct LoopDevice {
  base::UniqueFd fd;
  uint32_t number = 0;
};

std::string DevicePath(uint32_t number) { return "/dev/loop" + std::to_string(number); }

base::Result<LoopDevice> AttachTo(uint32_t number, int image) {
  const std::string path = DevicePath(number);
  base::UniqueFd device(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!device.valid()) return base::SystemError("open " + path);
  struct loop_config config{};
  config.fd = static_cast<uint32_t>(image);
  config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
  if (::ioctl(device.get(), LOOP_CONFIGURE, &config) != 0) {
    return base::SystemError("attach " + path);
  }
  return LoopDevice{std::move(device), number};
}

// The kernel finds a free device by looking at every one there is, so where thousands live the
// caller's own number is better.
base::Result<LoopDevice> AttachLoop(int image, std::optional<uint32_t> preferred) {
  base::UniqueFd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (!control.valid()) return base::SystemError("open /dev/loop-control");
  if (preferred) {
    // One that had the number before may still be kept, or on its way to be closed.
    for (uint32_t i = 0; i < kOwnTries; ++i) {
      const uint32_t number = kFirstOwnLoop + *preferred + i * kOwnLoops;
      if (::ioctl(control.get(), LOOP_CTL_ADD, number) >= 0 || errno == EEXIST) {
        if (auto attached = AttachTo(number, image)) return attached;
      }
    }
  }
  for (int i = 0; i < kLoopTries; ++i) {
    const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) return base::SystemError("find a free loop device");
    auto attached = AttachTo(static_cast<uint32_t>(number), image);
    if (attached || attached.error().error_number != EBUSY) return attached;
  }
  return base::SystemError("attach a loop device", EBUSY);
}

base::Result<base::UniqueFd> MountDevice(uint32_t number, const std::vector<const char*>& flags) {
  base::UniqueFd fs = TRY(sys::Fsopen("ext4"));
  TRY(sys::FsconfigString(fs.get(), "source", DevicePath(number)));
  for (const char* flag : flags) {
    if (::syscall(SYS_fsconfig, fs.get(), FSCONFIG_SET_FLAG, flag, nullptr, 0) != 0) {
      return base::SystemError(std::string("fsconfig ") + flag);
    }
  }
  return sys::FsconfigCreateAndMount(fs.get(), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
}

// Writing the inode tables in the background would cost what the sparse image saves. Nobody reads a
// volume after a crash, so no flush to the disk is worth waiting for: with barriers the last
// unmount takes 25 ms.
const std::vector<const char*> kMountFlags = {"noinit_itable", "nobarrier"};

base::Result<void> GiveRoot(int mount, uid_t owner, gid_t group) {
  if (::fchownat(mount, "", owner, group, AT_EMPTY_PATH) != 0) {
    return base::SystemError("chown /tmp");
  }
  if (::fchmodat(mount, ".", 0700, 0) != 0) return base::SystemError("chmod /tmp");
  return {};
}

// The empty "lost+found" would be the function's first surprise. Its blocks are given back to the
// image, so that no copy has them.
base::Result<void> MakeRoot(int image) {
  const LoopDevice loop = TRY(AttachLoop(image, std::nullopt));
  auto flags = kMountFlags;
  flags.push_back("discard");
  const base::UniqueFd mount = TRY(MountDevice(loop.number, flags));
  if (::unlinkat(mount.get(), "lost+found", AT_REMOVEDIR) != 0) {
    return base::SystemError("remove lost+found");
  }
  return GiveRoot(mount.get(), kSandboxUid, kSandboxGid);
}

// A sparse image with room for `size` beside its own tables. It has no name until it is whole, so
// that several fillers may make the same one: who comes second finds it there.
base::Result<void> MakeTemplate(const std::string& path, const std::string& folder,
                                const TmpSize& size) {
  base::UniqueFd image(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!image.valid()) return base::SystemError("open a nameless file in " + folder);
  const uint64_t groups = size.size.count() / (128u << 20) + 1;
  const uint64_t bytes =
      size.size.count() + size.inodes * kInodeBytes + (1u << 20) + groups * 16 * kBlockBytes;
  const uint64_t whole = (bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
  if (::ftruncate(image.get(), static_cast<off_t>(whole)) != 0) {
    return base::SystemError("size a template in " + folder);
  }
  const std::string name =
      "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(image.get());
  TRY(RunMkfs(name, size));
  TRY(MakeRoot(image.get()));
  if (::linkat(AT_FDCWD, name.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) != 0 &&
      errno != EEXIST) {
    return base::SystemError("name the template " + path);
  }
  return {};
}

// Copies data only, leaving holes as holes.
base::Result<base::UniqueFd> SparseCopy(const std::string& source, const std::string& folder) {
  base::UniqueFd from(::open(source.c_str(), O_RDONLY | O_CLOEXEC));
  if (!from.valid()) return base::SystemError("open " + source);
  base::UniqueFd to(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!to.valid()) return base::SystemError("open a nameless file in " + folder);
  struct stat status{};
  if (::fstat(from.get(), &status) != 0 || ::ftruncate(to.get(), status.st_size) != 0) {
    return base::SystemError("size the copy of " + source);
  }
  off_t at = 0;
  while (true) {
    const off_t data = ::lseek(from.get(), at, SEEK_DATA);
    if (data < 0) break;  // ENXIO: only holes follow.
    const off_t end = ::lseek(from.get(), data, SEEK_HOLE);
    off_t in = data;
    off_t out = data;
    while (in < end) {
      const ssize_t done =
          ::copy_file_range(from.get(), &in, to.get(), &out, static_cast<size_t>(end - in), 0);
      if (done <= 0) return base::SystemError("copy " + source);
    }
    at = end;
  }
  return to;
}

base::Result<base::UniqueFd> MountTmpfs(const TmpSize& size) {
  base::UniqueFd fs = TRY(sys::Fsopen("tmpfs"));
  TRY(sys::FsconfigString(fs.get(), "size", std::to_string(size.size.count())));
  TRY(sys::FsconfigString(fs.get(), "nr_inodes", std::to_string(size.inodes)));
  TRY(sys::FsconfigString(fs.get(), "mode", "700"));
  return sys::FsconfigCreateAndMount(fs.get(), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
}

base::Result<TmpVolume> MountImage(const std::string& folder, const TmpSize& size,
                                   std::optional<uint32_t> number) {
  const std::string path = folder + "/volume-" + std::to_string(size.size.count()) + "-" +
                           std::to_string(size.inodes) + ".ext4";
  if (!base::FileExists(path)) TRY(MakeTemplate(path, folder, size));
  const base::UniqueFd image = TRY(SparseCopy(path, folder));
  const LoopDevice loop = TRY(AttachLoop(image.get(), number));
  return TmpVolume{TRY(MountDevice(loop.number, kMountFlags)), loop.number};
}

}  // namespace

base::Result<TmpVolumes> TmpVolumes::Create(const std::string& folder, const TmpSize& usual) {
  TRY(base::MakeFolders(folder, 0700));
  TmpVolumes out(folder);
  auto probe = MountImage(folder, usual, std::nullopt);
  if (!probe) {
    out.kind_ = kTmpfs;
    out.why_ = probe.error().ToString();
  }
  return out;
}

base::Result<TmpVolume> TmpVolumes::Make(const TmpSize& size, uint32_t first_id,
                                         uint32_t number) const {
  if (kind_ != kTmpfs) return MountImage(folder_, size, number);
  TmpVolume volume{TRY(MountTmpfs(size)), std::nullopt};
  TRY(GiveRoot(volume.mount.get(), first_id + kSandboxUid, first_id + kSandboxGid));
  return volume;
}

base::Result<void> MapToSandbox(const TmpVolume& volume, pid_t pid) {
  if (!volume.device) return {};
  const std::string path = "/proc/" + std::to_string(pid) + "/ns/user";
  const base::UniqueFd users(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!users.valid()) return base::SystemError("open " + path);
  struct mount_attr mapped{};
  mapped.attr_set = MOUNT_ATTR_IDMAP;
  mapped.userns_fd = static_cast<uint64_t>(users.get());
  return sys::MountSetattr(volume.mount.get(), "", AT_EMPTY_PATH, mapped);
}

base::Result<TmpVolume> MountAgain(const TmpVolume& volume) {
  if (!volume.device) {
    return base::MakeError(base::ErrorKind::kUnsupported, "mount /tmp again", "it is a tmpfs");
  }
  return TmpVolume{TRY(MountDevice(*volume.device, kMountFlags)), volume.device};
}

}  // namespace hearth::sandbox
