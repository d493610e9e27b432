// The Events of a SAM function, and what those of rules and schedules become, as SAM does it.
//
// "Nightly" of Hello, of type Schedule, EventBridgeRule or CloudWatchEvent, becomes the rule
// HelloNightly and the permission HelloNightlyPermission; of type ScheduleV2 the schedule
// HelloNightly. A dead-letter queue that is not named is made: HelloNightlyQueue, which a policy
// lets the rule send to. Source: SAM specification, "Schedule", "ScheduleV2", "EventBridgeRule",
// "Generated CloudFormation resources".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "invoker/function.h"
#include "stacks/event_resource.h"
#include "stacks/function_resource.h"
#include "stacks/node.h"
#include "stacks/queue_resource.h"

namespace hearth::stacks {

struct FunctionEvent {
  std::string name;  // "Nightly"
  Position position;
  std::string type;
  NodeRef properties;  // Evaluated, a map.
};
// Those that are well formed and of a type that is served; the others are errors. Buckets' are
// taken by then (bucket_events.h).
std::vector<FunctionEvent> ReadEvents(const PlannedFunction& function, Diagnostics& errors);
// The names that an event brings into the template; it is not evaluated yet.
std::vector<std::string> NamesOfEvent(const std::string& logical_id, const Member& event);
// SAM makes a role for a schedule without one, which nobody here would ask for. `properties` is not
// evaluated; may be null.
void NoteRoles(const Member& resource, const NodeRef& properties, Diagnostics& notices);

struct BroughtByEvent {
  PlannedEventResource resource;
  std::optional<PlannedQueue> queue;
  std::optional<PlannedQueuePolicy> policy;
};
// Of every type but SQS. What it calls is the function, or its alias where it publishes one.
BroughtByEvent ReadRuleOrSchedule(const PlannedFunction& function, const FunctionEvent& event,
                                  std::string_view stack, const invoker::Account& account,
                                  Diagnostics& errors);

}  // namespace hearth::stacks
