// EventServices: what happens at its time and what is told to whom: the deliveries of rules and
// schedules, the event bus and the scheduler, over a database of their own (events.db), wired.
// Owner: Host; made after the queue of asynchronous events, and destroyed before it.
#pragma once

#include <memory>
#include <string>

#include "aws/gateway.h"
#include "invoker/async_queue.h"
#include "invoker/delivery_queue.h"
#include "invoker/registry.h"
#include "io/offload.h"
#include "store/database.h"
#include "store/group_commit.h"
#include "triggers/events/event_bus_service.h"
#include "triggers/schedule/scheduler_api.h"

namespace hearth::host {

class EventServices {
 public:
  struct Parts {
    io::Loop& loop;
    invoker::AsyncQueue& events;
    invoker::Registry& registry;
    invoker::Account account;
    std::string state_folder;
  };
  // Blocking: called once, at start.
  static base::Result<std::unique_ptr<EventServices>> Open(const Parts& parts);

  void Register(aws::Gateway& gateway);
  // All that is left waits for a later time.
  bool IsQuiet() const;
  events::EventBuses& buses() { return buses_->buses(); }
  events::ArchiveKeeper& archives() { return buses_->archives(); }
  schedule::Scheduler& scheduler() { return *scheduler_; }
  const invoker::DeliveryQueue& deliveries() const { return *deliveries_; }

 private:
  EventServices(const Parts& parts, std::unique_ptr<store::Database> database);

  std::unique_ptr<store::Database> database_;
  io::Offload writer_;  // One thread: the only user of the database.
  store::GroupCommit commits_;
  std::unique_ptr<invoker::DeliveryQueue> deliveries_;
  std::unique_ptr<events::EventBusService> buses_;
  std::unique_ptr<schedule::Scheduler> scheduler_;
  std::unique_ptr<schedule::SchedulerApi> scheduler_api_;
};

}  // namespace hearth::host
