#include "invoker/init_control.h"

#include <sys/socket.h>

#include <cerrno>

#include "base/sys.h"

namespace hearth::invoker {

using sandbox::InitOrder;
using sandbox::InitReport;

base::Result<std::unique_ptr<InitControl>> InitControl::Create(io::Loop& loop,
                                                               base::UniqueFd socket,
                                                               Delegate& delegate) {
  std::unique_ptr<InitControl> control(new InitControl(std::move(socket), delegate));
  InitControl* const raw = control.get();
  control->watcher_ = TRY(io::FdWatcher::Create(
      loop, control->socket_.get(), io::FdWatcher::kReadable, [raw](int) { raw->Read(); }));
  return control;
}

base::Result<void> InitControl::Start(uint32_t program, const InitProgram& what) {
  std::string strings;
  const auto put = [&strings](const std::string& text) { strings.append(text).push_back('\0'); };
  put(what.executable);
  put(what.working_directory);
  for (const auto& argument : what.argv) put(argument);
  for (const auto& variable : what.environment) put(variable);
  if (strings.size() > sandbox::kMaxInitStrings || what.argv.size() > sandbox::kMaxInitArguments ||
      what.environment.size() > sandbox::kMaxInitVariables) {
    return base::MakeError(base::ErrorKind::kLimit, "start " + what.executable,
                           "its arguments and environment are too long");
  }
  const InitOrder order{.kind = InitOrder::kStart,
                        .program = program,
                        .argument_count = static_cast<uint32_t>(what.argv.size()),
                        .variable_count = static_cast<uint32_t>(what.environment.size()),
                        .string_bytes = static_cast<uint32_t>(strings.size())};
  std::string packet(reinterpret_cast<const char*>(&order), sizeof order);
  packet += strings;
  return base::sys::SendMessage(socket_.get(), packet, {}, MSG_DONTWAIT);
}

void InitControl::Signal(uint32_t program, int signal) {
  const InitOrder order{.kind = InitOrder::kSignal, .program = program, .signal = signal};
  const std::string_view packet(reinterpret_cast<const char*>(&order), sizeof order);
  (void)base::sys::SendMessage(socket_.get(), packet, {}, MSG_DONTWAIT);
}

void InitControl::Read() {
  const std::weak_ptr<bool> alive = alive_;
  // What is left is read on the next turn: others want theirs.
  for (uint32_t left = 2 * sandbox::kMaxInitPrograms; left > 0 && !alive.expired(); --left) {
    InitReport report;
    const ssize_t got = ::recv(socket_.get(), &report, sizeof report, MSG_DONTWAIT | MSG_TRUNC);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got != sizeof report || report.program >= sandbox::kMaxInitPrograms) {
      watcher_->SetEvents(0);
      return;
    }
    using Kind = sandbox::Outcome::Kind;
    switch (report.kind) {
      case InitReport::kStartFailed:
        delegate_.OnStartFailed(report.program, report.value);
        break;
      case InitReport::kExited:
        delegate_.OnEnded(report.program, {.kind = Kind::kExited, .exit_status = report.value});
        break;
      case InitReport::kSignaled:
        delegate_.OnEnded(report.program, {.kind = Kind::kSignaled, .signal = report.value});
        break;
      default:
        watcher_->SetEvents(0);
        return;
    }
  }
}

}  // namespace hearth::invoker
