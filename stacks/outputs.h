// Outputs of a template.
//
// Source: CloudFormation User Guide, "Outputs section structure reference".
#pragma once

#include <string>
#include <vector>

#include "stacks/evaluator.h"
#include "stacks/node.h"

namespace hearth::stacks {

struct PlannedOutput {
  std::string name;
  std::string value;
  std::string description;
};

// Those whose condition holds. `section` is a map, or null.
std::vector<PlannedOutput> ReadOutputs(const NodeRef& section, Evaluator& evaluator,
                                       Diagnostics& errors);

}  // namespace hearth::stacks
