#include "stacks/resource_members.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "stacks/bucket_resource.h"
#include "stacks/event_resource.h"
#include "stacks/function_resource.h"
#include "stacks/layer_resource.h"
#include "stacks/queue_resource.h"
#include "stacks/version_resources.h"

namespace hearth::stacks {
namespace {

constexpr std::array<std::string_view, 7> kResourceMembers = {
    "Type",     "Properties",     "DependsOn",          "Condition",
    "Metadata", "DeletionPolicy", "UpdateReplacePolicy"};

}  // namespace

void CheckResourceMembers(const Member& resource, Diagnostics& errors) {
  const Node& node = *resource.value;
  for (const auto& member : node.members) {
    if (std::ranges::find(kResourceMembers, member.name) == kResourceMembers.end()) {
      errors.Add(member.position,
                 fmt::format("'{}' of the resource '{}' is unknown or not served "
                             "yet{}; served: {}",
                             member.name, resource.name, Suggestion(member.name, kResourceMembers),
                             fmt::join(kResourceMembers, ", ")));
    }
  }
  const Member* type = node.Find("Type");
  // A version is kept in any case, the others as their resources want it.
  const bool may_retain =
      type != nullptr && (type->value->text == kVersionType || type->value->text == kLayerType ||
                          type->value->text == kQueueType || type->value->text == kBucketType ||
                          EventKindOf(type->value->text));
  for (const auto name : {"DeletionPolicy", "UpdateReplacePolicy"}) {
    const Member* policy = node.Find(name);
    if (policy == nullptr || policy->value->text == "Delete" ||
        (may_retain && policy->value->text == "Retain")) {
      continue;
    }
    errors.Add(policy->value->position, fmt::format("{} {} is not served yet: only Delete is", name,
                                                    Describe(*policy->value)));
  }
}

bool IsRetained(const Member& resource, std::string_view attribute) {
  const Member* policy = resource.value->Find(attribute);
  return policy != nullptr && policy->value->text == "Retain";
}

void CheckMetadata(const Member& resource, Diagnostics& errors, Diagnostics& notices) {
  const Member* metadata = resource.value->Find("Metadata");
  if (metadata == nullptr) return;
  if (const Member* build = metadata->value->Find("BuildMethod")) {
    errors.Add(build->position,
               fmt::format("BuildMethod {} is not served: build first, and let CodeUri name the "
                           "result",
                           Describe(*build->value)));
    return;
  }
  notices.Add(metadata->position, fmt::format("Metadata of '{}' is not used", resource.name));
}

}  // namespace hearth::stacks
