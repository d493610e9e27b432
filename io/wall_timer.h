// WallTimer: a callback at a moment of the service's wall clock, which may be set: it fires at once
// where the clock was set beyond that moment, and waits longer where it was set back.
//
// Timer counts time that has passed; this one asks what time it is. Destroying it cancels it. The
// callback runs at most once a Start, never inside Start. Source: timerfd_create(2),
// TFD_TIMER_CANCEL_ON_SET.
#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "io/fd_watcher.h"
#include "io/loop.h"
#include "io/timer.h"

namespace hearth::io {

class WallTimer {
 public:
  explicit WallTimer(Loop& loop);
  ~WallTimer();
  WallTimer(const WallTimer&) = delete;
  WallTimer& operator=(const WallTimer&) = delete;

  // Replaces what was set before. A moment that has passed is now.
  void Start(base::WallTime when, std::function<void()> callback);
  void Cancel();
  bool active() const { return callback_ != nullptr; }

  // The clock was set. By the kernel's word where the clock is the machine's; a test's own.
  void OnClockSet();

 private:
  void Wait();
  void Watch();

  Loop& loop_;
  Timer timer_;
  base::WallTime when_{};
  std::function<void()> callback_;
  // Of the machine's clock alone, from the first Start on.
  base::UniqueFd jumps_;
  std::unique_ptr<FdWatcher> watcher_;
};

}  // namespace hearth::io
