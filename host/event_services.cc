#include "host/event_services.h"

namespace hearth::host {

EventServices::EventServices(const Parts& parts, std::unique_ptr<store::Database> database)
    : database_(std::move(database)),
      writer_(parts.loop, 1),
      commits_(parts.loop, *database_, writer_) {}

base::Result<std::unique_ptr<EventServices>> EventServices::Open(const Parts& parts) {
  // In the order in which they came to be.
  std::vector<store::Migration> migrations = invoker::DeliveryMigrations();
  for (auto& step : events::EventMigrations()) migrations.push_back(std::move(step));
  for (auto& step : schedule::ScheduleMigrations()) migrations.push_back(std::move(step));
  std::unique_ptr<EventServices> services(new EventServices(
      parts, TRY(store::Database::Open(parts.state_folder + "/events.db", migrations))));
  store::Database& database = *services->database_;
  store::GroupCommit& commits = services->commits_;
  services->deliveries_ = TRY(invoker::DeliveryQueue::Open(
      parts.loop, database, commits, parts.events, parts.registry, parts.account));
  services->buses_ = TRY(events::EventBusService::Open({.loop = parts.loop,
                                                        .database = database,
                                                        .commits = commits,
                                                        .deliveries = *services->deliveries_,
                                                        .destinations = parts.events.destinations(),
                                                        .account = parts.account}));
  services->scheduler_ = TRY(schedule::Scheduler::Open({.loop = parts.loop,
                                                        .database = database,
                                                        .commits = commits,
                                                        .deliveries = *services->deliveries_,
                                                        .account = parts.account}));
  services->scheduler_api_ = std::make_unique<schedule::SchedulerApi>(
      parts.loop, *services->scheduler_, parts.events.destinations(), parts.account);
  return services;
}

void EventServices::Register(aws::Gateway& gateway) {
  gateway.Register(buses_->api());
  gateway.Register(*scheduler_api_);
}

bool EventServices::IsQuiet() const {
  return commits_.IsQuiet() && deliveries_->IsQuiet() && buses_->IsQuiet() && scheduler_->IsQuiet();
}

}  // namespace hearth::host
