#include "stacks/bucket_events.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/digest.h"
#include "base/json.h"
#include "stacks/body.h"
#include "stacks/function_resource.h"
#include "stacks/properties.h"
#include "stacks/tokens.h"

namespace hearth::stacks {
namespace {

using base::Json;
using Target = s3::NotificationRule::Target;

constexpr std::array<Field, 2> kFilterRule = {{{"Name"}, {"Value"}}};
constexpr std::array<Field, 1> kS3Key = {{{"Rules", Shape::kMaps, kFilterRule}}};
constexpr std::array<Field, 1> kFilter = {{{"S3Key", Shape::kMap, kS3Key}}};
constexpr std::array<Field, 3> kToFunction = {
    {{"Event"}, {"Filter", Shape::kMap, kFilter}, {"Function"}}};
constexpr std::array<Field, 3> kToQueue = {
    {{"Event"}, {"Filter", Shape::kMap, kFilter}, {"Queue"}}};
constexpr std::array<Field, 1> kToBus = {{{"EventBridgeEnabled", Shape::kFlag}}};
constexpr std::array<Field, 3> kConfiguration = {
    {{"EventBridgeConfiguration", Shape::kMap, kToBus},
     {"LambdaConfigurations", Shape::kMaps, kToFunction},
     {"QueueConfigurations", Shape::kMaps, kToQueue}}};
constexpr std::array<std::string_view, 3> kServed = {"EventBridgeConfiguration",
                                                     "LambdaConfigurations", "QueueConfigurations"};
constexpr std::array<std::string_view, 1> kNotServed = {"TopicConfigurations"};
constexpr std::array<Field, 1> kEventFilter = {{{"Filter", Shape::kMap, kFilter}}};
constexpr std::array<std::string_view, 3> kOfEvent = {"Bucket", "Events", "Filter"};

bool IsWord(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b;
  });
}

// What {"S3Key": {"Rules": [{"Name", "Value"}]}} says; where it is wrong, what.
std::string ReadFilter(const Json& filter, s3::NotificationRule& rule) {
  const Json key = filter.value("S3Key", Json::object());
  if (!key.contains("Rules")) return "it has S3Key with Rules";
  bool has_prefix = false, has_suffix = false;
  for (const Json& one : key["Rules"]) {
    const std::string name = one.value("Name", ""), value = one.value("Value", "");
    const bool is_prefix = IsWord(name, "prefix");
    if (!is_prefix && !IsWord(name, "suffix")) {
      return "filter rule name must be either prefix or suffix";
    }
    bool& has = is_prefix ? has_prefix : has_suffix;
    if (has) {
      return fmt::format("Cannot specify more than one {} rule in a filter.",
                         is_prefix ? "prefix" : "suffix");
    }
    has = true;
    (is_prefix ? rule.prefix : rule.suffix) = value;
  }
  return "";
}

void AddFilter(const Json& body, const std::string& where, Position position,
               s3::NotificationRule& rule, Diagnostics& errors) {
  if (!body.contains("Filter")) return;
  const std::string wrong = ReadFilter(body["Filter"], rule);
  if (!wrong.empty()) errors.Add(position, fmt::format("'{}.Filter': {}", where, wrong));
}

// "8c1b…-…": of the bucket's n-th rule, whatever it says.
std::string RuleId(const std::string& bucket, size_t index) {
  const std::string digest = base::ToHex(base::Sha256Of(fmt::format("{}/{}", bucket, index)));
  const std::string_view id = digest;
  return fmt::format("{}-{}-{}-{}-{}", id.substr(0, 8), id.substr(8, 4), id.substr(12, 4),
                     id.substr(16, 4), id.substr(20, 12));
}

void AddRules(const Node& configuration, const Json& body, const char* list, const char* target,
              Target kind, std::vector<PlannedRule>& out, Diagnostics& errors) {
  if (!body.contains(list)) return;
  const std::string where = fmt::format("NotificationConfiguration.{}", list);
  const Position position = configuration.Find(list)->position;
  for (const Json& one : body[list]) {
    for (const char* name : {"Event", target}) {
      if (one.value(name, "").empty()) {
        errors.Add(position, fmt::format("'{}.{}' is missing", where, name));
      }
    }
    PlannedRule planned{
        {.target = kind, .arn = one.value(target, ""), .events = {one.value("Event", "")}},
        position};
    AddFilter(one, where, position, planned.rule, errors);
    out.push_back(std::move(planned));
  }
}

// What a bucket says itself.
struct Configuration {
  std::vector<PlannedRule> rules;
  bool event_bridge = false;
};

Configuration ReadConfiguration(const Node& properties, Diagnostics& errors) {
  Configuration out;
  const Node* configuration = Properties(properties, "", errors).Find("NotificationConfiguration");
  if (configuration == nullptr) return out;
  if (!configuration->is_map()) {
    errors.Add(configuration->position, fmt::format("'NotificationConfiguration' is a map, not {}",
                                                    Describe(*configuration)));
    return out;
  }
  CheckPropertyNames("NotificationConfiguration", *configuration, kServed, kNotServed, errors);
  const NodeRef read = OnlyNamed(*configuration, kConfiguration);
  const Json body = ReadBody(*read, "NotificationConfiguration.", kConfiguration, errors);
  AddRules(*read, body, "LambdaConfigurations", "Function", Target::kFunction, out.rules, errors);
  AddRules(*read, body, "QueueConfigurations", "Queue", Target::kQueue, out.rules, errors);
  // {} is enough, as at AWS.
  if (body.contains("EventBridgeConfiguration")) {
    out.event_bridge = body["EventBridgeConfiguration"].value("EventBridgeEnabled", true);
  }
  return out;
}

// {Ref: Photos}: "Photos"; empty: it is something else.
std::string ReferredTo(const Node& node) {
  const Member* call = AsIntrinsic(node);
  return call != nullptr && call->name == "Ref" && call->value->is_scalar() ? call->value->text
                                                                            : "";
}

BucketEvent ReadEvent(const Member& event, Diagnostics& errors) {
  const std::string where = "Events." + event.name;
  BucketEvent out{.name = event.name,
                  .position = event.position,
                  .bucket = {},
                  .properties = MakeMap(event.position, {})};
  const Member* properties = event.value->Find("Properties");
  if (properties == nullptr || !properties->value->is_map()) {
    errors.Add(event.position,
               fmt::format("'{}.Properties' is a map with Bucket: !Ref MyBucket", where));
    return out;
  }
  for (const Member& member : event.value->members) {
    if (member.name == "Type" || member.name == "Properties") continue;
    errors.Add(member.position, fmt::format("unknown name '{}' in '{}': it has Type and "
                                            "Properties",
                                            member.name, where));
  }
  CheckPropertyNames(where, *properties->value, kOfEvent, {}, errors);
  std::vector<Member> rest;
  for (const Member& member : properties->value->members) {
    if (member.name != "Bucket") {
      rest.push_back(member);
      continue;
    }
    out.bucket = ReferredTo(*member.value);
    if (out.bucket.empty()) {
      errors.Add(member.value->position,
                 fmt::format("'{}.Bucket' is !Ref of a bucket of this template: S3 events must "
                             "reference an S3 bucket in the same template",
                             where));
    }
  }
  if (properties->value->Find("Bucket") == nullptr) {
    errors.Add(event.position, fmt::format("'{}.Bucket' is missing: !Ref MyBucket", where));
  }
  out.properties = MakeMap(properties->value->position, std::move(rest));
  return out;
}

}  // namespace

ParsedEvents TakeBucketEvents(const NodeRef& properties, Diagnostics& errors) {
  ParsedEvents out{properties, {}};
  const Member* events = properties == nullptr ? nullptr : properties->Find("Events");
  if (events == nullptr || !events->value->is_map()) return out;
  std::vector<Member> others;
  for (const Member& event : events->value->members) {
    const Member* type = event.value->Find("Type");
    if (type != nullptr && type->value->is_scalar() && type->value->text == "S3") {
      out.events.push_back(ReadEvent(event, errors));
    } else {
      others.push_back(event);
    }
  }
  if (out.events.empty()) return out;
  std::vector<Member> members = properties->members;
  for (Member& member : members) {
    if (member.name == "Events") member.value = MakeMap(events->value->position, others);
  }
  out.properties = MakeMap(properties->position, std::move(members));
  return out;
}

std::vector<PlannedRule> RulesOf(const PlannedFunction& function, const BucketEvent& event,
                                 const invoker::Account& account, Diagnostics& errors) {
  const std::string where = "Events." + event.name;
  const Properties properties(*event.properties, where + ".", errors);
  const Node* node = properties.Find("Events");
  std::vector<std::string> names;
  if (node != nullptr && node->is_scalar()) {
    names = {node->text};
  } else {
    names = properties.TextList("Events");
  }
  if (names.empty()) {
    errors.Add(event.position,
               fmt::format("'{}.Events' is missing: e.g. s3:ObjectCreated:*, or a list", where));
  }
  std::vector<Member> filter;
  if (const Member* found = event.properties->Find("Filter")) filter.push_back(*found);
  const Json body = ReadBody(*MakeMap(event.position, filter), where + ".", kEventFilter, errors);
  s3::NotificationRule rule{
      .target = Target::kFunction,
      .arn = invoker::FunctionArn(account, function.settings.name, function.publication.alias)};
  AddFilter(body, where, event.position, rule, errors);
  std::vector<PlannedRule> out;
  for (std::string& name : names) {
    out.push_back({rule, event.position});
    out.back().rule.events = {std::move(name)};
  }
  return out;
}

s3::NotificationConfig ReadNotifications(const std::string& logical_id, const std::string& bucket,
                                         const Node& properties,
                                         const std::vector<PlannedRule>& brought,
                                         Diagnostics& errors) {
  const size_t errors_before = errors.size();
  auto [rules, event_bridge] = ReadConfiguration(properties, errors);
  rules.insert(rules.end(), brought.begin(), brought.end());
  s3::NotificationConfig out, checked;
  out.event_bridge = event_bridge;
  for (PlannedRule& planned : rules) {
    planned.rule.id = RuleId(bucket, out.rules.size());
    out.rules.push_back(planned.rule);
    checked.rules.push_back(planned.rule);
    checked.rules.back().arn = WithPlaceholders(planned.rule.arn);
    if (errors.size() != errors_before) continue;
    if (const auto refusal = s3::CheckNotifications(checked)) {
      errors.Add(planned.position,
                 fmt::format("{}: {}{}", logical_id, refusal->message,
                             refusal->message.starts_with("The ARN")
                                 ? fmt::format(": '{}'", WithoutTokens(planned.rule.arn))
                                 : ""));
    }
  }
  return out;
}

}  // namespace hearth::stacks
