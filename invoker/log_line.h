// LogLine: one event as a line of a log group's files.
//
//   sequence TAB time TAB stream TAB message      '\\' and newlines of the message are escaped
//
// The time is when the event happened, in epoch milliseconds; where it was taken in at another time
// (PutLogEvents), "happened,taken in". Internal to the log store and its readers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "invoker/log_store.h"

namespace hearth::invoker {

// Views of the line it was read from.
struct LogLine {
  uint64_t sequence = 0;
  int64_t timestamp_ms = 0;
  int64_t ingested_ms = 0;
  std::string_view stream;
  std::string_view escaped;
  std::string_view whole;

  std::string Message() const;
  LogEvent ToEvent() const;
};

void AppendLogLine(std::string& to, uint64_t sequence, int64_t timestamp_ms, int64_t ingested_ms,
                   std::string_view stream, std::string_view message);
// Nothing for what is no such line.
std::optional<LogLine> ParseLogLine(std::string_view line);

// Calls `visit` with each whole line of a file's text, until it returns false. What a crash cut
// short, and what is no line, is left out.
template <typename Visit>
void VisitLogLines(std::string_view text, Visit visit) {
  while (true) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return;
    if (const auto line = ParseLogLine(text.substr(0, end)); line && !visit(*line)) return;
    text.remove_prefix(end + 1);
  }
}

}  // namespace hearth::invoker
