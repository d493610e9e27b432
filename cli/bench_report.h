// The bench's reports: text for the terminal, JSON for programs, a page for people.
//
// JSON, schema "hearth.bench/1" (fields are only ever added):
//   schema, function, qualifier, endpoint, mode "closed" | "open" (more below), connections, rate
//   (null: closed), started (ISO 8601), warm_up_s, duration_s (as asked), elapsed_s (as it was),
//   warm_up_calls, calls, succeeded, throughput_per_s,
//   errors {total, kinds {"HTTP 429": 3, ...}},
//   latency_us {all, warm, cold: {count, min, mean, p50, p90, p99, p99_9, max}},
//   cold_starts {measured, warm_up}, steps_us {"queue": {as latency}, ...},
//   (of a cold start "start.<step>" too, the parts of "start"),
//   histogram_us [[low, high, count], ...] of latency_us.all, generator_cpu_us_per_call
// Of --cold and --burst: mode "cold" | "burst"; elapsed_s is the time in which calls were under way
// (of a burst: until its last reply); interval_s (cold); functions (burst: how many were called).
#pragma once

#include <string>

#include "cli/bench.h"
#include "cli/load.h"

namespace hearth::cli {

struct BenchReport {
  BenchOptions options;
  std::string endpoint;
  std::string started;  // ISO 8601
  LoadResult result;
};

// "closed loop", "open loop at 50/s", "each call cold", ...
std::string ModeText(const BenchOptions& options);
std::string ToText(const BenchReport& report);
std::string ToJsonReport(const BenchReport& report);
// One self-contained page: inline style and SVG, no script, nothing fetched; light and dark.
std::string ToHtml(const BenchReport& report);

}  // namespace hearth::cli
