#include "bench/trace.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <numbers>
#include <random>
#include <string_view>

#include "base/file.h"

namespace hearth::bench {
namespace {

using base::Bytes;
using base::Result;
using Random = std::mt19937_64;

constexpr uint32_t kMinutesOfDay = 1440;

// --- CSV

std::vector<std::string_view> Split(std::string_view line) {
  std::vector<std::string_view> out;
  while (true) {
    const size_t comma = line.find(',');
    out.push_back(line.substr(0, comma));
    if (comma == std::string_view::npos) return out;
    line.remove_prefix(comma + 1);
  }
}

bool ParseNumber(std::string_view text, double& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 0;
}

struct Row {
  std::string_view name;
  std::vector<double> numbers;
};

// The rows of a text; each has a name and `columns` numbers.
Result<std::vector<Row>> ParseRows(const std::string& path, std::string_view text, size_t columns) {
  std::vector<Row> out;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const auto fields = Split(line);
    Row row{fields[0], std::vector<double>(columns)};
    bool good = fields.size() == columns + 1;
    for (size_t i = 0; good && i < columns; ++i) good = ParseNumber(fields[i + 1], row.numbers[i]);
    if (good) {
      out.push_back(std::move(row));
    } else if (number != 1) {
      return base::Invalid("read " + path, "line " + std::to_string(number) + ", '" +
                                               std::string(line) + "', is not a name and " +
                                               std::to_string(columns) + " numbers");
    }
  }
  return out;
}

base::Duration Milliseconds(double count) {
  return std::chrono::nanoseconds(static_cast<int64_t>(count * 1e6));
}

std::string Number(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, 1);
  return std::string(text, end.ptr);
}

double ToMilliseconds(base::Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

// --- Making one. The library's distributions differ from one implementation to the next; these
// give the same numbers everywhere.

double Uniform(Random& random) { return static_cast<double>(random() >> 11) * 0x1.0p-53; }

double Exponential(Random& random, double mean) { return -mean * std::log(1 - Uniform(random)); }

double Normal(Random& random) {
  const double radius = std::sqrt(-2 * std::log(1 - Uniform(random)));
  return radius * std::cos(2 * std::numbers::pi * Uniform(random));
}

// Of events at a mean rate, how many there are.
uint32_t Poisson(Random& random, double mean) {
  if (mean > 50) {
    return static_cast<uint32_t>(
        std::max(0.0, std::round(mean + std::sqrt(mean) * Normal(random))));
  }
  const double limit = std::exp(-mean);
  uint32_t count = 0;
  for (double product = Uniform(random); product > limit; product *= Uniform(random)) ++count;
  return count;
}

using PerMinute = std::vector<uint32_t>;

void AddTimer(Random& random, PerMinute& calls) {
  // Most timers run every few minutes; the share of each period is the paper's figure 4 by eye.
  static constexpr uint32_t kPeriods[] = {1,  1,  5,  5,  5,  5,  10, 10,  15,  15,
                                          30, 30, 60, 60, 60, 60, 60, 120, 240, 1440};
  const uint32_t period = kPeriods[random() % std::size(kPeriods)];
  const bool late = random() % 5 == 0;  // Its minute is not always the same.
  for (size_t at = random() % period; at < calls.size(); at += period) {
    calls[std::min(at + (late ? random() % 3 : 0), calls.size() - 1)] += 1;
  }
}

void AddRandom(Random& random, PerMinute& calls) {
  const double rate = std::min(120.0, std::exp(std::log(1.0 / 30) + 2.2 * Normal(random)));
  const double swing = 0.8 * Uniform(random);
  const double phase = Uniform(random) * 2 * std::numbers::pi;
  for (size_t minute = 0; minute < calls.size(); ++minute) {
    const double day = 2 * std::numbers::pi * static_cast<double>(minute) / kMinutesOfDay;
    calls[minute] += Poisson(random, rate * (1 + swing * std::sin(day + phase)));
  }
}

void AddBursts(Random& random, PerMinute& calls) {
  const double gap = 30 + Exponential(random, 180);  // Minutes.
  const double rate = 2 + Exponential(random, 40);
  for (double at = Exponential(random, gap); at < static_cast<double>(calls.size());
       at += Exponential(random, gap)) {
    const double end = at + 1 + Exponential(random, 5);
    for (auto minute = static_cast<size_t>(at);
         minute < calls.size() && static_cast<double>(minute) < end; ++minute) {
      calls[minute] += Poisson(random, rate);
    }
    at = end;
  }
}

void AddRare(Random& random, PerMinute& calls) {
  const uint32_t count = Poisson(random, 2 * static_cast<double>(calls.size()) / kMinutesOfDay);
  for (uint32_t i = 0; i < count; ++i) calls[random() % calls.size()] += 1;
}

}  // namespace

Workload MakeWorkload(uint32_t functions, uint32_t days, uint64_t seed) {
  Workload out;
  for (uint32_t i = 0; i < functions; ++i) {
    Random random(seed * 1'000'003 + i);
    PerMinute calls(size_t{days} * kMinutesOfDay);
    const uint32_t kind = i % 20;
    const char* name = "timer";
    if (kind < 6) {
      AddTimer(random, calls);
    } else if (kind < 14) {
      name = "random";
      AddRandom(random, calls);
    } else if (kind < 17) {
      name = "bursts";
      AddBursts(random, calls);
    } else {
      name = "rare";
      AddRare(random, calls);
    }
    for (uint32_t minute = 0; minute < calls.size(); ++minute) {
      if (calls[minute] > 0) out.counts.push_back({i, minute, calls[minute]});
    }
    // Run times as the paper's section 3.4 fits them, cut at a minute. What a frozen instance holds
    // and what its start costs are Hearth's own: a bare Python handler to one with large imports.
    const double memory = 12 * std::exp(std::abs(Normal(random)) * 0.9);
    const double cold = 60 * std::exp(Normal(random) * 1.2);
    const double run = 1000 * std::exp(-0.38 + 2.36 * Normal(random));
    out.functions.push_back({std::string(name) + "-" + std::to_string(i),
                             Bytes(static_cast<uint64_t>(std::min(memory, 512.0) * (1 << 20))),
                             Milliseconds(std::clamp(cold, 3.0, 10'000.0)),
                             Milliseconds(std::clamp(run, 1.0, 60'000.0))});
  }
  return out;
}

std::vector<Arrival> ArrivalsOf(const Workload& workload, Spread spread, uint64_t seed) {
  std::vector<Arrival> out;
  Random random(seed);
  for (const MinuteCount& minute : workload.counts) {
    // The first minute is an hour after the clock's zero, which stands for "never".
    const base::MonoTime start(std::chrono::hours(1) + std::chrono::minutes(minute.minute));
    for (uint32_t i = 0; i < minute.count; ++i) {
      const double share = spread == Spread::kPoisson ? Uniform(random) : (i + 0.5) / minute.count;
      out.push_back({start + Milliseconds(share * 60'000), minute.function});
    }
  }
  std::ranges::sort(out, {}, [](const Arrival& a) { return std::pair(a.at, a.function); });
  return out;
}

Result<Workload> ReadWorkload(const std::string& trace, const std::string& functions) {
  Workload out;
  std::map<std::string, uint32_t, std::less<>> known;
  const std::string text = TRY(base::ReadFile(trace, Bytes::MiB(4096)));
  const std::vector<Row> rows = TRY(ParseRows(trace, text, 2));
  for (const Row& row : rows) {
    auto found = known.find(row.name);
    if (found == known.end()) {
      found = known.emplace(row.name, static_cast<uint32_t>(out.functions.size())).first;
      out.functions.push_back({.name = std::string(row.name)});
    }
    out.counts.push_back({found->second, static_cast<uint32_t>(row.numbers[0]),
                          static_cast<uint32_t>(row.numbers[1])});
  }
  if (functions.empty()) return out;
  const std::string costs = TRY(base::ReadFile(functions, Bytes::MiB(4096)));
  const std::vector<Row> settings = TRY(ParseRows(functions, costs, 3));
  for (const Row& row : settings) {
    const auto found = known.find(row.name);
    if (found == known.end()) continue;  // It is never called.
    WorkloadFunction& function = out.functions[found->second];
    function.memory = Bytes(static_cast<uint64_t>(row.numbers[0] * (1 << 20)));
    function.cold = Milliseconds(row.numbers[1]);
    function.run = Milliseconds(row.numbers[2]);
  }
  return out;
}

Result<void> WriteWorkload(const Workload& workload, const std::string& trace,
                           const std::string& functions) {
  std::string text = "function,minute,count\n";
  for (const MinuteCount& one : workload.counts) {
    text += workload.functions[one.function].name + "," + std::to_string(one.minute) + "," +
            std::to_string(one.count) + "\n";
  }
  TRY(base::WriteFileAtomically(trace, text));
  text = "function,memory_mib,cold_ms,run_ms\n";
  for (const WorkloadFunction& one : workload.functions) {
    text += one.name + "," + Number(static_cast<double>(one.memory.count()) / (1 << 20)) + "," +
            Number(ToMilliseconds(one.cold)) + "," + Number(ToMilliseconds(one.run)) + "\n";
  }
  return base::WriteFileAtomically(functions, text);
}

}  // namespace hearth::bench
