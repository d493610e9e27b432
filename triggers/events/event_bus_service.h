// EventBusService: buses, archives and their API, wired. Owner: Host; made with the queue of
// deliveries, and destroyed before it.
#pragma once

#include <memory>

#include "aws/gateway.h"
#include "invoker/delivery_queue.h"
#include "invoker/destinations.h"
#include "triggers/events/archives.h"
#include "triggers/events/disk_event_buses.h"
#include "triggers/events/event_writer.h"
#include "triggers/events/events_api.h"

namespace hearth::events {

class EventBusService {
 public:
  struct Parts {
    io::Loop& loop;
    store::Database& database;  // That of `commits`; it has had EventMigrations.
    store::GroupCommit& commits;
    invoker::DeliveryQueue& deliveries;
    invoker::Destinations& destinations;  // Buses become one: "events".
    invoker::Account account;
  };
  // Blocking: called once, at start.
  static base::Result<std::unique_ptr<EventBusService>> Open(const Parts& parts);

  aws::Service& api() { return *api_; }
  EventBuses& buses() { return *buses_; }
  ArchiveKeeper& archives() { return *archives_; }
  EventCounters counters() const { return writer_.counters(); }
  // All that is left waits for a later time; `commits` and `deliveries` are asked by their owner.
  bool IsQuiet() const { return buses_->IsQuiet() && archives_->IsQuiet(); }

 private:
  explicit EventBusService(const Parts& parts)
      : writer_(parts.loop, parts.commits, parts.deliveries) {}

  EventWriter writer_;
  std::unique_ptr<DiskEventBuses> buses_;
  std::unique_ptr<Archives> archives_;
  std::unique_ptr<EventsApi> api_;
};

// Of the tables of buses, rules, archives and replays.
std::vector<store::Migration> EventMigrations();

}  // namespace hearth::events
