#include "sandbox/closer.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>

#include "base/sys.h"

namespace hearth::sandbox {
namespace {

namespace sys = base::sys;

constexpr int kProcesses = 4;

[[noreturn]] void RunCloser(int socket) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  // Nothing else of the zygote's may live as long as this does.
  if (socket > 0) (void)sys::CloseRange(0, static_cast<unsigned>(socket) - 1, 0);
  (void)sys::CloseRange(static_cast<unsigned>(socket) + 1, ~0u, 0);
  while (true) {
    const auto message = sys::ReceiveMessage(socket, 1);
    if (!message || message->closed) ::_exit(0);
  }
}

}  // namespace

base::Result<Closer> Closer::Start() {
  auto [mine, its] = TRY(sys::SocketPair(sys::SocketType::kSeqpacket));
  for (int i = 0; i < kProcesses; ++i) {
    struct clone_args args{};
    args.exit_signal = SIGCHLD;
    if (TRY(sys::Clone3(args)) == 0) {
      mine.Reset();
      RunCloser(its.get());
    }
  }
  return Closer(std::move(mine));
}

void Closer::Close(base::UniqueFd fd) {
  if (!fd.valid()) return;
  waiting_.push_back(std::move(fd));
  Flush();
}

bool Closer::Flush() {
  while (!waiting_.empty()) {
    const std::array<int, 1> fds{waiting_.front().get()};
    const auto sent = sys::SendMessage(socket_.get(), "c", fds, MSG_DONTWAIT);
    if (!sent && sent.error().error_number == EAGAIN) return false;
    waiting_.pop_front();  // Where nobody is left to close it, it is closed here.
  }
  return true;
}

}  // namespace hearth::sandbox
