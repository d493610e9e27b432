// EventBudget: how many bytes of events all mappings of queues may hold together, from the receive
// of their messages to the function's answer.
//
// Who wants to receive asks for room first. What comes to a receive that had to wait is only
// counted then, so that mappings which wait hold nothing: each may go beyond by one event.
// Owner: QueueSource.
#pragma once

#include <cstddef>
#include <functional>

#include "base/check.h"

namespace hearth::sqs {

class EventBudget {
 public:
  // `on_room` runs inside Release whenever there is room again.
  EventBudget(size_t most, std::function<void()> on_room)
      : most_(most), on_room_(std::move(on_room)) {}
  bool has_room() const { return used_ < most_; }
  size_t used() const { return used_; }
  void Charge(size_t bytes) { used_ += bytes; }
  void Release(size_t bytes) {
    CHECK(bytes <= used_);
    const bool was_full = !has_room();
    used_ -= bytes;
    if (was_full && has_room()) on_room_();
  }

 private:
  const size_t most_;
  const std::function<void()> on_room_;
  size_t used_ = 0;
};

}  // namespace hearth::sqs
