// BatchPace: how many batches of a mapping may be received and called at once.
//
// It begins with AWS's five and grows by five a second while more waits than they take, up to its
// maximum; calls that were not let in bring it down to those that were, failed ones by half, those
// that waited long for room on this host by one, and quiet back to where it began. A FIFO queue's
// begins at the maximum: its groups are the limit. Source: developer guide, "Configuring scaling
// behavior for SQS event source mappings"; the pace of a second is ours. A value; owner: the
// poller, which calls Tick once a second until it rests.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/limits.h"

namespace hearth::sqs {

class BatchPace {
 public:
  BatchPace(size_t first, size_t most) : first_(std::min(first, most)), most_(most) {}

  size_t allowed() const { return allowed_; }
  bool is_at_rest() const { return allowed_ == first_; }

  // A call was not let in, while so many others ran.
  void OnThrottle(size_t running) {
    allowed_ = std::clamp<size_t>(running, 1, allowed_);
    step_ = 1;
  }
  // A call waited long: with more at once their messages' timeouts would end before their calls.
  void OnLongWait() {
    allowed_ = std::max<size_t>(allowed_ - 1, 1);
    step_ = 1;
    has_waited_ = true;
  }
  void OnFailure() { allowed_ = std::max(std::min(first_, allowed_), allowed_ / 2); }
  // `has_backlog`: all that may run does, and there is more.
  void Tick(bool has_backlog, size_t in_use) {
    if (std::exchange(has_waited_, false)) return;
    if (has_backlog || allowed_ < first_) {
      allowed_ = std::min(allowed_ + step_, has_backlog ? most_ : first_);
      step_ = std::min(step_ * 2, limits::kMoreQueueBatches);
    } else {
      allowed_ = std::max({first_, in_use, allowed_ / 2});
    }
  }

 private:
  size_t first_;
  size_t most_;
  size_t allowed_ = first_;
  size_t step_ = limits::kMoreQueueBatches;
  bool has_waited_ = false;  // Since the last tick.
};

}  // namespace hearth::sqs
