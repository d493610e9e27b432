#include "logs/log_search.h"

#include <algorithm>
#include <charconv>

#include "base/limits.h"
#include "invoker/log_line.h"

namespace hearth::logs {
namespace {

using invoker::LogFiles;
using invoker::LogLine;

// PutLogEvents takes events up to so much ahead of their time, so that what was taken in before
// `from` less this happened before `from`.
constexpr int64_t kAheadMs = invoker::kLogEventAhead / std::chrono::milliseconds(1);

bool IsOf(const LogQuery& query, const LogLine& line) {
  if (line.sequence <= query.after || line.sequence >= query.before) return false;
  if (line.timestamp_ms < query.from_ms || line.timestamp_ms > query.to_ms) return false;
  if (!line.stream.starts_with(query.stream_prefix)) return false;
  return query.streams.empty() || std::ranges::binary_search(query.streams, line.stream);
}

class Page {
 public:
  explicit Page(size_t limit) : limit_(std::min(limit, limits::kMaxLogEventsAPage)) {}
  // False: it is full, and the event does not go in.
  bool Add(invoker::LogEvent event) {
    const size_t size = event.message.size() + kEventOverhead;
    const bool fits = page.events.empty() || bytes_ + size <= limits::kMaxLogBytesAPage;
    if (page.events.size() >= limit_ || !fits) {
      page.is_full = true;
      return false;
    }
    bytes_ += size;
    page.events.push_back(std::move(event));
    return true;
  }
  LogPage page;

 private:
  const size_t limit_;
  size_t bytes_ = 0;
};

// When the first event of a file was taken in.
std::optional<int64_t> FirstIngestion(const LogFiles::File& file) {
  std::optional<int64_t> out;
  invoker::VisitLogLines(LogFiles::Head(file), [&](const LogLine& line) {
    out = line.ingested_ms;
    return false;
  });
  return out;
}

// Those that can hold events of the query.
std::vector<LogFiles::File> FilesOf(const LogFiles& files, const LogQuery& query) {
  std::vector<LogFiles::File> out;
  const auto all = files.List(query.group);
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].first_sequence >= query.before) break;
    if (i + 1 < all.size()) {
      // Everything here is older than what stands first in the next one.
      if (all[i + 1].first_sequence <= query.after + 1) continue;
      const auto next = query.from_ms > 0 ? FirstIngestion(all[i + 1]) : std::nullopt;
      if (next && *next + kAheadMs < query.from_ms) continue;
    }
    out.push_back(all[i]);
  }
  return out;
}

}  // namespace

LogPage SearchForward(const LogFiles& files, const LogQuery& query) {
  Page out(query.limit);
  for (const auto& file : FilesOf(files, query)) {
    invoker::VisitLogLines(LogFiles::Text(file), [&](const LogLine& line) {
      if (!IsOf(query, line)) return true;
      invoker::LogEvent event = line.ToEvent();
      if (query.pattern && !query.pattern->Matches(event.message)) return true;
      return out.Add(std::move(event));
    });
    if (out.page.is_full) break;
  }
  return std::move(out.page);
}

LogPage SearchBackward(const LogFiles& files, const LogQuery& query) {
  Page out(query.limit);
  const auto all = FilesOf(files, query);
  for (auto file = all.rbegin(); file != all.rend() && !out.page.is_full; ++file) {
    const std::string text = LogFiles::Text(*file);
    std::vector<LogLine> lines;
    invoker::VisitLogLines(text, [&](const LogLine& line) {
      if (IsOf(query, line)) lines.push_back(line);
      return true;
    });
    for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
      invoker::LogEvent event = line->ToEvent();
      if (query.pattern && !query.pattern->Matches(event.message)) continue;
      if (!out.Add(std::move(event))) break;
    }
  }
  std::ranges::reverse(out.page.events);
  return std::move(out.page);
}

std::map<std::string, StreamSummary> ScanStreams(const LogFiles& files, const std::string& group,
                                                 int64_t from_ms) {
  std::map<std::string, StreamSummary, std::less<>> out;
  auto last = out.end();
  for (const auto& file : files.List(group)) {
    invoker::VisitLogLines(LogFiles::Text(file), [&](const LogLine& line) {
      if (line.timestamp_ms < from_ms) return true;
      // Lines come in runs of one stream.
      if (last == out.end() || last->first != line.stream) {
        last = out.find(line.stream);
        if (last == out.end()) last = out.emplace(line.stream, StreamSummary()).first;
      }
      StreamSummary& stream = last->second;
      if (!stream.has_events) {
        stream = {line.ingested_ms, line.timestamp_ms, line.timestamp_ms, line.ingested_ms, true};
      }
      stream.first_event_ms = std::min(stream.first_event_ms, line.timestamp_ms);
      stream.last_event_ms = std::max(stream.last_event_ms, line.timestamp_ms);
      stream.last_ingestion_ms = std::max(stream.last_ingestion_ms, line.ingested_ms);
      return true;
    });
  }
  return {std::make_move_iterator(out.begin()), std::make_move_iterator(out.end())};
}

}  // namespace hearth::logs
