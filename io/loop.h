// Loop: the one event loop of a process; everything in io/ hangs on it.
//
// Owner: main() or a test. One thread: every callback runs on the thread inside Run(). All handles
// made on a loop must be destroyed before it; the destructor closes what is closing and CHECKs that
// uv_loop_close() finds no handle left. Source: libuv's uv_loop_t, the only door to which is io/.
#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"

struct uv_loop_s;

namespace hearth::io {

class TimerQueue;

class Loop {
 public:
  explicit Loop(const base::Clock& clock);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs until Stop() or until no handle is active.
  void Run();
  // Runs what is ready without blocking, then returns; tests and drains use it.
  void RunOnce();
  // Runs until `done` is true; a virtual clock does not move by itself.
  void RunUntil(const std::function<bool()>& done);
  void Stop();

  // Runs `task` later, never inside this call: after all I/O of this turn of the loop, where I/O
  // posts it, else of the next one. From the loop's thread only.
  void Post(std::function<void()> task);

  const base::Clock& clock() const { return clock_; }
  // To be called by whoever moved a virtual clock: fires the timers that are due.
  void ClockMoved();

  uv_loop_s* raw();
  TimerQueue& timers() { return *timers_; }

 private:
  struct Impl;
  const base::Clock& clock_;
  std::unique_ptr<Impl> impl_;
  std::unique_ptr<TimerQueue> timers_;
};

}  // namespace hearth::io
