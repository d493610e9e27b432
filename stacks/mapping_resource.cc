#include "stacks/mapping_resource.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "aws/arn.h"
#include "stacks/body.h"
#include "stacks/properties.h"
#include "stacks/tokens.h"

namespace hearth::stacks {
namespace {

using base::Json;

constexpr std::array<Field, 1> kFilter = {{{"Pattern"}}};
constexpr std::array<Field, 1> kFilterCriteria = {{{"Filters", Shape::kMaps, kFilter}}};
constexpr std::array<Field, 1> kScaling = {{{"MaximumConcurrency", Shape::kInteger}}};
// What the two have in common.
constexpr std::array<Field, 6> kShared = {{{"BatchSize", Shape::kInteger},
                                           {"Enabled", Shape::kFlag},
                                           {"FilterCriteria", Shape::kMap, kFilterCriteria},
                                           {"FunctionResponseTypes", Shape::kTexts},
                                           {"MaximumBatchingWindowInSeconds", Shape::kInteger},
                                           {"ScalingConfig", Shape::kMap, kScaling}}};

constexpr std::array<std::string_view, 9> kOfMapping = {"BatchSize",
                                                        "Enabled",
                                                        "EventSourceArn",
                                                        "FilterCriteria",
                                                        "FunctionName",
                                                        "FunctionResponseTypes",
                                                        "MaximumBatchingWindowInSeconds",
                                                        "ScalingConfig",
                                                        "Tags"};
constexpr std::array<std::string_view, 20> kNotServedOfMapping = {
    "AmazonManagedKafkaEventSourceConfig",
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "DocumentDBEventSourceConfig",
    "KmsKeyArn",
    "LoggingConfig",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "MetricsConfig",
    "ParallelizationFactor",
    "ProvisionedPollerConfig",
    "Queues",
    "SelfManagedEventSource",
    "SelfManagedKafkaEventSourceConfig",
    "SourceAccessConfigurations",
    "StartingPosition",
    "StartingPositionTimestamp",
    "Topics",
    "TumblingWindowInSeconds",
    "SnapshotConfig"};
constexpr std::array<std::string_view, 7> kOfEvent = {"BatchSize",
                                                      "Enabled",
                                                      "FilterCriteria",
                                                      "FunctionResponseTypes",
                                                      "MaximumBatchingWindowInSeconds",
                                                      "Queue",
                                                      "ScalingConfig"};
constexpr std::array<std::string_view, 4> kNotServedOfEvent = {
    "KmsKeyArn", "LoggingConfig", "MetricsConfig", "ProvisionedPollerConfig"};

// The members that both have, and the source, which is called `source`.
Json ReadBodyOf(const Node& properties, const std::string& prefix, std::string_view source,
                Position around, Diagnostics& errors) {
  Json told = ReadBody(*OnlyNamed(properties, kShared), prefix, kShared, errors);
  const Properties read(properties, prefix, errors);
  const Node* arn = read.Find(source);
  const std::string text = read.Text(source);
  told["EventSourceArn"] = text;
  if (arn == nullptr) {
    if (properties.Find(source) == nullptr) {
      errors.Add(around, fmt::format("'{}{}' is missing: the ARN of a queue, e.g. !GetAtt "
                                     "MyQueue.Arn",
                                     prefix, source));
    }
    return told;
  }
  const auto parsed = aws::ParseArn(text);
  if (arn->is_scalar() && (!parsed || parsed->service != "sqs")) {
    errors.Add(arn->position,
               fmt::format("'{}{}' is the ARN of a queue (!GetAtt MyQueue.Arn), not '{}'{}", prefix,
                           source, WithoutTokens(text),
                           parsed ? ": other sources are not served yet" : ""));
  }
  return told;
}

}  // namespace

void CheckMappingProperties(const NodeRef& properties, Diagnostics& errors) {
  if (properties == nullptr) return;
  CheckPropertyNames(kMappingType, *properties, kOfMapping, kNotServedOfMapping, errors);
}

Json ReadMapping(const Member& resource, const Node& properties, Diagnostics& errors) {
  Json told = ReadBodyOf(properties, "", "EventSourceArn", resource.position, errors);
  const auto tags = Properties(properties, "", errors).TagList("Tags");
  if (!tags.empty()) told["Tags"] = tags;
  return told;
}

std::vector<QueueEvent> ReadEvents(const PlannedFunction& function, Diagnostics& errors) {
  std::vector<QueueEvent> out;
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
    if (type->value->text != "SQS") {
      errors.Add(type->value->position, fmt::format("the event type {} of '{}' is not served yet; "
                                                    "served: S3, SQS",
                                                    Describe(*type->value), where));
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
      errors.Add(event.position,
                 fmt::format("'{}.Properties' is a map with Queue: !GetAtt MyQueue.Arn", where));
      continue;
    }
    CheckPropertyNames(where, *properties->value, kOfEvent, kNotServedOfEvent, errors);
    out.push_back(
        {.name = event.name,
         .properties = properties->value,
         .told = ReadBodyOf(*properties->value, where + ".", "Queue", event.position, errors)});
  }
  return out;
}

}  // namespace hearth::stacks
