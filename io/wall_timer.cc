#include "io/wall_timer.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

#include "base/log.h"

namespace hearth::io {
namespace {

using namespace std::chrono_literals;

// Where the kernel does not tell of a clock that was set, it is asked for so often.
constexpr base::Duration kLongestWait = 1h;

// Never expires: it is read when the clock is set.
void Arm(int fd) {
  itimerspec never{};
  never.it_value.tv_sec = std::numeric_limits<time_t>::max() / 2;
  if (::timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, nullptr) != 0) {
    HLOG_WARN("nothing tells when this machine's clock is set: {}",
              base::SystemError("timerfd_settime").error().ToString());
  }
}

}  // namespace

WallTimer::WallTimer(Loop& loop) : loop_(loop), timer_(loop, Time::kService) {}

WallTimer::~WallTimer() = default;

void WallTimer::Start(base::WallTime when, std::function<void()> callback) {
  if (!jumps_.valid() && !loop_.service_clock().is_virtual()) Watch();
  when_ = when;
  callback_ = std::move(callback);
  Wait();
}

void WallTimer::Cancel() {
  callback_ = nullptr;
  timer_.Cancel();
}

void WallTimer::OnClockSet() {
  if (callback_ != nullptr) Wait();
}

void WallTimer::Wait() {
  const base::Duration left = when_ - loop_.service_clock().WallNow();
  timer_.Start(std::min(left, kLongestWait), [this] {
    if (loop_.service_clock().WallNow() < when_) return Wait();
    auto run = std::move(callback_);
    callback_ = nullptr;
    run();
  });
}

void WallTimer::Watch() {
  jumps_.Reset(::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!jumps_.valid()) {
    HLOG_WARN("nothing tells when this machine's clock is set: {}",
              base::SystemError("timerfd_create").error().ToString());
    return;
  }
  Arm(jumps_.get());
  auto watcher = FdWatcher::Create(loop_, jumps_.get(), FdWatcher::kReadable, [this](int) {
    uint64_t count = 0;
    // ECANCELED is what says so; the timer then has to be armed again.
    [[maybe_unused]] const ssize_t size = ::read(jumps_.get(), &count, sizeof count);
    Arm(jumps_.get());
    OnClockSet();
  });
  if (watcher) watcher_ = std::move(*watcher);
}

}  // namespace hearth::io
