#include "invoker/log_group.h"

#include <algorithm>

#include "base/json.h"
#include "base/limits.h"

namespace hearth::invoker {

std::string LogGroupText(const LogGroup& group) {
  return base::ToJsonText({{"name", group.name},
                           {"creation_ms", group.creation_ms},
                           {"retention_days", group.retention_days},
                           {"tags", group.tags},
                           {"streams", group.streams},
                           {"next_sequence", group.next_sequence}}) +
         "\n";
}

base::Result<LogGroup> ParseLogGroup(std::string_view text) {
  const base::Json json = TRY(base::ParseJson(text));
  try {
    return LogGroup{.name = json.at("name"),
                    .creation_ms = json.at("creation_ms"),
                    .retention_days = json.at("retention_days"),
                    .tags = json.at("tags"),
                    .streams = json.at("streams"),
                    .next_sequence = json.at("next_sequence")};
  } catch (const base::Json::exception& error) {
    return base::MakeError(base::ErrorKind::kCorrupt, "read a log group", error.what());
  }
}

bool IsLogGroupName(std::string_view name) {
  return !name.empty() && name.size() <= limits::kMaxLogGroupName &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '-' || c == '_' || c == '/' || c == '#';
         });
}

}  // namespace hearth::invoker
