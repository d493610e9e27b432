// More than one's share of what all sandboxes draw from.
#include <arpa/inet.h>
#include <fcntl.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "tests/security/probe.h"

namespace probe {
namespace {

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

// Memory that belongs to no process: a file without a name, and System V segments.
std::string SharedMemory() {
  static char block[1 << 16];
  const int file = ::memfd_create("x", 0);
  for (int i = 0; file >= 0 && i < 1 << 14; ++i) {
    if (::write(file, block, sizeof block) < 0) break;
  }
  for (int i = 0; i < 1024; ++i) {
    const int id = ::shmget(IPC_PRIVATE, 1 << 20, IPC_CREAT | 0600);
    void* segment = id < 0 ? reinterpret_cast<void*>(-1) : ::shmat(id, nullptr, 0);
    if (segment == reinterpret_cast<void*>(-1)) break;
    std::memset(segment, i, 1 << 20);
    ::shmdt(segment);
  }
  return Breach("took 2 GB that are not counted");
}

// Arguments live in memory that is counted before the new program has any.
std::string HugeArguments() {
  static std::string large(130'000, 'x');
  std::vector<char*> words(100, large.data());
  words.push_back(nullptr);
  ::execve("/proc/self/exe", words.data(), words.data());
  return MustFailWith(E2BIG, "exec with 26 MB of arguments", -1);
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

// Held, not given back: the test asks meanwhile whether the host can still have some.
std::string TakeInotify() {
  int made = 0;
  while (made < 100000 && ::inotify_init1(0) >= 0) ++made;
  return "blocked: inotify instances " + std::to_string(made);
}

// Signals that wait and timers: kernel memory that belongs to a user, not to a group.
std::string TakeSignals() {
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_BLOCK, &all, nullptr);
  long made = 0;
  const union sigval value{};
  while (made < 1'000'000 && ::sigqueue(::getpid(), SIGRTMIN, value) == 0) ++made;
  struct sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGRTMIN + 1;
  timer_t timer;
  while (made < 1'000'000 && ::timer_create(CLOCK_MONOTONIC, &event, &timer) == 0) ++made;
  return "blocked: signals and timers " + std::to_string(made);
}

// Descriptors in flight inside a socket that nobody reads hold files open beyond RLIMIT_NOFILE.
std::string TakeFlight() {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) != 0) return Breach("no socketpair");
  (void)::fcntl(pair[0], F_SETFL, O_NONBLOCK);
  long sent = 0;
  std::vector<int> sockets{pair[0]};
  while (sent < 1'000'000) {
    char control[CMSG_SPACE(200 * sizeof(int))] = {};
    char byte = 0;
    iovec vector{&byte, 1};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(200 * sizeof(int));
    auto* fds = reinterpret_cast<int*>(CMSG_DATA(header));
    for (int i = 0; i < 200; ++i) fds[i] = 1;
    if (::sendmsg(sockets.back(), &message, 0) >= 0) {
      sent += 200;
      continue;
    }
    if (errno != EAGAIN && errno != ENOBUFS) break;
    // This queue is full; another pair has one of its own.
    if (::socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) != 0) break;
    (void)::fcntl(pair[0], F_SETFL, O_NONBLOCK);
    sockets.push_back(pair[0]);
  }
  return "blocked: descriptors in flight " + std::to_string(sent);
}

// The host's end of descriptor 3 gets descriptors that it never asked for.
std::string FloodPeer() {
  int sent = 0;
  for (int i = 0; i < 64; ++i) {
    const int extra = ::open("/dev/null", O_RDONLY);
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    char byte = 'x';
    iovec vector{&byte, 1};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &extra, sizeof extra);
    sent += ::sendmsg(3, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
    ::close(extra);
  }
  return "blocked: messages with descriptors " + std::to_string(sent);
}

// Bytes that wait in the kernel's TCP buffers, over the sandbox's own loopback.
std::string TakeTcpMemory() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(listener, 64) != 0 ||
      ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return Breach("cannot listen");
  }
  static char block[1 << 16];
  long written = 0;
  for (int i = 0; i < 400; ++i) {
    const int client = ::socket(AF_INET, SOCK_STREAM, 0);
    if (client < 0 || ::connect(client, reinterpret_cast<sockaddr*>(&address), size) != 0) break;
    const int server = ::accept(listener, nullptr, nullptr);
    if (server < 0) break;
    // Each writes until the other, who never reads, can take no more.
    for (const int fd : {client, server}) {
      (void)::fcntl(fd, F_SETFL, O_NONBLOCK);
      ssize_t put;
      while ((put = ::write(fd, block, sizeof block)) > 0) written += put;
    }
  }
  return "blocked: bytes in TCP buffers " + std::to_string(written);
}

// Whether a page is cached, without reading it in: 1, 0, or -1 where the file system cannot tell.
int IsCached(int fd) {
  char byte;
  iovec vector{&byte, 1};
  if (::preadv2(fd, &vector, 1, 0, RWF_NOWAIT) == 1) return 1;
  return errno == EAGAIN ? 0 : -1;
}

// Pages of /usr are everybody's: a program that is evicted is read again from the disk.
std::string EvictPages() {
  static char block[1 << 16];
  const int fd = ::open("/usr/bin/truncate", O_RDONLY);
  if (fd < 0 || ::read(fd, block, sizeof block) <= 0) return Breach("no file to try with");
  if (IsCached(fd) == 0) return Breach("it is not cached even after a read");
  (void)::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  (void)::syscall(SYS_fadvise64, fd, 0, 0, 1ul << 32 | POSIX_FADV_DONTNEED);
  const int cached = IsCached(fd);
  ::close(fd);
  return cached == 0 ? Breach("evicted a program of the host") : Blocked("it is still cached");
}

// A datagram socket holds what it has promised to hold, unread.
std::string TakeUdpMemory() {
  static char block[32768];
  long held = 0;
  for (int i = 0; i < 1000; ++i) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      break;
    }
    for (int j = 0; j < 16; ++j) {
      (void)::sendto(fd, block, sizeof block, MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&address),
                     size);
    }
    uint32_t info[16] = {};
    socklen_t bytes = sizeof info;
    constexpr int kSoMeminfo = 55;
    if (::getsockopt(fd, SOL_SOCKET, kSoMeminfo, info, &bytes) == 0) held += info[0];
  }
  return "blocked: bytes in UDP buffers " + std::to_string(held);
}

// What waits in local sockets and pipes that nobody reads.
std::string TakeLocalBuffers() {
  static char block[1 << 16];
  long written = 0;
  for (int i = 0; i < 500; ++i) {
    int pair[2];
    if ((i % 2 == 0 ? ::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) : ::pipe(pair)) != 0) break;
    (void)::fcntl(pair[1], F_SETFL, O_NONBLOCK);
    if (i % 2 != 0) (void)::fcntl(pair[1], F_SETPIPE_SZ, 1 << 20);
    ssize_t put;
    while ((put = ::write(pair[1], block, sizeof block)) > 0) written += put;
  }
  return "blocked: bytes in local buffers " + std::to_string(written);
}

std::string MessageQueues() {
  struct mq_attr attributes{};
  attributes.mq_maxmsg = 10;
  attributes.mq_msgsize = 8192;
  return MustFail("mq_open", ::mq_open("/x", O_CREAT | O_RDWR, 0600, &attributes));
}

// System V queues and semaphores that outlive their maker: the test starts another sandbox after.
std::string LeaveSysv() {
  constexpr key_t kKey = 0x68656172;
  if (::shmget(kKey, 4096, 0) >= 0) return Breach("found another sandbox's segment");
  if (::shmget(kKey, 4096, IPC_CREAT | IPC_EXCL | 0666) < 0) return Breach("cannot even make one");
  return Blocked("no segment was there before");
}

// Raise one's own standing with the scheduler or the out-of-memory killer.
std::string Priority() {
  const int file = ::open("/proc/self/oom_score_adj", O_RDWR);
  char now[16] = {};
  if (file < 0 || ::read(file, now, sizeof now - 1) <= 0) return Breach("no oom_score_adj");
  ::close(file);
  if (std::atoi(now) < 500) return Breach("the host would be killed first: " + std::string(now));
  struct {
    unsigned size = 48, policy = 6;
    unsigned long flags = 0;
    int nice = 0;
    unsigned priority = 0;
    unsigned long runtime = 1000000, deadline = 10000000, period = 10000000;
  } deadline;
  const struct sched_param realtime{1};
  const struct rlimit more{4096, 4096};
  return First({MustFail("nice", ::setpriority(PRIO_PROCESS, 0, -1)),
                MustFail("realtime", ::sched_setscheduler(0, 2, &realtime)),
                MustFail("deadline", ::syscall(SYS_sched_setattr, 0, &deadline, 0)),
                MustFail("io realtime", ::syscall(SYS_ioprio_set, 1, 0, 1 << 13)),
                MustFail("nofile", ::setrlimit(RLIMIT_NOFILE, &more)),
                MustFail("nproc", ::setrlimit(RLIMIT_NPROC, &more)),
                MustFail("mlock", ::mlock(reinterpret_cast<void*>(4096), 1 << 20))});
}

}  // namespace

const Attacks& ResourceAttacks() {
  static const Attacks kAttacks = {
      {"memory", Memory},
      {"shm", SharedMemory},
      {"arguments", HugeArguments},
      {"forkbomb", ForkBomb},
      {"filltmp", FillTmp},
      {"inodes", ExhaustInodes},
      {"hold-inotify", TakeInotify},
      {"hold-signals", TakeSignals},
      {"hold-flight", TakeFlight},
      {"hold-peer", FloodPeer},
      {"hold-tcp", TakeTcpMemory},
      {"hold-udp", TakeUdpMemory},
      {"hold-local", TakeLocalBuffers},
      {"mqueue", MessageQueues},
      {"hold-sysv", LeaveSysv},
      {"priority", Priority},
      {"evict", EvictPages},
  };
  return kAttacks;
}

}  // namespace probe
