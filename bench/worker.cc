#include "bench/worker.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/sys.h"

namespace hearth::bench {
namespace {

constexpr int kRequests = 3;
constexpr int kAnswers = 4;

// The native worker: what a process that does nothing costs. Ends where the front is gone.
[[noreturn]] void EchoFrames() {
  std::vector<char> buffer(65536);
  while (true) {
    size_t have = 0;
    size_t end = sizeof(uint32_t);
    while (have < end) {
      const ssize_t got = ::recv(kRequests, buffer.data() + have, buffer.size() - have, 0);
      if (got <= 0) ::_exit(0);
      have += static_cast<size_t>(got);
      uint32_t length = 0;
      if (have < sizeof length) continue;
      std::memcpy(&length, buffer.data(), sizeof length);
      end = sizeof length + length;
      if (end > buffer.size()) buffer.resize(end);
    }
    for (size_t sent = 0; sent < end;) {
      const ssize_t put = ::send(kAnswers, buffer.data() + sent, end - sent, MSG_NOSIGNAL);
      if (put <= 0) ::_exit(0);
      sent += static_cast<size_t>(put);
    }
  }
}

// In the child. It keeps nothing of the front's: an open copy of another worker's socket would
// keep that worker alive.
[[noreturn]] void BecomeWorker(WorkerKind kind, int requests, int answers) {
  // Both are above 4 first, so that neither takes the other's place.
  requests = ::fcntl(requests, F_DUPFD, kAnswers + 1);
  answers = ::fcntl(answers, F_DUPFD, kAnswers + 1);
  if (::dup2(requests, kRequests) < 0 || ::dup2(answers, kAnswers) < 0) ::_exit(127);
  if (!base::sys::CloseRange(kAnswers + 1, ~0u, 0)) ::_exit(127);
  switch (kind) {
    case WorkerKind::kNone:
    case WorkerKind::kNative:
      EchoFrames();
    case WorkerKind::kPython:
      ::execl("/usr/bin/python3", "python3", "-S", "-E", HEARTH_BENCH_FOLDER "/worker.py", nullptr);
      break;
    case WorkerKind::kNode:
      ::execl("/usr/bin/node", "node", HEARTH_BENCH_FOLDER "/worker.js", nullptr);
      break;
  }
  ::_exit(127);
}

}  // namespace

std::optional<WorkerKind> ParseWorkerKind(std::string_view name) {
  if (name == "native") return WorkerKind::kNative;
  if (name == "python") return WorkerKind::kPython;
  if (name == "node") return WorkerKind::kNode;
  return std::nullopt;
}

base::Result<WorkerSockets> StartWorker(WorkerKind kind) {
  auto requests = TRY(base::sys::SocketPair(base::sys::SocketType::kStream));
  auto answers = TRY(base::sys::SocketPair(base::sys::SocketType::kStream));
  const pid_t pid = ::fork();
  if (pid < 0) return base::SystemError("fork");
  if (pid == 0) BecomeWorker(kind, requests.second.get(), answers.second.get());
  return WorkerSockets{std::move(requests.first), std::move(answers.first)};
}

}  // namespace hearth::bench
