#include "cli/status.h"

#include <fmt/format.h>

#include "base/json.h"
#include "cli/json_fields.h"
#include "cli/table.h"
#include "cli/units.h"

namespace hearth::cli {
namespace {

using base::Json;

// A host that pages for ever must not hold us for ever: 1,000 pages of 50 functions.
constexpr int kMaxPages = 1000;

std::expected<Json, Failure> AskJson(const Client& client, const std::string& path) {
  const auto response = client.Ask({.path = path});
  if (!response) return std::unexpected(response.error());
  const auto body = base::ParseJson(response->body);
  if (!body) {
    return std::unexpected(
        Failure{kHostError, fmt::format("{}{} did not answer with JSON ({}); is it hearthd?",
                                        client.endpoint(), path, body.error().ToString())});
  }
  return *body;
}

std::string Size(const Json& object, std::string_view name) {
  return FormatSize(base::Bytes(Count(object, name)));
}

std::string Join(const Json& list) {
  std::string text;
  for (const Json& item : list) {
    text += (text.empty() ? "" : "; ") +
            (item.is_string() ? item.get<std::string>() : base::ToJsonText(item));
  }
  return text;
}

void PrintInstances(Console& console, const Json& instances) {
  Table table({{"FUNCTION"},
               {"VERSION"},
               {"STATE"},
               {"PID", Align::kRight},
               {"MEMORY", Align::kRight},
               {"PEAK", Align::kRight},
               {"LIMIT", Align::kRight},
               {"AGE", Align::kRight},
               {"CALLS", Align::kRight},
               {"ID"}});
  for (const Json& each : instances) {
    const auto age = std::chrono::duration<double>(Number(each, "age_s"));
    table.Add({Text(each, "function"), Text(each, "version"), Text(each, "state"),
               Text(each, "pid"), Size(each, "memory_now"), Size(each, "memory_peak"),
               Size(each, "memory_limit"),
               FormatAge(std::chrono::duration_cast<base::Duration>(age)),
               Text(each, "invocations"), Text(each, "id")});
  }
  if (table.rows() == 0) {
    console.err << "no sandboxes; an invocation starts one: hearth invoke NAME\n";
  } else {
    console.out << table.Render();
  }
}

}  // namespace

int RunPs(const Client& client, Console& console) {
  const auto body = AskJson(client, "/_hearth/ps");
  if (!body) return Fail(console, body.error());
  if (console.json) {
    console.out << base::ToJsonText(*body) << '\n';
    return kOk;
  }
  PrintInstances(console, Field(*body, "instances"));
  std::string line;
  const Json& counters = Field(*body, "counters");
  if (counters.is_object()) {
    for (const auto& [name, value] : counters.items()) {
      std::string words = name;
      for (char& c : words) c = c == '_' ? ' ' : c;
      line += fmt::format("{}{} {}", line.empty() ? "" : ", ", base::ToJsonText(value), words);
    }
  }
  if (!line.empty()) console.out << "\nsince start: " << line << '\n';
  return kOk;
}

int RunFunctions(const Client& client, Console& console) {
  Json all = Json::array();
  std::string marker;
  for (int page = 0; page < kMaxPages; ++page) {
    std::string path = "/2015-03-31/functions/";
    if (!marker.empty()) path += "?Marker=" + PercentEncode(marker);
    const auto body = AskJson(client, path);
    if (!body) return Fail(console, body.error());
    for (const Json& function : Field(*body, "Functions")) all.push_back(function);
    marker = Text(*body, "NextMarker");
    if (marker.empty()) break;
  }
  if (console.json) {
    console.out << base::ToJsonText(all) << '\n';
    return kOk;
  }
  Table table({{"NAME"},
               {"RUNTIME"},
               {"HANDLER"},
               {"MEMORY", Align::kRight},
               {"TIMEOUT", Align::kRight},
               {"CODE", Align::kRight},
               {"MODIFIED"}});
  for (const Json& each : all) {
    table.Add({Text(each, "FunctionName"), Text(each, "Runtime"), Text(each, "Handler"),
               Text(each, "MemorySize") + " MB", Text(each, "Timeout") + " s",
               Size(each, "CodeSize"), Text(each, "LastModified")});
  }
  if (table.rows() == 0) {
    console.err << "no functions; deploy some with: hearth deploy template.yaml\n";
  } else {
    console.out << table.Render();
  }
  return kOk;
}

int RunStatus(const Client& client, Console& console) {
  const auto body = AskJson(client, "/_hearth/health");
  if (!body) return Fail(console, body.error());
  if (console.json) {
    console.out << base::ToJsonText(*body) << '\n';
    return kOk;
  }
  const Json& machine = Field(*body, "machine");
  const auto line = [&console](std::string_view name, const std::string& value) {
    if (!value.empty()) console.out << fmt::format("{:<11} {}\n", name, Printable(value));
  };
  line("hearthd", client.endpoint());
  line("status", Text(*body, "status"));
  line("version", Text(*body, "version"));
  line("region", Text(*body, "region"));
  line("account", Text(*body, "account"));
  line("functions", Text(*body, "functions"));
  line("instances", Text(*body, "instances"));
  line("cgroups", Text(machine, "cgroups"));
  line("/tmp", Text(machine, "tmp"));
  line("unenforced", Join(Field(machine, "unenforced")));
  line("notices", Join(Field(machine, "notices")));
  return kOk;
}

}  // namespace hearth::cli
