// TimerQueue: every timer of one of a loop's times, in one heap over one libuv timer. Internal to
// io/.
//
// Owner: Loop. With a virtual clock the libuv timer is never armed: Loop::ClockMoved fires.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "base/clock.h"

struct uv_timer_s;

namespace hearth::io {

class Loop;

class TimerQueue {
 public:
  TimerQueue(Loop& loop, const base::Clock& clock);
  ~TimerQueue();

  // Ids are never reused and never 0.
  uint64_t Add(base::MonoTime when, std::function<void()> callback);
  // `when` as it was added. One that has fired is no more.
  void Remove(base::MonoTime when, uint64_t id);
  const base::Clock& clock() const { return clock_; }
  // When the first one is due; nullopt: there is none.
  std::optional<base::MonoTime> next() const {
    return queue_.empty() ? std::nullopt : std::optional(queue_.begin()->first.first);
  }
  // Runs what is due, in order of time, then of Add. A callback may add and remove timers.
  void Fire();
  // Stops and closes the libuv timer; the loop must turn once more before this dies.
  void Close();

 private:
  using Key = std::pair<base::MonoTime, uint64_t>;
  void Arm();

  Loop& loop_;
  const base::Clock& clock_;
  uv_timer_s* timer_;  // Freed by its close callback.
  std::map<Key, std::function<void()>> queue_;
  base::MonoTime armed_for_{};
  bool armed_ = false;
  uint64_t next_id_ = 1;
};

}  // namespace hearth::io
