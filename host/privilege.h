// Dropping root once the zygote runs: hearthd then owns its state folder and nothing else.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"

namespace hearth::host {

// Error where this machine has no such user.
base::Result<uid_t> UserId(const std::string& user);
// Gives `owned_folder` (not what is root's below it) to the user, then becomes that user for good.
base::Result<void> DropPrivilege(const std::string& user, const std::string& owned_folder);

}  // namespace hearth::host
