// The way from a resource's evaluated properties to the body of the request that they stand for.
//
// What is of another shape, and every name that is unknown, is an error at its own place.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/json.h"
#include "stacks/node.h"

namespace hearth::stacks {

// kTextMap: names that are the user's, each with a text. kJson: as it stands.
enum class Shape { kText, kInteger, kFlag, kTexts, kMap, kMaps, kTextMap, kJson };

struct Field {
  std::string_view name;
  Shape shape = Shape::kText;
  std::span<const Field> members = {};  // kMap; kMaps, a list of them.
  std::string_view element = {};        // Where it is called otherwise in XML: one element each.
};

// `prefix`: "EventInvokeConfig.", for messages. A value that is absent, or written without a value,
// is not in the body.
base::Json ReadBody(const Node& map, const std::string& prefix, std::span<const Field> fields,
                    Diagnostics& errors);

// The members of `map` that `fields` name: of the others somebody else tells what is wrong.
NodeRef OnlyNamed(const Node& map, std::span<const Field> fields);
// Without the members of maps, at any depth, that are right and not served yet: errors all.
NodeRef WithoutUnserved(const NodeRef& node, std::string_view property,
                        std::span<const std::string_view> not_served, Diagnostics& errors);

// A value whose shape is its own: a policy. Numbers that JSON does not write so are texts.
base::Json ToJson(const Node& node);

}  // namespace hearth::stacks
