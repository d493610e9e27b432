// FdWatcher: calls back when a descriptor is readable or writable. Does not own the descriptor,
// which must outlive the watcher. The destructor stops it at once.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "io/loop.h"

namespace hearth::io {

class FdWatcher {
 public:
  enum Events : int { kReadable = 1, kWritable = 2 };

  // `events` as an OR of Events; the callback gets those that hold (an error counts as both).
  static base::Result<std::unique_ptr<FdWatcher>> Create(Loop& loop, int fd, int events,
                                                         std::function<void(int)> callback);
  ~FdWatcher();
  void SetEvents(int events);  // 0 pauses it.

 private:
  struct Impl;
  explicit FdWatcher(Impl* impl) : impl_(impl) {}
  Impl* impl_;
};

}  // namespace hearth::io
