// The order in which a template's resources are made: what others use comes first.
//
// Source: CloudFormation User Guide, "DependsOn attribute".
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "stacks/evaluator.h"
#include "stacks/node.h"

namespace hearth::stacks {

// Resources with what they use before them, in the template's order otherwise. Nothing where there
// is a circle, which is an error. `resources` is a map; `brought` says which resource brings a name
// into the template that is none of them; `properties` gives a resource's, or null.
std::optional<std::vector<const Member*>> OrderResources(
    const Node& resources, const Scope& scope, const std::map<std::string, std::string>& brought,
    std::function<NodeRef(const Member&)> properties, Evaluator& evaluator, Diagnostics& errors);

}  // namespace hearth::stacks
