// Queues in a template: AWS::SQS::Queue and AWS::SQS::QueuePolicy.
//
// Each is what its API would be told: of a queue {"Attributes": {name: text}, "Tags": {}}, all but
// its policy; of a policy {"Policy": text}. A queue without QueueName is called as its resource is
// (decision 0002), a FIFO queue with ".fifo" after it. Source: CloudFormation User Guide, the two
// types; SQS API, SetQueueAttributes.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "invoker/function.h"
#include "stacks/node.h"
#include "triggers/sqs/queue_settings.h"

namespace hearth::stacks {

inline constexpr char kQueueType[] = "AWS::SQS::Queue";
inline constexpr char kQueuePolicyType[] = "AWS::SQS::QueuePolicy";

struct PlannedQueue {
  std::string logical_id;
  Position position;                           // Of the resource's name.
  std::map<std::string, Position> properties;  // Where each property stands.
  std::string name;
  sqs::QueueSettings settings;
  base::Json told;
  bool retain = false;           // It stays when its resource goes.
  bool retain_replaced = false;  // It stays when another queue takes its place.
};

// Of one queue: a resource may be for several.
struct PlannedQueuePolicy {
  std::string logical_id;
  Position position;
  std::string queue;  // Its name.
  base::Json told;
};

// One that SAM makes because nothing is named: `instead` is what to give, should its name not do.
PlannedQueue BroughtQueue(std::string logical_id, Position position, std::string_view instead,
                          Diagnostics& errors);
// Every property that is unknown is an error at its own place. May be null.
void CheckQueueProperties(std::string_view type, const NodeRef& properties, Diagnostics& errors);
// `properties` is evaluated. Anything wrong is in `errors`; the result is then not to be used.
PlannedQueue ReadQueue(const Member& resource, const NodeRef& properties, Diagnostics& errors);
// The queues are some of `queues`, named by their URLs.
std::vector<PlannedQueuePolicy> ReadQueuePolicy(const Member& resource, const NodeRef& properties,
                                                const invoker::Account& account,
                                                std::span<const PlannedQueue> queues,
                                                Diagnostics& errors);

}  // namespace hearth::stacks
