#include "io/offload.h"

#include <uv.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "base/check.h"

namespace hearth::io {

struct Offload::Impl {
  struct Job {
    std::function<void()> work;
    std::function<void()> done;
  };
  uv_async_t* async = nullptr;  // Freed by its close callback.
  std::vector<std::thread> threads;
  size_t outstanding = 0;  // Loop's thread only.

  mutable std::mutex mutex;
  std::condition_variable has_work;
  std::deque<Job> queue;
  std::deque<Job> finished;
  bool ending = false;

  void RunThread() {
    std::unique_lock lock(mutex);
    while (true) {
      has_work.wait(lock, [this] { return ending || !queue.empty(); });
      if (queue.empty()) return;
      Job job = std::move(queue.front());
      queue.pop_front();
      lock.unlock();
      job.work();
      job.work = nullptr;
      lock.lock();
      finished.push_back(std::move(job));
      uv_async_send(async);
    }
  }

  void RunFinished() {
    std::deque<Job> ready;
    {
      const std::lock_guard lock(mutex);
      ready.swap(finished);
    }
    for (Job& job : ready) {
      CHECK(outstanding > 0);
      // An idle offload must not keep the loop alive.
      if (--outstanding == 0) uv_unref(reinterpret_cast<uv_handle_t*>(async));
      auto done = std::move(job.done);
      done();
    }
  }
};

Offload::Offload(Loop& loop, int threads) : impl_(std::make_shared<Impl>()) {
  CHECK(threads > 0);
  impl_->async = new uv_async_t;
  CHECK(uv_async_init(loop.raw(), impl_->async, [](uv_async_t* async) noexcept {
          if (async->data == nullptr) return;
          // Kept alive: a completion may destroy the offload.
          const auto impl = *static_cast<std::shared_ptr<Impl>*>(async->data);
          impl->RunFinished();
        }) == 0);
  impl_->async->data = &impl_;
  uv_unref(reinterpret_cast<uv_handle_t*>(impl_->async));
  for (int i = 0; i < threads; ++i) {
    impl_->threads.emplace_back([impl = impl_.get()] { impl->RunThread(); });
  }
}

Offload::~Offload() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->ending = true;
  }
  impl_->has_work.notify_all();
  for (std::thread& thread : impl_->threads) thread.join();
  impl_->async->data = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(impl_->async), [](uv_handle_t* handle) noexcept {
    delete reinterpret_cast<uv_async_t*>(handle);
  });
}

void Offload::Submit(std::function<void()> work, std::function<void()> done) {
  if (impl_->outstanding++ == 0) uv_ref(reinterpret_cast<uv_handle_t*>(impl_->async));
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->queue.push_back({std::move(work), std::move(done)});
  }
  impl_->has_work.notify_one();
}

size_t Offload::pending() const { return impl_->outstanding; }

}  // namespace hearth::io
