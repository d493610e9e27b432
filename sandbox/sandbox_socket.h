// A socket inside a sandbox's network, for somebody outside: a socket stays in the network
// namespace it was made in, so whoever gets it reaches what listens inside.
//
// Runs in the zygote, whose thread is back in its own network when this returns.
// Source: setns(2), network_namespaces(7).
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

namespace hearth::sandbox {

// A TCP socket, non-blocking, not connected. `sandbox` is the pidfd of a process inside,
// `own_network` this process's own network namespace. Fails where the sandbox has ended.
base::Result<base::UniqueFd> SocketInSandbox(int sandbox, int own_network);

}  // namespace hearth::sandbox
