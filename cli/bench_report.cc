#include "cli/bench_report.h"

#include <fmt/format.h>

#include "base/json.h"
#include "cli/table.h"

namespace hearth::cli {
namespace {

using base::OrderedJson;

double Micros(base::Duration duration) { return static_cast<double>(duration.count()) / 1000; }
double Seconds(base::Duration duration) { return std::chrono::duration<double>(duration).count(); }

std::vector<std::string> Row(const std::string& name, const Histogram& h) {
  if (h.count() == 0) return {name, "0"};
  return {name,
          std::to_string(h.count()),
          FormatLatency(h.min()),
          FormatLatency(h.Percentile(0.5)),
          FormatLatency(h.Percentile(0.9)),
          FormatLatency(h.Percentile(0.99)),
          FormatLatency(h.Percentile(0.999)),
          FormatLatency(h.max()),
          FormatLatency(h.Mean())};
}

Table FiguresTable(const std::string& title) {
  return Table({{title},
                {"COUNT", Align::kRight},
                {"MIN", Align::kRight},
                {"P50", Align::kRight},
                {"P90", Align::kRight},
                {"P99", Align::kRight},
                {"P99.9", Align::kRight},
                {"MAX", Align::kRight},
                {"MEAN", Align::kRight}});
}

OrderedJson Figures(const Histogram& h) {
  return {{"count", h.count()},
          {"min", Micros(h.min())},
          {"mean", Micros(h.Mean())},
          {"p50", Micros(h.Percentile(0.5))},
          {"p90", Micros(h.Percentile(0.9))},
          {"p99", Micros(h.Percentile(0.99))},
          {"p99_9", Micros(h.Percentile(0.999))},
          {"max", Micros(h.max())}};
}

double CpuMicrosPerCall(const LoadResult& result) {
  const uint64_t calls = result.calls + result.warm_up_calls;
  return calls == 0 ? 0 : Micros(result.generator_cpu) / static_cast<double>(calls);
}

// What was measured, in the first lines.
std::string Headline(const BenchReport& report) {
  const BenchOptions& options = report.options;
  const LoadResult& result = report.result;
  std::string text;
  if (options.burst > 0) {
    const std::string name =
        options.others.empty()
            ? options.function
            : fmt::format("{} and {} more functions", options.function, options.others.size());
    text = fmt::format("{}: {} calls at once, the last reply after {} ({:.0f} starts/s)\n", name,
                       result.calls, FormatLatency(result.elapsed), result.throughput());
  } else if (options.cold) {
    text = fmt::format("{}: {} calls one after the other, {}\n", options.function, result.calls,
                       ModeText(options));
  } else {
    return fmt::format(
        "{}: {:.0f} calls/s ({} calls in {:.2f} s, {} connections, {})\n"
        "warm-up: {} calls in {}, not counted below\n\n",
        options.function, result.throughput(), result.all.count(), Seconds(result.elapsed),
        options.connections, ModeText(options), result.warm_up_calls,
        FormatLatency(options.warm_up));
  }
  if (result.warm.count() > 0 && !options.no_steps) {
    text += fmt::format("{} of them met a warm instance all the same\n", result.warm.count());
  }
  return text + "\n";
}

// The host's steps; the parts of "start" come right behind it.
std::string StepsText(const std::vector<Step>& steps) {
  constexpr std::string_view kPart = "start.";
  Table table = FiguresTable("STEP, BY THE HOST");
  for (const Step& step : steps) {
    if (step.name.starts_with(kPart)) continue;
    table.Add(Row(step.name, step.time));
    if (step.name != "start") continue;
    for (const Step& part : steps) {
      if (!part.name.starts_with(kPart)) continue;
      table.Add(Row("  " + part.name.substr(kPart.size()), part.time));
    }
  }
  return table.Render();
}

const char* ModeName(const BenchOptions& options) {
  if (options.burst > 0) return "burst";
  if (options.cold) return "cold";
  return options.rate > 0 ? "open" : "closed";
}

unsigned Connections(const BenchOptions& options) {
  if (options.burst > 0) return options.burst;
  return options.cold ? 1 : options.connections;
}

}  // namespace

std::string ModeText(const BenchOptions& options) {
  if (options.burst > 0) return "all at once, each call cold";
  if (options.cold && options.interval > base::Duration::zero()) {
    return "each call cold, " + FormatLatency(options.interval) + " apart";
  }
  if (options.cold) return "each call cold";
  if (options.rate > 0) return fmt::format("open loop at {:g} calls/s", options.rate);
  return "closed loop";
}

std::string ToText(const BenchReport& report) {
  const LoadResult& result = report.result;
  std::string text = Headline(report);
  Table latency = FiguresTable("LATENCY");
  latency.Add(Row("all", result.all));
  latency.Add(Row("warm", result.warm));
  latency.Add(Row("cold", result.cold));
  text += latency.Render();
  if (result.cold_in_warm_up > 0) {
    text += fmt::format("({} of the {} cold starts happened during the warm-up)\n",
                        result.cold_in_warm_up, result.cold.count());
  }
  if (report.options.rate > 0) {
    text += "(latency counts from the time each call was meant to leave)\n";
  }
  if (!result.steps.empty()) text += "\n" + StepsText(result.steps);
  text += fmt::format("\nerrors: {}{}\n", result.failed(),
                      result.failed() == 0 ? "" : fmt::format(" of {} calls", result.calls));
  for (const auto& [kind, count] : result.errors) {
    text += fmt::format("  {:>8}  {}\n", count, Printable(kind));
  }
  text += fmt::format("load generator: {:.1f} us of CPU a call\n", CpuMicrosPerCall(result));
  return text;
}

std::string ToJsonReport(const BenchReport& report) {
  const LoadResult& result = report.result;
  const BenchOptions& options = report.options;
  OrderedJson kinds = OrderedJson::object();
  for (const auto& [kind, count] : result.errors) kinds[kind] = count;
  OrderedJson steps = OrderedJson::object();
  for (const Step& step : result.steps) steps[step.name] = Figures(step.time);
  OrderedJson histogram = OrderedJson::array();
  result.all.ForEach([&histogram](const Histogram::Bucket& bucket) {
    histogram.push_back({Micros(bucket.low), Micros(bucket.high), bucket.count});
  });
  const OrderedJson json = {{"schema", "hearth.bench/1"},
                            {"function", options.function},
                            {"qualifier", options.qualifier},
                            {"endpoint", report.endpoint},
                            {"mode", ModeName(options)},
                            {"functions", 1 + options.others.size()},
                            {"connections", Connections(options)},
                            {"rate", options.rate > 0 ? OrderedJson(options.rate) : OrderedJson()},
                            {"started", report.started},
                            {"warm_up_s", Seconds(options.warm_up)},
                            {"duration_s", Seconds(options.duration)},
                            {"interval_s", Seconds(options.interval)},
                            {"elapsed_s", Seconds(result.elapsed)},
                            {"warm_up_calls", result.warm_up_calls},
                            {"calls", result.calls},
                            {"succeeded", result.all.count()},
                            {"throughput_per_s", result.throughput()},
                            {"errors", {{"total", result.failed()}, {"kinds", std::move(kinds)}}},
                            {"latency_us",
                             {{"all", Figures(result.all)},
                              {"warm", Figures(result.warm)},
                              {"cold", Figures(result.cold)}}},
                            {"cold_starts",
                             {{"measured", result.cold.count() - result.cold_in_warm_up},
                              {"warm_up", result.cold_in_warm_up}}},
                            {"steps_us", std::move(steps)},
                            {"histogram_us", std::move(histogram)},
                            {"generator_cpu_us_per_call", CpuMicrosPerCall(result)}};
  return json.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

}  // namespace hearth::cli
