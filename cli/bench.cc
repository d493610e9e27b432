#include "cli/bench.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "cli/bench_report.h"
#include "cli/invoke.h"
#include "cli/json_fields.h"
#include "cli/load_cold.h"
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
                                               const BenchOptions& options,
                                               const std::string& function) {
  return std::make_shared<const std::string>(fmt::format(
      "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n"
      "{}Content-Length: {}\r\n\r\n{}",
      InvocationPath(function, options.qualifier), address,
      options.no_steps ? "" : "X-Hearth-Spans: 1\r\n", options.payload.size(), options.payload));
}

std::vector<std::string> FunctionsOf(const BenchOptions& options) {
  std::vector<std::string> all = {options.function};
  all.insert(all.end(), options.others.begin(), options.others.end());
  return all;
}

std::expected<uint64_t, Failure> EndIdle(const Client& client, const std::string& function) {
  const auto response = client.Ask(
      {.method = "DELETE", .path = "/_hearth/functions/" + PercentEncode(function) + "/instances"});
  if (!response) return std::unexpected(response.error());
  const auto body = base::ParseJson(response->body);
  if (!body || !Field(*body, "left").is_number_unsigned()) {
    return std::unexpected(Failure{
        kHostError, fmt::format("{} did not say how many instances of {} are left; is it hearthd?",
                                client.endpoint(), function)});
  }
  return Count(*body, "left");
}

std::expected<LoadResult, Failure> MeasureCold(const Client& client, Console& console,
                                               const std::string& address,
                                               const BenchOptions& options) {
  const auto functions = FunctionsOf(options);
  ColdPlan plan{.calls = options.calls, .interval = options.interval};
  if (options.burst > 0) {
    plan = {.order = ColdPlan::Order::kAtOnce, .calls = options.burst};
    console.err << fmt::format("{} calls at once, each to a sandbox of its own ...\n",
                               options.burst);
  } else {
    console.err << fmt::format("{} cold starts, one after the other ...\n", options.calls);
  }
  ColdTarget target{.address = address};
  for (const std::string& function : functions) {
    target.requests.push_back(MakeRequest(address, options, function));
  }
  target.end_idle = [&client, &functions]() -> std::expected<uint64_t, Failure> {
    uint64_t sum = 0;
    for (const std::string& function : functions) {
      const auto left = EndIdle(client, function);
      if (!left) return left;
      sum += *left;
    }
    return sum;
  };
  const base::SystemClock clock;
  io::Loop loop(clock);
  return ColdRunner(loop, plan, std::move(target)).Run();
}

std::expected<LoadResult, Failure> MeasureWarm(Console& console, const std::string& address,
                                               const BenchOptions& options) {
  console.err << fmt::format("warming up for {}, then measuring for {} ...\n",
                             FormatLatency(options.warm_up), FormatLatency(options.duration));
  const base::SystemClock clock;
  io::Loop loop(clock);
  LoadRunner runner(loop, {options.connections, options.rate, options.warm_up, options.duration},
                    {address, MakeRequest(address, options, options.function)});
  auto result = runner.Run();
  if (!result) return std::unexpected(Failure{kHostError, result.error().ToString()});
  return std::move(*result);
}

// Asked first, so that a wrong name or a host that is down is one clear error, not a million.
std::expected<void, Failure> CheckFunctions(const Client& client, const BenchOptions& options) {
  for (const std::string& function : FunctionsOf(options)) {
    const auto known = client.Ask(
        {.path =
             "/2015-03-31/functions/" + PercentEncode(function) + "/configuration" +
             (options.qualifier.empty() ? "" : "?Qualifier=" + PercentEncode(options.qualifier))});
    if (!known) return std::unexpected(known.error());
  }
  return {};
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
  if (!options.others.empty() && options.burst == 0) {
    return FailUsage(console, "one function is measured at a time; --burst takes several names");
  }
  if (const auto known = CheckFunctions(client, options); !known) {
    return Fail(console, known.error());
  }
  BenchReport report{
      options, client.endpoint(), base::FormatIso8601(base::SystemClock().WallNow()), {}};
  auto result = options.cold || options.burst > 0 ? MeasureCold(client, console, address, options)
                                                  : MeasureWarm(console, address, options);
  if (!result) return Fail(console, result.error());
  report.result = std::move(*result);
  console.out << (console.json ? ToJsonReport(report) : ToText(report));
  if (const auto written = WriteReports(report); !written) {
    return FailUsage(console, "cannot write the report: " + written.error().ToString());
  }
  return report.result.failed() == 0 ? kOk : kFunctionError;
}

}  // namespace hearth::cli
