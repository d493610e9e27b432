#include "io/loop.h"

#include <uv.h>

#include <deque>

#include "base/check.h"
#include "io/timer_queue.h"

namespace hearth::io {

struct Loop::Impl {
  uv_loop_t loop{};
  // Runs posted tasks behind the I/O of a turn: one that I/O posts costs no turn of its own.
  uv_check_t after_io{};
  // Active only while there are tasks: then the loop does not wait for I/O, nor end.
  uv_idle_t awake{};
  std::deque<std::function<void()>> tasks;

  void AfterIo() {
    // What a task posts runs on the next turn, after I/O has had its own.
    for (size_t left = tasks.size(); left > 0; --left) {
      auto task = std::move(tasks.front());
      tasks.pop_front();
      task();
    }
    if (tasks.empty()) uv_idle_stop(&awake);
  }
};

Loop::Loop(const base::Clock& machine, const base::Clock& service)
    : clock_(machine), service_clock_(service), impl_(std::make_unique<Impl>()) {
  CHECK(uv_loop_init(&impl_->loop) == 0);
  CHECK(uv_idle_init(&impl_->loop, &impl_->awake) == 0);
  CHECK(uv_check_init(&impl_->loop, &impl_->after_io) == 0);
  impl_->after_io.data = impl_.get();
  uv_check_start(&impl_->after_io,
                 [](uv_check_t* handle) noexcept { static_cast<Impl*>(handle->data)->AfterIo(); });
  uv_unref(reinterpret_cast<uv_handle_t*>(&impl_->after_io));
  timers_ = std::make_unique<TimerQueue>(*this, machine);
  if (&machine != &service) service_timers_ = std::make_unique<TimerQueue>(*this, service);
}

Loop::~Loop() {
  timers_->Close();
  if (service_timers_) service_timers_->Close();
  uv_close(reinterpret_cast<uv_handle_t*>(&impl_->awake), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&impl_->after_io), nullptr);
  impl_->tasks.clear();
  // Closing handles need turns of the loop for their callbacks; nothing may stay after them.
  for (int turn = 0; turn < 100 && uv_loop_alive(&impl_->loop) != 0; ++turn) {
    uv_run(&impl_->loop, UV_RUN_NOWAIT);
  }
  timers_.reset();
  service_timers_.reset();
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
  uv_idle_start(&impl_->awake, [](uv_idle_t*) noexcept {});
}

void Loop::ClockMoved() {
  timers_->Fire();
  if (service_timers_) service_timers_->Fire();
}

uv_loop_s* Loop::raw() { return &impl_->loop; }

}  // namespace hearth::io
