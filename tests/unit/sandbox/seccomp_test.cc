#include "sandbox/seccomp.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace hearth::sandbox {
namespace {

constexpr int kSucceeded = 0;
constexpr int kKilled = 200;
constexpr int kNotInstalled = 201;

// What becomes of a system call under the filter, made by a child: its errno, kSucceeded, or
// kKilled.
int Under(const std::vector<struct sock_filter>& filter, long number, long a = 0, long b = 0,
          long c = 0, long d = 0, long e = 0, long f = 0) {
  const pid_t child = ::fork();
  if (child == 0) {
    struct sock_fprog program{};
    program.len = static_cast<unsigned short>(filter.size());
    program.filter = const_cast<struct sock_filter*>(filter.data());
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) {
      ::_exit(kNotInstalled);
    }
    const long result = ::syscall(number, a, b, c, d, e, f);
    ::_exit(result < 0 ? errno : kSucceeded);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : kKilled;
}

class SeccompTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto built = BuildSeccompFilter();
    ASSERT_TRUE(built.has_value()) << built.error().ToString();
    filter_ = std::move(*built);
  }
  int Result(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
    return Under(filter_, number, a, b, c, d, e, f);
  }
  std::vector<struct sock_filter> filter_;
};

TEST_F(SeccompTest, IsAProgramThatTheKernelTakes) {
  EXPECT_GT(filter_.size(), 100u);
  EXPECT_LT(filter_.size(), static_cast<size_t>(BPF_MAXINSNS));
  EXPECT_EQ(Result(SYS_getpid), kSucceeded);
}

TEST_F(SeccompTest, RefusesWhatItDoesNotName) {
  for (const long number :
       {SYS_mount,       SYS_umount2,      SYS_pivot_root,        SYS_unshare, SYS_setns,
        SYS_ptrace,      SYS_bpf,          SYS_perf_event_open,   SYS_keyctl,  SYS_userfaultfd,
        SYS_init_module, SYS_kexec_load,   SYS_open_by_handle_at, SYS_chroot,  SYS_process_vm_readv,
        SYS_mq_open,     SYS_settimeofday, SYS_sethostname,       SYS_iopl,    SYS_modify_ldt}) {
    EXPECT_EQ(Result(number), EPERM) << number;
  }
  EXPECT_EQ(Result(9999), EPERM) << "a call of a later kernel";
}

TEST_F(SeccompTest, SaysThatCallsWithAFallbackAreAbsent) {
  for (const long number :
       {SYS_clone3, SYS_io_uring_setup, SYS_io_uring_enter, SYS_pidfd_getfd, SYS_io_setup}) {
    EXPECT_EQ(Result(number), ENOSYS) << number;
  }
}

TEST_F(SeccompTest, PretendsWhatWouldBurdenTheWholeMachine) {
  EXPECT_EQ(Result(SYS_sync), kSucceeded);
  EXPECT_EQ(Result(SYS_syncfs, -1), kSucceeded) << "the kernel would say EBADF";
  EXPECT_EQ(Result(SYS_fadvise64, -1, 0, 0, POSIX_FADV_DONTNEED), kSucceeded);
  EXPECT_EQ(Result(SYS_fadvise64, -1, 0, 0, POSIX_FADV_WILLNEED), EBADF);
  EXPECT_EQ(Result(SYS_fadvise64, -1, 0, 0, POSIX_FADV_NORMAL), EBADF);
}

TEST_F(SeccompTest, AllowsCloneWithoutNamespaces) {
  EXPECT_EQ(Result(SYS_clone, SIGCHLD), kSucceeded);
  for (const long flag : {CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNS, CLONE_NEWNET, CLONE_NEWIPC,
                          CLONE_NEWUTS, CLONE_NEWCGROUP}) {
    EXPECT_EQ(Result(SYS_clone, flag | SIGCHLD), EPERM) << flag;
  }
}

TEST_F(SeccompTest, AllowsOrdinarySocketsOnly) {
  for (const int family : {AF_UNIX, AF_INET}) {
    EXPECT_EQ(Result(SYS_socket, family, SOCK_STREAM | SOCK_CLOEXEC), kSucceeded) << family;
    EXPECT_EQ(Result(SYS_socket, family, SOCK_DGRAM | SOCK_NONBLOCK), kSucceeded) << family;
    EXPECT_EQ(Result(SYS_socket, family, SOCK_RAW), EPERM) << family;
  }
  EXPECT_EQ(Result(SYS_socket, AF_UNIX, SOCK_SEQPACKET), kSucceeded);
  EXPECT_EQ(Result(SYS_socket, AF_NETLINK, SOCK_RAW, 0), kSucceeded) << "NETLINK_ROUTE";
  EXPECT_EQ(Result(SYS_socket, AF_NETLINK, SOCK_RAW, 9), EPERM) << "NETLINK_AUDIT";
  EXPECT_EQ(Result(SYS_socket, AF_PACKET, SOCK_DGRAM), EPERM);
  EXPECT_EQ(Result(SYS_socket, 40, SOCK_STREAM), EPERM) << "AF_VSOCK";
  EXPECT_EQ(Result(SYS_socketpair, AF_INET, SOCK_STREAM), EPERM);
}

TEST_F(SeccompTest, IsNotFooledByBitsThatTheKernelIgnores) {
  for (const long high : {0l, 1l << 32, 1l << 63, -1l << 32}) {
    EXPECT_EQ(Result(SYS_ioctl, 0, high | TIOCSTI), EPERM) << high;
    EXPECT_EQ(Result(SYS_ioctl, 0, high | TIOCLINUX), EPERM) << high;
    EXPECT_EQ(Result(SYS_prctl, high | PR_SET_PDEATHSIG), EPERM) << high;
    EXPECT_EQ(Result(SYS_prctl, high | PR_SCHED_CORE), EPERM) << high;
    EXPECT_EQ(Result(SYS_setrlimit, high | RLIMIT_CORE), EPERM) << high;
    EXPECT_EQ(Result(SYS_prlimit64, 0, high | RLIMIT_CORE, 8), EPERM) << high;
    EXPECT_EQ(Result(SYS_fadvise64, -1, 0, 0, high | POSIX_FADV_DONTNEED), kSucceeded) << high;
  }
}

TEST_F(SeccompTest, LetsNeighboursOfRefusedValuesThrough) {
  EXPECT_EQ(Result(SYS_ioctl, -1, TIOCSTI + 1), EBADF);
  EXPECT_EQ(Result(SYS_ioctl, -1, TIOCGWINSZ), EBADF);
  EXPECT_EQ(Result(SYS_prctl, PR_GET_PDEATHSIG, 0), EFAULT);
  EXPECT_EQ(Result(SYS_prctl, PR_GET_DUMPABLE), kSucceeded);
  EXPECT_EQ(Result(SYS_setrlimit, RLIMIT_NOFILE, 0), EFAULT);
  EXPECT_EQ(Result(SYS_prlimit64, 0, RLIMIT_CORE, 0, 0), kSucceeded) << "to ask is allowed";
  EXPECT_EQ(Result(SYS_prlimit64, 0, RLIMIT_STACK, 0, 0), kSucceeded);
}

TEST_F(SeccompTest, RefusesHugePagesAndNoOtherMemory) {
  const long writable = PROT_READ | PROT_WRITE;
  const long anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
  EXPECT_EQ(Result(SYS_mmap, 0, 4096, writable, anonymous, -1), kSucceeded);
  EXPECT_EQ(Result(SYS_mmap, 0, 4096, writable, anonymous | MAP_HUGETLB, -1), EPERM);
  EXPECT_EQ(Result(SYS_memfd_create, reinterpret_cast<long>("x"), MFD_CLOEXEC), kSucceeded);
  EXPECT_EQ(Result(SYS_memfd_create, reinterpret_cast<long>("x"), MFD_HUGETLB), EPERM);
}

TEST_F(SeccompTest, AllowsNoOtherPersonality) {
  EXPECT_EQ(Result(SYS_personality, 0xffffffff), kSucceeded);
  EXPECT_EQ(Result(SYS_personality, 0), kSucceeded);
  EXPECT_EQ(Result(SYS_personality, 0x0040000), EPERM) << "ADDR_NO_RANDOMIZE";
}

TEST_F(SeccompTest, KillsCallsOfAnotherConvention) {
  EXPECT_EQ(Result(0x40000000 | SYS_getpid), kKilled) << "x32";
}

}  // namespace
}  // namespace hearth::sandbox
