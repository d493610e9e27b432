// Command: what every subcommand of `hearth` shares: where it writes, and how it ends.
//
// A command is a function: options in, exit code out. It writes what was asked for to `out` and
// everything else (progress, notices, errors) to `err`, so that `out` can be piped.
#pragma once

#include <ostream>
#include <string>

#include "base/result.h"

namespace hearth::cli {

// Exit codes; `hearth --help` documents them.
constexpr int kOk = 0;
constexpr int kFunctionError = 1;  // The function, or the deployment, failed.
constexpr int kUsage = 2;          // The command line, the template or the payload is wrong.
constexpr int kHostError = 3;      // hearthd cannot be reached, or refused.

struct Console {
  std::ostream& out;
  std::ostream& err;
  bool json = false;  // --json: `out` gets JSON for programs.
};

// Why a command cannot go on.
struct Failure {
  int exit_code = kHostError;
  std::string message;  // What was wrong, and what would be right. No trailing newline.
};

// Writes "hearth: <message>" and returns the exit code.
inline int Fail(Console& console, const Failure& failure) {
  console.err << "hearth: " << failure.message << '\n';
  return failure.exit_code;
}
inline int FailUsage(Console& console, std::string message) {
  return Fail(console, Failure{kUsage, std::move(message)});
}

}  // namespace hearth::cli
