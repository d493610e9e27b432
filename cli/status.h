// hearth ps, functions, status: what the host has and does, as tables.
#pragma once

#include "cli/client.h"

namespace hearth::cli {

// The sandboxes: function, version, state, pid, memory now, peak and limit, age, invocations.
int RunPs(const Client& client, Console& console);
// The deployed functions (Lambda's ListFunctions, every page of it).
int RunFunctions(const Client& client, Console& console);
// The host's health and what it found on its machine.
int RunStatus(const Client& client, Console& console);

}  // namespace hearth::cli
