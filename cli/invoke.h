// hearth invoke: one call of a function through Lambda's own wire API.
#pragma once

#include <istream>
#include <string>

#include "cli/client.h"

namespace hearth::cli {

struct InvokeOptions {
  std::string function;      // A name, "name:qualifier" or an ARN.
  std::string payload;       // JSON; empty: none given; "-": standard input.
  std::string payload_file;  // "-": standard input.
  std::string qualifier;
  bool log_tail = false;
  bool async = false;
};

// The reply goes to `console.out`; a function's error goes to `console.err` in readable form and
// ends with kFunctionError. With --json the reply goes to `console.out` whatever it is.
int RunInvoke(const Client& client, Console& console, std::istream& input,
              const InvokeOptions& options);

// "/2015-03-31/functions/<name>/invocations?Qualifier=..."
std::string InvocationPath(const std::string& function, const std::string& qualifier);

}  // namespace hearth::cli
