#include "io/timer_queue.h"

#include <uv.h>

#include "base/check.h"
#include "io/loop.h"
#include "io/timer.h"

namespace hearth::io {

TimerQueue::TimerQueue(Loop& loop, const base::Clock& clock)
    : loop_(loop), clock_(clock), timer_(new uv_timer_t) {
  CHECK(uv_timer_init(loop.raw(), timer_) == 0);
  timer_->data = this;
}

TimerQueue::~TimerQueue() { CHECK(timer_ == nullptr); }

void TimerQueue::Close() {
  uv_close(reinterpret_cast<uv_handle_t*>(timer_),
           [](uv_handle_t* handle) noexcept { delete reinterpret_cast<uv_timer_t*>(handle); });
  timer_ = nullptr;
}

uint64_t TimerQueue::Add(base::MonoTime when, std::function<void()> callback) {
  const uint64_t id = next_id_++;
  queue_.emplace(Key(when, id), std::move(callback));
  Arm();
  return id;
}

void TimerQueue::Remove(base::MonoTime when, uint64_t id) {
  if (queue_.erase(Key(when, id)) == 0) return;
  // The libuv timer stays armed for a moment that may now be empty: one spare wake-up is cheaper
  // than re-arming it for every call that ends before its timeout. An empty queue disarms it.
  if (queue_.empty()) Arm();
}

void TimerQueue::Fire() {
  const base::MonoTime now = clock_.Now();
  // Those added while firing wait for the next round, even when due: a timer that sets itself again
  // with no delay must not starve the loop.
  const uint64_t first_new = next_id_;
  while (!queue_.empty() && queue_.begin()->first.first <= now) {
    auto at = queue_.begin();
    while (at != queue_.end() && at->first.first <= now && at->first.second >= first_new) ++at;
    if (at == queue_.end() || at->first.first > now) break;
    auto callback = std::move(at->second);
    queue_.erase(at);
    callback();
  }
  armed_ = false;
  Arm();
}

void TimerQueue::Arm() {
  if (timer_ == nullptr || clock_.is_virtual()) return;
  if (queue_.empty()) {
    if (armed_) uv_timer_stop(timer_);
    armed_ = false;
    return;
  }
  const base::MonoTime first = queue_.begin()->first.first;
  if (armed_ && armed_for_ <= first) return;
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(first - clock_.Now());
  uv_update_time(loop_.raw());
  uv_timer_start(
      timer_, [](uv_timer_t* timer) noexcept { static_cast<TimerQueue*>(timer->data)->Fire(); },
      static_cast<uint64_t>(wait.count() > 0 ? wait.count() : 0), 0);
  armed_ = true;
  armed_for_ = first;
}

Timer::Timer(Loop& loop, Time time) : queue_(loop.timers(time)) {}

void Timer::Start(base::Duration delay, std::function<void()> callback) {
  Cancel();
  if (delay < base::Duration::zero()) delay = base::Duration::zero();
  when_ = queue_.clock().Now() + delay;
  callback_ = std::move(callback);
  id_ = queue_.Add(when_, [this] {
    id_ = 0;
    // Moved out first: the callback may destroy this timer.
    auto run = std::move(callback_);
    run();
  });
}

void Timer::Cancel() {
  if (id_ == 0) return;
  queue_.Remove(when_, id_);
  id_ = 0;
  callback_ = nullptr;
}

}  // namespace hearth::io
