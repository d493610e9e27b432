#include "runtime/log_capture.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include "base/limits.h"
#include "base/sys.h"
#include "io/fd_watcher.h"

namespace hearth::runtime {
namespace {

// A function that floods its output gets this many bytes of our time a turn; then others do.
constexpr size_t kBytesATurn = 256 * 1024;
// A pipe holds at most 1 MiB (pipe-max-size): a drain sees no more than was there when it began.
constexpr size_t kBytesADrain = 1024 * 1024 + 65536;

class PipeCapture final : public LogCapture {
 public:
  PipeCapture(base::UniqueFd pipe, std::function<void(std::string_view)> on_line)
      : pipe_(std::move(pipe)), on_line_(std::move(on_line)) {}

  base::Result<void> Start(io::Loop& loop) {
    TRY(base::sys::SetNonBlocking(pipe_.get()));
    watcher_ = TRY(io::FdWatcher::Create(loop, pipe_.get(), io::FdWatcher::kReadable,
                                         [this](int) { ReadSome(kBytesATurn); }));
    return {};
  }

  void Drain(bool flush) override {
    ReadSome(kBytesADrain);
    if (flush && !partial_.empty()) {
      on_line_(partial_);
      partial_.clear();
    }
  }

  void CatchUp() override {
    if (behind_) Drain(false);
  }

 private:
  void ReadSome(size_t most) {
    static thread_local std::array<char, 65536> block;
    behind_ = false;
    for (size_t total = 0; total < most && !ended_;) {
      const ssize_t got = ::read(pipe_.get(), block.data(), block.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        if (got == 0 || errno != EAGAIN) {
          // Every writer is gone; a pipe at its end would be readable for ever.
          ended_ = true;
          watcher_->SetEvents(0);
        }
        return;
      }
      total += static_cast<size_t>(got);
      Cut({block.data(), static_cast<size_t>(got)});
      if (static_cast<size_t>(got) < block.size()) return;
    }
    behind_ = !ended_;
  }

  void Cut(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto newline = bytes.find('\n');
      const std::string_view piece = bytes.substr(0, newline);
      const size_t room = limits::kMaxLogLine - partial_.size();
      if (piece.size() > room) {
        // Longer than an event may be: it becomes several, as CloudWatch Logs does it.
        partial_ += piece.substr(0, room);
        on_line_(partial_);
        partial_.clear();
        bytes.remove_prefix(room);
        continue;
      }
      if (newline == std::string_view::npos) {
        partial_ += piece;
        return;
      }
      if (partial_.empty()) {
        on_line_(piece);
      } else {
        partial_ += piece;
        on_line_(partial_);
        partial_.clear();
      }
      bytes.remove_prefix(newline + 1);
    }
  }

  base::UniqueFd pipe_;
  std::function<void(std::string_view)> on_line_;
  std::unique_ptr<io::FdWatcher> watcher_;
  std::string partial_;
  bool ended_ = false;
  bool behind_ = false;  // It has stopped at its share of a turn; there may be more.
};

}  // namespace

std::unique_ptr<LogCapture> LogCapture::Create(io::Loop& loop, base::UniqueFd pipe,
                                               std::function<void(std::string_view)> on_line) {
  auto capture = std::make_unique<PipeCapture>(std::move(pipe), std::move(on_line));
  MUST(capture->Start(loop));
  return capture;
}

}  // namespace hearth::runtime
