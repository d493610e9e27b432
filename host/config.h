// hearth.yaml: a flat mapping of option names to values. Errors carry file, line and column.
#pragma once

#include <string>

#include "base/result.h"

namespace hearth::host {

struct Options;

base::Result<void> ReadConfigFile(const std::string& path, Options& options);

}  // namespace hearth::host
