// Dropping root once the zygote runs: hearthd then owns its state folder and nothing else.
#pragma once

#include <string>

#include "base/result.h"

namespace hearth::host {

// Gives `owned_folder` (not what is root's below it) to the user, then becomes that user for good.
base::Result<void> DropPrivilege(const std::string& user, const std::string& owned_folder);

}  // namespace hearth::host
