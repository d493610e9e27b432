// What stands beside a resource's Type and Properties.
//
// Source: CloudFormation User Guide, "Resource attribute reference".
#pragma once

#include <string_view>

#include "stacks/node.h"

namespace hearth::stacks {

// Members that are unknown or not served; policies that would keep what is always removed. The
// resource is a map.
void CheckResourceMembers(const Member& resource, Diagnostics& errors);
// Whether its DeletionPolicy, or UpdateReplacePolicy, is Retain.
bool IsRetained(const Member& resource, std::string_view attribute);
// Metadata is not used, which is worth knowing; some of it would have to be.
void CheckMetadata(const Member& resource, Diagnostics& errors, Diagnostics& notices);

}  // namespace hearth::stacks
