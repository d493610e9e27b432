#include "invoker/runtime_launch.h"

#include <utility>

#include "base/sys.h"
#include "sandbox/image.h"
#include "sandbox/init.h"

namespace hearth::invoker {
namespace {

// The bootstrap's ends of the channel's two socketpairs (runtime/channel.h).
struct BootstrapEnds {
  base::UniqueFd events;
  base::UniqueFd answers;
};

base::Result<BootstrapEnds> MakeChannel(runtime::ChannelSockets& host) {
  BootstrapEnds its;
  std::tie(host.events, its.events) = TRY(base::sys::SocketPair(base::sys::SocketType::kStream));
  std::tie(host.answers, its.answers) = TRY(base::sys::SocketPair(base::sys::SocketType::kStream));
  return its;
}

}  // namespace

base::Result<void> LaunchRuntime(sandbox::ZygoteClient& zygote, sandbox::Spec spec,
                                 runtime::Transport transport, int image,
                                 RuntimeLaunched launched) {
  const auto process = std::make_shared<RuntimeProcess>();
  base::sys::Pipe pipe = TRY(base::sys::MakePipe());
  process->output = std::move(pipe.read);
  std::vector<sandbox::PassedFd> passed{{pipe.write.get(), 1}, {pipe.write.get(), 2}};
  BootstrapEnds its;
  if (transport == runtime::Transport::kChannel) {
    its = TRY(MakeChannel(process->channel));
    passed.push_back({its.events.get(), runtime::kEventsFd});
    passed.push_back({its.answers.get(), runtime::kAnswersFd});
  }
  base::UniqueFd control;
  base::sys::Pipe other_output;
  if (spec.executable == sandbox::kInitProgram) {
    std::tie(process->init, control) =
        TRY(base::sys::SocketPair(base::sys::SocketType::kSeqpacket));
    other_output = TRY(base::sys::MakePipe());
    process->extension_output = std::move(other_output.read);
    passed.push_back({control.get(), sandbox::kInitControlFd});
    passed.push_back({other_output.write.get(), sandbox::kInitOutputFd});
  }
  if (image >= 0) {
    spec.executable = sandbox::kRestoreProgram;
    spec.argv = {"hearth-restore"};
    process->environment = std::exchange(spec.environment, {});
    passed.push_back({image, sandbox::kImageFd});
  }
  zygote.Launch(spec, passed,
                [process, launched = std::move(launched)](
                    base::Result<std::unique_ptr<sandbox::Sandbox>> sandbox) {
                  if (!sandbox) return launched(std::unexpected(std::move(sandbox).error()));
                  process->sandbox = std::move(*sandbox);
                  launched(std::move(*process));
                });
  return {};
}

}  // namespace hearth::invoker
