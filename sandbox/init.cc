// hearth-init (sandbox/init.h). Linked without any shared library: a sandbox waits for its start.
#include "sandbox/init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace hearth::sandbox;

namespace {

struct Packet {
  InitOrder order;
  char strings[kMaxInitStrings];
} packet;
pid_t programs[kMaxInitPrograms];
char* arguments[kMaxInitArguments + 1];
char* variables[kMaxInitVariables + 1];

void Report(uint32_t kind, uint32_t program, int value) {
  const InitReport report{kind, program, value};
  (void)!::send(kInitControlFd, &report, sizeof report, MSG_NOSIGNAL);
}

struct Strings {
  char* executable;
  char* working_directory;
};

// Into the arrays; false where the packet does not hold what it promises.
bool Split(Strings& out) {
  char* at = packet.strings;
  char* const end = packet.strings + packet.order.string_bytes;
  const auto next = [&at, end](char*& to) {
    char* const stop = static_cast<char*>(::memchr(at, 0, static_cast<size_t>(end - at)));
    if (stop == nullptr) return false;
    to = at;
    at = stop + 1;
    return true;
  };
  bool good = next(out.executable) && next(out.working_directory);
  for (uint32_t i = 0; good && i < packet.order.argument_count; ++i) good = next(arguments[i]);
  for (uint32_t i = 0; good && i < packet.order.variable_count; ++i) good = next(variables[i]);
  arguments[packet.order.argument_count] = nullptr;
  variables[packet.order.variable_count] = nullptr;
  return good;
}

void BecomeProgram(uint32_t program, const Strings& strings) {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::setsid();
  if (program != kMainProgram) {
    ::dup2(kInitOutputFd, STDOUT_FILENO);
    ::dup2(kInitOutputFd, STDERR_FILENO);
    ::close_range(STDERR_FILENO + 1, ~0u, 0);
  }
  if (::chdir(strings.working_directory) != 0) return;
  ::execve(strings.executable, arguments, variables);
}

void Start() {
  const uint32_t program = packet.order.program;
  Strings strings;
  if (programs[program] != 0 || !Split(strings)) {
    return Report(InitReport::kStartFailed, program, EINVAL);
  }
  // The child runs in this memory until it executes: what it failed with is left here.
  static volatile int error;
  error = 0;
  const pid_t pid = ::vfork();
  if (pid == 0) {
    BecomeProgram(program, strings);
    error = errno;
    ::_exit(127);
  }
  if (pid < 0) return Report(InitReport::kStartFailed, program, errno);
  if (error != 0) {
    ::waitpid(pid, nullptr, 0);
    return Report(InitReport::kStartFailed, program, error);
  }
  programs[program] = pid;
}

void Signal() {
  const pid_t pid = programs[packet.order.program];
  if (pid <= 0) return;
  // It leads a session, and so a group.
  ::kill(packet.order.signal == SIGKILL ? -pid : pid, packet.order.signal);
}

void TakeOrder() {
  const ssize_t got = ::recv(kInitControlFd, &packet, sizeof packet, 0);
  if (got < 0 && errno == EINTR) return;
  const InitOrder& order = packet.order;
  const bool good = got >= static_cast<ssize_t>(sizeof order) && order.program < kMaxInitPrograms &&
                    order.argument_count <= kMaxInitArguments &&
                    order.variable_count <= kMaxInitVariables &&
                    got == static_cast<ssize_t>(sizeof order + order.string_bytes);
  if (!good) ::_exit(0);  // The host is gone.
  order.kind == InitOrder::kStart ? Start() : Signal();
}

// Whoever ends: it is the first process of its pid namespace, to which all orphans come.
void Reap() {
  siginfo_t info;
  while ((info.si_pid = 0, ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG) == 0) && info.si_pid > 0) {
    for (uint32_t i = 0; i < kMaxInitPrograms; ++i) {
      if (programs[i] != info.si_pid) continue;
      programs[i] = -1;
      const bool exited = info.si_code == CLD_EXITED;
      Report(exited ? InitReport::kExited : InitReport::kSignaled, i, info.si_status);
    }
  }
}

}  // namespace

int main() {
  // Programs run as the same user: they must not get at its descriptors through /proc.
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  ::fcntl(kInitControlFd, F_SETFD, FD_CLOEXEC);
  ::fcntl(kInitOutputFd, F_SETFD, FD_CLOEXEC);
  sigset_t child;
  ::sigemptyset(&child);
  ::sigaddset(&child, SIGCHLD);
  ::sigprocmask(SIG_SETMASK, &child, nullptr);
  const int signals = ::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  struct pollfd watched[2] = {{kInitControlFd, POLLIN, 0}, {signals, POLLIN, 0}};
  while (true) {
    if (::poll(watched, 2, -1) < 0) continue;
    if (watched[1].revents != 0) {
      struct signalfd_siginfo info;
      while (::read(signals, &info, sizeof info) > 0) {
      }
      Reap();
    }
    if (watched[0].revents != 0) TakeOrder();
  }
}
