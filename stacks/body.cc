#include "stacks/body.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "stacks/function_resource.h"
#include "stacks/properties.h"

namespace hearth::stacks {
namespace {

void CheckNames(const Node& map, const std::string& prefix, std::span<const Field> fields,
                Diagnostics& errors) {
  std::vector<std::string_view> known;
  for (const Field& field : fields) known.push_back(field.name);
  for (const Member& member : map.members) {
    if (std::ranges::find(known, member.name) != known.end()) continue;
    errors.Add(member.position,
               fmt::format("unknown property '{}{}'{}; known: {}", prefix, member.name,
                           Suggestion(member.name, known), fmt::join(known, ", ")));
  }
}

}  // namespace

base::Json ReadBody(const Node& map, const std::string& prefix, std::span<const Field> fields,
                    Diagnostics& errors) {
  CheckNames(map, prefix, fields, errors);
  const Properties properties(map, prefix, errors);
  base::Json body = base::Json::object();
  for (const Field& field : fields) {
    const Node* value = properties.Find(field.name);
    if (value == nullptr) continue;
    base::Json& into = body[std::string(field.name)];
    switch (field.shape) {
      case Shape::kText:
        into = properties.Text(field.name);
        break;
      case Shape::kInteger:
        into = properties.Integer(field.name, 0);
        break;
      case Shape::kFlag:
        into = properties.Flag(field.name);
        break;
      case Shape::kTexts:
        into = properties.TextList(field.name);
        break;
      case Shape::kMap:
        into = base::Json::object();
        if (value->is_map()) {
          into = ReadBody(*value, fmt::format("{}{}.", prefix, field.name), field.members, errors);
        } else {
          errors.Add(value->position,
                     fmt::format("'{}{}' is a map, not {}", prefix, field.name, Describe(*value)));
        }
        break;
      case Shape::kMaps:
        into = base::Json::array();
        for (const NodeRef& item : value->items) {
          if (!item->is_map()) continue;
          into.push_back(
              ReadBody(*item, fmt::format("{}{}.", prefix, field.name), field.members, errors));
        }
        if (!value->is_list() || into.size() != value->items.size()) {
          errors.Add(value->position, fmt::format("'{}{}' is a list of maps, not {}", prefix,
                                                  field.name, Describe(*value)));
        }
        break;
      case Shape::kTextMap:
        into = properties.TextMap(field.name);
        break;
      case Shape::kJson:
        into = ToJson(*value);
        break;
    }
  }
  return body;
}

NodeRef OnlyNamed(const Node& map, std::span<const Field> fields) {
  std::vector<Member> named;
  for (const Member& member : map.members) {
    if (std::ranges::find(fields, member.name, &Field::name) != fields.end()) {
      named.push_back(member);
    }
  }
  return MakeMap(map.position, std::move(named));
}

// As deep as a template is.
NodeRef WithoutUnserved(const NodeRef& node, std::string_view property,
                        std::span<const std::string_view> not_served, Diagnostics& errors) {
  std::vector<NodeRef> items;
  for (const NodeRef& item : node->items) {
    items.push_back(WithoutUnserved(item, property, not_served, errors));
  }
  if (node->is_list()) return MakeList(node->position, std::move(items));
  if (!node->is_map()) return node;
  std::vector<Member> members;
  for (const Member& member : node->members) {
    if (std::ranges::find(not_served, member.name) != not_served.end()) {
      errors.Add(member.position,
                 fmt::format("the property '{}' of {} is not served yet", member.name, property));
      continue;
    }
    members.push_back({member.name, member.position,
                       WithoutUnserved(member.value, property, not_served, errors)});
  }
  return MakeMap(node->position, std::move(members));
}

base::Json ToJson(const Node& node) {
  switch (node.kind) {
    case NodeKind::kList: {
      base::Json out = base::Json::array();
      for (const NodeRef& item : node.items) out.push_back(ToJson(*item));
      return out;
    }
    case NodeKind::kMap: {
      base::Json out = base::Json::object();
      for (const Member& member : node.members) out[member.name] = ToJson(*member.value);
      return out;
    }
    case NodeKind::kBool:
    case NodeKind::kNumber:
      return base::ParseJson(node.text).value_or(base::Json(node.text));
    case NodeKind::kString:
      return node.text;
    case NodeKind::kNull:
    case NodeKind::kNoValue:
    case NodeKind::kPoison:
      return nullptr;
  }
  return nullptr;
}

}  // namespace hearth::stacks
