// hearth clock: the host's service time, and moving it where it is virtual.
#pragma once

#include <optional>

#include "base/clock.h"
#include "cli/client.h"

namespace hearth::cli {

// Shows the time; with `advance` moves it first, and returns when all that became due has ended.
int RunClock(const Client& client, Console& console, std::optional<base::Duration> advance);

}  // namespace hearth::cli
