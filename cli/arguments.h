// The command line of `hearth`. The only door to CLI11.
#pragma once

#include <istream>
#include <string>
#include <vector>

#include "cli/client.h"
#include "cli/command.h"

namespace hearth::cli {

struct World {
  std::istream& input;
  std::ostream& out;
  std::ostream& err;
  Client::Transport transport;
  std::string endpoint;  // Unless --endpoint says otherwise.
};

constexpr const char* kDefaultEndpoint = "http://127.0.0.1:4566";

// Reads the arguments (without the program's name), runs the command, returns the exit code.
int Run(const std::vector<std::string>& arguments, World world);

}  // namespace hearth::cli
