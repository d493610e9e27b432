#include "cli/stack_events.h"

#include <fmt/format.h>

#include <optional>

#include "cli/json_fields.h"
#include "cli/ndjson.h"
#include "cli/table.h"
#include "cli/units.h"

namespace hearth::cli {
namespace {

using base::Json;

// A refusal's body is kept up to here, to be worded.
constexpr size_t kMaxRefusal = 256 * 1024;

void PrintResource(Console& console, const Json& event) {
  std::string line =
      fmt::format("  {:<7} {:<24} {:<32} {}", Text(event, "action"), Text(event, "logical_id"),
                  Text(event, "type"), Text(event, "status"));
  const std::string reason = Text(event, "reason");
  if (!reason.empty()) line += ": " + reason;
  console.err << Printable(line) << std::endl;
}

void PrintOutputs(Console& console, const Json& outputs) {
  if (!outputs.is_object() || outputs.empty()) return;
  Table table({{"OUTPUT"}, {"VALUE"}});
  for (const auto& [name, value] : outputs.items()) {
    std::string text;
    if (value.is_object()) {
      text = Text(value, "value");
    } else {
      text = value.is_string() ? value.get<std::string>() : base::ToJsonText(value);
    }
    table.Add({name, text});
  }
  console.out << table.Render();
}

int Conclude(Console& console, const StackRun& run, const Json& done) {
  const std::string status = Text(done, "status");
  const bool succeeded = status == "succeeded";
  if (console.json) {
    console.out << base::ToJsonText(done) << '\n';
  } else if (succeeded) {
    PrintOutputs(console, Field(done, "outputs"));
  }
  if (!succeeded) {
    const std::string reason = Text(done, "reason");
    return Fail(console,
                {kFunctionError, fmt::format("stack {} was not {}: {}{}{}", run.stack, run.verb,
                                             status, reason.empty() ? "" : ": ", reason)});
  }
  console.err << fmt::format("Stack {} {} in {}\n", run.stack, run.verb,
                             FormatLatency(std::chrono::steady_clock::now() - run.began));
  return kOk;
}

}  // namespace

int ApplyStack(const Client& client, Console& console, Client::Call call, const StackRun& run) {
  std::optional<Json> done;
  std::string raw;  // What came first: a refusal's body is no stream of events.
  base::Result<void> read;
  NdjsonReader reader([&](const Json& event) {
    const std::string kind = Text(event, "event");
    if (kind == "resource") PrintResource(console, event);
    if (kind == "notice") console.err << "  notice  " << Printable(NoticeText(event)) << std::endl;
    if (kind == "done") done = event;
  });
  const auto take = [&](std::string_view piece) {
    raw.append(piece.substr(0, kMaxRefusal - std::min(raw.size(), kMaxRefusal)));
    // Read on after a malformed line: the status, known at the end, may make it a refusal.
    if (read) read = reader.Feed(piece);
    return true;
  };
  call.sink = take;
  auto response = client.Send(std::move(call));
  if (!response) return Fail(console, response.error());
  if (!response->body.empty()) take(response->body);
  if (response->status >= 400) {
    response->body = std::move(raw);
    return Fail(console, run.explain(*response));
  }
  if (read) read = reader.Finish();
  if (!read) return Fail(console, {kHostError, read.error().ToString()});
  if (!done) {
    return Fail(console,
                {kHostError, fmt::format("hearthd's answer ended before stack {} was {}; see: "
                                         "hearth stacks, and hearthd's own log",
                                         run.stack, run.verb)});
  }
  return Conclude(console, run, *done);
}

std::string NoticeText(const Json& notice) {
  if (notice.is_string()) return notice.get<std::string>();
  const uint64_t line = Count(notice, "line");
  const std::string message = Text(notice, "message");
  return line == 0 ? message : fmt::format("line {}: {}", line, message);
}

}  // namespace hearth::cli
