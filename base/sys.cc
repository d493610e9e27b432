#include "base/sys.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace hearth::base::sys {
namespace {

Result<void> Check(long result, std::string_view step) {
  if (result < 0) return SystemError(step);
  return {};
}

}  // namespace

Result<pid_t> Clone3(struct clone_args args) {
  const long pid = ::syscall(SYS_clone3, &args, sizeof args);
  if (pid < 0) return SystemError("clone3");
  return static_cast<pid_t>(pid);
}

Result<UniqueFd> PidfdOpen(pid_t pid) {
  const long fd = ::syscall(SYS_pidfd_open, pid, 0);
  if (fd < 0) return SystemError("pidfd_open");
  return UniqueFd(static_cast<int>(fd));
}

Result<void> PidfdSendSignal(int pidfd, int signal) {
  return Check(::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0), "pidfd_send_signal");
}

Result<UniqueFd> OpenTree(int folder, const std::string& path, unsigned flags) {
  const long fd = ::syscall(SYS_open_tree, folder, path.c_str(), flags | OPEN_TREE_CLOEXEC);
  if (fd < 0) return SystemError("open_tree " + path);
  return UniqueFd(static_cast<int>(fd));
}

Result<void> MoveMount(int from_fd, const std::string& from, int to_fd, const std::string& to,
                       unsigned flags) {
  return Check(::syscall(SYS_move_mount, from_fd, from.c_str(), to_fd, to.c_str(), flags),
               "move_mount to " + to);
}

Result<void> MountSetattr(int fd, const std::string& path, unsigned flags,
                          const struct mount_attr& attributes) {
  return Check(
      ::syscall(SYS_mount_setattr, fd, path.c_str(), flags, &attributes, sizeof attributes),
      "mount_setattr " + path);
}

Result<UniqueFd> Fsopen(const std::string& type) {
  const long fd = ::syscall(SYS_fsopen, type.c_str(), FSOPEN_CLOEXEC);
  if (fd < 0) return SystemError("fsopen " + type);
  return UniqueFd(static_cast<int>(fd));
}

Result<void> FsconfigString(int fs, const std::string& key, const std::string& value) {
  return Check(::syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key.c_str(), value.c_str(), 0),
               "fsconfig " + key + "=" + value);
}

Result<UniqueFd> FsconfigCreateAndMount(int fs, unsigned mount_attributes) {
  TRY(Check(::syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0),
            "fsconfig create"));
  const long fd = ::syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, mount_attributes);
  if (fd < 0) return SystemError("fsmount");
  return UniqueFd(static_cast<int>(fd));
}

Result<void> PivotRoot(const std::string& new_root, const std::string& put_old) {
  return Check(::syscall(SYS_pivot_root, new_root.c_str(), put_old.c_str()), "pivot_root");
}

Result<void> CloseRange(unsigned first, unsigned last, unsigned flags) {
  return Check(::syscall(SYS_close_range, first, last, flags), "close_range");
}

Result<std::pair<UniqueFd, UniqueFd>> SocketPair(SocketType type) {
  int fds[2];
  const int kind = type == SocketType::kStream ? SOCK_STREAM : SOCK_SEQPACKET;
  if (::socketpair(AF_UNIX, kind | SOCK_CLOEXEC, 0, fds) != 0) return SystemError("socketpair");
  return std::pair(UniqueFd(fds[0]), UniqueFd(fds[1]));
}

Result<Pipe> MakePipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return SystemError("pipe2");
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

Result<UniqueFd> OpenAgain(int fd, int flags) {
  UniqueFd out(::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), flags | O_CLOEXEC));
  if (!out.valid()) return SystemError("open a descriptor's file again");
  return out;
}

Result<void> SetNonBlocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
    return SystemError("set O_NONBLOCK");
  }
  return {};
}

Result<void> SendMessage(int socket, std::string_view data, std::span<const int> fds, int flags) {
  CHECK(fds.size() <= kMaxPassedFds);
  struct iovec vector{const_cast<char*>(data.data()), data.size()};
  alignas(struct cmsghdr) char control[CMSG_SPACE(kMaxPassedFds * sizeof(int))] = {};
  struct msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    struct cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  while (true) {
    const ssize_t put = ::sendmsg(socket, &message, flags | MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return SystemError("sendmsg");
    if (static_cast<size_t>(put) != data.size()) {
      return MakeError(ErrorKind::kSystem, "sendmsg", "the message was cut short");
    }
    return {};
  }
}

Result<ReceivedMessage> ReceiveMessage(int socket, size_t limit, int flags) {
  ReceivedMessage out;
  // Most messages are far shorter than the longest: room for that would cost more to clear than all
  // the rest.
  ssize_t size;
  do {
    size = ::recv(socket, nullptr, 0, flags | MSG_PEEK | MSG_TRUNC);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return SystemError("recvmsg");
  out.data.resize(std::min(limit, static_cast<size_t>(size)));
  struct iovec vector{out.data.data(), out.data.size()};
  alignas(struct cmsghdr) char control[CMSG_SPACE(kMaxPassedFds * sizeof(int))];
  struct msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t got;
  do {
    got = ::recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return SystemError("recvmsg");
  for (struct cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
      out.fds.emplace_back(fd);
    }
  }
  // Cut short before there was no more room: the kernel could not open the next one here.
  const bool cut = (message.msg_flags & MSG_CTRUNC) != 0;
  out.fds_lost = cut && out.fds.size() < kMaxPassedFds;
  if ((message.msg_flags & MSG_TRUNC) != 0 || (cut && !out.fds_lost)) {
    return MakeError(ErrorKind::kLimit, "recvmsg", "a message was longer than its limit");
  }
  out.data.resize(static_cast<size_t>(got));
  out.closed = got == 0 && out.fds.empty();
  return out;
}

}  // namespace hearth::base::sys
