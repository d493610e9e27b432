// The name of a resource that gives itself none, where CloudFormation makes one.
//
// "shop-Nightly-4C1A9E03B2D7": the stack's and the resource's, and a suffix that is the same as
// long as those two are. Source: CloudFormation User Guide, "Name Type".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hearth::stacks {

// Of at most `longest` characters; each of the two names gives way alike.
std::string MadeName(std::string_view stack, std::string_view logical_id, size_t longest);

}  // namespace hearth::stacks
