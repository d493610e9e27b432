// Globals: what a template says once for all its functions.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "stacks/function_resource.h"

namespace hearth::stacks {
namespace {

constexpr std::array<std::string_view, 8> kSections = {
    "Function",    "Api",          "HttpApi",      "WebSocketApi",
    "SimpleTable", "StateMachine", "LayerVersion", "CapacityProvider"};

// SAM refuses these in Globals: they belong to one function.
constexpr std::array<std::string_view, 7> kNotGlobal = {
    "FunctionName", "InlineCode", "Role", "Policies", "Events", "ImageUri", "PackageType"};

NodeRef Merge(const NodeRef& global, const NodeRef& local) {
  const bool is_intrinsic = AsIntrinsic(*global) != nullptr || AsIntrinsic(*local) != nullptr;
  if (global->is_list() && local->is_list()) {
    auto items = global->items;
    items.insert(items.end(), local->items.begin(), local->items.end());
    return MakeList(local->position, std::move(items));
  }
  if (is_intrinsic || !global->is_map() || !local->is_map()) return local;
  std::vector<Member> members = global->members;
  for (const auto& member : local->members) {
    const auto found = std::ranges::find(members, member.name, &Member::name);
    if (found == members.end()) {
      members.push_back(member);
    } else {
      *found = {member.name, member.position, Merge(found->value, member.value)};
    }
  }
  return MakeMap(local->position, std::move(members));
}

}  // namespace

NodeRef MergeGlobals(const NodeRef& globals, const NodeRef& properties) {
  if (globals == nullptr || !globals->is_map()) return properties;
  if (properties == nullptr || properties->kind == NodeKind::kNull) return globals;
  return Merge(globals, properties);
}

NodeRef CheckGlobals(const NodeRef& globals, Diagnostics& errors) {
  if (globals == nullptr) return nullptr;
  if (!globals->is_map()) {
    errors.Add(globals->position, fmt::format("Globals is a map, not {}", Describe(*globals)));
    return nullptr;
  }
  NodeRef function;
  for (const auto& section : globals->members) {
    if (std::ranges::find(kSections, section.name) == kSections.end()) {
      errors.Add(section.position,
                 fmt::format("unknown section 'Globals.{}'{}; known: {}", section.name,
                             Suggestion(section.name, kSections), fmt::join(kSections, ", ")));
    } else if (section.name == "Function") {
      function = section.value;
    } else if (section.name == "LayerVersion" && section.value->kind != NodeKind::kNull) {
      // The other sections are of resources that are refused themselves.
      errors.Add(section.position, "'Globals.LayerVersion' is not served yet");
    }
  }
  if (function == nullptr) return nullptr;
  if (!function->is_map()) {
    errors.Add(function->position,
               fmt::format("Globals.Function is a map, not {}", Describe(*function)));
    return nullptr;
  }
  for (const auto& property : function->members) {
    if (std::ranges::find(kNotGlobal, property.name) != kNotGlobal.end()) {
      errors.Add(property.position,
                 fmt::format("'{}' is not allowed in Globals.Function: it belongs to one function",
                             property.name));
    }
  }
  return function;
}

}  // namespace hearth::stacks
