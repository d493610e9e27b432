// What a deployment does to rules, buses, statements of their policies, archives, schedules and
// their groups (event_resource.h).
//
// Archives and schedules lie on the disk: what there is comes later. Each step's callback runs
// once, never inside the call. Owner: none; the host outlives it.
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "invoker/function.h"
#include "io/offload.h"
#include "stacks/stack_store.h"
#include "triggers/events/archive_keeper.h"
#include "triggers/events/event_buses.h"
#include "triggers/schedule/scheduler.h"

namespace hearth::stacks {

struct EventHost {
  events::EventBuses& buses;
  events::ArchiveKeeper& archives;
  schedule::Scheduler& schedules;
  io::Offload& disk;  // For answers on a later turn.
  const base::Clock& clock;
  const invoker::Account& account;
};

struct EventKey {
  ResourceKind kind;
  std::string name;
  auto operator<=>(const EventKey&) const = default;
};

// As they are now, as their APIs would be told (InOneForm); those that are not there are not in it.
using FoundEvents = std::map<EventKey, base::Json>;
void FindEvents(const EventHost& host, std::vector<EventKey> keys,
                std::function<void(std::expected<FoundEvents, std::string>)> done);

// Whether what was found is a stack's own: its tag says so or, where it can have none, it is as the
// stack has told.
bool IsOfStack(const EventHost& host, ResourceKind kind, const base::Json& found,
               const std::string& stack, const std::optional<base::Json>& told);

// kCreate refuses one that is there already.
enum class EventStep { kCreate, kReplace };
// Makes it what `told` says; nothing: it is taken away, if it is there.
void BringEvent(const EventHost& host, const EventKey& key, const std::optional<base::Json>& told,
                EventStep step, std::function<void(std::expected<void, std::string>)> done);

}  // namespace hearth::stacks
