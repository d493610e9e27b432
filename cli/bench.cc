#include "cli/bench.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "cli/bench_report.h"
#include "cli/invoke.h"
#include "cli/load_runner.h"

namespace hearth::cli {
namespace {

// "http://127.0.0.1:4566" -> "127.0.0.1:4566"; empty where a bare connection cannot reach it.
std::string AddressOf(std::string_view endpoint) {
  constexpr std::string_view kScheme = "http://";
  if (!endpoint.starts_with(kScheme)) return {};
  std::string address(endpoint.substr(kScheme.size()));
  if (address.find('/') != std::string::npos) return {};
  if (address.starts_with("localhost")) address.replace(0, 9, "127.0.0.1");
  const size_t colon = address.rfind(':');
  const bool has_port = colon != std::string::npos && address.find(']', colon) == std::string::npos;
  return has_port ? address : address + ":80";
}

std::shared_ptr<const std::string> MakeRequest(const std::string& address,
                                               const BenchOptions& options) {
  return std::make_shared<const std::string>(fmt::format(
      "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n"
      "{}Content-Length: {}\r\n\r\n{}",
      InvocationPath(options.function, options.qualifier), address,
      options.no_steps ? "" : "X-Hearth-Spans: 1\r\n", options.payload.size(), options.payload));
}

base::Result<void> WriteReports(const BenchReport& report) {
  if (!report.options.json_file.empty()) {
    TRY(base::WriteFileAtomically(report.options.json_file, ToJsonReport(report)));
  }
  if (!report.options.html_file.empty()) {
    TRY(base::WriteFileAtomically(report.options.html_file, ToHtml(report)));
  }
  return {};
}

}  // namespace

int RunBench(const Client& client, Console& console, const BenchOptions& options) {
  const std::string address = AddressOf(client.endpoint());
  if (address.empty()) {
    return FailUsage(console, fmt::format("bench needs an endpoint of the form http://host:port; "
                                          "{} is not",
                                          client.endpoint()));
  }
  if (const auto payload = base::ParseJson(options.payload); !payload) {
    return FailUsage(console, "--payload is not JSON: " + payload.error().ToString());
  }
  // Asked first, so that a wrong name or a host that is down is one clear error, not a million.
  const auto known = client.Ask(
      {.path =
           "/2015-03-31/functions/" + PercentEncode(options.function) + "/configuration" +
           (options.qualifier.empty() ? "" : "?Qualifier=" + PercentEncode(options.qualifier))});
  if (!known) return Fail(console, known.error());

  const base::SystemClock clock;
  console.err << fmt::format("warming up for {}, then measuring for {} ...\n",
                             FormatLatency(options.warm_up), FormatLatency(options.duration));
  BenchReport report{options, client.endpoint(), base::FormatIso8601(clock.WallNow()), {}};
  {
    io::Loop loop(clock);
    LoadRunner runner(loop, {options.connections, options.rate, options.warm_up, options.duration},
                      {address, MakeRequest(address, options)});
    auto result = runner.Run();
    if (!result) return Fail(console, {kHostError, result.error().ToString()});
    report.result = std::move(*result);
  }
  console.out << (console.json ? ToJsonReport(report) : ToText(report));
  if (const auto written = WriteReports(report); !written) {
    return FailUsage(console, "cannot write the report: " + written.error().ToString());
  }
  return report.result.failed() == 0 ? kOk : kFunctionError;
}

}  // namespace hearth::cli
