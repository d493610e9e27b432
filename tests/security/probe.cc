// The attacker: runs inside a sandbox, tries the attack that its argument names, and prints
// "blocked: how" or "BREACH: what". Then it tries again until it is killed, so that a test can see
// how others fare meanwhile. Linked statically, without sanitizers; uses no code of Hearth.
#include <arpa/inet.h>
#include <dirent.h>
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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>

namespace {

std::string argument;  // What the test gives: a path, a pid, a port.

std::string Blocked(const std::string& what) { return "blocked: " + what; }
std::string Breach(const std::string& what) { return "BREACH: " + what; }

// A call that must fail, with any errno of refusal.
std::string MustFail(const char* what, long result) {
  if (result >= 0) return Breach(std::string(what) + " succeeded");
  return Blocked(std::string(what) + " " + std::strerror(errno));
}

std::string First(std::initializer_list<std::string> results) {
  std::string all;
  for (const auto& result : results) {
    if (result.starts_with("BREACH")) return result;
    all += (all.empty() ? "" : "; ") + result;
  }
  return all;
}

std::string MustNotRead(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY);
  if (fd < 0) return Blocked("open " + path + " " + std::strerror(errno));
  char byte;
  const bool read = ::read(fd, &byte, 1) > 0;
  ::close(fd);
  return read ? Breach("read " + path) : Blocked(path + " is empty");
}

std::string MustNotList(const std::string& path) {
  DIR* folder = ::opendir(path.c_str());
  if (folder == nullptr) return Blocked("list " + path + " " + std::strerror(errno));
  std::string found;
  while (const dirent* entry = ::readdir(folder)) {
    if (entry->d_name[0] != '.') found += std::string(" ") + entry->d_name;
  }
  ::closedir(folder);
  return found.empty() ? Blocked(path + " is empty") : Breach("listed " + path + ":" + found);
}

std::string MustNotWrite(const std::string& path) {
  return MustFail(("write " + path).c_str(), ::open(path.c_str(), O_WRONLY));
}

std::string Mount() {
  return First({MustFail("mount", ::mount("none", "/tmp", "tmpfs", 0, nullptr)),
                MustFail("fsopen", ::syscall(SYS_fsopen, "tmpfs", 0)),
                MustFail("open_tree", ::syscall(SYS_open_tree, AT_FDCWD, "/", 1)),
                MustFail("umount", ::umount2("/tmp", MNT_DETACH)),
                MustFail("pivot_root", ::syscall(SYS_pivot_root, "/tmp", "/tmp")),
                MustFail("chroot", ::chroot("/tmp")),
                MustFail("remount", ::mount("", "/usr", "", MS_REMOUNT | MS_BIND, nullptr))});
}

std::string Ptrace() {
  char block[8];
  iovec mine{block, 8}, its{block, 8};
  return First({MustFail("traceme", ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)),
                MustFail("attach", ::ptrace(PTRACE_ATTACH, 1, nullptr, nullptr)),
                MustFail("vm_readv", ::syscall(SYS_process_vm_readv, 1, &mine, 1, &its, 1, 0)),
                MustFail("pidfd_getfd", ::syscall(SYS_pidfd_getfd, 0, 0, 0))});
}

std::string Modules() {
  return First({MustFail("init_module", ::syscall(SYS_init_module, "", 0, "")),
                MustFail("finit_module", ::syscall(SYS_finit_module, 0, "", 0)),
                MustFail("kexec_load", ::syscall(SYS_kexec_load, 0, 0, nullptr, 0)),
                MustFail("reboot", ::syscall(SYS_reboot, 0xfee1dead, 672274793, 0x1234567, 0)),
                MustFail("swapon", ::syscall(SYS_swapon, "/tmp/x", 0))});
}

std::string RawSockets() {
  return First({MustFail("raw", ::socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)),
                MustFail("raw6", ::socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6)),
                MustFail("packet", ::socket(AF_PACKET, SOCK_DGRAM, 0)),
                MustFail("netlink audit", ::socket(AF_NETLINK, SOCK_RAW, 9)),
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
  return First({MustFail("userfaultfd", ::syscall(SYS_userfaultfd, O_CLOEXEC | 1)),
                MustFail("io_uring", ::syscall(SYS_io_uring_setup, 1, nullptr))});
}

std::string Unshare() {
  return First({MustFail("unshare user", ::unshare(CLONE_NEWUSER)),
                MustFail("unshare mount", ::unshare(CLONE_NEWNS)),
                MustFail("clone user", ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)),
                MustFail("clone3", ::syscall(SYS_clone3, nullptr, 0))});
}

std::string Setns() {
  const int net = ::open("/proc/self/ns/net", O_RDONLY);
  return First({MustFail("setns net", ::setns(net, 0)), MustFail("setns pid", ::setns(net, 0))});
}

std::string WriteSys() {
  return First({MustNotWrite("/sys/kernel/mm/transparent_hugepage/enabled"),
                MustFail("mkdir /sys/fs/cgroup", ::mkdir("/sys/fs/cgroup/x", 0755)),
                MustFail("mkdir /sys", ::mkdir("/sys/x", 0755)),
                MustNotWrite("/usr/bin/env"), MustNotWrite("/etc/passwd"),
                MustFail("create in /var/task", ::open("/var/task/x", O_CREAT | O_WRONLY, 0644))});
}

std::string WriteProcSys() {
  return First({MustNotWrite("/proc/sys/kernel/hostname"),
                MustNotWrite("/proc/sys/kernel/core_pattern"),
                MustNotWrite("/proc/sysrq-trigger"), MustNotWrite("/proc/sys/vm/drop_caches"),
                MustNotRead("/proc/kcore"), MustNotRead("/proc/keys"), MustNotRead("/proc/kmsg"),
                MustNotRead("/proc/timer_list")});
}

std::string SeeProcesses() {
  DIR* folder = ::opendir("/proc");
  if (folder == nullptr) return Breach("no /proc to look at");
  std::string strangers;
  int mine = 0;
  while (const dirent* entry = ::readdir(folder)) {
    const long pid = std::atol(entry->d_name);
    if (pid == ::getpid() || pid == ::getppid()) ++mine;
    else if (pid > 0) strangers += std::string(" ") + entry->d_name;
  }
  ::closedir(folder);
  if (mine == 0) return Breach("/proc does not even show this process");
  return strangers.empty() ? Blocked("only my own") : Breach("saw" + strangers);
}

// `argument` is the pid, on the host, of a process that must not be reached.
std::string SignalProcess() {
  const pid_t pid = std::atoi(argument.c_str());
  if (pid <= ::getpid()) return Breach("bad argument");
  return First({MustFail("kill", ::kill(pid, SIGTERM)),
                MustFail("tgkill", ::syscall(SYS_tgkill, pid, pid, SIGTERM)),
                MustFail("pidfd_open", ::syscall(SYS_pidfd_open, pid, 0)),
                MustNotRead("/proc/" + argument + "/environ")});
}

std::string ReachHost() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(std::atoi(argument.c_str())));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int tcp = ::socket(AF_INET, SOCK_STREAM, 0);
  if (tcp < 0) return Breach("no socket to try with");
  const std::string loopback =
      MustFail("connect", ::connect(tcp, reinterpret_cast<sockaddr*>(&address), sizeof address));
  ::close(tcp);
  // An abstract socket has no path, so only the network namespace hides it.
  sockaddr_un abstract{};
  abstract.sun_family = AF_UNIX;
  const std::string name = "hearth-" + argument;
  std::memcpy(abstract.sun_path + 1, name.data(), name.size());
  const int local = ::socket(AF_UNIX, SOCK_STREAM, 0);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  const std::string unix_socket = MustFail(
      "connect abstract", ::connect(local, reinterpret_cast<sockaddr*>(&abstract), size));
  ::close(local);
  return First({loopback, unix_socket});
}

std::string LeakedFds() {
  std::string open;
  for (int fd = 3; fd < 1024; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) open += " " + std::to_string(fd);
  }
  return open.empty() ? Blocked("nothing above 2 is open") : Breach("open:" + open);
}

std::string Memory() {
  for (int i = 0; i < 100000; ++i) {
    constexpr size_t kBlock = 1 << 20;
    void* block = ::mmap(nullptr, kBlock, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (block == MAP_FAILED) return Blocked("mmap");
    std::memset(block, i, kBlock);
  }
  return Breach("took 100 GB");
}

std::string ForkBomb() {
  int made = 0;
  while (made < 100000) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::pause();
      ::_exit(0);
    }
    if (pid < 0) return "blocked: processes " + std::to_string(made);
    ++made;
  }
  return Breach("100,000 processes");
}

std::string FillTmp() {
  const int fd = ::open("/tmp/fill", O_CREAT | O_WRONLY, 0600);
  if (fd < 0) return Breach("cannot even create a file");
  static char block[1 << 16];
  long written = 0;
  while (written < (1L << 34)) {
    const ssize_t put = ::write(fd, block, sizeof block);
    if (put < 0) break;
    written += put;
  }
  ::close(fd);
  return "blocked: bytes " + std::to_string(written);
}

std::string ExhaustInodes() {
  long made = 0;
  while (made < 10'000'000) {
    const int fd = ::open(("/tmp/i" + std::to_string(made)).c_str(), O_CREAT | O_WRONLY, 0600);
    if (fd < 0) break;
    ::close(fd);
    ++made;
  }
  return "blocked: inodes " + std::to_string(made);
}

std::string Outlive() {
  // A daemon by the book: two forks, a session of its own; then the first process ends.
  const std::string tie = MustFail("pdeathsig", ::prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0));
  if (::fork() == 0) {
    ::setsid();
    if (::fork() == 0) {
      while (true) ::pause();
    }
    ::_exit(0);
  }
  return tie;
}

std::string Setuid() {
  struct statvfs fs {};
  if (::statvfs("/usr/bin", &fs) != 0) return Breach("no /usr/bin");
  if ((fs.f_flag & ST_NOSUID) == 0) return Breach("/usr/bin honours setuid");
  if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return Breach("no_new_privs is off");
  for (int capability = 0; capability < 41; ++capability) {
    if (::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1) return Breach("a capability is left");
  }
  return First({MustFail("setuid", ::setuid(0)), MustFail("setgid", ::setgid(0)),
                MustFail("setgroups", ::setgroups(0, nullptr)),
                MustFail("chown", ::chown("/tmp", 0, 0)),
                MustFail("mknod", ::mknod("/tmp/disk", S_IFBLK | 0600, makedev(8, 0)))});
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
  return First({
                MustFail("personality", ::syscall(SYS_personality, 0x0040000)),
                MustFail("settimeofday", ::syscall(SYS_settimeofday, nullptr, nullptr)),
                MustFail("sethostname", ::syscall(SYS_sethostname, "x", 1)),
                MustFail("open_by_handle_at", ::syscall(SYS_open_by_handle_at, 0, nullptr, 0)),
                MustFail("quotactl", ::syscall(SYS_quotactl, 0, nullptr, 0, nullptr)),
                MustFail("acct", ::syscall(SYS_acct, nullptr)),
                MustFail("syslog", ::syscall(SYS_syslog, 3, nullptr, 0))});
}

const std::map<std::string, std::function<std::string()>> kAttacks = {
    {"mount", Mount}, {"ptrace", Ptrace}, {"modules", Modules}, {"raw", RawSockets},
    {"bpf", Bpf}, {"perf", Perf}, {"keyctl", Keyctl}, {"userfaultfd", Userfaultfd},
    {"unshare", Unshare}, {"setns", Setns}, {"sys", WriteSys}, {"procsys", WriteProcSys},
    {"processes", SeeProcesses}, {"signal", SignalProcess}, {"host", ReachHost},
    {"fds", LeakedFds}, {"memory", Memory}, {"forkbomb", ForkBomb}, {"filltmp", FillTmp},
    {"inodes", ExhaustInodes}, {"outlive", Outlive}, {"setuid", Setuid}, {"terminal", Terminal},
    {"read", [] { return MustNotRead(argument); }},
    {"list", [] { return MustNotList(argument); }},
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || !kAttacks.contains(argv[1])) return 64;
  if (argc > 2) argument = argv[2];
  const auto& attack = kAttacks.at(argv[1]);
  const std::string result = attack();
  std::printf("%s\n", result.c_str());
  std::fflush(stdout);
  if (std::strcmp(argv[1], "outlive") == 0) return 0;
  while (true) (void)attack();
}
