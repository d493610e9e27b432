#include "io/loop.h"

#include <uv.h>

#include <deque>

#include "base/check.h"
#include "io/timer_queue.h"

namespace hearth::io {

struct Loop::Impl {
  uv_loop_t loop{};
  // Runs posted tasks. Active only while there are some, so that an empty loop ends.
  uv_idle_t idle{};
  std::deque<std::function<void()>> tasks;

  static void OnIdle(uv_idle_t* handle) noexcept {
    auto* self = static_cast<Impl*>(handle->data);
    // What a task posts runs on the next turn, after I/O has had its own.
    for (size_t left = self->tasks.size(); left > 0; --left) {
      auto task = std::move(self->tasks.front());
      self->tasks.pop_front();
      task();
    }
    if (self->tasks.empty()) uv_idle_stop(handle);
  }
};

Loop::Loop(const base::Clock& clock) : clock_(clock), impl_(std::make_unique<Impl>()) {
  CHECK(uv_loop_init(&impl_->loop) == 0);
  CHECK(uv_idle_init(&impl_->loop, &impl_->idle) == 0);
  impl_->idle.data = impl_.get();
  timers_ = std::make_unique<TimerQueue>(*this);
}

Loop::~Loop() {
  timers_->Close();
  uv_close(reinterpret_cast<uv_handle_t*>(&impl_->idle), nullptr);
  impl_->tasks.clear();
  // Closing handles need turns of the loop for their callbacks; nothing may stay after them.
  for (int turn = 0; turn < 100 && uv_loop_alive(&impl_->loop) != 0; ++turn) {
    uv_run(&impl_->loop, UV_RUN_NOWAIT);
  }
  timers_.reset();
  CHECK(uv_loop_close(&impl_->loop) == 0);
}

void Loop::Run() { uv_run(&impl_->loop, UV_RUN_DEFAULT); }
void Loop::RunOnce() { uv_run(&impl_->loop, UV_RUN_NOWAIT); }

void Loop::RunUntil(const std::function<bool()>& done) {
  while (!done()) {
    CHECK(uv_run(&impl_->loop, UV_RUN_ONCE) != 0 || done());
  }
}

void Loop::Stop() { uv_stop(&impl_->loop); }

void Loop::Post(std::function<void()> task) {
  impl_->tasks.push_back(std::move(task));
  uv_idle_start(&impl_->idle, Impl::OnIdle);
}

void Loop::ClockMoved() { timers_->Fire(); }

uv_loop_s* Loop::raw() { return &impl_->loop; }

}  // namespace hearth::io
