// LogSearch: reads a log group's files for the Logs API. Blocking; one file in memory at a time,
// and an answer of at most a page (limits::kMaxLogEventsAPage, kMaxLogBytesAPage).
//
// Events come in the order in which they were taken in: that of time, but where PutLogEvents brings
// older ones. A sequence is a cursor: a page goes on behind or before it.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "invoker/log_files.h"
#include "logs/filter_pattern.h"

namespace hearth::logs {

constexpr size_t kEventOverhead = 26;  // AWS: of each event, beside its message.

struct LogQuery {
  std::string group;
  std::vector<std::string> streams;  // Sorted; empty: all.
  std::string stream_prefix;
  int64_t from_ms = 0;  // Both are within.
  int64_t to_ms = std::numeric_limits<int64_t>::max();
  std::shared_ptr<const FilterPattern> pattern;  // Null: everything.
  uint64_t after = 0;
  uint64_t before = std::numeric_limits<uint64_t>::max();
  size_t limit = 0;
};

struct LogPage {
  std::vector<invoker::LogEvent> events;  // Oldest first.
  bool is_full = false;                   // There may be more in that direction.
};

// The oldest events of the query; or the newest.
LogPage SearchForward(const invoker::LogFiles& files, const LogQuery& query);
LogPage SearchBackward(const invoker::LogFiles& files, const LogQuery& query);

struct StreamSummary {
  int64_t creation_ms = 0;  // Its first event's taking in, where nobody made it.
  int64_t first_event_ms = 0;
  int64_t last_event_ms = 0;
  int64_t last_ingestion_ms = 0;
  bool has_events = false;
};
// By name; those that have events no older than `from_ms`.
std::map<std::string, StreamSummary> ScanStreams(const invoker::LogFiles& files,
                                                 const std::string& group, int64_t from_ms);

}  // namespace hearth::logs
