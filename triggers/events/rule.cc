#include "triggers/events/rule.h"

#include "aws/arn.h"
#include "expressions/event_pattern.h"
#include "expressions/schedule_expression.h"
#include "triggers/events/errors.h"
#include "triggers/events/members.h"

namespace hearth::events {
namespace {

using base::Json;

constexpr std::string_view kBusResource = "event-bus/";
constexpr std::string_view kRuleResource = "rule/";
constexpr size_t kMaxPolicy = 10'240;  // AWS: characters of a bus's policy.

void PutText(Json& out, const char* name, const std::string& text) {
  if (!text.empty()) out[name] = text;
}

void CheckExpressions(const RuleRecord& rule, Faults& faults) {
  using expressions::ScheduleExpression;
  if (rule.pattern.empty() && rule.schedule.empty()) {
    return faults.Refuse(
        Invalid("Parameter(s) EventPattern or ScheduleExpression must be specified."));
  }
  if (!rule.pattern.empty() && rule.pattern.size() <= kMaxPattern) {
    if (auto pattern = expressions::EventPattern::Parse(rule.pattern); !pattern) {
      faults.Refuse(InvalidPattern(pattern.error()));
    }
  }
  if (rule.schedule.empty()) return;
  if (rule.key.bus != kDefaultBus) {
    faults.Refuse(Invalid("ScheduleExpression is supported only on the default event bus."));
  }
  const auto schedule =
      ScheduleExpression::Parse(rule.schedule, ScheduleExpression::Dialect::kRule);
  // AWS says no more than that it is not valid.
  if (!schedule) {
    faults.Refuse(
        Invalid("Parameter ScheduleExpression is not valid. Reason: " + schedule.error() + "."));
  }
}

}  // namespace

std::string_view NameOf(RuleState state) {
  switch (state) {
    case RuleState::kEnabled:
      return "ENABLED";
    case RuleState::kDisabled:
      return "DISABLED";
    case RuleState::kEnabledWithTrail:
      return "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS";
  }
  return {};
}

std::string BusArn(const invoker::Account& account, std::string_view name) {
  return "arn:aws:events:" + account.region + ":" + account.id + ":" + std::string(kBusResource) +
         std::string(name);
}

std::string RuleArn(const invoker::Account& account, const RuleKey& key) {
  return "arn:aws:events:" + account.region + ":" + account.id + ":" + std::string(kRuleResource) +
         (key.bus == kDefaultBus ? "" : key.bus + "/") + key.name;
}

Read<std::string> BusNameOf(std::string_view text, const invoker::Account& account) {
  if (text.empty()) return std::string(kDefaultBus);
  if (!text.starts_with("arn:")) return std::string(text);
  const auto arn = aws::ParseArn(text);
  if (!arn || arn->service != "events" || !arn->resource.starts_with(kBusResource)) {
    return std::unexpected(InvalidParameter(text, "Provided Arn is not in correct format."));
  }
  if (arn->region != account.region || arn->account != account.id) {
    return std::unexpected(
        InvalidParameter("EventBusName", "Hearth has no event bus of another account or region: " +
                                             std::string(text.substr(0, 500))));
  }
  return arn->resource.substr(kBusResource.size());
}

std::optional<RuleKey> RuleOfArn(std::string_view text, const invoker::Account& account) {
  const auto arn = aws::ParseArn(text);
  if (!arn || arn->service != "events" || !arn->resource.starts_with(kRuleResource) ||
      arn->region != account.region || arn->account != account.id) {
    return std::nullopt;
  }
  const std::string path = arn->resource.substr(kRuleResource.size());
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return RuleKey{.name = path};
  return RuleKey{.bus = path.substr(0, slash), .name = path.substr(slash + 1)};
}

std::optional<aws::ApiError> CheckPolicy(std::string_view text) {
  if (text.size() > kMaxPolicy) {
    return aws::ApiError{400, "PolicyLengthExceededException",
                         "The policy is longer than 10240 characters."};
  }
  const auto policy = base::ParseJson(text);
  if (!policy || !policy->is_object() || !policy->contains("Statement")) {
    return Invalid("The policy is no JSON object that has statements.");
  }
  return std::nullopt;
}

Read<BusRecord> ReadBus(const Json& body) {
  Faults faults;
  Members in(body, faults);
  BusRecord bus;
  bus.name = in.RequiredText("Name", kBusName);
  bus.description = in.Text("Description", kText512).value_or("");
  bus.tags = in.Tags("Tags");
  for (const char* unserved :
       {"EventSourceName", "KmsKeyIdentifier", "DeadLetterConfig", "LogConfig"}) {
    in.RefuseMember(unserved);
  }
  in.Done();
  if (bus.name.starts_with("aws.") || bus.name.find('/') != std::string::npos) {
    faults.Refuse(
        Invalid("Hearth serves no partner's event buses: a name has no '/', and does "
                "not begin with 'aws.'."));
  }
  if (auto wrong = CheckTags(bus.tags)) faults.Refuse(std::move(*wrong));
  if (auto fault = faults.Take()) return std::unexpected(std::move(*fault));
  return bus;
}

Read<RuleRecord> ReadRule(const Json& body, const invoker::Account& account) {
  Faults faults;
  Members in(body, faults);
  RuleRecord rule;
  rule.key.name = in.RequiredText("Name", kRuleName);
  const std::string bus = in.Text("EventBusName", kBusNameOrArn).value_or("");
  rule.description = in.Text("Description", kText512).value_or("");
  rule.role_arn = in.Text("RoleArn", kArn).value_or("");
  rule.pattern = in.Text("EventPattern", {0, kMaxPattern}).value_or("");
  rule.schedule = in.Text("ScheduleExpression", {0, 256}).value_or("");
  const std::string state = in.OneOf(
      "State", {"ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"}, "ENABLED");
  for (const RuleState each : {RuleState::kDisabled, RuleState::kEnabledWithTrail}) {
    if (state == NameOf(each)) rule.state = each;
  }
  rule.tags = in.Tags("Tags");
  in.Done();
  auto name = BusNameOf(bus, account);
  if (name)
    rule.key.bus = *std::move(name);
  else
    faults.Refuse(name.error());
  CheckExpressions(rule, faults);
  if (auto wrong = CheckTags(rule.tags)) faults.Refuse(std::move(*wrong));
  if (auto fault = faults.Take()) return std::unexpected(std::move(*fault));
  return rule;
}

Json TagsJson(const Tags& tags) {
  Json out = Json::array();
  for (const auto& [key, value] : tags) out.push_back({{"Key", key}, {"Value", value}});
  return out;
}

Json ToJson(const BusRecord& bus) {
  Json out = {{"Name", bus.name}};
  PutText(out, "Description", bus.description);
  PutText(out, "Policy", bus.policy);
  if (!bus.tags.empty()) out["Tags"] = TagsJson(bus.tags);
  return out;
}

Json ToJson(const RuleRecord& rule) {
  Json out = {
      {"Name", rule.key.name}, {"EventBusName", rule.key.bus}, {"State", NameOf(rule.state)}};
  PutText(out, "Description", rule.description);
  PutText(out, "RoleArn", rule.role_arn);
  PutText(out, "EventPattern", rule.pattern);
  PutText(out, "ScheduleExpression", rule.schedule);
  if (!rule.tags.empty()) out["Tags"] = TagsJson(rule.tags);
  return out;
}

}  // namespace hearth::events
