#include "base/sys.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <cstring>
#include <filesystem>

namespace hearth::base::sys {
namespace {

size_t OpenDescriptors() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  return count;
}

bool ClosesOnExec(int fd) { return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0; }

TEST(Sys, MakesEveryDescriptorCloseOnExec) {
  const auto [first, second] = MUST(SocketPair(SocketType::kSeqpacket));
  const Pipe pipe = MUST(MakePipe());
  const UniqueFd pidfd = MUST(PidfdOpen(::getpid()));
  for (const UniqueFd* fd : {&first, &second, &pipe.read, &pipe.write, &pidfd}) {
    EXPECT_TRUE(ClosesOnExec(fd->get()));
  }
}

TEST(Sys, PassesDescriptorsWithTheirMessage) {
  const auto [left, right] = MUST(SocketPair(SocketType::kSeqpacket));
  const Pipe pipe = MUST(MakePipe());
  const int fds[] = {pipe.write.get(), pipe.read.get()};
  MUST(SendMessage(left.get(), "two", fds));
  ReceivedMessage got = MUST(ReceiveMessage(right.get(), 100));
  EXPECT_EQ(got.data, "two");
  EXPECT_FALSE(got.closed);
  ASSERT_EQ(got.fds.size(), 2u);
  EXPECT_TRUE(ClosesOnExec(got.fds[0].get()));
  // It is the same pipe, in the order sent.
  ASSERT_EQ(::write(got.fds[0].get(), "x", 1), 1);
  char byte = 0;
  ASSERT_EQ(::read(pipe.read.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
}

TEST(Sys, KeepsMessagesApart) {
  const auto [left, right] = MUST(SocketPair(SocketType::kSeqpacket));
  MUST(SendMessage(left.get(), "one", {}));
  MUST(SendMessage(left.get(), std::string("t\0o", 3), {}));
  EXPECT_EQ(MUST(ReceiveMessage(right.get(), 100)).data, "one");
  EXPECT_EQ(MUST(ReceiveMessage(right.get(), 100)).data, std::string("t\0o", 3));
}

TEST(Sys, RefusesAMessageOverItsLimitAndClosesWhatCameWithIt) {
  const auto [left, right] = MUST(SocketPair(SocketType::kSeqpacket));
  const int fds[] = {left.get(), right.get()};
  MUST(SendMessage(left.get(), std::string(101, 'x'), fds));
  const size_t before = OpenDescriptors();
  const auto got = ReceiveMessage(right.get(), 100);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, ErrorKind::kLimit);
  EXPECT_EQ(OpenDescriptors(), before);
  // Exactly the limit passes, and the socket still works.
  MUST(SendMessage(left.get(), std::string(100, 'x'), {}));
  EXPECT_EQ(MUST(ReceiveMessage(right.get(), 100)).data.size(), 100u);
}

TEST(Sys, RefusesMoreDescriptorsThanItTakesAndLeaksNone) {
  const auto [left, right] = MUST(SocketPair(SocketType::kSeqpacket));
  // By hand: SendMessage itself would refuse.
  constexpr size_t kMany = kMaxPassedFds + 4;
  int fds[kMany];
  for (int& fd : fds) fd = left.get();
  alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof fds)] = {};
  char byte = 'x';
  struct iovec vector{&byte, 1};
  struct msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fds);
  std::memcpy(CMSG_DATA(header), fds, sizeof fds);
  ASSERT_EQ(::sendmsg(left.get(), &message, 0), 1);
  const size_t before = OpenDescriptors();
  EXPECT_EQ(ReceiveMessage(right.get(), 10).error().kind, ErrorKind::kLimit);
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST(Sys, PassesAsManyDescriptorsAsItPromises) {
  const auto [left, right] = MUST(SocketPair(SocketType::kSeqpacket));
  const std::vector<int> fds(kMaxPassedFds, left.get());
  MUST(SendMessage(left.get(), "x", fds));
  EXPECT_EQ(MUST(ReceiveMessage(right.get(), 10)).fds.size(), kMaxPassedFds);
}

TEST(Sys, TellsClosedFromNothingThereYet) {
  auto [left, right] = MUST(SocketPair(SocketType::kSeqpacket));
  const auto empty = ReceiveMessage(right.get(), 10, MSG_DONTWAIT);
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().error_number, EAGAIN);
  left.Reset();
  const ReceivedMessage last = MUST(ReceiveMessage(right.get(), 10));
  EXPECT_TRUE(last.closed);
  EXPECT_EQ(last.data, "");
  // No SIGPIPE: the error comes back.
  EXPECT_EQ(SendMessage(right.get(), "x", {}).error().error_number, EPIPE);
}

TEST(Sys, SetNonBlockingMakesReadsReturn) {
  const Pipe pipe = MUST(MakePipe());
  MUST(SetNonBlocking(pipe.read.get()));
  char byte;
  EXPECT_EQ(::read(pipe.read.get(), &byte, 1), -1);
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_FALSE(SetNonBlocking(-1));
}

TEST(Sys, PidfdSignalsTheProcessItWasOpenedFor) {
  struct clone_args args{};
  args.exit_signal = SIGCHLD;
  const pid_t child = MUST(Clone3(args));
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  const UniqueFd pidfd = MUST(PidfdOpen(child));
  MUST(PidfdSendSignal(pidfd.get(), SIGKILL));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  EXPECT_EQ(PidfdSendSignal(pidfd.get(), SIGKILL).error().error_number, ESRCH);
}

TEST(Sys, FailuresNameTheCall) {
  EXPECT_EQ(PidfdOpen(-1).error().step, "pidfd_open");
  EXPECT_EQ(CloseRange(10, 5, 0).error().error_number, EINVAL);
  EXPECT_EQ(Fsopen("no-such-filesystem").error().step, "fsopen no-such-filesystem");
  EXPECT_FALSE(OpenTree(AT_FDCWD, "/no/such/path", 0));
}

}  // namespace
}  // namespace hearth::base::sys
