// MARKED FILE: runs in the child between clone3 and execve. Only async-signal-safe calls and raw
// system calls; no heap, no locks, no C++ library beyond plain memory.
#include "sandbox/embryo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace hearth::sandbox {

const char* StepName(Step step) {
  switch (step) {
    case Step::kWait:
      return "wait for id maps";
    case Step::kIdentity:
      return "become root of the user namespace";
    case Step::kNamespaces:
      return "make mounts private";
    case Step::kProc:
      return "mount /proc";
    case Step::kPivotRoot:
      return "pivot_root";
    case Step::kMasks:
      return "mask /proc";
    case Step::kTmp:
      return "mount /tmp";
    case Step::kLoopback:
      return "bring up lo";
    case Step::kHostname:
      return "hostname";
    case Step::kRlimits:
      return "rlimits";
    case Step::kCredentials:
      return "drop privilege";
    case Step::kSeccomp:
      return "seccomp";
    case Step::kReceive:
      return "receive the order";
    case Step::kListeners:
      return "listen";
    case Step::kDescriptors:
      return "descriptors";
    case Step::kExec:
      return "exec";
    case Step::kCount:
      break;
  }
  return "?";
}

namespace {

// Descriptors above any number that a PassedFd may name.
constexpr int kControl = 230;
constexpr int kRootTree = 231;
constexpr int kTmpMount = 232;
constexpr int kFirstReceived = 240;
constexpr char kHostname[] = "hearth";

// One embryo a process: its memory is its own, so these are not shared with anyone.
EmbryoReport report;
uint64_t step_began_ns;
struct OrderPacket {
  EmbryoOrder order;
  char strings[kOrderStrings];
} packet;
int received[kMaxPassed];
int listeners[kMaxListenPorts];
char* arguments[129];
char* variables[513];

uint64_t NowNs() {
  struct timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

void SendReport(const int* fds, size_t count) {
  struct iovec vector{&report, sizeof report};
  alignas(struct cmsghdr) char control[CMSG_SPACE(kMaxListenPorts * sizeof(int))];
  struct msghdr message;
  ::memset(&message, 0, sizeof message);
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  if (count > 0) {
    ::memset(control, 0, sizeof control);
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    struct cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    ::memcpy(CMSG_DATA(header), fds, count * sizeof(int));
  }
  if (::sendmsg(kControl, &message, MSG_NOSIGNAL) < 0) ::_exit(126);
}

[[noreturn]] void Fail(Step step, int error_number) {
  report.kind = EmbryoReport::kFailed;
  report.failed_step = static_cast<uint32_t>(step);
  report.error_number = error_number;
  SendReport(nullptr, 0);
  ::_exit(125);
}

void Must(bool ok, Step step) {
  if (!ok) Fail(step, errno);
}

void Done(Step step) {
  const uint64_t now = NowNs();
  report.timings[report.count].step = static_cast<uint32_t>(step);
  report.timings[report.count].took_ns = now - step_began_ns;
  ++report.count;
  step_began_ns = now;
}

bool MoveMount(int from, const char* to) {
  return ::syscall(SYS_move_mount, from, "", AT_FDCWD, to, MOVE_MOUNT_F_EMPTY_PATH) == 0;
}

int CloneTree(const char* path) {
  return static_cast<int>(
      ::syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
}

// Keeps the three descriptors of the plan at fixed numbers and closes everything else that the
// zygote has open: nothing leaks into a sandbox.
void KeepOnly(const EmbryoPlan& plan) {
  const int high_control = ::fcntl(plan.control, F_DUPFD_CLOEXEC, 260);
  const int high_root = ::fcntl(plan.root_tree, F_DUPFD_CLOEXEC, 260);
  const int high_tmp = ::fcntl(plan.tmp_mount, F_DUPFD_CLOEXEC, 260);
  if (high_control < 0 || ::dup3(high_control, kControl, O_CLOEXEC) < 0) ::_exit(126);
  if (high_root < 0 || ::dup3(high_root, kRootTree, O_CLOEXEC) < 0) ::_exit(126);
  if (high_tmp < 0 || ::dup3(high_tmp, kTmpMount, O_CLOEXEC) < 0) ::_exit(126);
  ::syscall(SYS_close_range, 3u, static_cast<unsigned>(kControl - 1), 0u);
  ::syscall(SYS_close_range, static_cast<unsigned>(kTmpMount + 1), ~0u, 0u);
}

// The filler writes the id maps, then sends one byte.
void WaitForMaps() {
  char go;
  ssize_t got;
  do {
    got = ::recv(kControl, &go, 1, 0);
  } while (got < 0 && errno == EINTR);
  if (got != 1) ::_exit(126);
}

// Signal dispositions and the mask outlive exec, and the zygote ignores some signals.
void ResetSignals() {
  struct sigaction standard;
  ::memset(&standard, 0, sizeof standard);
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal <= 64; ++signal) ::sigaction(signal, &standard, nullptr);
  sigset_t order;
  ::sigemptyset(&order);
  ::sigaddset(&order, kOrderSignal);
  ::sigprocmask(SIG_SETMASK, &order, nullptr);
}

// The kernel forgets PDEATHSIG at each change of credentials, so it is set after each.
void DieWithZygote(Step step) { Must(::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0, step); }

void BecomeNamespaceRoot() {
  Must(::syscall(SYS_setresgid, 0, 0, 0) == 0, Step::kIdentity);
  Must(::syscall(SYS_setresuid, 0, 0, 0) == 0, Step::kIdentity);
  Must(::syscall(SYS_setgroups, 0, nullptr) == 0, Step::kIdentity);
  Must(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0, Step::kIdentity);
  DieWithZygote(Step::kIdentity);
  // Had the zygote died before PDEATHSIG, its end of the socket is closed.
  char byte;
  if (::recv(kControl, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) ::_exit(126);
  ::umask(022);
}

// A new proc is only allowed while the host's own, unmasked, is still in sight.
int MakeProc() {
  const int fs = static_cast<int>(::syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC));
  Must(fs >= 0, Step::kProc);
  Must(::syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "hidepid", "invisible", 0) == 0,
       Step::kProc);
  Must(::syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0, Step::kProc);
  const int mount = static_cast<int>(::syscall(
      SYS_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
  Must(mount >= 0, Step::kProc);
  ::close(fs);
  return mount;
}

void PivotRoot() {
  // The image goes over the old root, becomes the root, and the old root is let go.
  Must(MoveMount(kRootTree, "/"), Step::kPivotRoot);
  Must(::fchdir(kRootTree) == 0, Step::kPivotRoot);
  Must(::syscall(SYS_pivot_root, ".", ".") == 0, Step::kPivotRoot);
  Must(::umount2(".", MNT_DETACH) == 0, Step::kPivotRoot);
  Must(::chdir("/") == 0, Step::kPivotRoot);
}

// As runc masks it: what the kernel shares between all containers is hidden or read-only.
void MaskProc() {
  static const char* const kHiddenFiles[] = {
      "/proc/kcore",       "/proc/keys",          "/proc/timer_list",
      "/proc/sched_debug", "/proc/kpagecount",    "/proc/kpageflags",
      "/proc/kmsg",        "/proc/latency_stats", "/proc/interrupts"};
  static const char* const kHiddenFolders[] = {"/proc/scsi", "/proc/acpi", "/proc/asound",
                                               "/proc/pressure"};
  static const char* const kReadOnly[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                          "/proc/sysrq-trigger"};
  struct mount_attr read_only;
  ::memset(&read_only, 0, sizeof read_only);
  read_only.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  for (const char* path : kHiddenFiles) {
    if (::access(path, F_OK) != 0) continue;
    const int null = CloneTree("/dev/null");
    Must(null >= 0 && MoveMount(null, path), Step::kMasks);
    ::close(null);
  }
  for (const char* path : kHiddenFolders) {
    const int folder = ::open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) continue;
    ::close(folder);
    const int empty = CloneTree("/var/empty");
    Must(empty >= 0 && MoveMount(empty, path), Step::kMasks);
    ::close(empty);
  }
  for (const char* path : kReadOnly) {
    const int tree = CloneTree(path);
    if (tree < 0 && errno == ENOENT) continue;
    Must(tree >= 0, Step::kMasks);
    Must(::syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &read_only, sizeof read_only) == 0,
         Step::kMasks);
    Must(MoveMount(tree, path), Step::kMasks);
    ::close(tree);
  }
}

void BringUpLoopback() {
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  Must(socket >= 0, Step::kLoopback);
  struct ifreq request;
  ::memset(&request, 0, sizeof request);
  ::memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP;
  Must(::ioctl(socket, SIOCSIFFLAGS, &request) == 0, Step::kLoopback);
  ::close(socket);
}

void SetRlimits() {
  static const struct {
    int resource;
    rlim_t value;
  } kLimits[] = {
      {RLIMIT_NOFILE, 1024},  // Lambda: 1,024 open files
      {RLIMIT_NPROC, 1024},   // Lambda: 1,024 processes; pids.max holds for threads as well
      // A core dump would hold other people's payloads. 1, not 0: where core_pattern is a pipe, 0
      // still starts the host's handler (core(5)).
      {RLIMIT_CORE, 1},
      {RLIMIT_MEMLOCK, 65536},    // locked memory cannot be reclaimed
      {RLIMIT_MSGQUEUE, 0},       // kernel memory outside the sandbox's own files
      {RLIMIT_SIGPENDING, 1024},  // kernel memory
      {RLIMIT_RTPRIO, 0},         // a real-time thread would starve the host
      {RLIMIT_NICE, 0},
  };
  for (const auto& limit : kLimits) {
    const struct rlimit both{limit.value, limit.value};
    Must(::setrlimit(static_cast<__rlimit_resource>(limit.resource), &both) == 0, Step::kRlimits);
  }
}

void DropPrivilege() {
  for (int capability = 0; capability < 64; ++capability) {
    if (::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) < 0) break;
    Must(::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0, Step::kCredentials);
  }
  Must(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0, Step::kCredentials);
  Must(::prctl(PR_SET_SECUREBITS,
               SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED |
                   SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
                   SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED,
               0, 0, 0) == 0,
       Step::kCredentials);
  Must(::syscall(SYS_setresgid, kSandboxGid, kSandboxGid, kSandboxGid) == 0, Step::kCredentials);
  Must(::syscall(SYS_setresuid, kSandboxUid, kSandboxUid, kSandboxUid) == 0, Step::kCredentials);
  struct __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[2];
  ::memset(none, 0, sizeof none);
  Must(::syscall(SYS_capset, &header, none) == 0, Step::kCredentials);
  DieWithZygote(Step::kCredentials);
  Must(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, Step::kCredentials);
}

void Prepare(const EmbryoPlan& plan) {
  step_began_ns = NowNs();
  WaitForMaps();
  Done(Step::kWait);
  ResetSignals();
  BecomeNamespaceRoot();
  Done(Step::kIdentity);
  Must(::setsid() >= 0 || errno == EPERM, Step::kNamespaces);
  Must(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, Step::kNamespaces);
  Done(Step::kNamespaces);
  const int proc = MakeProc();
  Done(Step::kProc);
  PivotRoot();
  Done(Step::kPivotRoot);
  Must(MoveMount(proc, "/proc"), Step::kProc);
  ::close(proc);
  MaskProc();
  Done(Step::kMasks);
  Must(MoveMount(kTmpMount, "/tmp"), Step::kTmp);
  Done(Step::kTmp);
  BringUpLoopback();
  Done(Step::kLoopback);
  ::close(kRootTree);
  ::close(kTmpMount);
  Must(::sethostname(kHostname, sizeof kHostname - 1) == 0, Step::kHostname);
  Done(Step::kHostname);
  SetRlimits();
  Done(Step::kRlimits);
  DropPrivilege();
  Done(Step::kCredentials);
  Must(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &plan.filter) == 0, Step::kSeccomp);
  Done(Step::kSeccomp);
}

// A signal, and not only the message: the kernel runs whoever waits for a message on the CPU of who
// sent it, to which hearthd and the zygote then come back while the program still starts there.
void WaitForOrder() {
  sigset_t order;
  ::sigemptyset(&order);
  ::sigaddset(&order, kOrderSignal);
  int got;
  do {
    got = ::sigwaitinfo(&order, nullptr);
  } while (got < 0 && errno == EINTR);
  Must(got == kOrderSignal, Step::kReceive);
  Must(::sigprocmask(SIG_UNBLOCK, &order, nullptr) == 0, Step::kReceive);
}

// Receives the order; every descriptor is moved above the numbers that the program may ask for.
void ReceiveOrder() {
  struct iovec vector{&packet, sizeof packet};
  alignas(struct cmsghdr) char control[CMSG_SPACE(kMaxPassed * sizeof(int))];
  struct msghdr message;
  ::memset(&message, 0, sizeof message);
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t got;
  do {
    got = ::recvmsg(kControl, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got == 0) ::_exit(0);  // The zygote has let this embryo go.
  step_began_ns = NowNs();
  report.count = 0;
  const EmbryoOrder& order = packet.order;
  const bool whole = got >= static_cast<ssize_t>(sizeof order) &&
                     (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 &&
                     got == static_cast<ssize_t>(sizeof order + order.string_bytes);
  if (!whole) Fail(Step::kReceive, EBADMSG);
  size_t fd_count = 0;
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_type == SCM_RIGHTS) {
    fd_count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    ::memcpy(received, CMSG_DATA(header), fd_count * sizeof(int));
  }
  if (fd_count != order.passed_count || order.argument_count > 128 || order.variable_count > 512 ||
      order.port_count > kMaxListenPorts) {
    Fail(Step::kReceive, EBADMSG);
  }
  for (size_t i = 0; i < fd_count; ++i) {
    const int high = ::fcntl(received[i], F_DUPFD_CLOEXEC, kFirstReceived);
    Must(high >= 0, Step::kReceive);
    ::close(received[i]);
    received[i] = high;
  }
  Done(Step::kReceive);
}

struct Strings {
  char* executable;
  char* working_directory;
};

Strings SplitStrings() {
  char* at = packet.strings;
  char* const end = packet.strings + packet.order.string_bytes;
  const auto next = [&at, end]() -> char* {
    char* const text = at;
    if (at >= end) Fail(Step::kReceive, EBADMSG);
    at += ::strnlen(at, static_cast<size_t>(end - at)) + 1;
    if (at > end) Fail(Step::kReceive, EBADMSG);
    return text;
  };
  Strings out{};
  out.executable = next();
  out.working_directory = next();
  for (uint32_t i = 0; i < packet.order.argument_count; ++i) arguments[i] = next();
  for (uint32_t i = 0; i < packet.order.variable_count; ++i) variables[i] = next();
  return out;
}

void Listen() {
  for (uint32_t i = 0; i < packet.order.port_count; ++i) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    Must(fd >= 0, Step::kListeners);
    const int high = ::fcntl(fd, F_DUPFD_CLOEXEC, kFirstReceived);
    Must(high >= 0, Step::kListeners);
    ::close(fd);
    struct sockaddr_in address;
    ::memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons(packet.order.ports[i]);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    Must(::setsockopt(high, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0, Step::kListeners);
    Must(::bind(high, reinterpret_cast<struct sockaddr*>(&address), sizeof address) == 0,
         Step::kListeners);
    Must(::listen(high, 128) == 0, Step::kListeners);
    listeners[i] = high;
  }
}

void PlaceDescriptors() {
  Must(::syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC) == 0, Step::kDescriptors);
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  Must(null >= 0, Step::kDescriptors);
  for (int fd = 0; fd <= 2; ++fd) {
    if (fd != null) Must(::dup2(null, fd) == fd, Step::kDescriptors);
  }
  for (uint32_t i = 0; i < packet.order.passed_count; ++i) {
    const int from = received[i];
    const int as = packet.order.passed_as[i];
    if (as < 0 || as > kMaxPassedNumber) Fail(Step::kDescriptors, EBADMSG);
    Must(::dup2(from, as) == as, Step::kDescriptors);
  }
}

}  // namespace

void RunEmbryo(const EmbryoPlan& plan) noexcept {
  KeepOnly(plan);
  Prepare(plan);
  report.kind = EmbryoReport::kPrepared;
  SendReport(nullptr, 0);

  WaitForOrder();
  ReceiveOrder();
  const Strings strings = SplitStrings();
  Listen();
  Done(Step::kListeners);
  PlaceDescriptors();
  Done(Step::kDescriptors);
  Must(::chdir(strings.working_directory) == 0, Step::kExec);
  report.kind = EmbryoReport::kListening;
  SendReport(listeners, packet.order.port_count);
  ::execve(strings.executable, arguments, variables);
  Fail(Step::kExec, errno);
}

}  // namespace hearth::sandbox
