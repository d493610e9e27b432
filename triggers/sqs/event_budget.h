// EventBudget: how many bytes of events all mappings of queues may hold together, from the receive
// of their messages to the function's answer.
//
// Who wants to receive asks for room first; once one was refused, all are until `on_room`, so that
// whoever asks most often does not get all. What comes to a receive that had to wait is only
// counted then, so that mappings which wait hold nothing: each may go beyond by one event. Owner:
// QueueSource.
#pragma once

#include <cstddef>
#include <functional>

#include "base/check.h"

namespace hearth::sqs {

class EventBudget {
 public:
  // `on_room` runs inside Release when somebody was refused and there is room again.
  EventBudget(size_t most, std::function<void()> on_room)
      : most_(most), on_room_(std::move(on_room)) {}
  bool has_room() const { return used_ < most_; }
  // False: `on_room` will run.
  bool Admit() {
    if (!has_room()) has_refused_ = true;
    return !has_refused_;
  }
  // To be called before those that were refused ask again.
  void AdmitAgain() { has_refused_ = false; }
  size_t used() const { return used_; }
  void Charge(size_t bytes) { used_ += bytes; }
  void Release(size_t bytes) {
    CHECK(bytes <= used_);
    used_ -= bytes;
    if (has_refused_ && has_room()) on_room_();
  }

 private:
  const size_t most_;
  const std::function<void()> on_room_;
  size_t used_ = 0;
  bool has_refused_ = false;
};

}  // namespace hearth::sqs
