// Events of buckets in a template: a bucket's NotificationConfiguration, and a SAM function's
// events of type S3.
//
// As SAM does, such an event becomes rules of the bucket that it names, and the permission for the
// store to call the function; the bucket is made after both. Source: CloudFormation User Guide,
// AWS::S3::Bucket NotificationConfiguration; SAM specification, "S3" and "Generated CloudFormation
// resources".
#pragma once

#include <string>
#include <vector>

#include "invoker/function.h"
#include "stacks/node.h"
#include "triggers/s3/notification_config.h"

namespace hearth::stacks {

struct PlannedFunction;

// An event of type S3, e.g. "Uploads" of Hello.
struct BucketEvent {
  std::string name;
  Position position;   // Of the name.
  std::string bucket;  // Its logical id; empty: that is wrong.
  NodeRef properties;  // Without Bucket; a map.
};
// A function's properties (merged, not evaluated; may be null) without such events, and those: what
// they name the bucket by is no use of it, as the bucket comes later.
struct ParsedEvents {
  NodeRef properties;
  std::vector<BucketEvent> events;
};
ParsedEvents TakeBucketEvents(const NodeRef& properties, Diagnostics& errors);

struct PlannedRule {
  s3::NotificationRule rule;  // Its ARN may hold a token.
  Position position;
};
// Of the function, or of its alias where it publishes one. The event's properties are evaluated.
std::vector<PlannedRule> RulesOf(const PlannedFunction& function, const BucketEvent& event,
                                 const invoker::Account& account, Diagnostics& errors);
// NotificationConfiguration's own rules, and then `brought`; each has an id that stays.
s3::NotificationConfig ReadNotifications(const std::string& logical_id, const std::string& bucket,
                                         const Node& properties,
                                         const std::vector<PlannedRule>& brought,
                                         Diagnostics& errors);

}  // namespace hearth::stacks
