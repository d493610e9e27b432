// Log streams: an instance's begins with what it writes; others are made, and all are listed.
#include <algorithm>

#include "base/limits.h"
#include "logs/log_search.h"
#include "logs/logs_api.h"
#include "logs/page_token.h"

namespace hearth::logs {
namespace {

using base::Json;
using invoker::LogGroup;

struct StreamQuery {
  std::string prefix;
  bool by_time = false;
  bool descending = false;
  std::string after;  // The order of the last that was listed; empty: from the beginning.
  size_t limit = 50;
};

// What a stream stands at in the order that is asked for.
std::string OrderOf(const StreamQuery& query, const std::string& name,
                    const StreamSummary& stream) {
  if (!query.by_time) return name;
  const std::string digits = std::to_string(stream.last_event_ms);
  return std::string(20 - std::min<size_t>(digits.size(), 20), '0') + digits + name;
}

Json StreamJson(const std::string& name, const StreamSummary& stream,
                const std::string& group_arn) {
  Json out = {{"logStreamName", name},
              {"creationTime", stream.creation_ms},
              {"arn", group_arn + ":log-stream:" + name},
              {"storedBytes", 0}};
  if (stream.has_events) {
    out["firstEventTimestamp"] = stream.first_event_ms;
    out["lastEventTimestamp"] = stream.last_event_ms;
    out["lastIngestionTime"] = stream.last_ingestion_ms;
    out["uploadSequenceToken"] = EventId(0, static_cast<uint64_t>(stream.last_ingestion_ms));
  }
  return out;
}

Json List(const std::map<std::string, StreamSummary>& streams, const StreamQuery& query,
          const std::string& group_arn) {
  using Entry = std::pair<std::string, const std::pair<const std::string, StreamSummary>*>;
  std::vector<Entry> ordered;
  for (const auto& entry : streams) {
    if (!entry.first.starts_with(query.prefix)) continue;
    ordered.emplace_back(OrderOf(query, entry.first, entry.second), &entry);
  }
  std::ranges::sort(ordered, [&](const Entry& a, const Entry& b) {
    return query.descending ? b.first < a.first : a.first < b.first;
  });
  Json list = Json::array();
  std::string last;
  Json out = Json::object();
  for (const auto& [order, entry] : ordered) {
    if (!query.after.empty() && (query.descending ? order >= query.after : order <= query.after)) {
      continue;
    }
    if (list.size() == query.limit) {
      out["nextToken"] = EncodeToken(last);
      break;
    }
    list.push_back(StreamJson(entry->first, entry->second, group_arn));
    last = order;
  }
  out["logStreams"] = std::move(list);
  return out;
}

}  // namespace

void LogsApi::CreateLogStream(const CallPtr& call, Members& in) {
  const std::string name = in.RequiredText("logGroupName", kGroupName);
  const std::string stream = in.RequiredText("logStreamName", kStreamName);
  if (IsRefused(call, in)) return;
  const LogGroup* group = Known(call, name);
  if (group == nullptr) return;
  if (group->streams.contains(stream)) {
    return Refuse(
        call, {400, "ResourceAlreadyExistsException", "The specified log stream already exists"});
  }
  if (group->streams.size() >= limits::kMaxLogStreamsMade) {
    return Refuse(call, {400, "LimitExceededException", "Resource limit exceeded."});
  }
  logs_.Change(
      name,
      [&](LogGroup& changed) {
        changed.streams[stream] = base::EpochMillis(loop_.clock().WallNow());
      },
      Answering(call));
}

void LogsApi::DeleteLogStream(const CallPtr& call, Members& in) {
  const std::string name = in.RequiredText("logGroupName", kGroupName);
  const std::string stream = in.RequiredText("logStreamName", kStreamName);
  if (IsRefused(call, in)) return;
  WithStream(call, name, stream, [this, call, name, stream] {
    logs_.RemoveStream(name, stream,
                       [this, alive = std::weak_ptr<bool>(alive_), call, name,
                        stream](const base::Result<void>& removed) {
                         if (alive.expired()) return;
                         const LogGroup* group = logs_.Find(name);
                         const bool was_made = group != nullptr && group->streams.contains(stream);
                         if (!removed || !was_made) return Answering(call)(removed);
                         logs_.Change(
                             name, [&](LogGroup& changed) { changed.streams.erase(stream); },
                             Answering(call));
                       });
  });
}

void LogsApi::DescribeLogStreams(const CallPtr& call, Members& in) {
  const std::string name = GroupName(in, true);
  StreamQuery query;
  const auto prefix = in.Text("logStreamNamePrefix", kStreamName);
  query.prefix = prefix.value_or("");
  const std::string order = in.Text("orderBy", {.most = 64}).value_or("LogStreamName");
  query.by_time = order == "LastEventTime";
  if (!query.by_time && order != "LogStreamName") {
    in.Refuse(InvalidParameter("1 validation error detected: Value '" + order +
                               "' at 'orderBy' failed to satisfy constraint: Member must satisfy "
                               "enum value set: [LogStreamName, LastEventTime]"));
  }
  if (query.by_time && prefix) {
    in.Refuse(InvalidParameter("Cannot order by LastEventTime with a logStreamNamePrefix."));
  }
  query.descending = in.Flag("descending");
  query.limit = static_cast<size_t>(in.Number("limit", 1, 50).value_or(50));
  if (const auto token = in.Text("nextToken", {.least = 1, .most = 4096})) {
    const auto after = DecodeToken(*token);
    if (!after) in.Refuse(InvalidParameter("The specified nextToken is invalid."));
    query.after = after.value_or("");
  }
  if (IsRefused(call, in)) return;
  const LogGroup* group = Known(call, name);
  if (group == nullptr) return;
  Search(call,
         [query, name, made = group->streams, from = OldestMs(*group),
          arn = GroupArn(name)](const invoker::LogFiles& files) -> Found {
           auto streams = ScanStreams(files, name, from);
           for (const auto& [stream, creation_ms] : made) streams[stream].creation_ms = creation_ms;
           return List(streams, query, arn);
         });
}

}  // namespace hearth::logs
