// LogGroup: what is known of a log group beside its events. A value, and the text that keeps it.
//
// Source: CloudWatch Logs API 2014-03-28, shape LogGroup. Owner: the log store.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hearth::invoker {

struct LogGroup {
  std::string name;
  int64_t creation_ms = 0;      // Epoch.
  uint32_t retention_days = 0;  // Older events are removed; 0: none is.
  std::map<std::string, std::string> tags;
  // Those that CreateLogStream made, and when; an instance's stream is known by its events.
  std::map<std::string, int64_t> streams;
  // No event had this sequence, or a later one, when this was written.
  uint64_t next_sequence = 1;
};

// As group.json in the group's folder.
std::string LogGroupText(const LogGroup& group);
base::Result<LogGroup> ParseLogGroup(std::string_view text);

// [.\-_/#A-Za-z0-9]+, at most 512 characters.
bool IsLogGroupName(std::string_view name);

}  // namespace hearth::invoker
