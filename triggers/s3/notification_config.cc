#include "triggers/s3/notification_config.h"

#include <algorithm>
#include <array>
#include <set>

#include "aws/arn.h"
#include "base/id.h"
#include "base/json.h"
#include "base/limits.h"

namespace hearth::s3 {
namespace {

using base::Json;
using Target = NotificationRule::Target;

struct TargetWords {
  Target target;
  std::string_view element;  // Of its ARN.
  std::string_view service;  // In it.
};
constexpr std::array<TargetWords, 3> kTargets = {{
    {Target::kFunction, "CloudFunction", "lambda"},
    {Target::kQueue, "Queue", "sqs"},
    {Target::kTopic, "Topic", "sns"},
}};

const TargetWords& WordsOf(Target target) {
  return *std::ranges::find(kTargets, target, &TargetWords::target);
}

// What this store makes.
constexpr std::array<std::string_view, 14> kEvents = {
    "s3:ObjectCreated:*",
    "s3:ObjectCreated:Put",
    "s3:ObjectCreated:Post",
    "s3:ObjectCreated:Copy",
    "s3:ObjectCreated:CompleteMultipartUpload",
    "s3:ObjectRemoved:*",
    "s3:ObjectRemoved:Delete",
    "s3:ObjectRemoved:DeleteMarkerCreated",
    "s3:ObjectTagging:*",
    "s3:ObjectTagging:Put",
    "s3:ObjectTagging:Delete",
    "s3:LifecycleExpiration:*",
    "s3:LifecycleExpiration:Delete",
    "s3:LifecycleExpiration:DeleteMarkerCreated",
};
// What AWS's makes besides: of restores, replicas, storage classes and ACLs.
constexpr std::array<std::string_view, 15> kOtherEvents = {
    "s3:ReducedRedundancyLostObject",
    "s3:ObjectRestore:*",
    "s3:ObjectRestore:Post",
    "s3:ObjectRestore:Completed",
    "s3:ObjectRestore:Delete",
    "s3:Replication:*",
    "s3:Replication:OperationFailedReplication",
    "s3:Replication:OperationNotTracked",
    "s3:Replication:OperationMissedThreshold",
    "s3:Replication:OperationReplicatedAfterThreshold",
    "s3:LifecycleTransition",
    "s3:IntelligentTiering",
    "s3:ObjectAcl:Put",
    "s3:ObjectAnnotation:Put",
    "s3:ObjectAnnotation:Delete",
};

std::optional<ApiError> CheckArn(const NotificationRule& rule) {
  const TargetWords& words = WordsOf(rule.target);
  const auto arn = aws::ParseArn(rule.arn);
  const bool is_good =
      arn && arn->partition.starts_with("aws") && arn->service == words.service &&
      !arn->region.empty() && !arn->account.empty() && !arn->resource.empty() &&
      (rule.target != Target::kFunction || aws::ParseFunctionName(rule.arn).has_value());
  if (is_good) return std::nullopt;
  return BadArgument("The ARN could not be parsed", words.element, rule.arn);
}

std::optional<ApiError> CheckEvents(const NotificationRule& rule) {
  for (const std::string& event : rule.events) {
    if (std::ranges::find(kEvents, event) != kEvents.end()) continue;
    if (std::ranges::find(kOtherEvents, event) != kOtherEvents.end()) {
      return RefusalBecause("NotImplemented",
                            "Hearth's object store does not make the event '" + event + "' yet",
                            {{"ArgumentName", "Event"}, {"ArgumentValue", event}});
    }
    return BadArgument("The event '" + event + "' is not supported for notifications", "Event",
                       event);
  }
  return std::nullopt;
}

std::optional<ApiError> CheckRule(const NotificationRule& rule) {
  if (rule.id.size() > kMaxNotificationId) {
    return BadArgument(
        "The ID cannot be longer than " + std::to_string(kMaxNotificationId) + " characters", "Id",
        rule.id);
  }
  if (rule.events.empty()) return Refusal("MalformedXML");
  if (auto refusal = CheckArn(rule)) return refusal;
  if (auto refusal = CheckEvents(rule)) return refusal;
  for (const std::string* value : {&rule.prefix, &rule.suffix}) {
    if (value->size() > kMaxFilterValue) {
      return BadArgument(
          "Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation",
          "FilterRule.Value", *value);
    }
  }
  return std::nullopt;
}

bool ShareAnEvent(const NotificationRule& a, const NotificationRule& b) {
  return std::ranges::any_of(a.events, [&](const std::string& one) {
    return std::ranges::any_of(b.events, [&](const std::string& other) {
      return NamesEvent(one, other.substr(3)) || NamesEvent(other, one.substr(3));
    });
  });
}

// Whether a key could match both rules' filters, as AWS judges: by prefix and by suffix, each
// alone.
std::optional<ApiError> CheckOverlap(const NotificationRule& a, const NotificationRule& b) {
  const bool prefixes = a.prefix.starts_with(b.prefix) || b.prefix.starts_with(a.prefix);
  const bool suffixes = a.suffix.ends_with(b.suffix) || b.suffix.ends_with(a.suffix);
  if (!prefixes || !suffixes || !ShareAnEvent(a, b)) return std::nullopt;
  const bool has_filter =
      !a.prefix.empty() || !a.suffix.empty() || !b.prefix.empty() || !b.suffix.empty();
  return RefusalBecause(
      "InvalidArgument",
      has_filter ? "Configuration is ambiguously defined. Cannot have overlapping suffixes in two "
                   "rules if the prefixes are overlapping for the same event type."
                 : "Configurations overlap. Configurations on the same bucket cannot share a "
                   "common event type.");
}

}  // namespace

ApiError BadArgument(std::string message, std::string_view name, std::string_view value) {
  return RefusalBecause("InvalidArgument", std::move(message),
                        {{"ArgumentName", name}, {"ArgumentValue", value}});
}

std::string_view TargetElement(Target target) { return WordsOf(target).element; }

bool NamesEvent(std::string_view rule_event, std::string_view event) {
  if (!rule_event.starts_with("s3:")) return false;
  rule_event.remove_prefix(3);
  if (!rule_event.ends_with('*')) return rule_event == event;
  rule_event.remove_suffix(1);
  return event.starts_with(rule_event);
}

std::optional<ApiError> CheckNotifications(NotificationConfig& config) {
  if (config.rules.size() > limits::kMaxNotifications) {
    return RefusalBecause("InvalidRequest",
                          "Too many configurations submitted. The maximum number of "
                          "configurations is " +
                              std::to_string(limits::kMaxNotifications));
  }
  std::set<std::string> ids;
  for (NotificationRule& rule : config.rules) {
    if (auto refusal = CheckRule(rule)) return refusal;
    if (rule.id.empty()) rule.id = base::NewUuid();
    if (!ids.insert(rule.id).second) {
      return BadArgument("Same ID used for multiple configurations. IDs must be unique", "Id",
                         rule.id);
    }
  }
  for (size_t i = 0; i < config.rules.size(); ++i) {
    for (size_t j = i + 1; j < config.rules.size(); ++j) {
      if (auto refusal = CheckOverlap(config.rules[i], config.rules[j])) return refusal;
    }
  }
  if (NotificationText(config).size() > limits::kMaxBucketText) {
    return Refusal("MaxMessageLengthExceeded");
  }
  return std::nullopt;
}

std::string NotificationText(const NotificationConfig& config) {
  Json rules = Json::array();
  for (const NotificationRule& rule : config.rules) {
    rules.push_back({{"id", rule.id},
                     {"target", WordsOf(rule.target).element},
                     {"arn", rule.arn},
                     {"events", rule.events},
                     {"prefix", rule.prefix},
                     {"suffix", rule.suffix}});
  }
  return base::ToJsonText({{"rules", rules}, {"event_bridge", config.event_bridge}});
}

base::Result<NotificationConfig> NotificationOfText(std::string_view text) {
  NotificationConfig config;
  if (text.empty()) return config;
  const Json stored = TRY(base::ParseJson(text));
  try {
    for (const Json& one : stored.at("rules")) {
      const auto words =
          std::ranges::find(kTargets, one.at("target").get<std::string>(), &TargetWords::element);
      if (words == kTargets.end()) return base::Invalid("read notifications", "unknown target");
      config.rules.push_back({.id = one.at("id").get<std::string>(),
                              .target = words->target,
                              .arn = one.at("arn").get<std::string>(),
                              .events = one.at("events").get<std::vector<std::string>>(),
                              .prefix = one.at("prefix").get<std::string>(),
                              .suffix = one.at("suffix").get<std::string>()});
    }
    config.event_bridge = stored.at("event_bridge").get<bool>();
  } catch (const Json::exception& error) {
    return base::Invalid("read notifications", error.what());
  }
  return config;
}

}  // namespace hearth::s3
