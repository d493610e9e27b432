#include "stacks/layer_resource.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "stacks/properties.h"
#include "stacks/resource_members.h"

namespace hearth::stacks {
namespace {

constexpr std::array<std::string_view, 7> kOfServerless = {
    "ContentUri",     "LayerName",          "Description",
    "LicenseInfo",    "CompatibleRuntimes", "CompatibleArchitectures",
    "RetentionPolicy"};
constexpr std::array<std::string_view, 6> kOfLambda = {
    "Content",     "LayerName",          "Description",
    "LicenseInfo", "CompatibleRuntimes", "CompatibleArchitectures"};

void ReadContent(const Properties& properties, const char* name, PlannedLayer& planned,
                 Diagnostics& errors) {
  const Node* content = properties.Find(name);
  if (content == nullptr) {
    errors.Add(planned.position,
               fmt::format("the layer '{}' has no content: set {} to a folder or a zip",
                           planned.logical_id, name));
    return;
  }
  planned.content = content->position;
  if (!content->is_scalar()) {
    errors.Add(content->position, fmt::format("'{}' as {} (an object in S3) is not served yet: "
                                              "give a local path",
                                              name, Describe(*content)));
  } else if (content->text.empty() || content->text.find("://") != std::string::npos) {
    errors.Add(content->position, fmt::format("'{}' is the local path of a folder or a zip, not {}",
                                              name, Describe(*content)));
  } else {
    planned.code_path = content->text;
  }
}

// SAM keeps a layer's versions unless it is told not to.
bool ReadRetention(const Properties& properties, Diagnostics& errors) {
  const Node* policy = properties.Find("RetentionPolicy");
  if (policy == nullptr) return true;
  std::string text = properties.Text("RetentionPolicy");
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (text != "retain" && text != "delete") {
    errors.Add(policy->position,
               fmt::format("'RetentionPolicy' is Retain or Delete, not {}", Describe(*policy)));
  }
  return text != "delete";
}

}  // namespace

bool IsSameLayer(const invoker::LayerVersion& published, const invoker::LayerVersion& planned) {
  return published.name == planned.name && published.code_digest == planned.code_digest &&
         published.description == planned.description && published.license == planned.license &&
         published.runtimes == planned.runtimes && published.architectures == planned.architectures;
}

void CheckLayerProperties(std::string_view type, const NodeRef& properties, Diagnostics& errors) {
  if (properties == nullptr) return;
  const std::span<const std::string_view> known =
      type == kLayerType ? std::span<const std::string_view>(kOfLambda) : kOfServerless;
  for (const auto& property : properties->members) {
    if (std::ranges::find(known, property.name) == known.end()) {
      errors.Add(property.position,
                 fmt::format("unknown property '{}' of {}{}; known: {}", property.name, type,
                             Suggestion(property.name, known), fmt::join(known, ", ")));
    }
  }
}

PlannedLayer ReadLayer(const Member& resource, const NodeRef& node, Diagnostics& errors) {
  const Properties properties(*node, "", errors);
  const bool is_serverless = resource.value->Find("Type")->value->text == kServerlessLayerType;
  PlannedLayer planned;
  planned.logical_id = resource.name;
  planned.position = resource.position;
  auto& layer = planned.layer;
  layer.name = properties.Text("LayerName");
  if (layer.name.empty()) layer.name = resource.name;
  layer.description = properties.Text("Description");
  layer.license = properties.Text("LicenseInfo");
  layer.runtimes = properties.TextList("CompatibleRuntimes");
  layer.architectures = properties.TextList("CompatibleArchitectures");
  if (const auto refusal = invoker::CheckLayer(layer)) {
    errors.Add(resource.position, fmt::format("{}: {}", resource.name, refusal->message));
  }
  ReadContent(properties, is_serverless ? "ContentUri" : "Content", planned, errors);
  planned.retain = IsRetained(resource, "DeletionPolicy");
  planned.retain_replaced = IsRetained(resource, "UpdateReplacePolicy");
  if (is_serverless) planned.retain = planned.retain_replaced = ReadRetention(properties, errors);
  return planned;
}

}  // namespace hearth::stacks
