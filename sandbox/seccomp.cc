#include "sandbox/seccomp.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <memory>
#include <string>

#include "base/file.h"
#include "base/unique_fd.h"

namespace hearth::sandbox {
namespace {

// One reason for each group; a call that is not here is refused with EPERM.
struct Group {
  const char* reason;
  std::vector<const char*> calls;
};

const std::vector<Group>& Allowed() {
  static const std::vector<Group> kAllowed = {
      {"Memory of one's own: every allocator and loader.",
       {"brk",
        "munmap",
        "mprotect",
        "mremap",
        "madvise",
        "msync",
        "mincore",
        "mlock",
        "mlock2",
        "munlock",
        "mlockall",
        "munlockall",
        "membarrier",
        "pkey_alloc",
        "pkey_free",
        "pkey_mprotect",
        "process_madvise",
        "cachestat",
        "map_shadow_stack",
        "mseal",
        "remap_file_pages"}},
      {"Reading and writing descriptors that are already held.",
       {"read",
        "write",
        "readv",
        "writev",
        "pread64",
        "pwrite64",
        "preadv",
        "pwritev",
        "preadv2",
        "pwritev2",
        "lseek",
        "close",
        "close_range",
        "dup",
        "dup2",
        "dup3",
        "fcntl",
        "flock",
        "fsync",
        "fdatasync",
        "sync_file_range",
        "ftruncate",
        "fallocate",
        "readahead",
        "sendfile",
        "splice",
        "tee",
        "vmsplice",
        "copy_file_range",
        "pipe",
        "pipe2"}},
      {"Files and folders: what may be touched is the mount tree's decision, not this filter's.",
       {"open",
        "openat",
        "openat2",
        "creat",
        "stat",
        "fstat",
        "lstat",
        "newfstatat",
        "statx",
        "statfs",
        "fstatfs",
        "access",
        "faccessat",
        "faccessat2",
        "readlink",
        "readlinkat",
        "getdents",
        "getdents64",
        "getcwd",
        "chdir",
        "fchdir",
        "mkdir",
        "mkdirat",
        "rmdir",
        "unlink",
        "unlinkat",
        "rename",
        "renameat",
        "renameat2",
        "link",
        "linkat",
        "symlink",
        "symlinkat",
        "truncate",
        "chmod",
        "fchmod",
        "fchmodat",
        "fchmodat2",
        "chown",
        "fchown",
        "lchown",
        "fchownat",
        "umask",
        "utime",
        "utimes",
        "futimesat",
        "utimensat",
        "mknod",
        "mknodat",
        "getxattr",
        "lgetxattr",
        "fgetxattr",
        "listxattr",
        "llistxattr",
        "flistxattr",
        "setxattr",
        "lsetxattr",
        "fsetxattr",
        "removexattr",
        "lremovexattr",
        "fremovexattr",
        "name_to_handle_at",
        "inotify_init",
        "inotify_init1",
        "inotify_add_watch",
        "inotify_rm_watch"}},
      {"Waiting: event loops of every runtime.",
       {"poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl",
        "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd", "eventfd2", "signalfd", "signalfd4",
        "timerfd_create", "timerfd_settime", "timerfd_gettime"}},
      {"Time; setting the host's clock is not here.",
       {"nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres", "gettimeofday", "time",
        "times", "alarm", "getitimer", "setitimer", "timer_create", "timer_settime",
        "timer_gettime", "timer_getoverrun", "timer_delete", "adjtimex"}},
      {"Processes and threads; clone without new namespaces is a rule of its own below.",
       {"fork",
        "vfork",
        "execve",
        "execveat",
        "exit",
        "exit_group",
        "wait4",
        "waitid",
        "getpid",
        "getppid",
        "gettid",
        "getpgid",
        "getpgrp",
        "setpgid",
        "getsid",
        "setsid",
        "set_tid_address",
        "set_robust_list",
        "get_robust_list",
        "rseq",
        "futex",
        "futex_waitv",
        "futex_wake",
        "futex_wait",
        "futex_requeue",
        "arch_prctl",
        "restart_syscall",
        "pidfd_open",
        "pidfd_send_signal",
        "sched_yield",
        "sched_getaffinity",
        "sched_setaffinity",
        "sched_getparam",
        "sched_setparam",
        "sched_getscheduler",
        "sched_setscheduler",
        "sched_getattr",
        "sched_setattr",
        "sched_get_priority_max",
        "sched_get_priority_min",
        "sched_rr_get_interval",
        "getcpu",
        "getpriority",
        "setpriority",
        "ioprio_get",
        "ioprio_set",
        "getrusage",
        "getrlimit",
        "capget",
        "capset"}},
      {"Signals within the pid namespace.",
       {"kill", "tkill", "tgkill", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
        "rt_sigpending", "rt_sigsuspend", "rt_sigtimedwait", "rt_sigqueueinfo", "rt_tgsigqueueinfo",
        "sigaltstack", "pause"}},
      {"Who am I; changes of identity fail for want of capabilities, as programs expect.",
       {"getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups", "setuid",
        "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "setfsuid",
        "setfsgid"}},
      {"Sockets that exist already; making one is limited by family and type below.",
       {"bind", "listen", "accept", "accept4", "connect", "shutdown", "getsockname", "getpeername",
        "getsockopt", "setsockopt", "sendto", "recvfrom", "sendmsg", "recvmsg", "sendmmsg",
        "recvmmsg"}},
      {"System V shared memory and semaphores: in a namespace of their own.",
       {"shmget", "shmat", "shmdt", "shmctl", "semget", "semop", "semtimedop", "semctl", "msgget",
        "msgsnd", "msgrcv", "msgctl"}},
      {"Facts about the machine that libc and runtimes ask at start.",
       {"uname", "sysinfo", "getrandom", "landlock_create_ruleset", "landlock_add_rule",
        "landlock_restrict_self", "seccomp"}},
  };
  return kAllowed;
}

// Answered ENOSYS, so that callers fall back to an older call or to none.
const std::vector<Group>& Absent() {
  static const std::vector<Group> kAbsent = {
      {"Its flags lie behind a pointer that a filter cannot read: glibc falls back to clone.",
       {"clone3"}},
      {"A large kernel surface with its own history of escapes: libuv and others fall back.",
       {"io_uring_setup", "io_uring_enter", "io_uring_register"}},
      {"fs.aio-max-nr is one number for the whole machine, and no runtime needs this.",
       {"io_setup", "io_destroy", "io_submit", "io_cancel", "io_getevents", "io_pgetevents"}},
      {"Reads another process's descriptors or memory.", {"pidfd_getfd", "process_mrelease"}},
      {"Secret memory cannot be reclaimed nor inspected.", {"memfd_secret"}},
  };
  return kAbsent;
}

// Answered with success, undone: they would flush or evict what belongs to the whole machine, and
// nothing that a sandbox writes outlives it anyway.
constexpr const char* kPretended[] = {"sync", "syncfs"};

using Filter = std::unique_ptr<void, void (*)(scmp_filter_ctx)>;

base::Result<void> Add(const Filter& filter, uint32_t action, const char* call,
                       std::vector<scmp_arg_cmp> conditions = {}) {
  const int number = seccomp_syscall_resolve_name(call);
  if (number == __NR_SCMP_ERROR) return {};  // A call newer than this libseccomp: stays refused.
  const int error = seccomp_rule_add_array(
      filter.get(), action, number, static_cast<unsigned>(conditions.size()), conditions.data());
  // libseccomp gives -EACCES for a rule that repeats the default action.
  if (error != 0 && error != -EACCES) {
    return base::SystemError(std::string("seccomp rule for ") + call, -error);
  }
  return {};
}

// Allows `call` for every value of a 32-bit argument but the `refused`. libseccomp has no "differs
// in these bits", and comparing all 64 bits would let through what the kernel truncates (bits above
// 31 set), so the space is split bit by bit: each half without a refused value is one rule.
base::Result<void> AddAllBut(const Filter& filter, const char* call, unsigned argument,
                             const std::vector<uint32_t>& refused, uint64_t mask = 0,
                             uint64_t value = 0, int bit = 0) {
  if (refused.empty()) {
    return Add(filter, SCMP_ACT_ALLOW, call,
               {SCMP_CMP64(argument, SCMP_CMP_MASKED_EQ, mask, value)});
  }
  if (bit == 32) return {};
  for (const uint64_t side : {0u, 1u}) {
    std::vector<uint32_t> inside;
    for (const uint32_t one : refused) {
      if ((one >> bit & 1) == side) inside.push_back(one);
    }
    TRY(AddAllBut(filter, call, argument, inside, mask | uint64_t{1} << bit, value | side << bit,
                  bit + 1));
  }
  return {};
}

base::Result<void> AddConditional(const Filter& filter) {
  // New namespaces would give a function capabilities of its own and with them mount, raw
  // sockets...
  constexpr uint64_t kNamespaces = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET |
                                   CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
  TRY(Add(filter, SCMP_ACT_ALLOW, "clone", {SCMP_A0(SCMP_CMP_MASKED_EQ, kNamespaces, 0)}));

  // Local sockets, TCP, UDP; no raw and no packet sockets. The type's upper bits are flags.
  constexpr uint64_t kTypeMask = 0xf;
  for (const int family : {AF_UNIX, AF_INET, AF_INET6}) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
      TRY(Add(filter, SCMP_ACT_ALLOW, "socket",
              {SCMP_A0(SCMP_CMP_EQ, static_cast<uint64_t>(family)),
               SCMP_A1(SCMP_CMP_MASKED_EQ, kTypeMask, static_cast<uint64_t>(type))}));
    }
  }
  TRY(Add(filter, SCMP_ACT_ALLOW, "socket",
          {SCMP_A0(SCMP_CMP_EQ, AF_UNIX), SCMP_A1(SCMP_CMP_MASKED_EQ, kTypeMask, SOCK_SEQPACKET)}));
  // getaddrinfo and if_nameindex ask the routing tables of the sandbox's own network namespace.
  TRY(Add(filter, SCMP_ACT_ALLOW, "socket",
          {SCMP_A0(SCMP_CMP_EQ, AF_NETLINK), SCMP_A2(SCMP_CMP_EQ, NETLINK_ROUTE)}));
  TRY(Add(filter, SCMP_ACT_ALLOW, "socketpair", {SCMP_A0(SCMP_CMP_EQ, AF_UNIX)}));

  // Every ioctl but those that push input into, or paste from, a terminal shared with the host.
  TRY(AddAllBut(filter, "ioctl", 1, {TIOCSTI, TIOCLINUX}));
  // PDEATHSIG ties the sandbox to its zygote: its first process must not cut that tie. A core
  // scheduling cookie keeps everybody else off the other thread of each core.
  TRY(AddAllBut(filter, "prctl", 0, {PR_SET_PDEATHSIG, PR_SCHED_CORE}));
  // RLIMIT_CORE is 1 for a reason (embryo.cc); to ask is allowed.
  TRY(AddAllBut(filter, "setrlimit", 0, {RLIMIT_CORE}));
  TRY(AddAllBut(filter, "prlimit64", 1, {RLIMIT_CORE}));
  TRY(Add(filter, SCMP_ACT_ALLOW, "prlimit64", {SCMP_A2(SCMP_CMP_EQ, 0)}));

  // Huge pages are a pool of the machine's, which no memory limit counts.
  TRY(Add(filter, SCMP_ACT_ALLOW, "mmap", {SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_HUGETLB, 0)}));
  TRY(Add(filter, SCMP_ACT_ALLOW, "memfd_create", {SCMP_A1(SCMP_CMP_MASKED_EQ, MFD_HUGETLB, 0)}));
  // Anybody may drop any file's pages from the page cache: those of /usr are everybody's.
  TRY(AddAllBut(filter, "fadvise64", 3, {POSIX_FADV_DONTNEED}));
  TRY(Add(filter, SCMP_ACT_ERRNO(0), "fadvise64",
          {SCMP_A3(SCMP_CMP_MASKED_EQ, UINT32_MAX, POSIX_FADV_DONTNEED)}));

  // Asking (0xffffffff) and plain Linux; others weaken address space layout.
  TRY(Add(filter, SCMP_ACT_ALLOW, "personality", {SCMP_A0(SCMP_CMP_EQ, PER_LINUX)}));
  TRY(Add(filter, SCMP_ACT_ALLOW, "personality", {SCMP_A0(SCMP_CMP_EQ, 0xffffffffu)}));
  return {};
}

base::Result<std::vector<struct sock_filter>> Export(const Filter& filter) {
  base::UniqueFd file(::memfd_create("seccomp", MFD_CLOEXEC));
  if (!file.valid()) return base::SystemError("memfd_create");
  const int error = seccomp_export_bpf(filter.get(), file.get());
  if (error != 0) return base::SystemError("export the seccomp filter", -error);
  const std::string bytes = TRY(base::ReadFromStart(file.get()));
  std::vector<struct sock_filter> out(bytes.size() / sizeof(struct sock_filter));
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(out.data()));
  return out;
}

}  // namespace

base::Result<std::vector<struct sock_filter>> BuildSeccompFilter() {
  Filter filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)), &seccomp_release);
  if (!filter) return base::SystemError("seccomp_init", ENOMEM);
  // A binary tree over the call numbers: about 9 comparisons a call in place of 300.
  (void)seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  // Calls of another architecture (int 0x80) would get around the numbers here.
  (void)seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  for (const auto& group : Allowed()) {
    for (const char* call : group.calls) TRY(Add(filter, SCMP_ACT_ALLOW, call));
  }
  for (const auto& group : Absent()) {
    for (const char* call : group.calls) TRY(Add(filter, SCMP_ACT_ERRNO(ENOSYS), call));
  }
  for (const char* call : kPretended) TRY(Add(filter, SCMP_ACT_ERRNO(0), call));
  TRY(AddConditional(filter));
  return Export(filter);
}

}  // namespace hearth::sandbox
