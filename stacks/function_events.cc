#include "stacks/function_events.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "stacks/event_fields.h"
#include "stacks/made_name.h"
#include "stacks/properties.h"
#include "triggers/schedule/schedule_record.h"
#include "triggers/sqs/queue_rules.h"

namespace hearth::stacks {
namespace {

using base::Json;

constexpr std::array<std::string_view, 6> kServed = {
    "CloudWatchEvent", "EventBridgeRule", "S3", "SQS", "Schedule", "ScheduleV2"};

constexpr std::array<Field, 3> kDeadLetter = {{{"Arn"}, {"QueueLogicalId"}, {"Type"}}};
constexpr std::array<Field, 1> kTargetId = {{{"Id"}}};
constexpr std::array<Field, 9> kSchedule = {{{"DeadLetterConfig", Shape::kMap, kDeadLetter},
                                             {"Description"},
                                             {"Enabled", Shape::kFlag},
                                             {"Input"},
                                             {"Name"},
                                             {"RetryPolicy", Shape::kMap, kRetryFields},
                                             {"RoleArn"},
                                             {"Schedule"},
                                             {"State"}}};
constexpr std::array<Field, 11> kRule = {{{"DeadLetterConfig", Shape::kMap, kDeadLetter},
                                          {"Enabled", Shape::kFlag},
                                          {"EventBusName"},
                                          {"Input"},
                                          {"InputPath"},
                                          {"InputTransformer", Shape::kMap, kTransformerFields},
                                          {"Pattern", Shape::kJson},
                                          {"RetryPolicy", Shape::kMap, kRetryFields},
                                          {"RuleName"},
                                          {"State"},
                                          {"Target", Shape::kMap, kTargetId}}};
constexpr std::array<Field, 15> kScheduleV2 = {{{"DeadLetterConfig", Shape::kMap, kDeadLetter},
                                                {"Description"},
                                                {"EndDate"},
                                                {"FlexibleTimeWindow", Shape::kMap, kWindowFields},
                                                {"GroupName"},
                                                {"Input"},
                                                {"Name"},
                                                {"OmitName", Shape::kFlag},
                                                {"PermissionsBoundary"},
                                                {"RetryPolicy", Shape::kMap, kRetryFields},
                                                {"RoleArn"},
                                                {"ScheduleExpression"},
                                                {"ScheduleExpressionTimezone"},
                                                {"StartDate"},
                                                {"State"}}};
constexpr std::array<std::string_view, 1> kNotServedOfScheduleV2 = {"KmsKeyArn"};

constexpr size_t kLongestTargetId = 64;  // AWS.

bool IsRuleType(std::string_view type) {
  return type == "EventBridgeRule" || type == "CloudWatchEvent";
}

// Of an event that is not evaluated yet: the name of the queue that it makes; empty: none.
std::string MadeQueue(const std::string& id, const Member& event) {
  const Member* properties = event.value->Find("Properties");
  const Member* config =
      properties == nullptr ? nullptr : properties->value->Find("DeadLetterConfig");
  const Member* type = config == nullptr ? nullptr : config->value->Find("Type");
  if (type == nullptr || config->value->Find("Arn") != nullptr) return "";
  const Member* name = config->value->Find("QueueLogicalId");
  return name == nullptr ? id + "Queue" : name->value->text;
}

// Reads one event: what is wrong is an error at its place.
class EventReader {
 public:
  EventReader(const PlannedFunction& function, const FunctionEvent& event, std::string_view stack,
              const invoker::Account& account, Diagnostics& errors)
      : function_(function),
        event_(event),
        stack_(stack),
        account_(account),
        errors_(errors),
        errors_before_(errors.size()),
        where_("Events." + event.name),
        id_(function.logical_id + event.name) {}

  BroughtByEvent Run() {
    PlannedEventResource& resource = out_.resource;
    resource.logical_id = id_;
    resource.position = event_.position;
    for (const Member& member : event_.properties->members) {
      resource.properties[member.name] = member.position;
    }
    if (event_.type == "ScheduleV2") {
      Read(kScheduleV2, kNotServedOfScheduleV2);
      MakeSchedule();
    } else {
      resource.kind = ResourceKind::kRule;
      if (IsRuleType(event_.type)) {
        Read(kRule, {});
      } else {
        Read(kSchedule, {});
      }
      MakeRule();
    }
    FinishEvent(account_, resource, errors_before_, errors_);
    if (out_.policy) AllowRule();
    return std::move(out_);
  }

 private:
  void Refuse(const char* property, std::string_view why) {
    const Member* member = event_.properties->Find(property);
    errors_.Add(member != nullptr ? member->position : event_.position,
                fmt::format("'{}.{}' {}", where_, property, why));
  }

  void Read(std::span<const Field> fields, std::span<const std::string_view> not_served) {
    std::vector<std::string_view> served;
    for (const Field& field : fields) served.push_back(field.name);
    CheckPropertyNames(where_, *event_.properties, served, not_served, errors_);
    body_ = ReadBody(*OnlyNamed(*event_.properties, fields), where_ + ".", fields, errors_);
  }

  // What both kinds of target have.
  Json Target() {
    Json out{{"Arn", invoker::FunctionArn(account_, function_.settings.name,
                                          function_.publication.alias)}};
    for (const char* name : {"Input", "InputPath", "InputTransformer", "RetryPolicy", "RoleArn"}) {
      if (body_.contains(name)) out[name] = body_[name];
    }
    if (body_.contains("DeadLetterConfig")) out["DeadLetterConfig"] = {{"Arn", DeadLetterArn()}};
    return out;
  }

  std::string DeadLetterArn() {
    const Json& config = body_["DeadLetterConfig"];
    const std::string arn = config.value("Arn", ""), type = config.value("Type", "");
    if (!arn.empty() && !type.empty()) {
      Refuse("DeadLetterConfig", "has either Arn or Type, not both");
    } else if (arn.empty() && type.empty()) {
      Refuse("DeadLetterConfig", "has no Arn: give one, or Type: SQS for a queue to be made");
    } else if (!type.empty() && type != "SQS") {
      Refuse("DeadLetterConfig", "has no other Type than SQS");
    }
    if (!arn.empty()) return arn;
    out_.queue = BroughtQueue(config.value("QueueLogicalId", id_ + "Queue"), event_.position,
                              "the ARN of one as DeadLetterConfig", errors_);
    if (event_.type != "ScheduleV2") {
      out_.policy = PlannedQueuePolicy{.logical_id = id_ + "QueuePolicy",
                                       .position = event_.position,
                                       .queue = out_.queue->name,
                                       .told = {}};
    }
    return sqs::QueueArn(account_, out_.queue->name);
  }

  // That the rule may send to the queue that is made for it.
  void AllowRule() {
    const Json statement{
        {"Effect", "Allow"},
        {"Action", "sqs:SendMessage"},
        {"Principal", {{"Service", "events.amazonaws.com"}}},
        {"Resource", sqs::QueueArn(account_, out_.policy->queue)},
        {"Condition",
         {{"ArnEquals",
           {{"aws:SourceArn", EventArn(account_, out_.resource.kind, out_.resource.name)}}}}}};
    out_.policy->told = {
        {"Policy", base::ToJsonText(
                       Json{{"Version", "2012-10-17"}, {"Statement", Json::array({statement})}})}};
  }

  void MakeRule() {
    Json& told = out_.resource.told;
    const Properties properties(*event_.properties, where_ + ".", errors_);
    const bool has_pattern = IsRuleType(event_.type);
    const char* name = has_pattern ? "RuleName" : "Name";
    told["Name"] = body_.value(name, "");
    if (told["Name"] == "") told["Name"] = MadeName(stack_, id_, kLongestRuleName);
    ReadBusName(properties.Find("EventBusName"), account_, told, errors_);
    if (const Node* pattern = properties.Find("Pattern"); pattern != nullptr && has_pattern) {
      told["EventPattern"] = ReadPattern(*pattern, where_ + ".Pattern", errors_);
    } else if (has_pattern) {
      Refuse("Pattern", "is missing: e.g. {source: [shop]}");
    }
    if (!has_pattern) {
      if (!body_.contains("Schedule")) Refuse("Schedule", "is missing: e.g. rate(5 minutes)");
      told["ScheduleExpression"] = body_.value("Schedule", "");
    }
    if (body_.contains("Enabled") && body_.contains("State")) {
      Refuse("State", "and Enabled cannot both be specified");
    }
    if (body_.contains("State")) told["State"] = body_["State"];
    if (body_.contains("Enabled")) told["State"] = body_["Enabled"] ? "ENABLED" : "DISABLED";
    if (body_.contains("Description")) told["Description"] = body_["Description"];
    Json target = Target();
    target["Id"] = body_.value("Target", Json::object()).value("Id", TargetId());
    told["Tags"] = Json::object();
    told["Targets"] = Json::array({std::move(target)});
  }

  // SAM's: the logical id gives way where it is too long.
  std::string TargetId() const {
    constexpr std::string_view kEnd = "LambdaTarget";
    return id_.substr(0, kLongestTargetId - kEnd.size()) + std::string(kEnd);
  }

  void MakeSchedule() {
    out_.resource.kind = ResourceKind::kSchedule;
    Json& told = out_.resource.told;
    for (const char* name : {"Description", "FlexibleTimeWindow", "GroupName", "ScheduleExpression",
                             "ScheduleExpressionTimezone", "State"}) {
      if (body_.contains(name)) told[name] = body_[name];
    }
    if (!body_.contains("ScheduleExpression")) {
      Refuse("ScheduleExpression", "is missing: e.g. rate(5 minutes)");
    }
    const bool omits_name = body_.value("OmitName", false);
    if (omits_name && body_.contains("Name")) Refuse("Name", "cannot be set when OmitName is true");
    told["Name"] = omits_name ? MadeName(stack_, id_, kLongestRuleName) : body_.value("Name", id_);
    if (!told.contains("GroupName")) told["GroupName"] = schedule::kDefaultGroup;
    if (!told.contains("FlexibleTimeWindow")) told["FlexibleTimeWindow"] = {{"Mode", "OFF"}};
    ReadDates(*event_.properties, where_ + ".", told, errors_);
    told["Target"] = Target();
    if (!body_.contains("RoleArn")) {
      told["Target"]["RoleArn"] =
          fmt::format("arn:aws:iam::{}:role/{}-{}Role", account_.id, stack_, id_);
    }
  }

  const PlannedFunction& function_;
  const FunctionEvent& event_;
  const std::string_view stack_;
  const invoker::Account& account_;
  Diagnostics& errors_;
  const size_t errors_before_;
  const std::string where_;
  const std::string id_;
  Json body_;
  BroughtByEvent out_;
};

}  // namespace

std::vector<FunctionEvent> ReadEvents(const PlannedFunction& function, Diagnostics& errors) {
  std::vector<FunctionEvent> out;
  if (function.events == nullptr) return out;
  for (const Member& event : function.events->members) {
    const std::string where = "Events." + event.name;
    const bool is_word = std::ranges::all_of(event.name, [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    });
    if (!is_word) {
      errors.Add(event.position, fmt::format("the event's name '{}' has other characters than "
                                             "letters and digits",
                                             event.name));
    }
    const Member* type = event.value->Find("Type");
    if (type == nullptr || !type->value->is_scalar()) {
      errors.Add(event.position, fmt::format("'{}' is a map with Type and Properties", where));
      continue;
    }
    if (std::ranges::find(kServed, type->value->text) == kServed.end()) {
      errors.Add(type->value->position,
                 fmt::format("the event type {} of '{}' is not served yet; served: {}",
                             Describe(*type->value), where, fmt::join(kServed, ", ")));
      continue;
    }
    for (const Member& member : event.value->members) {
      if (member.name == "Type" || member.name == "Properties") continue;
      errors.Add(member.position, fmt::format("unknown name '{}' in '{}': it has Type and "
                                              "Properties",
                                              member.name, where));
    }
    const Member* properties = event.value->Find("Properties");
    if (properties == nullptr || !properties->value->is_map()) {
      const bool is_queue = type->value->text == "SQS";
      errors.Add(event.position, fmt::format("'{}.Properties' is a map{}", where,
                                             is_queue ? " with Queue: !GetAtt MyQueue.Arn" : ""));
      continue;
    }
    out.push_back({event.name, event.position, type->value->text, properties->value});
  }
  return out;
}

std::vector<std::string> NamesOfEvent(const std::string& logical_id, const Member& event) {
  const Member* member = event.value->Find("Type");
  if (member == nullptr) return {};
  const std::string& type = member->value->text;
  const std::string id = logical_id + event.name;
  if (type == "SQS") return {id};
  if (type == "S3") return {id + "Permission"};
  const bool has_rule = type == "Schedule" || IsRuleType(type);
  if (!has_rule && type != "ScheduleV2") return {};
  std::vector<std::string> out{id};
  if (has_rule) out.push_back(id + "Permission");
  if (std::string queue = MadeQueue(id, event); !queue.empty()) {
    out.push_back(std::move(queue));
    if (has_rule) out.push_back(id + "QueuePolicy");
  }
  return out;
}

void NoteRoles(const Member& resource, const NodeRef& properties, Diagnostics& notices) {
  const Member* events = properties == nullptr ? nullptr : properties->Find("Events");
  if (events == nullptr) return;
  for (const Member& event : events->value->members) {
    const Member* type = event.value->Find("Type");
    const Member* below = event.value->Find("Properties");
    if (type == nullptr || type->value->text != "ScheduleV2" || below == nullptr) continue;
    if (below->value->Find("RoleArn") == nullptr) {
      notices.Add(event.position, fmt::format("the role '{}{}Role' that SAM would make is not "
                                              "made: this host has no IAM",
                                              resource.name, event.name));
    }
    if (const Member* boundary = below->value->Find("PermissionsBoundary")) {
      notices.Add(boundary->position, fmt::format("PermissionsBoundary of '{}' is not used: this "
                                                  "host has no IAM",
                                                  event.name));
    }
  }
}

BroughtByEvent ReadRuleOrSchedule(const PlannedFunction& function, const FunctionEvent& event,
                                  std::string_view stack, const invoker::Account& account,
                                  Diagnostics& errors) {
  return EventReader(function, event, stack, account, errors).Run();
}

}  // namespace hearth::stacks
