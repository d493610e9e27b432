#include "cli/logs.h"

#include <fmt/format.h>

#include <chrono>

#include "base/json.h"
#include "cli/json_fields.h"
#include "cli/table.h"

namespace hearth::cli {
namespace {

using base::Json;

constexpr int kWaitSeconds = 20;
// The host answers at kWaitSeconds at the latest; what is longer is a lost host.
constexpr auto kPatience = std::chrono::seconds(kWaitSeconds + 15);

// "2026/11/24/[$LATEST]3fa9c1d2..." -> "3fa9c1": enough to tell instances apart.
std::string ShortStream(const std::string& stream) {
  const size_t bracket = stream.rfind(']');
  return stream.substr(bracket == std::string::npos ? 0 : bracket + 1).substr(0, 6);
}

void PrintEvent(Console& console, const Json& event) {
  if (console.json) {
    console.out << base::ToJsonText(event) << '\n';
    return;
  }
  const auto since_epoch =
      std::chrono::milliseconds(static_cast<int64_t>(Count(event, "timestamp_ms")));
  std::string message = Text(event, "message");
  while (message.ends_with('\n') || message.ends_with('\r')) message.pop_back();
  std::string shown;
  for (size_t at = 0; at <= message.size();) {
    const size_t end = std::min(message.find('\n', at), message.size());
    // Continuation lines stand below the message, not below the time. Tabs are the report's own.
    if (at > 0) shown += "\n" + std::string(34, ' ');
    for (const char c : message.substr(at, end - at)) shown += c == '\t' ? ' ' : c;
    at = end + 1;
  }
  std::string safe;
  for (const char c : shown) safe += c == '\n' ? "\n" : Printable(std::string_view(&c, 1));
  console.out << fmt::format("{}  {:<6}  {}\n", base::FormatIso8601(base::WallTime(since_epoch)),
                             ShortStream(Text(event, "stream")), safe);
}

// Prints the answer's events; returns the cursor for the next question.
std::expected<uint64_t, Failure> Show(Console& console, const io::HttpResponse& response) {
  const auto body = base::ParseJson(response.body);
  if (!body) {
    return std::unexpected(
        Failure{kHostError, "hearthd's log events are not JSON: " + body.error().ToString()});
  }
  for (const Json& event : Field(*body, "events")) PrintEvent(console, event);
  console.out.flush();
  return Count(*body, "next");
}

}  // namespace

int RunLogs(const Client& client, Console& console, const LogsOptions& options) {
  const std::string path = "/_hearth/logs/" + PercentEncode(options.function);
  const auto first = client.Ask({.path = fmt::format("{}?tail={}", path, options.tail)});
  if (!first) return Fail(console, first.error());
  auto next = Show(console, *first);
  while (next && options.follow && options.go_on()) {
    const auto more =
        client.Ask({.path = fmt::format("{}?after={}&wait_s={}", path, *next, kWaitSeconds),
                    .timeout = kPatience});
    if (!more) return Fail(console, more.error());
    const uint64_t seen = *next;
    next = Show(console, *more);
    if (next) *next = std::max(*next, seen);
  }
  if (!next) return Fail(console, next.error());
  return kOk;
}

}  // namespace hearth::cli
