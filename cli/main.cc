// hearth: the client. Reads its arguments, runs one command.
#include <cstdlib>
#include <iostream>

#include "cli/arguments.h"

int main(int argc, char** argv) {
  using namespace hearth;
  const char* endpoint = std::getenv("HEARTH_ENDPOINT");
  return cli::Run(std::vector<std::string>(argv + 1, argv + argc),
                  {std::cin, std::cout, std::cerr, io::Fetch, endpoint == nullptr ? "" : endpoint});
}
