// System calls that a sandbox must not be served.
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/security/probe.h"

namespace probe {
namespace {

std::string Mount() {
  return First({MustFail("mount", ::mount("none", "/tmp", "tmpfs", 0, nullptr)),
                MustFail("fsopen", ::syscall(SYS_fsopen, "tmpfs", 0)),
                MustFail("open_tree", ::syscall(SYS_open_tree, AT_FDCWD, "/", 1)),
                MustFail("umount", ::umount2("/tmp", MNT_DETACH)),
                MustFail("unmask", ::umount2("/proc/kcore", MNT_DETACH)),
                MustFail("pivot_root", ::syscall(SYS_pivot_root, "/tmp", "/tmp")),
                MustFail("chroot", ::chroot("/tmp")),
                MustFail("remount", ::mount("", "/usr", "", MS_REMOUNT | MS_BIND, nullptr))});
}

// A mount whose target or source is named through a descriptor, so that no path is looked at.
std::string MountThroughFd() {
  const int folder = ::open("/tmp", O_PATH | O_DIRECTORY);
  if (folder < 0) return Breach("no /tmp");
  const std::string path = "/proc/self/fd/" + std::to_string(folder);
  const std::string result =
      First({MustFail("mount on fd", ::mount("none", path.c_str(), "tmpfs", 0, nullptr)),
             MustFail("bind from fd", ::mount(path.c_str(), "/mnt", "", MS_BIND, nullptr)),
             MustFail("move_mount", ::syscall(SYS_move_mount, folder, "", AT_FDCWD, "/mnt", 4)),
             MustFail("mount_setattr", ::syscall(SYS_mount_setattr, folder, "", 0x1000, "", 32)),
             MustFail("fspick", ::syscall(SYS_fspick, folder, "", 8)),
             MustFail("fchdir and chroot", ::fchdir(folder) == 0 ? ::chroot(".") : -1)});
  ::close(folder);
  return result;
}

std::string Ptrace() {
  char block[8];
  iovec mine{block, 8}, its{block, 8};
  return First({MustFail("traceme", ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)),
                MustFail("attach", ::ptrace(PTRACE_ATTACH, 1, nullptr, nullptr)),
                MustFail("vm_readv", ::syscall(SYS_process_vm_readv, 1, &mine, 1, &its, 1, 0)),
                MustFail("vm_writev", ::syscall(SYS_process_vm_writev, 1, &mine, 1, &its, 1, 0)),
                MustFail("kcmp", ::syscall(SYS_kcmp, 1, 1, 0, 0, 0)),
                MustFail("pidfd_getfd", ::syscall(SYS_pidfd_getfd, 0, 0, 0))});
}

std::string Modules() {
  return First({MustFail("init_module", ::syscall(SYS_init_module, "", 0, "")),
                MustFail("finit_module", ::syscall(SYS_finit_module, 0, "", 0)),
                MustFail("delete_module", ::syscall(SYS_delete_module, "loop", O_NONBLOCK)),
                MustFail("kexec_load", ::syscall(SYS_kexec_load, 0, 0, nullptr, 0)),
                MustFail("reboot", ::syscall(SYS_reboot, 0xfee1dead, 672274793, 0x1234567, 0)),
                MustFail("iopl", ::syscall(SYS_iopl, 3)),
                MustFail("ioperm", ::syscall(SYS_ioperm, 0x70, 2, 1)),
                MustFail("modify_ldt", ::syscall(SYS_modify_ldt, 0, nullptr, 0)),
                MustFail("swapon", ::syscall(SYS_swapon, "/tmp/x", 0))});
}

std::string RawSockets() {
  return First({MustFail("raw", ::socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)),
                MustFail("raw6", ::socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6)),
                MustFail("ping", ::socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP)),
                MustFail("packet", ::socket(AF_PACKET, SOCK_DGRAM, 0)),
                MustFail("packet raw", ::socket(AF_PACKET, SOCK_RAW, 0x300)),
                MustFail("netlink audit", ::socket(AF_NETLINK, SOCK_RAW, 9)),
                MustFail("netlink uevent", ::socket(AF_NETLINK, SOCK_DGRAM, 15)),
                MustFail("netlink netfilter", ::socket(AF_NETLINK, SOCK_RAW, 12)),
                MustFail("vsock", ::socket(40, SOCK_STREAM, 0)),
                MustFail("alg", ::socket(38, SOCK_SEQPACKET, 0))});
}

std::string Bpf() {
  union bpf_attr attributes;
  std::memset(&attributes, 0, sizeof attributes);
  attributes.map_type = BPF_MAP_TYPE_ARRAY;
  attributes.key_size = attributes.value_size = 4;
  attributes.max_entries = 1;
  return MustFail("bpf", ::syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof attributes));
}

std::string Perf() {
  perf_event_attr attributes;
  std::memset(&attributes, 0, sizeof attributes);
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.size = sizeof attributes;
  attributes.exclude_kernel = 1;
  return MustFail("perf", ::syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0));
}

std::string Keyctl() {
  return First({MustFail("keyctl", ::syscall(SYS_keyctl, 0, -3, 1)),
                MustFail("add_key", ::syscall(SYS_add_key, "user", "x", "y", 1, -2)),
                MustFail("request_key", ::syscall(SYS_request_key, "user", "x", "y", -2))});
}

std::string Userfaultfd() {
  // 1: UFFD_USER_MODE_ONLY, which needs no privilege where the kernel decides alone.
  return MustFail("userfaultfd", ::syscall(SYS_userfaultfd, O_CLOEXEC | 1));
}

std::string IoUring() {
  char parameters[120] = {};
  return First(
      {MustFailWith(ENOSYS, "io_uring_setup", ::syscall(SYS_io_uring_setup, 1, parameters)),
       MustFailWith(ENOSYS, "io_uring_enter", ::syscall(SYS_io_uring_enter, 0, 1, 0, 0, nullptr)),
       MustFailWith(ENOSYS, "io_uring_register",
                    ::syscall(SYS_io_uring_register, 0, 0, nullptr, 0))});
}

std::string Unshare() {
  return First({MustFail("unshare user", ::unshare(CLONE_NEWUSER)),
                MustFail("unshare mount", ::unshare(CLONE_NEWNS)),
                MustFail("unshare time", ::unshare(0x80)),
                MustFail("clone user", ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)),
                MustFail("clone net", ::syscall(SYS_clone, CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0)),
                MustFail("clone pid", ::syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0))});
}

// clone3 keeps its flags behind a pointer, where a filter cannot look.
std::string Clone3Namespaces() {
  uint64_t arguments[11] = {};
  arguments[0] = CLONE_NEWUSER | CLONE_NEWNS;
  arguments[4] = SIGCHLD;
  const long made = ::syscall(SYS_clone3, arguments, sizeof arguments);
  if (made == 0) ::_exit(0);
  return MustFailWith(ENOSYS, "clone3", made);
}

std::string Setns() {
  const int net = ::open("/proc/self/ns/net", O_RDONLY);
  const int user = ::open("/proc/self/ns/user", O_RDONLY);
  const std::string result = First({MustFail("setns net", ::setns(net, 0)),
                                    MustFail("setns user", ::setns(user, CLONE_NEWUSER))});
  // NS_GET_PARENT and NS_GET_USERNS lead out of the sandbox's own namespaces.
  const std::string parents =
      First({MustFail("parent of user ns", ::ioctl(user, 0xb702)),
             MustFail("parent of the owner", ::ioctl(::ioctl(net, 0xb701), 0xb702))});
  ::close(net);
  ::close(user);
  return First({result, parents});
}

std::string Setuid() {
  struct statvfs fs{};
  for (const char* path : {"/usr/bin", "/tmp", "/var/task", "/etc"}) {
    if (::statvfs(path, &fs) != 0) return Breach(std::string("no ") + path);
    if ((fs.f_flag & ST_NOSUID) == 0) return Breach(std::string(path) + " honours setuid");
    if ((fs.f_flag & ST_NODEV) == 0) return Breach(std::string(path) + " honours devices");
  }
  if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return Breach("no_new_privs is off");
  for (int capability = 0; capability < 41; ++capability) {
    if (::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1) return Breach("a capability is left");
  }
  return First(
      {MustFail("setuid", ::setuid(0)), MustFail("setgid", ::setgid(0)),
       MustFail("setreuid", ::setreuid(-1, 1)), MustFail("setresgid", ::setresgid(5, 5, 5)),
       MustFail("setgroups", ::setgroups(0, nullptr)), MustFail("chown", ::chown("/tmp", 0, 0)),
       MustFail("mknod", ::mknod("/tmp/disk", S_IFBLK | 0600, makedev(8, 0)))});
}

// A setuid program of one's own making, run by a child: its effective user must stay the same.
std::string SetuidInTmp() {
  const int from = ::open("/proc/self/exe", O_RDONLY);
  const int to = ::open("/tmp/setuid", O_CREAT | O_TRUNC | O_WRONLY, 0755);
  if (from < 0 || to < 0) return Breach("cannot copy the probe");
  char block[65536];
  ssize_t got;
  while ((got = ::read(from, block, sizeof block)) > 0) {
    if (::write(to, block, static_cast<size_t>(got)) != got) return Breach("cannot write /tmp");
  }
  ::close(from);
  const int chowned = ::fchown(to, 0, 0);
  const int chmoded = ::fchmod(to, 06755);
  ::close(to);
  if (chowned == 0) return Breach("gave a file to root");
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl("/tmp/setuid", "setuid", "am-i-myself", nullptr);
    ::_exit(9);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return Breach("the copy ran with status " + std::to_string(status));
  }
  return Blocked("setuid bits " + std::string(chmoded == 0 ? "set" : "refused") + ", no effect");
}

// Runs as the setuid copy: exits at once, 0 if nothing was gained.
std::string AmIMyself() {
  const bool same = ::getuid() == ::geteuid() && ::getgid() == ::getegid() && ::geteuid() == 993;
  ::_exit(same ? 0 : 1);
}

std::string Terminal() {
  char c = 'x';
  // No terminal is at hand, so the filter's EPERM must come before the driver's ENOTTY; the kernel
  // truncates the command to 32 bits, the filter must not be fooled by more.
  for (const unsigned long high : {0ul, 1ul << 32}) {
    if (::syscall(SYS_ioctl, 0, high | TIOCSTI, &c) >= 0 || errno != EPERM) {
      return Breach("TIOCSTI reached the driver");
    }
    if (::syscall(SYS_prctl, high | PR_SET_PDEATHSIG, 0, 0, 0, 0) >= 0) {
      return Breach("PDEATHSIG was cleared");
    }
  }
  return First({MustFail("personality", ::syscall(SYS_personality, 0x0040000)),
                MustFail("settimeofday", ::syscall(SYS_settimeofday, nullptr, nullptr)),
                MustFail("clock_settime", ::syscall(SYS_clock_settime, 0, nullptr)),
                MustFail("sethostname", ::syscall(SYS_sethostname, "x", 1)),
                MustFail("quotactl", ::syscall(SYS_quotactl, 0, nullptr, 0, nullptr)),
                MustFail("acct", ::syscall(SYS_acct, nullptr)),
                MustFail("vhangup", ::syscall(SYS_vhangup)),
                MustFail("syslog", ::syscall(SYS_syslog, 3, nullptr, 0))});
}

// The numbers of other calling conventions must not get around the filter's.
std::string OtherConventions() {
  const auto survives = [](long (*call)()) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(call() == ::getpid() ? 1 : 0);
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 1;
  };
  const auto x32 = [] { return ::syscall(0x40000000 | SYS_getpid); };
  const auto int80 = [] {
    long result;
    asm volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory");  // i386's getpid
    return result;
  };
  if (survives(x32)) return Breach("x32 calls are served");
  if (survives(int80)) return Breach("i386 calls are served");
  return Blocked("x32 and i386 calls");
}

// Memory that memory.max does not count, and what would lower others' performance.
std::string Uncounted() {
  const auto huge = [](int flags) {
    return ::mmap(nullptr, 2 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1,
                  0) == MAP_FAILED
               ? -1L
               : 0L;
  };
  unsigned long context = 0;
  return First(
      {MustFailWith(EPERM, "mmap of huge pages", huge(MAP_HUGETLB)),
       MustFailWith(EPERM, "memfd of huge pages", ::syscall(SYS_memfd_create, "x", MFD_HUGETLB)),
       // fs.aio-max-nr is one number for the whole machine.
       MustFailWith(ENOSYS, "io_setup", ::syscall(SYS_io_setup, 1024, &context)),
       // A success that did nothing, or every loop around sync(2) would flush the whole machine.
       ::syscall(SYS_syncfs, -1) == 0 ? Blocked("syncfs") : Breach("syncfs reached the kernel"),
       // A cookie of its own leaves the other half of each core idle.
       MustFailWith(EPERM, "core scheduling", ::prctl(62, 1, 0, 0, 0))});
}

// With core_pattern a pipe, a limit of 0 still starts the host's handler; only 1 does not.
std::string CoreDump() {
  struct rlimit now{};
  if (::getrlimit(RLIMIT_CORE, &now) != 0) return Breach("no getrlimit");
  if (now.rlim_cur != 1 || now.rlim_max != 1) return Breach("RLIMIT_CORE is not 1");
  const struct rlimit none{0, 0};
  return First({MustFail("setrlimit", ::syscall(SYS_setrlimit, RLIMIT_CORE, &none)),
                MustFail("prlimit", ::syscall(SYS_prlimit64, 0, RLIMIT_CORE, &none, nullptr)),
                MustFail("prlimit with high bits",
                         ::syscall(SYS_prlimit64, 0, 1ul << 32 | RLIMIT_CORE, &none, nullptr))});
}

}  // namespace

const Attacks& KernelAttacks() {
  static const Attacks kAttacks = {
      {"mount", Mount},
      {"mount-fd", MountThroughFd},
      {"ptrace", Ptrace},
      {"modules", Modules},
      {"raw", RawSockets},
      {"bpf", Bpf},
      {"perf", Perf},
      {"keyctl", Keyctl},
      {"userfaultfd", Userfaultfd},
      {"io_uring", IoUring},
      {"unshare", Unshare},
      {"clone3", Clone3Namespaces},
      {"setns", Setns},
      {"setuid", Setuid},
      {"setuid-tmp", SetuidInTmp},
      {"am-i-myself", AmIMyself},
      {"terminal", Terminal},
      {"conventions", OtherConventions},
      {"uncounted", Uncounted},
      {"core", CoreDump},
  };
  return kAttacks;
}

}  // namespace probe
