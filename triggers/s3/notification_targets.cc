#include "triggers/s3/notification_targets.h"

#include "aws/arn.h"

namespace hearth::s3 {
namespace {

using base::Json;
using Target = NotificationRule::Target;

constexpr std::string_view kPrincipal = "s3.amazonaws.com";

}  // namespace

std::string NotificationTargets::Wrong(const NotificationRule& rule,
                                       const std::string& bucket) const {
  using invoker::Destinations;
  const std::string source = "arn:aws:s3:::" + bucket;
  const auto admission = destinations.Ask(rule.arn, {std::string(kPrincipal), source, account.id});
  if (rule.target == Target::kFunction) {
    const auto arn = aws::ParseArn(rule.arn);
    const bool is_here = arn && arn->region == account.region && arn->account == account.id;
    return is_here && admission == Destinations::Admission::kAdmitted
               ? ""
               : "Not authorized to invoke function [" + rule.arn + "]";
  }
  const std::string kind = rule.target == Target::kQueue ? "queue" : "topic";
  switch (admission) {
    case Destinations::Admission::kAdmitted:
      return {};
    case Destinations::Admission::kAbsent:
      return "The destination " + kind + " does not exist";
    case Destinations::Admission::kUnfit:
      return kind == "queue" ? "FIFO SQS queues are not supported"
                             : "FIFO SNS topics are not supported";
    case Destinations::Admission::kForbidden:
      return "Permissions on the destination " + kind +
             " do not allow S3 to publish notifications from this bucket";
  }
  return {};
}

std::optional<ApiError> NotificationTargets::Check(const NotificationConfig& config,
                                                   const std::string& bucket,
                                                   Validation validation) const {
  const std::string bus = "arn:aws:events:" + account.region + ":" + account.id + ":event-bus/x";
  if (config.event_bridge && !destinations.Serves(bus)) {
    return RefusalBecause("NotImplemented", "Hearth does not serve EventBridge (events) yet",
                          {{"ArgumentName", "EventBridgeConfiguration"}});
  }
  for (const NotificationRule& rule : config.rules) {
    if (destinations.Serves(rule.arn)) continue;
    const std::string_view element = TargetElement(rule.target);
    return RefusalBecause(
        "NotImplemented",
        "Hearth does not serve targets of the kind " + std::string(element) + " yet",
        {{"ArgumentName", element}, {"ArgumentValue", rule.arn}});
  }
  if (validation == Validation::kSkip) return std::nullopt;
  Json bad = Json::object();
  for (const NotificationRule& rule : config.rules) {
    std::string wrong = Wrong(rule, bucket);
    if (wrong.empty()) continue;
    const std::string number = std::to_string(bad.size() / 2 + 1);
    // AWS shows the function's role too, which there is none of.
    bad["ArgumentName" + number] =
        rule.target == Target::kFunction ? rule.arn + ", null" : rule.arn;
    bad["ArgumentValue" + number] = std::move(wrong);
  }
  if (bad.empty()) return std::nullopt;
  return RefusalBecause("InvalidArgument",
                        "Unable to validate the following destination configurations",
                        std::move(bad));
}

}  // namespace hearth::s3
