// EventWriter: makes what events cause durable, in one transaction, or tells that there is nothing
// to write. Owner: EventBusService. Loop's thread only.
#pragma once

#include <functional>

#include "base/result.h"
#include "invoker/delivery_queue.h"
#include "io/loop.h"
#include "store/group_commit.h"
#include "triggers/events/event_router.h"

namespace hearth::events {

struct EventCounters {
  uint64_t put = 0;      // Events that came, by whatever way.
  uint64_t matched = 0;  // Deliveries that they caused.
  uint64_t archived = 0;
  uint64_t fired = 0;  // Of rules' schedules.
};

class EventWriter {
 public:
  using Done = std::function<void(base::Result<void>)>;

  EventWriter(io::Loop& loop, store::GroupCommit& commits, invoker::DeliveryQueue& deliveries)
      : loop_(loop), commits_(commits), deliveries_(deliveries) {}

  // With `more`, which may be empty. `done` runs later.
  void Write(Routed routed, store::GroupCommit::Work more, Done done);
  // `archived` runs where an archive was given something.
  void OnArchived(std::function<void()> archived) { on_archived_ = std::move(archived); }
  EventCounters& counters() { return counters_; }
  const EventCounters& counters() const { return counters_; }

 private:
  io::Loop& loop_;
  store::GroupCommit& commits_;
  invoker::DeliveryQueue& deliveries_;
  std::function<void()> on_archived_;
  EventCounters counters_;
};

}  // namespace hearth::events
