// Writing process images: hearthd asks for one of a running sandbox, a capturer writes it.
#include <sys/epoll.h>
#include <sys/wait.h>

#include "base/sys.h"
#include "sandbox/zygote.h"

namespace hearth::sandbox {

void Zygote::Capture(const CapturePacket& packet, const std::vector<base::UniqueFd>& fds) {
  const auto start = [&]() -> base::Result<void> {
    const Slot* const slot = slots_->FindRunning(packet.sandbox);
    if (slot == nullptr) {
      return base::MakeError(base::ErrorKind::kNotFound, "capture", "the sandbox has ended");
    }
    if (fds.size() != 1) return base::Invalid("capture", "one descriptor is asked for");
    Capturer capturer = TRY(StartCapturer(slot->embryo.pid, fds[0].get(), packet.rules));
    TRY(Watch(capturer.socket.get(), Source::kCapture, packet.id, EPOLLIN));
    captures_.emplace(packet.id, std::move(capturer));
    return {};
  };
  if (const auto started = start(); !started) Send(EncodeFailed({packet.id, started.error()}));
}

void Zygote::OnCapture(uint64_t id) {
  const auto found = captures_.find(id);
  if (found == captures_.end()) return;
  Capturer& capturer = found->second;
  const auto captured = ReceiveCapture(capturer.socket.get());
  Unwatch(capturer.socket);
  siginfo_t info;
  ::waitid(P_PIDFD, static_cast<id_t>(capturer.pidfd.get()), &info, WEXITED);
  captures_.erase(found);
  Send(captured ? EncodeDone({id, {}}) : EncodeFailed({id, captured.error()}));
}

}  // namespace hearth::sandbox
