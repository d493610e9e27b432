// Options: what the operator decides, from the command line and hearth.yaml. The command line wins.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/result.h"
#include "invoker/keep_alive.h"
#include "invoker/lambda_api.h"

namespace hearth::host {

struct Options {
  std::string listen = "127.0.0.1:4566";
  std::string state_folder = "/var/lib/hearth";
  std::string user;  // Drop to this user once the zygote runs; empty: stay.
  invoker::Account account;
  invoker::MemoryStep memory_step = invoker::MemoryStep::kRoundUp;
  base::Bytes memory_budget;  // Zero: 80 % of the machine's memory.
  uint32_t concurrency = limits::kAccountConcurrency;
  invoker::KeepAliveOptions keep_alive{.fixed = limits::kKeepAlive,
                                       .longest = limits::kLongestKeepAlive};
  base::Duration freeze_after = std::chrono::milliseconds(50);
  base::Duration reclaim_after = limits::kReclaimAfter;  // Zero: never.
  bool is_clock_virtual = false;  // The service time moves by hand (virtual_time.h).
  base::Duration drain_timeout = std::chrono::seconds(30);
  size_t pool_size = 4;   // Prepared sandboxes kept waiting.
  size_t stem_cells = 8;  // Interpreters kept waiting for code, at most, for each language.
  std::string cgroup_name = "hearth";
  bool function_endpoint = true;  // Functions reach this host's services.
  std::string webhook_token{};    // Of another S3 store's events; empty: anybody may post them.
  bool allow_unenforced = false;
  bool allow_reset = false;
  base::LogLevel log_level = base::LogLevel::kInfo;
};

struct CommandLine {
  Options options;
  bool help = false;
  bool version = false;
};

// Reads --config's file first, then the other options over it. An unknown option or a value out of
// range is an error that names it and says what would be right.
base::Result<CommandLine> ParseCommandLine(const std::vector<std::string>& arguments);
// Sets one option by its name in hearth.yaml ("memory_step"), which is its long name on the command
// line with '_' for '-'. The command line's reader and the file's share it.
base::Result<void> SetOption(Options& options, const std::string& name, const std::string& value);
const char* HelpText();

}  // namespace hearth::host
