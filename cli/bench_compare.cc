#include "cli/bench_compare.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "cli/json_fields.h"
#include "cli/table.h"
#include "cli/units.h"

namespace hearth::cli {
namespace {

using base::Json;
using Unit = ComparedFigure::Unit;

constexpr std::string_view kSchema = "hearth.bench/1";

std::expected<Json, std::string> ReadReport(const std::string& name, const std::string& text) {
  auto json = base::ParseJson(text);
  if (!json) {
    return std::unexpected(fmt::format("{} is not JSON: {}", name, json.error().ToString()));
  }
  const std::string schema = Text(*json, "schema");
  if (schema != kSchema) {
    return std::unexpected(
        fmt::format("{} is no report of `hearth bench --json`: its schema is "
                    "\"{}\", not \"{}\"",
                    name, Printable(schema), kSchema));
  }
  return std::move(*json);
}

double NumberOr(const Json& object, std::string_view name, double otherwise) {
  const Json& field = Field(object, name);
  return field.is_number() ? field.get<double>() : otherwise;
}

class Comparison {
 public:
  Comparison(const Json& a, const Json& b) : a_(a), b_(b) {}

  void Add(const std::string& name, Unit unit, const Json& a, const Json& b,
           std::string_view field) {
    ComparedFigure figure{name, unit, NumberOr(a, field, -1), NumberOr(b, field, -1)};
    if (figure.a < 0 && figure.b < 0) return;
    figures_.push_back(std::move(figure));
  }
  // The percentiles of a latency or a step; left out where neither has recorded any.
  void AddDistribution(const std::string& name, const Json& a, const Json& b,
                       const std::vector<std::string>& fields) {
    const bool has_a = Number(a, "count") > 0, has_b = Number(b, "count") > 0;
    const Json none;
    for (const std::string& field : fields) {
      Add(name + " " + (field == "p99_9" ? "p99.9" : field), Unit::kMicroseconds, has_a ? a : none,
          has_b ? b : none, field);
    }
  }
  std::vector<ComparedFigure> Run() {
    Add("throughput", Unit::kPerSecond, a_, b_, "throughput_per_s");
    Add("errors", Unit::kCount, Field(a_, "errors"), Field(b_, "errors"), "total");
    Add("CPU of the generator a call", Unit::kMicroseconds, a_, b_, "generator_cpu_us_per_call");
    const Json &a = Field(a_, "latency_us"), &b = Field(b_, "latency_us");
    for (const char* which : {"all", "warm", "cold"}) {
      AddDistribution(fmt::format("latency {}", which), Field(a, which), Field(b, which),
                      {"min", "mean", "p50", "p90", "p99", "p99_9", "max"});
    }
    const Json &a_steps = Field(a_, "steps_us"), &b_steps = Field(b_, "steps_us");
    for (const Json* steps : {&a_steps, &b_steps}) {
      if (!steps->is_object()) continue;
      for (const auto& item : steps->items()) {
        const std::string& name = item.key();
        if (steps == &b_steps && a_steps.is_object() && a_steps.contains(name)) continue;
        AddDistribution("step " + name, Field(a_steps, name), Field(b_steps, name), {"p50", "p99"});
      }
    }
    return std::move(figures_);
  }

 private:
  const Json& a_;
  const Json& b_;
  std::vector<ComparedFigure> figures_;
};

std::string Shown(double value, Unit unit) {
  if (value < 0) return "-";
  switch (unit) {
    case Unit::kPerSecond:
      return fmt::format("{:.{}f}/s", value, value < 100 ? 1 : 0);
    case Unit::kCount:
      return fmt::format("{:.0f}", value);
    case Unit::kMicroseconds:
      return FormatLatency(base::Duration(static_cast<int64_t>(std::min(value, 1e12) * 1000)));
  }
  return {};
}

const char* UnitName(Unit unit) {
  switch (unit) {
    case Unit::kPerSecond:
      return "per_s";
    case Unit::kCount:
      return "count";
    case Unit::kMicroseconds:
      return "us";
  }
  return "";
}

// What makes two reports hard to compare; nothing is refused for it.
void NoteDifferences(Console& console, const std::string& a_text, const std::string& b_text) {
  const auto a = base::ParseJson(a_text), b = base::ParseJson(b_text);
  for (const char* field : {"function", "mode", "connections", "rate", "interval_s"}) {
    const std::string one = Text(*a, field), other = Text(*b, field);
    if (one == other) continue;
    console.err << fmt::format("note: they differ in {}: {} and {}\n", field, Printable(one),
                               Printable(other));
  }
}

std::string ToJson(const std::string& a, const std::string& b,
                   const std::vector<ComparedFigure>& figures) {
  const auto number = [](double value) {
    return value < 0 ? base::OrderedJson() : base::OrderedJson(value);
  };
  base::OrderedJson list = base::OrderedJson::array();
  for (const ComparedFigure& each : figures) {
    list.push_back({{"name", each.name},
                    {"unit", UnitName(each.unit)},
                    {"a", number(each.a)},
                    {"b", number(each.b)},
                    {"ratio", number(each.ratio())}});
  }
  const base::OrderedJson json = {
      {"schema", "hearth.bench-compare/1"}, {"a", a}, {"b", b}, {"figures", std::move(list)}};
  return json.dump(2, ' ', false, base::OrderedJson::error_handler_t::replace) + "\n";
}

}  // namespace

std::expected<std::vector<ComparedFigure>, std::string> CompareReports(const std::string& a_name,
                                                                       const std::string& a,
                                                                       const std::string& b_name,
                                                                       const std::string& b) {
  const auto first = ReadReport(a_name, a);
  if (!first) return std::unexpected(first.error());
  const auto second = ReadReport(b_name, b);
  if (!second) return std::unexpected(second.error());
  return Comparison(*first, *second).Run();
}

int RunBenchCompare(Console& console, const std::string& a_file, const std::string& b_file) {
  std::string texts[2];
  for (size_t i = 0; i < 2; ++i) {
    const std::string& file = i == 0 ? a_file : b_file;
    auto text = base::ReadFile(file);
    if (!text) {
      return FailUsage(console, fmt::format("cannot read {}: {}", file, text.error().ToString()));
    }
    texts[i] = std::move(*text);
  }
  const auto figures = CompareReports(a_file, texts[0], b_file, texts[1]);
  if (!figures) return FailUsage(console, figures.error());
  NoteDifferences(console, texts[0], texts[1]);
  if (console.json) {
    console.out << ToJson(a_file, b_file, *figures);
    return kOk;
  }
  Table table({{"FIGURE"}, {"A", Align::kRight}, {"B", Align::kRight}, {"B / A", Align::kRight}});
  for (const ComparedFigure& each : *figures) {
    const double ratio = each.ratio();
    table.Add({Printable(each.name), Shown(each.a, each.unit), Shown(each.b, each.unit),
               ratio < 0 ? "-" : fmt::format("{:.2f}", ratio)});
  }
  console.out << fmt::format("A: {}\nB: {}\n\n", a_file, b_file) << table.Render();
  return kOk;
}

}  // namespace hearth::cli
