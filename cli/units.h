// Units as people write and read them: durations and sizes.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"

namespace hearth::cli {

// "500ms", "10s", "1.5m", "2h", "30d", "250us": a number and its unit, nothing else; more than zero
// and at most `longest`. A bare number is refused: its unit would be a guess.
base::Result<base::Duration> ParseDuration(std::string_view text,
                                           std::chrono::hours longest = std::chrono::hours(24));

// Three significant digits and the unit that fits: "812 us", "1.24 ms", "12.0 s".
std::string FormatLatency(base::Duration duration);
// "8s", "3m12s", "2h05m", "4d03h".
std::string FormatAge(base::Duration age);
// "512 B", "1.5 KiB", "127 MiB".
std::string FormatSize(base::Bytes size);

}  // namespace hearth::cli
