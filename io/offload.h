// Offload: runs blocking work on threads; its result comes back on the loop. Values in, values out.
//
// `threads` = 1 gives a serial queue: jobs run in the order they were given (the store uses one).
// The destructor waits for what was queued; its completions are then dropped. Not for work that
// touches the loop's own state.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "io/loop.h"

namespace hearth::io {

class Offload {
 public:
  Offload(Loop& loop, int threads);
  ~Offload();
  Offload(const Offload&) = delete;
  Offload& operator=(const Offload&) = delete;

  // `done` runs on the loop with what `work` returned. `work` must not throw.
  template <typename Work, typename Done>
  void Run(Work work, Done done) {
    using Value = std::invoke_result_t<Work>;
    auto value = std::make_shared<std::optional<Value>>();
    Submit([value, work = std::make_shared<Work>(std::move(work))] { value->emplace((*work)()); },
           [value, done = std::make_shared<Done>(std::move(done))] {
             (*done)(std::move(**value));
           });
  }
  size_t pending() const;

 private:
  void Submit(std::function<void()> work, std::function<void()> done);
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace hearth::io
