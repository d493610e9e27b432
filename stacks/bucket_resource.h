// Buckets in a template: AWS::S3::Bucket and AWS::S3::BucketPolicy.
//
// What is told of a bucket is {"Versioning": "Enabled" | "Suspended" | "", "Tags": {}, "Texts":
// {name: text}, "Notification": {}}: all that it is to be but its policy (BucketRecord); of a
// policy {"Policy": text}. A bucket without BucketName is called "stack-logicalid-suffix", as
// CloudFormation does; the suffix is the same as long as the stack's name and the logical id are.
// Source: CloudFormation User Guide, the two types.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "invoker/function.h"
#include "stacks/bucket_events.h"
#include "stacks/evaluator.h"
#include "stacks/node.h"
#include "triggers/s3/notification_config.h"

namespace hearth::stacks {

inline constexpr char kBucketType[] = "AWS::S3::Bucket";
inline constexpr char kBucketPolicyType[] = "AWS::S3::BucketPolicy";

struct PlannedBucket {
  std::string logical_id;
  Position position;                           // Of the resource's name.
  std::map<std::string, Position> properties;  // Where each property stands.
  std::string name;
  base::Json told;
  s3::NotificationConfig notifications;  // What `told` says of them.
  bool retain = false;                   // It stays when its resource goes.
  bool retain_replaced = false;          // It stays when another bucket takes its place.
};

struct PlannedBucketPolicy {
  std::string logical_id;
  Position position;
  std::string bucket;  // Its name.
  base::Json told;
};

// What the template may know of a bucket.
std::string BucketArn(const std::string& name);
ResourceValues BucketValues(const invoker::Account& account, const std::string& name);

// Every property that is unknown, or not served, is an error at its own place. May be null.
void CheckBucketProperties(std::string_view type, const NodeRef& properties, Diagnostics& errors);
// `properties` is evaluated; `brought`: the rules that functions bring. Anything wrong is in
// `errors`; the result is then not to be used.
PlannedBucket ReadBucket(const Member& resource, const NodeRef& properties, std::string_view stack,
                         const std::vector<PlannedRule>& brought, Diagnostics& errors);
// The bucket is one of `buckets`.
PlannedBucketPolicy ReadBucketPolicy(const Member& resource, const NodeRef& properties,
                                     std::span<const PlannedBucket> buckets, Diagnostics& errors);

}  // namespace hearth::stacks
