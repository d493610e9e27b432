// hearth logs: what a function wrote, and with --follow what it writes from now on.
#pragma once

#include <functional>
#include <string>

#include "cli/client.h"

namespace hearth::cli {

struct LogsOptions {
  std::string function;
  unsigned tail = 100;  // Events shown first.
  bool follow = false;
  // Asked before each wait for more; a test ends the following by it.
  std::function<bool()> go_on = [] { return true; };
};

// A line an event: time (UTC), the instance's stream in short, the message. With --json an object a
// line. Following long-polls the host and ends with Ctrl-C or when the host is gone.
int RunLogs(const Client& client, Console& console, const LogsOptions& options);

}  // namespace hearth::cli
