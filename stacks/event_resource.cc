#include "stacks/event_resource.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "aws/arn.h"
#include "invoker/tags_api.h"
#include "stacks/event_fields.h"
#include "stacks/event_told.h"
#include "stacks/function_resource.h"
#include "stacks/made_name.h"
#include "stacks/properties.h"
#include "stacks/resource_members.h"
#include "stacks/tokens.h"
#include "triggers/s3/dates.h"

namespace hearth::stacks {
namespace {

using base::Json;
using enum ResourceKind;

constexpr std::array<Field, 1> kGroupId = {{{"MessageGroupId"}}};
constexpr std::array<Field, 1> kPartitionPath = {{{"PartitionKeyPath"}}};
constexpr std::array<Field, 10> kTarget = {{{"Arn"},
                                            {"DeadLetterConfig", Shape::kMap, kDeadLetterFields},
                                            {"Id"},
                                            {"Input"},
                                            {"InputPath"},
                                            {"InputTransformer", Shape::kMap, kTransformerFields},
                                            {"KinesisParameters", Shape::kMap, kPartitionPath},
                                            {"RetryPolicy", Shape::kMap, kRetryFields},
                                            {"RoleArn"},
                                            {"SqsParameters", Shape::kMap, kGroupId}}};
// Right for targets of a rule or a schedule, and not served yet.
constexpr std::array<std::string_view, 8> kNotServedOfTarget = {"AppSyncParameters",
                                                                "BatchParameters",
                                                                "EcsParameters",
                                                                "HttpParameters",
                                                                "RedshiftDataParameters",
                                                                "RunCommandParameters",
                                                                "SageMakerPipelineParameters",
                                                                "SagemakerPipelineParameters"};
constexpr std::array<Field, 9> kRuleFields = {{{"Description"},
                                               {"EventBusName"},
                                               {"EventPattern", Shape::kJson},
                                               {"Name"},
                                               {"RoleArn"},
                                               {"ScheduleExpression"},
                                               {"State"},
                                               {"Tags", Shape::kJson},
                                               {"Targets", Shape::kMaps, kTarget}}};
constexpr std::array<Field, 4> kBusFields = {
    {{"Description"}, {"Name"}, {"Policy", Shape::kJson}, {"Tags", Shape::kJson}}};
constexpr std::array<std::string_view, 4> kNotServedOfBus = {"DeadLetterConfig", "EventSourceName",
                                                             "KmsKeyIdentifier", "LogConfig"};
constexpr std::array<Field, 3> kCondition = {{{"Key"}, {"Type"}, {"Value"}}};
constexpr std::array<Field, 6> kBusPolicyFields = {{{"Action"},
                                                    {"Condition", Shape::kMap, kCondition},
                                                    {"EventBusName"},
                                                    {"Principal"},
                                                    {"Statement", Shape::kJson},
                                                    {"StatementId"}}};
constexpr std::array<Field, 5> kArchiveFields = {{{"ArchiveName"},
                                                  {"Description"},
                                                  {"EventPattern", Shape::kJson},
                                                  {"RetentionDays", Shape::kInteger},
                                                  {"SourceArn"}}};
constexpr std::array<std::string_view, 1> kNotServedOfArchive = {"KmsKeyIdentifier"};

constexpr std::array<Field, 1> kPartition = {{{"PartitionKey"}}};
constexpr std::array<Field, 2> kToBus = {{{"DetailType"}, {"Source"}}};
constexpr std::array<Field, 8> kScheduleTarget = {
    {{"Arn"},
     {"DeadLetterConfig", Shape::kMap, kDeadLetterFields},
     {"EventBridgeParameters", Shape::kMap, kToBus},
     {"Input"},
     {"KinesisParameters", Shape::kMap, kPartition},
     {"RetryPolicy", Shape::kMap, kRetryFields},
     {"RoleArn"},
     {"SqsParameters", Shape::kMap, kGroupId}}};
constexpr std::array<Field, 10> kScheduleFields = {
    {{"Description"},
     {"EndDate"},
     {"FlexibleTimeWindow", Shape::kMap, kWindowFields},
     {"GroupName"},
     {"Name"},
     {"ScheduleExpression"},
     {"ScheduleExpressionTimezone"},
     {"StartDate"},
     {"State"},
     {"Target", Shape::kMap, kScheduleTarget}}};
constexpr std::array<std::string_view, 1> kNotServedOfSchedule = {"KmsKeyArn"};
constexpr std::array<Field, 2> kGroupFields = {{{"Name"}, {"Tags", Shape::kJson}}};

// One type, and what is to know of it.
struct Type {
  std::string_view type;
  ResourceKind kind;
  std::span<const Field> fields;
  std::span<const std::string_view> not_served;
  std::string_view collection;  // Before its name, in its ARN.
  std::string_view name;        // The property that is its name.
  std::string_view required;    // What it cannot do without; empty: nothing.
  char between = 0;             // The two parts of its name; 0: it has one.
};
constexpr size_t kLongestArchiveName = 48;  // AWS.
constexpr std::array<Type, 6> kTypes = {
    {{kRuleType, kRule, kRuleFields, {}, "rule/", "Name", "", '|'},
     {kEventBusType, kEventBus, kBusFields, kNotServedOfBus, "event-bus/", "Name", "Name"},
     {kBusPolicyType,
      kBusPolicy,
      kBusPolicyFields,
      {},
      "event-bus/",
      "StatementId",
      "StatementId",
      '|'},
     {kArchiveType, kArchive, kArchiveFields, kNotServedOfArchive, "archive/", "ArchiveName",
      "SourceArn"},
     {kScheduleType, kSchedule, kScheduleFields, kNotServedOfSchedule, "schedule/", "Name",
      "ScheduleExpression", '/'},
     {kScheduleGroupType, kScheduleGroup, kGroupFields, {}, "schedule-group/", "Name", ""}}};

const Type* TypeOfKind(ResourceKind kind) {
  const auto found = std::ranges::find(kTypes, kind, &Type::kind);
  return found == kTypes.end() ? nullptr : &*found;
}

// What is served of each target.
NodeRef ServedTargets(const NodeRef& properties, std::string_view type, Diagnostics& errors) {
  std::vector<Member> members;
  for (const Member& member : properties->members) {
    members.push_back(member);
    if (member.name != "Targets" && member.name != "Target") continue;
    members.back().value = WithoutUnserved(member.value, fmt::format("{}.{}", type, member.name),
                                           kNotServedOfTarget, errors);
  }
  return MakeMap(properties->position, std::move(members));
}

void CompleteTold(const Type& type, const Node& node, const invoker::Account& account, Json& told,
                  Diagnostics& errors) {
  const Properties properties(node, "", errors);
  if (HasTags(type.kind)) told["Tags"] = properties.TagList("Tags");
  if (const Node* pattern = properties.Find("EventPattern"); pattern != nullptr) {
    told["EventPattern"] = ReadPattern(*pattern, "EventPattern", errors);
  }
  for (const char* name : {"Statement", "Policy"}) {
    const Node* value = properties.Find(name);
    if (value == nullptr || value->is_map()) continue;
    errors.Add(value->position, fmt::format("'{}' is a map, not {}", name, Describe(*value)));
  }
  if (type.kind == kRule || type.kind == kBusPolicy) {
    ReadBusName(properties.Find("EventBusName"), account, told, errors);
  }
  if (type.kind == kArchive && told.contains("SourceArn")) {
    told["EventSourceArn"] = std::move(told["SourceArn"]);
    told.erase("SourceArn");
  }
  if (type.kind != kSchedule) return;
  ReadDates(node, "", told, errors);
  if (!told.contains("GroupName")) told["GroupName"] = schedule::kDefaultGroup;
  if (!told.contains("FlexibleTimeWindow")) told["FlexibleTimeWindow"] = {{"Mode", "OFF"}};
}

// Where the property stands that a refusal means, in the API's words or a template's.
Position PlaceIn(const PlannedEventResource& resource, const std::string& message) {
  struct Words {
    std::string_view words;
    const char* property;
  };
  constexpr std::array<Words, 8> kWords = {{{"Event pattern", "EventPattern"},
                                            {"Event pattern", "Pattern"},
                                            {"Expression Timezone", "ScheduleExpressionTimezone"},
                                            {"Schedule Expression", "ScheduleExpression"},
                                            {"ScheduleExpression", "ScheduleExpression"},
                                            {"ScheduleExpression", "Schedule"},
                                            {"arget", "Targets"},
                                            {"arget", "Target"}}};
  for (const auto& [words, property] : kWords) {
    const auto found = resource.properties.find(property);
    if (message.find(words) != std::string::npos && found != resource.properties.end()) {
      return found->second;
    }
  }
  return PlaceOf(resource.properties, resource.position, message);
}

}  // namespace

void ReadBusName(const Node* value, const invoker::Account& account, Json& told,
                 Diagnostics& errors) {
  told["EventBusName"] = events::kDefaultBus;
  if (value == nullptr || !value->is_scalar()) return;
  if (auto name = events::BusNameOf(value->text, account)) {
    told["EventBusName"] = *std::move(name);
  } else {
    errors.Add(value->position, fmt::format("'EventBusName': {}", name.error().message));
  }
}

Json ReadPattern(const Node& value, const std::string& property, Diagnostics& errors) {
  if (value.is_map()) return ToJson(value);
  auto read = base::ParseJson(value.text);
  if (value.is_scalar() && read && read->is_object()) return *std::move(read);
  errors.Add(value.position,
             fmt::format("'{}' is a pattern, a map: e.g. {{source: [shop]}}, not {}", property,
                         Describe(value)));
  return Json::object();
}

void ReadDates(const Node& node, const std::string& prefix, Json& told, Diagnostics& errors) {
  const Properties properties(node, prefix, errors);
  for (const char* name : {"StartDate", "EndDate"}) {
    const Node* value = properties.Find(name);
    if (value == nullptr) continue;
    const auto ms = s3::ParseIsoTime(value->text);
    if (value->is_scalar() && ms) {
      told[name] = *ms / 1000;
      continue;
    }
    told.erase(name);
    errors.Add(value->position, fmt::format("'{}{}' is a time like '2026-11-28T13:00:00Z', not {}",
                                            prefix, name, Describe(*value)));
  }
}

bool IsOfEvents(ResourceKind kind) { return TypeOfKind(kind) != nullptr; }

std::optional<ResourceKind> EventKindOf(std::string_view type) {
  const auto found = std::ranges::find(kTypes, type, &Type::type);
  return found == kTypes.end() ? std::nullopt : std::optional(found->kind);
}

std::string_view EventTypeOf(ResourceKind kind) { return TypeOfKind(kind)->type; }

bool GoesLast(ResourceKind kind) {
  return kind == kEventBus || kind == kArchive || kind == kScheduleGroup;
}

bool HasTags(ResourceKind kind) {
  return kind == kRule || kind == kEventBus || kind == kScheduleGroup;
}

std::string EventName(ResourceKind kind, const Json& told) {
  const Type& type = *TypeOfKind(kind);
  const std::string name = told.value(type.name, "");
  if (kind == kSchedule) return told.value("GroupName", schedule::kDefaultGroup) + "/" + name;
  if (type.between == 0) return name;
  const std::string bus = told.value("EventBusName", events::kDefaultBus);
  return kind == kRule && bus == events::kDefaultBus ? name : bus + type.between + name;
}

std::pair<std::string, std::string> SplitEventName(ResourceKind kind, const std::string& name) {
  const size_t at = name.find(TypeOfKind(kind)->between);
  if (at == std::string::npos) return {events::kDefaultBus, name};
  return {name.substr(0, at), name.substr(at + 1)};
}

std::string EventArn(const invoker::Account& account, ResourceKind kind, const std::string& name) {
  if (kind == kEventBus) return events::BusArn(account, name);
  if (kind == kScheduleGroup) return schedule::GroupArn(account, name);
  if (kind == kArchive) return events::ArchiveArn(account, name);
  const auto [around, own] = SplitEventName(kind, name);
  if (kind == kRule) return events::RuleArn(account, {around, own});
  if (kind == kSchedule) return schedule::ScheduleArn(account, {around, own});
  return events::BusArn(account, around) + "|" + own;
}

std::optional<std::string> EventNameOfArn(ResourceKind kind, std::string_view text) {
  const Type& type = *TypeOfKind(kind);
  const auto arn = aws::ParseArn(text);
  if (!arn || !arn->resource.starts_with(type.collection)) return std::nullopt;
  std::string name = arn->resource.substr(type.collection.size());
  // A rule's ARN has a slash where its name has a bar.
  if (kind == kRule) std::ranges::replace(name, '/', '|');
  return name;
}

ResourceValues EventValues(const invoker::Account& account, const PlannedEventResource& resource) {
  const std::string arn = EventArn(account, resource.kind, resource.name);
  ResourceValues out{resource.name, {}};
  if (resource.kind == kBusPolicy) return out;
  out.attributes["Arn"] = arn;
  if (resource.kind == kSchedule) out.ref = SplitEventName(kSchedule, resource.name).second;
  if (resource.kind == kEventBus) out.attributes["Name"] = resource.name;
  if (resource.kind == kScheduleGroup) out.attributes["State"] = "ACTIVE";
  return out;
}

void FinishEvent(const invoker::Account& account, PlannedEventResource& resource,
                 size_t errors_before, Diagnostics& errors) {
  resource.name = EventName(resource.kind, resource.told);
  if (errors.size() != errors_before) return;
  if (const auto refusal = invoker::CheckUsersTags(TagsOf(resource.told))) {
    errors.Add(resource.properties["Tags"], resource.logical_id + ": " + refusal->message);
  }
  if (const auto refusal = CheckTold(account, resource.kind, resource.told)) {
    errors.Add(PlaceIn(resource, refusal->message),
               fmt::format("{}: {}", resource.logical_id, refusal->message));
  }
}

void CheckEventProperties(std::string_view name, const NodeRef& properties, Diagnostics& errors) {
  if (properties == nullptr) return;
  const Type& type = *std::ranges::find(kTypes, name, &Type::type);
  std::vector<std::string_view> served;
  for (const Field& field : type.fields) served.push_back(field.name);
  CheckPropertyNames(name, *properties, served, type.not_served, errors);
}

PlannedEventResource ReadEventResource(const Member& resource, const NodeRef& node,
                                       std::string_view stack, const invoker::Account& account,
                                       Diagnostics& errors) {
  const Type& type =
      *std::ranges::find(kTypes, resource.value->Find("Type")->value->text, &Type::type);
  const size_t errors_before = errors.size();
  PlannedEventResource out;
  out.logical_id = resource.name;
  out.position = resource.position;
  out.kind = type.kind;
  for (const auto& member : node->members) out.properties[member.name] = member.position;
  const NodeRef served = ServedTargets(OnlyNamed(*node, type.fields), type.type, errors);
  out.told = ReadBody(*served, "", type.fields, errors);
  CompleteTold(type, *served, account, out.told, errors);
  if (!type.required.empty() && node->Find(type.required) == nullptr) {
    errors.Add(resource.position, fmt::format("'{}' has no {}", resource.name, type.required));
  }
  if (out.told.value(type.name, "").empty()) {
    const size_t longest = type.kind == kArchive ? kLongestArchiveName : kLongestRuleName;
    out.told[std::string(type.name)] = MadeName(stack, resource.name, longest);
  }
  FinishEvent(account, out, errors_before, errors);
  out.retain = IsRetained(resource, "DeletionPolicy");
  out.retain_replaced = IsRetained(resource, "UpdateReplacePolicy");
  return out;
}

}  // namespace hearth::stacks
