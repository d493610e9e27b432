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

// A host has two times, which are one unless the second is virtual.
enum class Time {
  kMachine,  // In which processes, sockets and disks live.
  kService,  // In which retries, ages, keep-alive and schedules live: what AWS promises for later.
};

class Loop {
 public:
  explicit Loop(const base::Clock& clock) : Loop(clock, clock) {}
  Loop(const base::Clock& machine, const base::Clock& service);
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

  // The machine's.
  const base::Clock& clock() const { return clock_; }
  const base::Clock& service_clock() const { return service_clock_; }
  // The same moment as the service's clock has it.
  base::MonoTime ToService(base::MonoTime machine) const {
    if (&clock_ == &service_clock_) return machine;
    return machine + (service_clock_.Now() - clock_.Now());
  }
  // To be called by whoever moved a virtual clock: fires the timers that are due.
  void ClockMoved();

  uv_loop_s* raw();
  TimerQueue& timers(Time time) {
    return time == Time::kService && service_timers_ ? *service_timers_ : *timers_;
  }

 private:
  struct Impl;
  const base::Clock& clock_;
  const base::Clock& service_clock_;
  std::unique_ptr<Impl> impl_;
  std::unique_ptr<TimerQueue> timers_;
  std::unique_ptr<TimerQueue> service_timers_;  // nullptr: the two times are one.
};

}  // namespace hearth::io
