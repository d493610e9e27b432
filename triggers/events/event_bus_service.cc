#include "triggers/events/event_bus_service.h"

#include "triggers/events/bus_target.h"

namespace hearth::events {

base::Result<std::unique_ptr<EventBusService>> EventBusService::Open(const Parts& parts) {
  std::unique_ptr<EventBusService> out(new EventBusService(parts));
  out->buses_ = TRY(
      DiskEventBuses::Open(parts.loop, parts.database, parts.commits, out->writer_, parts.account));
  out->archives_ =
      std::make_unique<Archives>(parts.loop, parts.commits, out->writer_, *out->buses_);
  out->api_ = std::make_unique<EventsApi>(EventsApi::Parts{
      parts.loop, *out->buses_, *out->archives_, parts.destinations, parts.account});
  parts.destinations.Attach("events", MakeBusTarget(parts.loop, *out->buses_, parts.account),
                            MakeBusAdmission(*out->buses_, parts.account));
  return out;
}

std::vector<store::Migration> EventMigrations() {
  std::vector<store::Migration> out = BusMigrations();
  for (store::Migration& each : ArchiveMigrations()) out.push_back(std::move(each));
  return out;
}

}  // namespace hearth::events
