// Parameters: the template's declarations against what the user gave.
//
// Source: CloudFormation User Guide, "Parameters".
#pragma once

#include <map>
#include <set>
#include <string>

#include "stacks/node.h"

namespace hearth::stacks {

struct ParameterValues {
  std::map<std::string, NodeRef> values;  // A scalar, or a list of scalars.
  std::set<std::string> secret;           // NoEcho: their values are never shown.
};

// `section` may be null. What was given but not declared, or breaks its constraints, is an error at
// the declaration. A declaration in error still has a (poisoned) value, so that uses of it are not.
ParameterValues ReadParameters(const NodeRef& section,
                               const std::map<std::string, std::string>& given,
                               Diagnostics& errors);

}  // namespace hearth::stacks
