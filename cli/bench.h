// hearth bench: loads one function and reports what its callers would have felt.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "cli/client.h"
#include "cli/units.h"

namespace hearth::cli {

struct BenchOptions {
  std::string function;
  std::string qualifier;
  std::string payload = "{}";
  unsigned connections = 8;
  double rate = 0;  // Calls a second; 0: closed loop.
  base::Duration duration = std::chrono::seconds(10);
  base::Duration warm_up = std::chrono::seconds(1);
  bool cold = false;                // Every call on an instance that does not exist yet.
  unsigned burst = 0;               // So many calls at once, all of them cold; 0: no burst.
  std::vector<std::string> others;  // Functions among which a burst's calls go round, beside it.
  unsigned calls = 100;             // Of --cold.
  base::Duration interval{};        // Of --cold: between the end of what was warm and the call.
  bool no_steps = false;            // Not asked for: they cost both ends some microseconds a call.
  std::string json_file;            // Empty: none.
  std::string html_file;
};

int RunBench(const Client& client, Console& console, const BenchOptions& options);

}  // namespace hearth::cli
