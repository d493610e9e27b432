#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/bench_report.h"

namespace hearth::cli {
namespace {

constexpr const char* kStyle = R"css(
:root { --bg:#fbfaf8; --card:#fff; --ink:#1d2129; --soft:#6b7280; --line:#e6e3de; --bar:#e8743b;
  --barsoft:#f6d3c0; --curve:#2f6f9f; --bad:#b3261e; }
@media (prefers-color-scheme: dark) { :root { --bg:#15171b; --card:#1d2026; --ink:#e8e6e3;
  --soft:#9aa1ac; --line:#31353d; --bar:#ef8a57; --barsoft:#5b3a2a; --curve:#7fb8e0;
  --bad:#ff8a80; } }
* { box-sizing:border-box; }
body { margin:0; background:var(--bg); color:var(--ink);
  font:15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width:980px; margin:0 auto; padding:40px 20px 60px; }
h1 { font-size:28px; margin:0; overflow-wrap:anywhere; } h2 { font-size:16px; margin:0 0 12px; }
p.sub { color:var(--soft); margin:4px 0 24px; }
section { background:var(--card); border:1px solid var(--line); border-radius:12px;
  padding:20px 22px;
  margin-bottom:18px; overflow-x:auto; }
.tiles { display:grid; grid-template-columns:repeat(auto-fit,minmax(150px,1fr)); gap:12px;
  margin-bottom:18px; }
.tile { background:var(--card); border:1px solid var(--line); border-radius:12px;
  padding:14px 18px; }
.tile b { display:block; font-size:24px; font-weight:650; font-variant-numeric:tabular-nums; }
.tile span { color:var(--soft); font-size:13px; } .bad { color:var(--bad); }
table { border-collapse:collapse; width:100%; font-variant-numeric:tabular-nums; }
th, td { text-align:right; padding:6px 8px; border-bottom:1px solid var(--line);
  white-space:nowrap; }
th { color:var(--soft); font-weight:500; font-size:13px; }
  th:first-child, td:first-child { text-align:left; }
tr:last-child td { border-bottom:0; }
svg { display:block; width:100%; height:auto; } svg text { fill:var(--soft); font-size:12px; }
.grid { stroke:var(--line); } .bar { fill:var(--bar); opacity:.75; }
.curve { fill:none; stroke:var(--curve); stroke-width:2; } .mark { stroke:var(--curve);
  stroke-dasharray:3 4; }
svg text.mk { fill:var(--curve); } .p50 { fill:var(--bar); } .p99 { fill:var(--barsoft); }
.key i { display:inline-block; width:11px; height:11px; border-radius:3px; margin:0 5px 0 14px;
  }
.key { color:var(--soft); font-size:13px; float:right; } footer { color:var(--soft);
  font-size:13px; }
)css";

std::string Escape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

double Nanos(base::Duration duration) {
  return std::max(1.0, static_cast<double>(duration.count()));
}

// The chart's frame, and latencies on its logarithmic axis.
class LogAxis {
 public:
  static constexpr double kLeft = 52, kRight = 888, kTop = 34, kBottom = 300;
  static constexpr int kBars = 76;

  explicit LogAxis(const Histogram& h)
      : low_(std::log10(Nanos(h.min())) - 0.03), high_(std::log10(Nanos(h.max())) + 0.03) {}
  double X(base::Duration value) const {
    return kLeft + (kRight - kLeft) * std::clamp(Part(value), 0.0, 1.0);
  }
  size_t Bar(base::Duration value) const {
    return static_cast<size_t>(std::clamp(Part(value) * kBars, 0.0, kBars - 1.0));
  }
  // 1, 2 and 5 times the powers of ten that lie within.
  std::vector<base::Duration> Ticks() const {
    std::vector<base::Duration> ticks;
    const bool is_wide = high_ - low_ > 3;
    for (int power = static_cast<int>(std::floor(low_)); power <= high_; ++power) {
      for (const double step : {1.0, 2.0, 5.0}) {
        const double value = std::log10(step) + power;
        if (value < low_ || value > high_ || (is_wide && step != 1.0)) continue;
        ticks.push_back(base::Duration(std::llround(step * std::pow(10.0, power))));
      }
    }
    return ticks;
  }

 private:
  double Part(base::Duration value) const {
    return (std::log10(Nanos(value)) - low_) / (high_ - low_);
  }
  double low_;
  double high_;
};

std::string Grid(const LogAxis& axis) {
  std::string svg;
  for (int percent = 0; percent <= 100; percent += 25) {
    const double y = LogAxis::kBottom - (LogAxis::kBottom - LogAxis::kTop) * percent / 100;
    svg += fmt::format(
        "<line class=grid x1={} x2={} y1={:.1f} y2={:.1f} />"
        "<text x={} y={:.1f} text-anchor=end>{} %</text>\n",
        LogAxis::kLeft, LogAxis::kRight, y, y, LogAxis::kLeft - 8, y + 4, percent);
  }
  for (const base::Duration tick : axis.Ticks()) {
    svg += fmt::format(
        "<line class=grid x1={0:.1f} x2={0:.1f} y1={1} y2={2} />"
        "<text x={0:.1f} y={3} text-anchor=middle>{4}</text>\n",
        axis.X(tick), LogAxis::kTop, LogAxis::kBottom, LogAxis::kBottom + 20, FormatLatency(tick));
  }
  return svg;
}

// Bars: share of calls by latency (scaled to the tallest); curve: share that took at most so long.
std::string DistributionChart(const Histogram& h) {
  if (h.count() == 0) return "<p>No call succeeded: there is no latency to show.</p>";
  const LogAxis axis(h);
  const double height = LogAxis::kBottom - LogAxis::kTop;
  std::vector<uint64_t> bars(LogAxis::kBars);
  std::string path = fmt::format("M{:.1f} {}", axis.X(h.min()), LogAxis::kBottom);
  uint64_t seen = 0;
  h.ForEach([&](const Histogram::Bucket& bucket) {
    const auto middle = bucket.low + (bucket.high - bucket.low) / 2;
    bars[axis.Bar(middle)] += bucket.count;
    seen += bucket.count;
    path += fmt::format(
        "L{:.1f} {:.1f}", axis.X(std::min(bucket.high, h.max())),
        LogAxis::kBottom - height * static_cast<double>(seen) / static_cast<double>(h.count()));
  });
  const auto tallest = static_cast<double>(*std::max_element(bars.begin(), bars.end()));
  const double width = (LogAxis::kRight - LogAxis::kLeft) / LogAxis::kBars;
  std::string svg =
      "<svg viewBox=\"0 0 900 330\" role=img aria-label=\"Latency distribution\">\n" + Grid(axis);
  for (size_t i = 0; i < bars.size(); ++i) {
    if (bars[i] == 0) continue;
    // A rare latency stays visible: the tail is what one looks for.
    const double tall = std::max(1.5, height * static_cast<double>(bars[i]) / tallest);
    svg += fmt::format("<rect class=bar x={:.1f} y={:.1f} width={:.1f} height={:.1f} rx=1.5 />\n",
                       LogAxis::kLeft + width * static_cast<double>(i) + 0.5,
                       LogAxis::kBottom - tall, width - 1, tall);
  }
  svg += fmt::format("<path class=curve d=\"{}\" />\n", path);
  double last_x = -100;
  for (const auto& [name, fraction] :
       {std::pair{"p50", 0.5}, std::pair{"p99", 0.99}, std::pair{"p99.9", 0.999}}) {
    const double x = axis.X(h.Percentile(fraction));
    svg += fmt::format("<line class=mark x1={0:.1f} x2={0:.1f} y1={1} y2={2} />", x, LogAxis::kTop,
                       LogAxis::kBottom);
    // Labels that would touch stand one above the other.
    const double y = x - last_x < 44 ? 12 : 27;
    svg += fmt::format("<text class=mk x={:.1f} y={} text-anchor=middle>{}</text>\n", x, y, name);
    last_x = x;
  }
  return svg + "</svg>";
}

std::string FigureRow(const std::string& name, const Histogram& h) {
  std::string row = fmt::format("<tr><td>{}</td><td>{}</td>", Escape(name), h.count());
  const bool any = h.count() > 0;
  for (const base::Duration value : {h.min(), h.Percentile(0.5), h.Percentile(0.9),
                                     h.Percentile(0.99), h.Percentile(0.999), h.max(), h.Mean()}) {
    row += "<td>" + (any ? FormatLatency(value) : std::string("&ndash;")) + "</td>";
  }
  return row + "</tr>\n";
}

std::string FigureTable(const std::string& title, const std::string& rows) {
  return "<table><tr><th>" + title +
         "</th><th>count</th><th>min</th><th>p50</th><th>p90</th><th>p99</th><th>p99.9</th>"
         "<th>max</th><th>mean</th></tr>\n" +
         rows + "</table>\n";
}

std::string StepsSection(const LoadResult& result) {
  if (result.steps.empty()) return {};
  std::string rows, svg;
  double longest = 1;
  for (const Step& step : result.steps) {
    longest = std::max(longest, Nanos(step.time.Percentile(0.99)));
  }
  double y = 6;
  for (const Step& step : result.steps) {
    rows += FigureRow(step.name, step.time);
    const double p50 = 640 * static_cast<double>(step.time.Percentile(0.5).count()) / longest;
    const double p99 = 640 * static_cast<double>(step.time.Percentile(0.99).count()) / longest;
    svg += fmt::format(
        "<text x=112 y={0:.0f} text-anchor=end>{1}</text>"
        "<rect class=p99 x=124 y={2:.0f} width={3:.1f} height=16 rx=3 />"
        "<rect class=p50 x=124 y={2:.0f} width={4:.1f} height=16 rx=3 />"
        "<text x={5:.1f} y={0:.0f}>{6}</text>\n",
        y + 13, Escape(step.name), y, p99, p50, 132 + std::max(p50, p99),
        FormatLatency(step.time.Percentile(0.5)));
    y += 26;
  }
  return fmt::format(
      "<section><span class=key><i style=\"background:var(--bar)\"></i>p50"
      "<i style=\"background:var(--barsoft)\"></i>p99</span>"
      "<h2>Where the time goes, as the host measured it</h2>\n"
      "<svg viewBox=\"0 0 900 {:.0f}\" role=img aria-label=\"Time per step\">{}</svg>"
      "{}</section>\n",
      y, svg, FigureTable("step", rows));
}

std::string ErrorsSection(const LoadResult& result) {
  if (result.failed() == 0) return {};
  std::string rows;
  for (const auto& [kind, count] : result.errors) {
    rows += fmt::format("<tr><td>{}</td><td>{}</td></tr>", Escape(kind), count);
  }
  return "<section><h2 class=bad>Errors</h2><table><tr><th>kind</th><th>calls</th></tr>" + rows +
         "</table></section>\n";
}

std::string Tile(const std::string& value, const std::string& name, bool is_bad = false) {
  return fmt::format("<div class=tile><b{}>{}</b><span>{}</span></div>", is_bad ? " class=bad" : "",
                     value, name);
}

}  // namespace

std::string ToHtml(const BenchReport& report) {
  const LoadResult& result = report.result;
  const BenchOptions& options = report.options;
  const std::string name = Escape(options.function);
  const bool is_cold = options.cold || options.burst > 0;
  std::string page = fmt::format(
      "<!doctype html>\n<html lang=en><head><meta charset=utf-8>\n<title>{0} - hearth "
      "bench</title>\n"
      "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n"
      "<meta name=color-scheme content=\"light dark\">\n<style>{1}</style></head><body><main>\n"
      "<h1>{0}</h1>\n<p class=sub>hearth bench &middot; {2} &middot; {3}</p>\n",
      name, kStyle, Escape(report.started),
      is_cold ? ModeText(options)
              : fmt::format("{}, {} connections, {}", ModeText(options), options.connections,
                            FormatLatency(options.duration)));
  page += "<div class=tiles>" + Tile(fmt::format("{:.0f}/s", result.throughput()), "throughput") +
          Tile(FormatLatency(result.all.Percentile(0.5)), "p50") +
          Tile(FormatLatency(result.all.Percentile(0.99)), "p99") +
          Tile(FormatLatency(result.all.max()), "max") +
          Tile(std::to_string(result.failed()), "errors", result.failed() > 0) + "</div>\n";
  page +=
      "<section><span class=key><i style=\"background:var(--bar)\"></i>calls"
      "<i style=\"background:var(--curve)\"></i>share at most so long</span>"
      "<h2>Latency</h2>\n" +
      DistributionChart(result.all) + "</section>\n";
  page += "<section><h2>Percentiles</h2>" +
          FigureTable("calls", FigureRow("all", result.all) + FigureRow("warm", result.warm) +
                                   FigureRow("cold", result.cold)) +
          "</section>\n";
  page += StepsSection(result) + ErrorsSection(result);
  page += fmt::format(
      "<footer>Warm-up: {} calls, left out; {} of {} cold starts happened there. {}"
      "</footer>\n</main></body></html>\n",
      result.warm_up_calls, result.cold_in_warm_up, result.cold.count(),
      options.rate > 0 ? "Latency counts from the time each call was meant to leave." : "");
  return page;
}

}  // namespace hearth::cli
