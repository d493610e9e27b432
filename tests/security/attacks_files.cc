// Files, processes and sockets that a sandbox must not reach.
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>

#include "tests/security/probe.h"

namespace probe {
namespace {

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

// Some files of /proc open for anybody and refuse the write.
std::string MustNotStore(const std::string& path, const std::string& text) {
  const int fd = ::open(path.c_str(), O_WRONLY);
  if (fd < 0) return Blocked("open " + path + " " + std::strerror(errno));
  const std::string result =
      MustFail(("store in " + path).c_str(), ::write(fd, text.data(), text.size()));
  ::close(fd);
  return result;
}

std::string WriteSys() {
  return First({MustNotWrite("/sys/kernel/mm/transparent_hugepage/enabled"),
                MustFail("mkdir /sys", ::mkdir("/sys/x", 0755)), MustNotWrite("/usr/bin/env"),
                MustNotWrite("/etc/passwd"),
                MustFail("create in /var/task", ::open("/var/task/x", O_CREAT | O_WRONLY, 0644))});
}

// The image is one tree for all sandboxes: a change here would be a message to the next.
std::string WriteImage() {
  return First({MustFail("create in /etc", ::open("/etc/x", O_CREAT | O_WRONLY, 0644)),
                MustFail("create in /dev", ::open("/dev/x", O_CREAT | O_WRONLY, 0644)),
                MustFail("create in /", ::open("/x", O_CREAT | O_WRONLY, 0644)),
                MustFail("create in /opt", ::open("/opt/x", O_CREAT | O_WRONLY, 0644)),
                MustFail("create in /var/tmp", ::open("/var/tmp/x", O_CREAT | O_WRONLY, 0644)),
                MustFail("create in /var/empty", ::open("/var/empty/x", O_CREAT | O_WRONLY, 0644)),
                MustFail("unlink /dev/null", ::unlink("/dev/null")),
                MustFail("chmod /dev/null", ::chmod("/dev/null", 0)),
                MustFail("rename /etc/hosts", ::rename("/etc/hosts", "/etc/x")),
                MustFail("link out of /usr", ::link("/usr/bin/env", "/tmp/env")),
                MustFail("truncate /etc/hosts", ::truncate("/etc/hosts", 0)),
                MustFail("touch /etc/hosts", ::utimensat(AT_FDCWD, "/etc/hosts", nullptr, 0)),
                MustFail("setxattr", ::syscall(SYS_setxattr, "/etc/hosts", "user.x", "y", 1, 0)),
                MustFail("open the terminal", ::open("/dev/tty", O_RDWR)),
                MustFail("open the kernel's log", ::open("/dev/kmsg", O_RDWR)),
                MustFail("open a pty", ::open("/dev/ptmx", O_RDWR)),
                MustFail("open memory", ::open("/dev/mem", O_RDONLY))});
}

std::string WriteProcSys() {
  return First(
      {MustNotWrite("/proc/sys/kernel/hostname"), MustNotWrite("/proc/sys/kernel/core_pattern"),
       MustNotWrite("/proc/sys/kernel/modprobe"), MustNotWrite("/proc/sys/kernel/ns_last_pid"),
       MustNotWrite("/proc/sys/user/max_user_namespaces"),
       MustNotWrite("/proc/sys/net/ipv4/ip_forward"),
       MustNotWrite("/proc/sys/fs/binfmt_misc/register"), MustNotWrite("/proc/sysrq-trigger"),
       MustNotWrite("/proc/sys/vm/drop_caches"), MustNotWrite("/proc/pressure/memory"),
       MustNotWrite("/proc/pressure/cpu"), MustNotRead("/proc/kcore"), MustNotRead("/proc/keys"),
       MustNotRead("/proc/kmsg"), MustNotRead("/proc/timer_list"), MustNotRead("/proc/vmallocinfo"),
       MustNotRead("/proc/slabinfo"), MustNotRead("/proc/kpagecount")});
}

// Its own limits: there is no cgroup file system, and none can be had.
std::string WriteCgroup() {
  return First(
      {MustNotList("/sys"), MustFail("mkdir", ::mkdir("/sys/fs/cgroup/x", 0755)),
       MustNotWrite("/sys/fs/cgroup/cgroup.procs"), MustNotWrite("/sys/fs/cgroup/memory.max"),
       MustNotStore("/proc/self/cgroup", "0::/"), MustNotStore("/proc/self/uid_map", "0 0 1"),
       MustNotStore("/proc/self/gid_map", "0 0 1"), MustNotStore("/proc/self/setgroups", "deny")});
}

// The process that becomes the sandbox was the zygote's; /proc/1 must not lead back to it.
std::string ProcOfFirst() {
  char target[4096] = {};
  const ssize_t length = ::readlink("/proc/1/exe", target, sizeof target - 1);
  if (length > 0 && std::string(target).find("zygote") != std::string::npos) {
    return Breach("/proc/1/exe is the zygote");
  }
  const int memory = ::open("/proc/self/mem", O_RDWR);
  const std::string other =
      memory < 0 ? Blocked("no /proc/self/mem")
                 // Address 0 and the kernel's half must stay out of reach even so.
                 : First({MustFail("write address 0", ::pwrite(memory, "x", 1, 0)),
                          MustFail("read the kernel", ::pread(memory, target, 1, -(1l << 30)))});
  ::close(memory);
  return First({other, MustNotWrite("/proc/1/exe"), MustNotRead("/proc/1/root/etc/shadow"),
                MustNotRead("/proc/1/cwd/../../etc/shadow"),
                MustFail("handle", ::syscall(SYS_open_by_handle_at, AT_FDCWD, "", 0))});
}

// A handle from any file of the host's file system, with the number of another: its root.
std::string OpenByHandle() {
  struct {
    unsigned bytes = 64;
    int type = 0;
    unsigned char data[64] = {};
  } handle;
  int mount_id = 0;
  const long named =
      ::syscall(SYS_name_to_handle_at, AT_FDCWD, "/usr/bin/env", &handle, &mount_id, 0);
  const int folder = ::open("/usr", O_RDONLY | O_DIRECTORY);
  // Where names are not given out, a guess: inode 2, the root of most file systems.
  if (named != 0) handle.bytes = 8, handle.type = 1, handle.data[0] = 2;
  const std::string result =
      MustFail("open_by_handle_at", ::syscall(SYS_open_by_handle_at, folder, &handle, O_RDONLY));
  ::close(folder);
  return result;
}

std::string SeeProcesses() {
  DIR* folder = ::opendir("/proc");
  if (folder == nullptr) return Breach("no /proc to look at");
  std::string strangers;
  int mine = 0;
  while (const dirent* entry = ::readdir(folder)) {
    const long pid = std::atol(entry->d_name);
    if (pid == ::getpid() || pid == ::getppid())
      ++mine;
    else if (pid > 0)
      strangers += std::string(" ") + entry->d_name;
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
                MustFail("kill its group", ::kill(-pid, SIGTERM)),
                MustFail("kill everyone", ::kill(-1, SIGTERM)),
                MustFail("tgkill", ::syscall(SYS_tgkill, pid, pid, SIGTERM)),
                MustFail("pidfd_open", ::syscall(SYS_pidfd_open, pid, 0)),
                MustFail("slow it", ::syscall(SYS_setpriority, 0, pid, 19)),
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
  // Anything else: there is no way out at all.
  address.sin_addr.s_addr = htonl(0xa9fea9fe);  // 169.254.169.254
  const int outside = ::socket(AF_INET, SOCK_STREAM, 0);
  const std::string metadata = MustFail(
      "connect outside", ::connect(outside, reinterpret_cast<sockaddr*>(&address), sizeof address));
  ::close(outside);
  return First({loopback, metadata});
}

// An abstract socket has no path, so only the network namespace hides it. `argument` is its name.
std::string ReachAbstract() {
  sockaddr_un abstract{};
  abstract.sun_family = AF_UNIX;
  std::memcpy(abstract.sun_path + 1, argument.data(), argument.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + argument.size());
  const int local = ::socket(AF_UNIX, SOCK_STREAM, 0);
  const std::string result =
      MustFail("connect abstract", ::connect(local, reinterpret_cast<sockaddr*>(&abstract), size));
  ::close(local);
  return First({result, MustNotRead("/proc/net/unix_of_the_host"), MustNotList("/run")});
}

std::string LeakedFds() {
  std::string open;
  for (int fd = 3; fd < 1024; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) open += " " + std::to_string(fd);
  }
  return open.empty() ? Blocked("nothing above 2 is open") : Breach("open:" + open);
}

// Descriptor 3 is one end of a socket pair whose other end the host holds.
std::string AttackPeer() {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(3, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return Breach("no socket");
  if (peer.pid != 0) return Breach("the peer has a pid here: " + std::to_string(peer.pid));
  // SO_PEERPIDFD gives a descriptor of the peer, whatever its pid namespace.
  int pidfd = -1;
  size = sizeof pidfd;
  (void)::getsockopt(3, SOL_SOCKET, 77, &pidfd, &size);
  if (pidfd < 0) return Blocked("no pidfd of the peer");
  const std::string result =
      First({MustFail("signal the peer", ::syscall(SYS_pidfd_send_signal, pidfd, 0, nullptr, 0)),
             MustFail("its descriptors", ::syscall(SYS_pidfd_getfd, pidfd, 0, 0)),
             MustFail("its memory", ::syscall(SYS_process_madvise, pidfd, nullptr, 0, 21, 0)),
             MustFail("its namespaces", ::syscall(SYS_setns, pidfd, 0x20000))});
  ::close(pidfd);
  return result;
}

// A daemon by the book: two forks, a session of its own; then the first process ends.
std::string Outlive() {
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

// Exec by a thread other than the first: the thread takes the process over, but nothing that was
// set for the first thread alone (PDEATHSIG).
std::string LoseParent() {
  if (argument == "again") return Blocked("executed again by a thread");
  pthread_t thread;
  ::pthread_create(
      &thread, nullptr,
      [](void*) -> void* {
        ::execl("/proc/self/exe", "sandbox_probe", "hold-untied", "again", nullptr);
        return nullptr;
      },
      nullptr);
  ::pthread_join(thread, nullptr);
  return Breach("cannot exec");
}

}  // namespace

const Attacks& FileAttacks() {
  static const Attacks kAttacks = {
      {"sys", WriteSys},
      {"image", WriteImage},
      {"procsys", WriteProcSys},
      {"cgroup", WriteCgroup},
      {"proc1", ProcOfFirst},
      {"handle", OpenByHandle},
      {"processes", SeeProcesses},
      {"signal", SignalProcess},
      {"host", ReachHost},
      {"abstract", ReachAbstract},
      {"fds", LeakedFds},
      {"peer", AttackPeer},
      {"outlive", Outlive},
      {"hold-untied", LoseParent},
      {"read", [] { return MustNotRead(argument); }},
      {"list", [] { return MustNotList(argument); }},
  };
  return kAttacks;
}

}  // namespace probe
