// One thin wrapper a system call, for those that glibc 2.36 lacks or whose errors need naming.
//
// Each returns Result with the call's name as its step. All descriptors are O_CLOEXEC from birth.
#pragma once

#include <linux/mount.h>
#include <linux/sched.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hearth::base::sys {

// clone3(2), as fork: 0 in the child. The child may only make async-signal-safe calls.
Result<pid_t> Clone3(struct clone_args args);
Result<UniqueFd> PidfdOpen(pid_t pid);
Result<void> PidfdSendSignal(int pidfd, int signal);

Result<UniqueFd> OpenTree(int folder, const std::string& path, unsigned flags);
Result<void> MoveMount(int from_fd, const std::string& from, int to_fd, const std::string& to,
                       unsigned flags);
Result<void> MountSetattr(int fd, const std::string& path, unsigned flags,
                          const struct mount_attr& attributes);
Result<UniqueFd> Fsopen(const std::string& type);
Result<void> FsconfigString(int fs, const std::string& key, const std::string& value);
Result<UniqueFd> FsconfigCreateAndMount(int fs, unsigned mount_attributes);
Result<void> PivotRoot(const std::string& new_root, const std::string& put_old);
Result<void> CloseRange(unsigned first, unsigned last, unsigned flags);

enum class SocketType { kStream, kSeqpacket };
Result<std::pair<UniqueFd, UniqueFd>> SocketPair(SocketType type);
struct Pipe {
  UniqueFd read;
  UniqueFd write;
};
Result<Pipe> MakePipe();
// Another description of the same file, of its own access mode; needs /proc.
Result<UniqueFd> OpenAgain(int fd, int flags);
Result<void> SetNonBlocking(int fd);

// One message with descriptors (SCM_RIGHTS). At most kMaxPassedFds.
constexpr size_t kMaxPassedFds = 16;
Result<void> SendMessage(int socket, std::string_view data, std::span<const int> fds,
                         int flags = 0);
struct ReceivedMessage {
  std::string data;  // Empty with `closed` where the peer is gone.
  std::vector<UniqueFd> fds;
  bool closed = false;
  bool fds_lost = false;  // Some could not be received: this process may open no more.
};
// EAGAIN comes back as a kSystem error with that number. A message longer than `limit` is an error.
Result<ReceivedMessage> ReceiveMessage(int socket, size_t limit, int flags = 0);

}  // namespace hearth::base::sys
