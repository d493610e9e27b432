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

Json ReadQueueEvent(const FunctionEvent& event, Diagnostics& errors) {
  const std::string where = "Events." + event.name;
  CheckPropertyNames(where, *event.properties, kOfEvent, kNotServedOfEvent, errors);
  return ReadBodyOf(*event.properties, where + ".", "Queue", event.position, errors);
}

}  // namespace hearth::stacks
