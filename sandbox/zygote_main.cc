// hearth-zygote: makes sandboxes for hearthd, whose socket is descriptor 3. Not for the command
// line: sandbox/zygote_client.h starts it.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cstdio>

#include "base/clock.h"
#include "base/sys.h"
#include "sandbox/wire.h"
#include "sandbox/zygote.h"

namespace {

using namespace hearth;

constexpr int kHostSocket = 3;
constexpr int kFirstOptionsMs = 10'000;

base::Result<sandbox::ZygoteOptions> ReceiveOptions() {
  struct pollfd ready{kHostSocket, POLLIN, 0};
  if (::poll(&ready, 1, kFirstOptionsMs) != 1) {
    return base::MakeError(base::ErrorKind::kTimeout, "receive options", "none came in 10 s");
  }
  const auto message = TRY(base::sys::ReceiveMessage(kHostSocket, sandbox::kMaxPacket));
  if (message.closed || message.data[0] != static_cast<char>(sandbox::PacketKind::kOptions)) {
    return base::Invalid("receive options", "the first packet is not the options");
  }
  return sandbox::DecodeOptions(std::string_view(message.data).substr(1));
}

base::Result<void> Serve() {
  const base::SystemClock clock;
  sandbox::ZygoteOptions options = TRY(ReceiveOptions());
  // A copy, so that a failure can still be told after Create has let go of its own.
  base::UniqueFd host(::fcntl(kHostSocket, F_DUPFD_CLOEXEC, kHostSocket + 1));
  auto zygote = sandbox::Zygote::Create(std::move(options), std::move(host), clock);
  if (!zygote) {
    // hearthd prints it; it is the one who logs.
    (void)base::sys::SendMessage(kHostSocket, sandbox::EncodeFailed({0, zygote.error()}), {});
    return std::unexpected(std::move(zygote).error());
  }
  ::close(kHostSocket);
  return (*zygote)->Run();
}

}  // namespace

int main() {
  struct stat status{};
  if (::fstat(kHostSocket, &status) != 0 || !S_ISSOCK(status.st_mode)) {
    std::fprintf(stderr, "hearth-zygote: descriptor 3 is no socket; hearthd starts this program\n");
    return 2;
  }
  (void)base::sys::CloseRange(kHostSocket + 1, ~0u, 0);
  // A terminal's Ctrl-C or a service manager's TERM goes to hearthd, which drains and then closes
  // the socket: that is what ends the zygote.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(signal, SIG_IGN);
  ::umask(022);
  // Every sandbox costs descriptors here, and launches wait with theirs: the usual 1,024 are few.
  struct rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &files);
  }
  const auto served = Serve();
  return served ? 0 : 1;
}
