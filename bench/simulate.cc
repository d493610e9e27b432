// simulate: what each keep-alive policy and each order of eviction costs, on a workload of days.
//
// The policies are the invoker's own code (invoker/keep_alive.h, invoker/eviction.h); see kUsage.
#include <charconv>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "bench/replay.h"
#include "bench/trace.h"

namespace hearth::bench {
namespace {

using base::Bytes;
using base::Result;
using invoker::KeepAlivePolicy;

constexpr char kUsage[] = R"(simulate: cold starts against idle memory, by policy.

  simulate [TRACE.csv] [options]

TRACE.csv has lines of function,minute,count. Without it one is made.
  --functions FILE   lines of function,memory_mib,cold_ms,run_ms (64, 250, 100)
  --make N           functions of the trace that is made (1000)
  --days N           how long it is (4)
  --seed N           of what is made and of poisson (1)
  --spread HOW       calls within their minute: even | poisson (poisson)
  --budget-mib N     for the comparison of evictions (20, 40 and 60 % of all functions' memory)
  --write FILE       writes the trace there, and FILE.functions, and ends
  --json FILE        writes every figure there
)";

struct Options {
  std::string trace;
  std::string functions;
  std::string write;
  std::string json;
  uint32_t make = 1000;
  uint32_t days = 4;
  uint64_t seed = 1;
  uint64_t budget_mib = 0;
  Spread spread = Spread::kPoisson;
};

Result<uint64_t> ParseNumber(std::string_view name, std::string_view text, uint64_t max) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > max) {
    return base::Invalid("simulate", std::string(name) + ": '" + std::string(text) +
                                         "' is not a whole number from 1 to " +
                                         std::to_string(max));
  }
  return value;
}

Result<Options> ParseOptions(std::span<char* const> arguments) {
  Options out;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view name = arguments[i];
    if (!name.starts_with("--")) {
      out.trace = name;
      continue;
    }
    if (++i == arguments.size())
      return base::Invalid("simulate", std::string(name) + " lacks a value");
    const std::string value = arguments[i];
    if (name == "--functions") {
      out.functions = value;
    } else if (name == "--write") {
      out.write = value;
    } else if (name == "--json") {
      out.json = value;
    } else if (name == "--make") {
      out.make = static_cast<uint32_t>(TRY(ParseNumber(name, value, 100'000)));
    } else if (name == "--days") {
      out.days = static_cast<uint32_t>(TRY(ParseNumber(name, value, 31)));
    } else if (name == "--seed") {
      out.seed = TRY(ParseNumber(name, value, UINT32_MAX));
    } else if (name == "--budget-mib") {
      out.budget_mib = TRY(ParseNumber(name, value, 1 << 30));
    } else if (name == "--spread" && (value == "even" || value == "poisson")) {
      out.spread = value == "even" ? Spread::kEven : Spread::kPoisson;
    } else {
      return base::Invalid("simulate",
                           "no such option or value: " + std::string(name) + " " + value);
    }
  }
  return out;
}

double MiB(Bytes bytes) { return static_cast<double>(bytes.count()) / (1 << 20); }

double Seconds(base::Duration duration) { return std::chrono::duration<double>(duration).count(); }

struct Run {
  std::string name;
  ReplayPolicy policy;
};

ReplayPolicy Fixed(base::Duration time) {
  return {.keep_alive = {.policy = KeepAlivePolicy::kFixed, .fixed = time, .longest = time}};
}

ReplayPolicy Learned(base::Duration longest = limits::kLongestKeepAlive) {
  return {.keep_alive = {.policy = KeepAlivePolicy::kLearned,
                         .fixed = limits::kKeepAlive,
                         .longest = longest}};
}

ReplayPolicy WithPrewarm(ReplayPolicy policy) {
  policy.prewarm = true;
  return policy;
}

std::vector<Run> KeepAlives() {
  using std::chrono::minutes;
  std::vector<Run> out;
  for (const int time : {1, 5, 10, 20, 60, 240}) {
    out.push_back({"fixed " + std::to_string(time) + " min", Fixed(minutes(time))});
  }
  out.push_back({"learned, up to 1 h", Learned(minutes(60))});
  out.push_back({"learned, up to 4 h", Learned()});
  out.push_back({"learned, pre-warmed", WithPrewarm(Learned())});
  return out;
}

std::vector<Run> Evictions(Bytes budget) {
  std::vector<Run> out;
  for (const auto& [name, policy] :
       {std::pair("fixed 10 min", Fixed(limits::kKeepAlive)), std::pair("learned", Learned()),
        std::pair("learned, pre-warmed", WithPrewarm(Learned()))}) {
    for (const auto eviction : {Eviction::kLeastRecentlyUsed, Eviction::kGreedyDual}) {
      Run run{std::string(name) + (eviction == Eviction::kGreedyDual ? ", greedy-dual" : ", LRU"),
              policy};
      run.policy.eviction = eviction;
      run.policy.budget = budget;
      out.push_back(std::move(run));
    }
  }
  return out;
}

double Percent(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(whole);
}

base::Json Report(const Run& run, const ReplayResult& result) {
  return {{"policy", run.name},
          {"budget_mib", MiB(run.policy.budget)},
          {"calls", result.calls},
          {"cold_percent", Percent(result.cold, result.calls)},
          {"refused_percent", Percent(result.refused, result.calls)},
          {"cold_s", Seconds(result.cold_time)},
          {"cold_percent_of_median_function", result.cold_percent_median},
          {"cold_percent_of_upper_quartile_function", result.cold_percent_upper},
          {"idle_gib_hours", result.idle_gib_hours},
          {"peak_mib", MiB(result.peak)},
          {"evicted", result.evicted},
          {"prewarmed", result.prewarmed}};
}

// One table, a line for each run.
base::Json RunAll(const std::vector<Run>& runs, const Workload& workload,
                  const std::vector<Arrival>& arrivals) {
  std::printf("%-32s %8s %8s %8s %8s %10s %9s %9s %9s %8s\n", "policy", "cold %", "median", "upper",
              "cold s", "idle GiB-h", "peak MiB", "evicted", "prewarmed", "refused");
  base::Json out = base::Json::array();
  for (const Run& run : runs) {
    const ReplayResult result = Replay(workload, arrivals, run.policy);
    std::printf("%-32s %8.3f %8.2f %8.2f %8.0f %10.1f %9.0f %9lu %9lu %8lu\n", run.name.c_str(),
                Percent(result.cold, result.calls), result.cold_percent_median,
                result.cold_percent_upper, Seconds(result.cold_time), result.idle_gib_hours,
                MiB(result.peak), result.evicted, result.prewarmed, result.refused);
    std::fflush(stdout);
    out.push_back(Report(run, result));
  }
  return out;
}

Result<void> Simulate(const Options& options) {
  Workload workload;
  if (options.trace.empty()) {
    workload = MakeWorkload(options.make, options.days, options.seed);
  } else {
    workload = TRY(ReadWorkload(options.trace, options.functions));
  }
  if (!options.write.empty()) {
    return WriteWorkload(workload, options.write, options.write + ".functions");
  }
  const std::vector<Arrival> arrivals = ArrivalsOf(workload, options.spread, options.seed);
  Bytes all;
  for (const auto& function : workload.functions) all += function.memory;
  std::printf("%zu functions, %zu calls; one instance of each holds %.0f MiB together\n",
              workload.functions.size(), arrivals.size(), MiB(all));
  std::printf(
      "\nwithout a bound on memory (median, upper: cold %% of functions' middle and upper "
      "quartile):\n");
  base::Json report{{"schema", "hearth.simulate/1"},
                    {"functions", workload.functions.size()},
                    {"calls", arrivals.size()},
                    {"seed", options.seed}};
  report["keep_alive"] = RunAll(KeepAlives(), workload, arrivals);
  report["eviction"] = base::Json::array();
  std::vector<Bytes> budgets{Bytes::MiB(options.budget_mib)};
  if (options.budget_mib == 0) {
    budgets.clear();
    for (const uint64_t percent : {20, 40, 60}) {
      budgets.push_back(Bytes(all.count() / 100 * percent));
    }
  }
  for (const Bytes budget : budgets) {
    std::printf("\nwithin %.0f MiB:\n", MiB(budget));
    for (auto& one : RunAll(Evictions(budget), workload, arrivals)) {
      report["eviction"].push_back(std::move(one));
    }
  }
  if (options.json.empty()) return {};
  return base::WriteFileAtomically(options.json, report.dump(1) + "\n");
}

int Main(std::span<char* const> arguments) {
  if (arguments.size() == 1 && std::string_view(arguments[0]) == "--help") {
    std::fputs(kUsage, stdout);
    return 0;
  }
  const auto options = ParseOptions(arguments);
  const auto done = options ? Simulate(*options) : std::unexpected(options.error());
  if (done) return 0;
  std::fprintf(stderr, "%s\n%s", done.error().ToString().c_str(), options ? "" : kUsage);
  return options ? 1 : 2;
}

}  // namespace
}  // namespace hearth::bench

int main(int argc, char** argv) {
  return hearth::bench::Main(std::span(argv, static_cast<size_t>(argc)).subspan(1));
}
