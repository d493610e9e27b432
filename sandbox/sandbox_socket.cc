#include "sandbox/sandbox_socket.h"

#include <sched.h>
#include <sys/socket.h>

#include "base/check.h"

namespace hearth::sandbox {

base::Result<base::UniqueFd> SocketInSandbox(int sandbox, int own_network) {
  if (::setns(sandbox, CLONE_NEWNET) != 0) return base::SystemError("enter the sandbox's network");
  base::UniqueFd made(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int error = errno;
  CHECK(::setns(own_network, CLONE_NEWNET) == 0);
  if (!made.valid()) return base::SystemError("make a socket in a sandbox", error);
  return made;
}

}  // namespace hearth::sandbox
