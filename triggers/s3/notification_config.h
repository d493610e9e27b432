// A bucket's notification configuration: which events on which keys go where.
//
// Read from PutBucketNotificationConfiguration's XML, or from a template, and checked as AWS checks
// it; whether the targets are there and may be sent to is notification_targets.h's. Source: S3 API,
// NotificationConfiguration; S3 User Guide, "Configuring event notifications using object key name
// filtering"; words of refusals as recorded on AWS.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "triggers/s3/errors.h"

namespace hearth::s3 {

struct NotificationRule {
  enum class Target { kFunction, kQueue, kTopic };

  std::string id;  // Unique in the bucket; made where the caller gave none.
  Target target = Target::kFunction;
  std::string arn;
  std::vector<std::string> events;  // "s3:ObjectCreated:*", "s3:ObjectRemoved:Delete"
  std::string prefix;               // Of the key, as it is; empty: any.
  std::string suffix;
  bool operator==(const NotificationRule&) const = default;
};

struct NotificationConfig {
  std::vector<NotificationRule> rules;
  bool event_bridge = false;  // Every event goes to the account's default bus too.
  bool operator==(const NotificationConfig&) const = default;
};

// Bytes. AWS, of UTF-8.
inline constexpr size_t kMaxFilterValue = 1024;
inline constexpr size_t kMaxNotificationId = 255;

// Checked, with an id in every rule. An empty configuration turns notifications off.
std::expected<NotificationConfig, ApiError> ReadNotificationXml(std::string_view body);
// Gives ids to rules that have none, and says what is wrong with the whole.
std::optional<ApiError> CheckNotifications(NotificationConfig& config);

// GetBucketNotificationConfiguration's answer.
std::string NotificationXml(const NotificationConfig& config);

// As a bucket keeps it: BucketRecord::texts["notification"]. An empty text is an empty one.
std::string NotificationText(const NotificationConfig& config);
base::Result<NotificationConfig> NotificationOfText(std::string_view text);

// InvalidArgument, about the argument of this name.
ApiError BadArgument(std::string message, std::string_view name, std::string_view value);
// "CloudFunction", "Queue", "Topic": the element that holds its ARN.
std::string_view TargetElement(NotificationRule::Target target);
// Whether an event that a rule names is this one: "s3:ObjectCreated:*", "ObjectCreated:Put".
bool NamesEvent(std::string_view rule_event, std::string_view event);

}  // namespace hearth::s3
