// Attachments: what a template hangs on a function, a version or an alias: its URL, the settings of
// its asynchronous invocations, a statement of its policy, a mapping of an event source.
//
// Each is what its API would be told: a request's body, whose texts may hold tokens. A SAM
// function's FunctionUrlConfig, EventInvokeConfig and Events become the same resources that
// AWS::Lambda::Url, Permission, EventInvokeConfig and EventSourceMapping are. Source: SAM
// specification, "Generated CloudFormation resources"; CloudFormation User Guide, the four types.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "stacks/event_resource.h"
#include "stacks/function_resource.h"
#include "stacks/mapping_resource.h"
#include "stacks/node.h"
#include "stacks/queue_resource.h"
#include "stacks/stack_store.h"

namespace hearth::stacks {

inline constexpr char kUrlType[] = "AWS::Lambda::Url";
inline constexpr char kPermissionType[] = "AWS::Lambda::Permission";
inline constexpr char kEventInvokeType[] = "AWS::Lambda::EventInvokeConfig";

struct PlannedAttachment {
  std::string logical_id;
  Position position;                           // Of the resource's name.
  std::map<std::string, Position> properties;  // Where each member of `told` stands.
  ResourceKind kind = ResourceKind::kUrl;
  std::string function;   // Its name.
  std::string qualifier;  // Empty: the function itself.
  base::Json told;
};

bool IsAttachment(ResourceKind kind);
// The names that a function's properties bring into the template beside its own: "HelloUrl".
// Merged, not evaluated; may be null.
std::vector<std::string> BroughtNames(const std::string& logical_id, const NodeRef& properties);
// What a function brings with it, in the order in which it is made: first queues.
struct Brought {
  std::vector<PlannedQueue> queues;
  std::vector<PlannedQueuePolicy> queue_policies;
  std::vector<PlannedAttachment> attachments;
  std::vector<PlannedEventResource> events;
  std::vector<std::pair<std::string, PlannedRule>> rules;  // By the bucket's logical id.
};
Brought BroughtBy(const PlannedFunction& function, std::string_view stack,
                  const invoker::Account& account, Diagnostics& errors);
// A resource of one of the four types. `properties` is evaluated; the function is one of
// `functions`.
PlannedAttachment ReadAttachment(const Member& resource, const NodeRef& properties,
                                 std::string_view stack, std::span<const PlannedFunction> functions,
                                 Diagnostics& errors);

// Which one of several that a function may have: a statement's id, a source's ARN; else empty.
std::string WhichOf(const base::Json& told);
// "Hello:live", and of one of several "Hello:live|Sid", as a stack's record and messages name it.
std::string AttachmentName(const std::string& function, const std::string& qualifier,
                           const base::Json& told);

}  // namespace hearth::stacks
