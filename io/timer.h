// Timer: a callback at a moment of one of the loop's times.
//
// All timers of a time share one libuv timer and one heap: a million idle timers cost no wake-up.
// Destroying a Timer cancels it. The callback runs at most once a Start, never inside Start.
#pragma once

#include <functional>

#include "base/clock.h"
#include "io/loop.h"

namespace hearth::io {

class Timer {
 public:
  explicit Timer(Loop& loop, Time time = Time::kMachine);
  ~Timer() { Cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Replaces what was set before. A negative delay is zero.
  void Start(base::Duration delay, std::function<void()> callback);
  void Cancel();
  bool active() const { return id_ != 0; }

 private:
  TimerQueue& queue_;
  uint64_t id_ = 0;
  base::MonoTime when_{};
  std::function<void()> callback_;
};

}  // namespace hearth::io
