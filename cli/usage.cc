#include "cli/usage.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "cli/json_fields.h"
#include "cli/table.h"

namespace hearth::cli {
namespace {

using base::Json;

constexpr uint64_t kFreeRequests = 1'000'000;
constexpr double kFreeGbSeconds = 400'000;
constexpr double kUsdARequest = 0.20 / 1e6;
constexpr double kUsdAGbSecond = 0.0000166667;

double GbSeconds(uint64_t mib_ms) { return static_cast<double>(mib_ms) / 1024 / 1000; }

void Print(Console& console, const std::string& month, const Json& functions, uint64_t requests,
           double gb_s, const Bill& bill) {
  Table table({{"FUNCTION"}, {"REQUESTS", Align::kRight}, {"GB-SECONDS", Align::kRight}});
  for (const Json& each : functions) {
    table.Add({Text(each, "function"), Text(each, "requests"),
               fmt::format("{:.3f}", GbSeconds(Count(each, "mib_ms")))});
  }
  if (table.rows() > 0) console.out << table.Render() << '\n';
  console.out << fmt::format(
      "{}: {} requests, {:.3f} GB-seconds\n"
      "free tier left: {} of {} requests, {:.3f} of {:.0f} GB-seconds\n"
      "beyond it, at AWS's list price: ${:.2f} (requests ${:.2f}, compute ${:.2f})\n",
      month, requests, gb_s, bill.free_requests_left, kFreeRequests, bill.free_gb_s_left,
      kFreeGbSeconds, bill.requests_usd + bill.compute_usd, bill.requests_usd, bill.compute_usd);
}

}  // namespace

Bill BillOf(uint64_t requests, double gb_s) {
  const uint64_t paid_requests = requests - std::min(requests, kFreeRequests);
  const double paid_gb_s = std::max(0.0, gb_s - kFreeGbSeconds);
  return {.free_requests_left = kFreeRequests - std::min(requests, kFreeRequests),
          .free_gb_s_left = std::max(0.0, kFreeGbSeconds - gb_s),
          .requests_usd = static_cast<double>(paid_requests) * kUsdARequest,
          .compute_usd = paid_gb_s * kUsdAGbSecond};
}

int RunUsage(const Client& client, Console& console, const UsageOptions& options) {
  const std::string query = options.month.empty() ? "" : "?month=" + PercentEncode(options.month);
  const auto response = client.Ask({.path = "/_hearth/usage" + query});
  if (!response) return Fail(console, response.error());
  const auto body = base::ParseJson(response->body);
  if (!body) {
    return Fail(console, {kHostError, "hearthd's usage is not JSON: " + body.error().ToString()});
  }
  const Json& functions = Field(*body, "functions");
  uint64_t requests = 0, mib_ms = 0;
  for (const Json& each : functions) {
    requests += Count(each, "requests");
    mib_ms += Count(each, "mib_ms");
  }
  const double gb_s = GbSeconds(mib_ms);
  const Bill bill = BillOf(requests, gb_s);
  const std::string month = Printable(Text(*body, "month"));
  if (!console.json) {
    Print(console, month, functions, requests, gb_s, bill);
    return kOk;
  }
  Json list = Json::array();
  for (const Json& each : functions) {
    list.push_back({{"function", Text(each, "function")},
                    {"requests", Count(each, "requests")},
                    {"gb_s", GbSeconds(Count(each, "mib_ms"))}});
  }
  console.out << base::ToJsonText({{"month", month},
                                   {"requests", requests},
                                   {"gb_s", gb_s},
                                   {"free_requests_left", bill.free_requests_left},
                                   {"free_gb_s_left", bill.free_gb_s_left},
                                   {"requests_usd", bill.requests_usd},
                                   {"compute_usd", bill.compute_usd},
                                   {"functions", std::move(list)}})
              << '\n';
  return kOk;
}

}  // namespace hearth::cli
