#include "host/options.h"

#include <algorithm>
#include <charconv>
#include <functional>

#include "host/config.h"

namespace hearth::host {
namespace {

using base::Invalid;
using base::Result;

struct OptionRule {
  const char* name;  // As in hearth.yaml.
  bool is_flag;
  std::function<Result<void>(Options&, const std::string&)> set;
};

Result<uint64_t> ParseNumber(const std::string& name, const std::string& value, uint64_t low,
                             uint64_t high) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number < low || number > high) {
    return Invalid("option " + name, "'" + value + "' is not a whole number from " +
                                         std::to_string(low) + " to " + std::to_string(high));
  }
  return number;
}

Result<void> SetFlag(bool& flag, const std::string& name, const std::string& value) {
  if (value == "true" || value.empty()) {
    flag = true;
  } else if (value == "false") {
    flag = false;
  } else {
    return Invalid("option " + name, "'" + value + "' is neither true nor false");
  }
  return {};
}

Result<void> SetChoice(const std::string& name, const std::string& value,
                       const std::vector<std::pair<std::string, std::function<void()>>>& choices) {
  std::string names;
  for (const auto& [choice, set] : choices) {
    if (choice == value) {
      set();
      return {};
    }
    names += (names.empty() ? "" : ", ") + choice;
  }
  return Invalid("option " + name, "'" + value + "' is none of: " + names);
}

Result<void> SetText(std::string& text, const std::string& name, const std::string& value) {
  if (value.empty()) return Invalid("option " + name, "the value is empty");
  text = value;
  return {};
}

// One word, of which a path or an ARN can be made.
Result<void> SetWord(std::string& word, const std::string& name, const std::string& value) {
  const bool good = !value.empty() && value.size() <= 64 && value.front() != '.' &&
                    std::ranges::all_of(value, [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
                    });
  if (!good) {
    return Invalid("option " + name, "'" + value +
                                         "' is not a word of letters, digits, '-', '_' "
                                         "and '.', which may not come first");
  }
  word = value;
  return {};
}

Result<void> SetAccountId(Options& o, const std::string& v) {
  if (v.size() != 12 || v.find_first_not_of("0123456789") != std::string::npos) {
    return Invalid("option account", "'" + v + "' is not 12 digits");
  }
  o.account.id = v;
  return {};
}

Result<void> SetLogLevel(Options& o, const std::string& v) {
  using base::LogLevel;
  return SetChoice("log_level", v,
                   {{"debug", [&] { o.log_level = LogLevel::kDebug; }},
                    {"info", [&] { o.log_level = LogLevel::kInfo; }},
                    {"warning", [&] { o.log_level = LogLevel::kWarning; }},
                    {"error", [&] { o.log_level = LogLevel::kError; }}});
}

Result<void> SetMemoryStep(Options& o, const std::string& v) {
  using invoker::MemoryStep;
  return SetChoice("memory_step", v,
                   {{"round_up", [&] { o.memory_step = MemoryStep::kRoundUp; }},
                    {"reject", [&] { o.memory_step = MemoryStep::kReject; }}});
}

Result<void> SetFunctionEndpoint(Options& o, const std::string& v) {
  return SetChoice(
      "function_endpoint", v,
      {{"on", [&] { o.function_endpoint = true; }}, {"off", [&] { o.function_endpoint = false; }}});
}

Result<void> SetKeepAlivePolicy(Options& o, const std::string& v) {
  using invoker::KeepAlivePolicy;
  return SetChoice("keep_alive_policy", v,
                   {{"learned", [&] { o.keep_alive.policy = KeepAlivePolicy::kLearned; }},
                    {"fixed", [&] { o.keep_alive.policy = KeepAlivePolicy::kFixed; }}});
}

template <typename Unit>
std::function<Result<void>(Options&, const std::string&)> DurationRule(
    const char* name, base::Duration Options::* member, uint64_t high) {
  return [name, member, high](Options& o, const std::string& v) -> Result<void> {
    o.*member = Unit(TRY(ParseNumber(name, v, 0, high)));
    return {};
  };
}

const std::vector<OptionRule>& Rules() {
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  static const std::vector<OptionRule> rules = {
      {"listen", false,
       [](Options& o, const std::string& v) { return SetText(o.listen, "listen", v); }},
      {"state", false,
       [](Options& o, const std::string& v) { return SetText(o.state_folder, "state", v); }},
      {"user", false, [](Options& o, const std::string& v) { return SetText(o.user, "user", v); }},
      {"region", false,
       [](Options& o, const std::string& v) { return SetWord(o.account.region, "region", v); }},
      {"account", false, SetAccountId},
      {"memory_step", false, SetMemoryStep},
      {"function_endpoint", false, SetFunctionEndpoint},
      {"s3_webhook_token", false,
       [](Options& o, const std::string& v) {
         return SetText(o.webhook_token, "s3_webhook_token", v);
       }},
      {"memory_budget_mib", false,
       [](Options& o, const std::string& v) -> Result<void> {
         o.memory_budget = base::Bytes::MiB(TRY(ParseNumber("memory_budget_mib", v, 128, 1 << 30)));
         return {};
       }},
      {"concurrency", false,
       [](Options& o, const std::string& v) -> Result<void> {
         o.concurrency = static_cast<uint32_t>(TRY(ParseNumber("concurrency", v, 1, 1000000)));
         return {};
       }},
      {"keep_alive_policy", false, SetKeepAlivePolicy},
      {"keep_alive_s", false,
       [](Options& o, const std::string& v) -> Result<void> {
         o.keep_alive.fixed = seconds(TRY(ParseNumber("keep_alive_s", v, 0, 86400)));
         return {};
       }},
      {"keep_alive_max_s", false,
       [](Options& o, const std::string& v) -> Result<void> {
         o.keep_alive.longest = seconds(TRY(ParseNumber("keep_alive_max_s", v, 60, 14400)));
         return {};
       }},
      {"freeze_after_ms", false,
       DurationRule<milliseconds>("freeze_after_ms", &Options::freeze_after, 86400000)},
      {"reclaim_after_s", false,
       DurationRule<seconds>("reclaim_after_s", &Options::reclaim_after, 86400)},
      {"clock", false,
       [](Options& o, const std::string& v) {
         return SetChoice("clock", v,
                          {{"system", [&] { o.is_clock_virtual = false; }},
                           {"virtual", [&] { o.is_clock_virtual = true; }}});
       }},
      {"drain_timeout_s", false,
       DurationRule<seconds>("drain_timeout_s", &Options::drain_timeout, 3600)},
      {"pool_size", false,
       [](Options& o, const std::string& v) -> Result<void> {
         o.pool_size = TRY(ParseNumber("pool_size", v, 0, 256));
         return {};
       }},
      {"stem_cells", false,
       [](Options& o, const std::string& v) -> Result<void> {
         o.stem_cells = TRY(ParseNumber("stem_cells", v, 0, 64));
         return {};
       }},
      {"cgroup_name", false,
       [](Options& o, const std::string& v) { return SetWord(o.cgroup_name, "cgroup_name", v); }},
      {"allow_unenforced", true,
       [](Options& o, const std::string& v) {
         return SetFlag(o.allow_unenforced, "allow_unenforced", v);
       }},
      {"allow_reset", true,
       [](Options& o, const std::string& v) { return SetFlag(o.allow_reset, "allow_reset", v); }},
      {"log_level", false, SetLogLevel},
  };
  return rules;
}

const OptionRule* FindRule(const std::string& name) {
  for (const OptionRule& rule : Rules()) {
    if (name == rule.name) return &rule;
  }
  return nullptr;
}

struct Argument {
  std::string name;
  std::string value;
};

Result<std::vector<Argument>> SplitArguments(const std::vector<std::string>& arguments) {
  std::vector<Argument> out;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& text = arguments[i];
    if (!text.starts_with("--")) {
      return Invalid("command line", "'" + text + "' is not an option; see hearthd --help");
    }
    const auto equals = text.find('=');
    std::string name = text.substr(2, equals == std::string::npos ? equals : equals - 2);
    for (char& c : name) {
      if (c == '-') c = '_';
    }
    if (name == "help" || name == "version") {
      out.push_back({name, ""});
      continue;
    }
    const OptionRule* rule = FindRule(name);
    if (rule == nullptr && name != "config") {
      return Invalid("command line", "there is no option '" + text + "'; see hearthd --help");
    }
    if (equals != std::string::npos) {
      out.push_back({name, text.substr(equals + 1)});
    } else if (rule != nullptr && rule->is_flag) {
      out.push_back({name, "true"});
    } else if (i + 1 < arguments.size()) {
      out.push_back({name, arguments[++i]});
    } else {
      return Invalid("command line", "'" + text + "' needs a value");
    }
  }
  return out;
}

}  // namespace

Result<void> SetOption(Options& options, const std::string& name, const std::string& value) {
  const OptionRule* rule = FindRule(name);
  if (rule == nullptr) {
    std::string names;
    for (const OptionRule& known : Rules()) {
      names += (names.empty() ? "" : ", ") + std::string(known.name);
    }
    return Invalid("option " + name, "there is no such option; there are: " + names);
  }
  return rule->set(options, value);
}

Result<CommandLine> ParseCommandLine(const std::vector<std::string>& arguments) {
  CommandLine out;
  const std::vector<Argument> split = TRY(SplitArguments(arguments));
  for (const Argument& argument : split) {
    if (argument.name == "config") TRY(ReadConfigFile(argument.value, out.options));
  }
  for (const Argument& argument : split) {
    if (argument.name == "help") {
      out.help = true;
    } else if (argument.name == "version") {
      out.version = true;
    } else if (argument.name != "config") {
      TRY(SetOption(out.options, argument.name, argument.value));
    }
  }
  return out;
}

const char* HelpText() {
  return R"(hearthd: runs AWS Lambda functions on this machine, in real sandboxes.

  hearthd [--config FILE] [--state FOLDER] [--listen ADDRESS:PORT] [options]

Options (each may also stand in FILE, YAML, with '_' for '-'; the command line wins):
  --config FILE            hearth.yaml to read first
  --listen ADDRESS:PORT    where AWS clients connect (127.0.0.1:4566)
  --state FOLDER           functions, code, logs (/var/lib/hearth)
  --user NAME              drop to this user once the zygote runs
  --region NAME            AWS region in ARNs (us-east-1)
  --account ID             AWS account in ARNs (000000000000)
  --memory-step MODE       round_up | reject memory sizes between steps of 64 MB (round_up)
  --memory-budget-mib N    sum of the sizes of all sandboxes (80 % of the machine)
  --concurrency N          calls that run at once (1000)
  --keep-alive-policy P    learned | fixed: how long an idle sandbox lives follows from the times
                           between its function's calls, or is always --keep-alive-s (learned)
  --keep-alive-s N         how long it lives where nothing is learned (600)
  --keep-alive-max-s N     what is learned is never more (14400)
  --freeze-after-ms N      how long a sandbox is idle before it is frozen (50)
  --reclaim-after-s N      how long before it gives file pages back to the machine; 0: never (30)
  --clock KIND             system | virtual: retries, ages and keep-alive go by a clock that moves
                           only by 'hearth clock advance' (system)
  --drain-timeout-s N      how long SIGTERM waits for running calls (30)
  --pool-size N            prepared sandboxes kept waiting (4)
  --stem-cells N           interpreters kept waiting for code, at most, a language (8)
  --function-endpoint S    on | off: functions reach this host's services by AWS_ENDPOINT_URL; for
                           those of strangers turn it off, as no policy is enforced (on)
  --s3-webhook-token T     what another S3 store's event notifications must bring (Authorization:
                           Bearer T) at /_hearth/s3-events; best said in FILE (none)
  --cgroup-name NAME       the cgroup that holds the sandboxes (hearth)
  --allow-unenforced       start although a limit cannot be enforced on this machine
  --allow-reset            serve POST /_hearth/reset, which deletes every function (a test aid)
  --log-level LEVEL        debug | info | warning | error (info)

SIGTERM and SIGINT drain: no new calls, running ones finish, sandboxes end, the store closes.
)";
}

}  // namespace hearth::host
