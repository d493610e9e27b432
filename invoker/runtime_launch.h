// The launch of a runtime's process: its sandbox, its channel, the pipe that it writes to.
//
// Instances, stem cells and snapshots all begin so, whether the process is executed or goes on from
// an image (sandbox/image.h).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "runtime/catalog.h"
#include "runtime/session.h"
#include "sandbox/zygote_client.h"

namespace hearth::invoker {

struct RuntimeProcess {
  std::unique_ptr<sandbox::Sandbox> sandbox;
  runtime::ChannelSockets channel;       // Not open where it speaks the Runtime API.
  base::UniqueFd output;                 // The read end of what it writes.
  base::UniqueFd init;                   // Hearth-init's control socket, where that comes first.
  base::UniqueFd extension_output;       // The same: the read end of what other programs write.
  std::vector<std::string> environment;  // What it waits to be sent (Load); empty: nothing.
};

using RuntimeLaunched = std::function<void(base::Result<RuntimeProcess>)>;

// `image` is the caller's; -1: the runtime is executed. `launched` runs once, never inside the call
// and only where this succeeds; the process is running then.
base::Result<void> LaunchRuntime(sandbox::ZygoteClient& zygote, sandbox::Spec spec,
                                 runtime::Transport transport, int image, RuntimeLaunched launched);

}  // namespace hearth::invoker
