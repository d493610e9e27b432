// hearthd: reads its options, starts the host, runs it.
#include <cstdio>
#include <string>
#include <vector>

#include "base/log.h"
#include "host/host.h"
#include "host/options.h"
#include "host/version.h"

int main(int argc, char** argv) {
  using namespace hearth;
  const auto command = host::ParseCommandLine(std::vector<std::string>(argv + 1, argv + argc));
  if (!command) {
    std::fprintf(stderr, "hearthd: %s\n", command.error().ToString().c_str());
    return 2;
  }
  if (command->help) {
    std::fputs(host::HelpText(), stdout);
    return 0;
  }
  if (command->version) {
    std::printf("hearthd %s\n", host::kVersion);
    return 0;
  }
  base::InitLog("hearthd", command->options.log_level);
  auto host = host::Host::Start(command->options);
  if (!host) {
    HLOG_ERROR("cannot start: {}", host.error().ToString());
    return 1;
  }
  return (*host)->Run() ? 0 : 1;
}
