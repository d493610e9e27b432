#include "io/fd_watcher.h"

#include <uv.h>

namespace hearth::io {

struct FdWatcher::Impl {
  uv_poll_t poll{};
  std::function<void(int)> callback;
  bool closed = false;
};

namespace {

int ToUv(int events) {
  return ((events & FdWatcher::kReadable) != 0 ? UV_READABLE | UV_DISCONNECT : 0) |
         ((events & FdWatcher::kWritable) != 0 ? UV_WRITABLE : 0);
}

}  // namespace

base::Result<std::unique_ptr<FdWatcher>> FdWatcher::Create(Loop& loop, int fd, int events,
                                                           std::function<void(int)> callback) {
  auto* impl = new Impl;
  impl->callback = std::move(callback);
  if (const int error = uv_poll_init(loop.raw(), &impl->poll, fd); error != 0) {
    delete impl;
    return base::SystemError("watch descriptor", -error);
  }
  impl->poll.data = impl;
  auto watcher = std::unique_ptr<FdWatcher>(new FdWatcher(impl));
  watcher->SetEvents(events);
  return watcher;
}

void FdWatcher::SetEvents(int events) {
  if (events == 0) {
    uv_poll_stop(&impl_->poll);
    return;
  }
  uv_poll_start(&impl_->poll, ToUv(events), [](uv_poll_t* poll, int status, int got) noexcept {
    auto* impl = static_cast<Impl*>(poll->data);
    if (impl->closed) return;
    int events = 0;
    if (status < 0 || (got & (UV_READABLE | UV_DISCONNECT)) != 0) events |= kReadable;
    if (status < 0 || (got & UV_WRITABLE) != 0) events |= kWritable;
    // A copy: the callback may destroy the watcher.
    const auto callback = impl->callback;
    callback(events);
  });
}

FdWatcher::~FdWatcher() {
  impl_->closed = true;
  uv_poll_stop(&impl_->poll);
  uv_close(reinterpret_cast<uv_handle_t*>(&impl_->poll), [](uv_handle_t* handle) noexcept {
    delete static_cast<Impl*>(handle->data);
  });
}

}  // namespace hearth::io
