// What a template has of the event bus and of the scheduler: AWS::Events::Rule, EventBus,
// EventBusPolicy and Archive; AWS::Scheduler::Schedule and ScheduleGroup.
//
// Each is what its API would be told, a request's body, whose texts may hold tokens: PutRule with
// Targets, CreateEventBus, PutPermission, CreateArchive, CreateSchedule, CreateScheduleGroup. A
// pattern and a statement are objects in it, tags a map (event_told.h). One without a name gets
// MadeName's. Source: CloudFormation User Guide, the six types.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/json.h"
#include "invoker/function.h"
#include "stacks/evaluator.h"
#include "stacks/node.h"
#include "stacks/stack_store.h"

namespace hearth::stacks {

inline constexpr char kRuleType[] = "AWS::Events::Rule";
inline constexpr char kEventBusType[] = "AWS::Events::EventBus";
inline constexpr char kBusPolicyType[] = "AWS::Events::EventBusPolicy";
inline constexpr char kArchiveType[] = "AWS::Events::Archive";
inline constexpr char kScheduleType[] = "AWS::Scheduler::Schedule";
inline constexpr char kScheduleGroupType[] = "AWS::Scheduler::ScheduleGroup";

inline constexpr size_t kLongestRuleName = 64;  // AWS. A schedule's too, and its group's.

struct PlannedEventResource {
  std::string logical_id;
  Position position;                           // Of the resource's name.
  std::map<std::string, Position> properties;  // Where each property stands.
  ResourceKind kind = ResourceKind::kRule;
  std::string name;  // As EventName says.
  base::Json told;
  bool retain = false;           // It stays when its resource goes.
  bool retain_replaced = false;  // It stays when another takes its place.
};

// One of the six, and which type it is of.
bool IsOfEvents(ResourceKind kind);
std::string_view EventTypeOf(ResourceKind kind);
std::optional<ResourceKind> EventKindOf(std::string_view type);
// Its removal has no way back, or takes others along: it goes once all else has succeeded.
bool GoesLast(ResourceKind kind);
// Whether it can have tags.
bool HasTags(ResourceKind kind);

// "nightly", "orders|big" of a rule of a bus, "orders|Sid" of a statement, "group/nightly" of a
// schedule: what a stack calls it.
std::string EventName(ResourceKind kind, const base::Json& told);
// Its ARN; of a statement, its bus's and "|Sid".
std::string EventArn(const invoker::Account& account, ResourceKind kind, const std::string& name);
// The name again, of the ARN of one of that kind.
std::optional<std::string> EventNameOfArn(ResourceKind kind, std::string_view arn);
// The two parts of a name: {"default", "nightly"}.
std::pair<std::string, std::string> SplitEventName(ResourceKind kind, const std::string& name);
// What the template may know of it.
ResourceValues EventValues(const invoker::Account& account, const PlannedEventResource& resource);

// Gives it its name, and refuses what its API would, where there was no error since
// `errors_before`: at the property that is meant.
void FinishEvent(const invoker::Account& account, PlannedEventResource& resource,
                 size_t errors_before, Diagnostics& errors);

// Every property that is unknown, or not served, is an error at its own place. May be null.
void CheckEventProperties(std::string_view type, const NodeRef& properties, Diagnostics& errors);
// `properties` is evaluated. Anything wrong is in `errors`; the result is then not to be used.
PlannedEventResource ReadEventResource(const Member& resource, const NodeRef& properties,
                                       std::string_view stack, const invoker::Account& account,
                                       Diagnostics& errors);

}  // namespace hearth::stacks
