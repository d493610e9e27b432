// Log events: read in a stream, searched in a group, and written by others than functions' output.
#include <algorithm>

#include "base/limits.h"
#include "logs/log_search.h"
#include "logs/logs_api.h"
#include "logs/page_token.h"

namespace hearth::logs {
namespace {

using base::Json;
using invoker::LogEvent;
using invoker::LogGroup;

constexpr int64_t kDayMs = 86'400'000;
constexpr int64_t kTooOldMs = 14 * kDayMs;  // AWS.
constexpr int64_t kTooNewMs = invoker::kLogEventAhead / std::chrono::milliseconds(1);
constexpr Members::TextRule kToken{.least = 1, .most = 4096};

Json EventJson(const LogEvent& event) {
  return {{"timestamp", event.timestamp_ms},
          {"message", event.message},
          {"ingestionTime", event.ingested_ms}};
}

size_t ReadLimit(Members& in) {
  return static_cast<size_t>(
      in.Number("limit", 1, limits::kMaxLogEventsAPage).value_or(limits::kMaxLogEventsAPage));
}

// Where the pages before and behind this one begin.
void AddTokens(Json& out, const LogPage& page, const std::optional<EventToken>& token) {
  uint64_t forward = 0, backward = 0;
  if (!page.events.empty()) {
    forward = page.events.back().sequence;
    backward = page.events.front().sequence;
  } else if (token) {
    forward = token->forward ? token->sequence : std::max<uint64_t>(token->sequence, 1) - 1;
    backward = token->forward ? token->sequence + 1 : token->sequence;
  }
  out["nextForwardToken"] = EncodeEventToken({true, forward});
  out["nextBackwardToken"] = EncodeEventToken({false, backward});
}

struct NewEvent {
  int64_t timestamp_ms = 0;
  std::string message;
};

std::vector<NewEvent> ReadEvents(Members& in) {
  std::vector<NewEvent> out;
  in.Require("logEvents");
  const Json* list = in.Any("logEvents");
  if (list == nullptr) return out;
  const auto malformed = [&](std::string why) {
    in.Refuse({400, "SerializationException", std::move(why)});
    return std::vector<NewEvent>();
  };
  if (!list->is_array()) return malformed("logEvents is to be a list");
  if (list->empty() || list->size() > limits::kMaxPutLogEvents) {
    in.Refuse(InvalidParameter(
        "1 validation error detected: Value at 'logEvents' failed to satisfy constraint: Member "
        "must have length " +
        std::string(list->empty() ? "greater than or equal to 1" : "less than or equal to 10000")));
    return out;
  }
  size_t bytes = 0;
  for (const Json& each : *list) {
    const auto time = each.is_object() ? each.find("timestamp") : each.end();
    const auto message = each.is_object() ? each.find("message") : each.end();
    if (time == each.end() || !time->is_number_integer() || message == each.end() ||
        !message->is_string()) {
      return malformed("an event has a timestamp in milliseconds and a message");
    }
    out.push_back({time->get<int64_t>(), message->get<std::string>()});
    const auto& event = out.back();
    bytes += event.message.size() + kEventOverhead;
    if (event.message.empty()) {
      in.Refuse(InvalidParameter(
          "1 validation error detected: Value '' at 'logEvents.1.member.message' failed to satisfy "
          "constraint: Member must have length greater than or equal to 1"));
    }
    if (event.message.size() > limits::kMaxLogLine) {
      in.Refuse(InvalidParameter("Log event too large: " + std::to_string(event.message.size()) +
                                 " bytes exceeds limit of " + std::to_string(limits::kMaxLogLine)));
    }
    if (out.size() > 1 && event.timestamp_ms < out[out.size() - 2].timestamp_ms) {
      in.Refuse(InvalidParameter(
          "Log events in a single PutLogEvents request must be in chronological order."));
    }
  }
  if (bytes > limits::kMaxPutLogBytes) {
    in.Refuse(InvalidParameter("Upload too large: " + std::to_string(bytes) +
                               " bytes exceeds limit of " +
                               std::to_string(limits::kMaxPutLogBytes)));
  }
  if (out.back().timestamp_ms - std::max<int64_t>(out.front().timestamp_ms, 0) > kDayMs) {
    in.Refuse(
        InvalidParameter("The batch of log events in a single PutLogEvents request cannot "
                         "span more than 24 hours."));
  }
  return out;
}

}  // namespace

void LogsApi::GetLogEvents(const CallPtr& call, Members& in) {
  LogQuery query;
  query.group = GroupName(in, true);
  const std::string stream = in.RequiredText("logStreamName", kStreamName);
  query.streams = {stream};
  query.from_ms = in.Number("startTime", 0, INT64_MAX).value_or(0);
  // The end is not within.
  if (const auto end = in.Number("endTime", 0, INT64_MAX)) query.to_ms = *end - 1;
  query.limit = ReadLimit(in);
  const bool from_head = in.Flag("startFromHead");
  in.Flag("unmask");  // Nothing is masked.
  std::optional<EventToken> token;
  if (const auto text = in.Text("nextToken", kToken)) {
    token = DecodeEventToken(*text);
    if (!token) in.Refuse(InvalidParameter("The specified nextToken is invalid."));
  }
  if (IsRefused(call, in)) return;
  const LogGroup* group = Known(call, query.group);
  if (group == nullptr) return;
  query.from_ms = std::max(query.from_ms, OldestMs(*group));
  if (token) (token->forward ? query.after : query.before) = token->sequence;
  const bool forward = token ? token->forward : from_head;
  Search(call,
         [query, token, forward,
          made = group->streams.contains(stream)](const invoker::LogFiles& files) -> Found {
           const LogPage page =
               forward ? SearchForward(files, query) : SearchBackward(files, query);
           if (page.events.empty() && !made) {
             const LogQuery any{.group = query.group, .streams = query.streams, .limit = 1};
             if (SearchForward(files, any).events.empty()) return std::unexpected(StreamNotFound());
           }
           Json events = Json::array();
           for (const LogEvent& event : page.events) events.push_back(EventJson(event));
           Json out = {{"events", std::move(events)}};
           AddTokens(out, page, token);
           return out;
         });
}

void LogsApi::FilterLogEvents(const CallPtr& call, Members& in) {
  LogQuery query;
  query.group = GroupName(in, true);
  query.streams = in.Texts("logStreamNames", 1, 100, kStreamName);
  std::ranges::sort(query.streams);
  const auto prefix = in.Text("logStreamNamePrefix", kStreamName);
  query.stream_prefix = prefix.value_or("");
  if (!query.streams.empty() && prefix) {
    in.Refuse(InvalidParameter(
        "logStreamNamePrefix and logStreamNames are mutually exclusive parameters."));
  }
  query.from_ms = in.Number("startTime", 0, INT64_MAX).value_or(0);
  query.to_ms = in.Number("endTime", 0, INT64_MAX).value_or(INT64_MAX);
  query.limit = ReadLimit(in);
  in.Flag("interleaved");  // As on AWS: always.
  in.Flag("unmask");
  if (const auto text = in.Text("filterPattern", {.most = limits::kMaxFilterPattern})) {
    auto pattern = FilterPattern::Parse(*text);
    if (pattern) {
      query.pattern = std::make_shared<const FilterPattern>(std::move(*pattern));
    } else {
      in.Refuse(InvalidParameter("Invalid filter pattern: " + pattern.error()));
    }
  }
  if (const auto text = in.Text("nextToken", kToken)) {
    const auto token = DecodeEventToken(*text);
    if (!token || !token->forward) {
      in.Refuse(InvalidParameter("The specified nextToken is invalid."));
    } else {
      query.after = token->sequence;
    }
  }
  if (IsRefused(call, in)) return;
  const LogGroup* group = Known(call, query.group);
  if (group == nullptr) return;
  query.from_ms = std::max(query.from_ms, OldestMs(*group));
  std::vector<std::string> unsure = query.streams;
  std::erase_if(unsure, [&](const auto& stream) { return group->streams.contains(stream); });
  Search(call, [query, unsure](const invoker::LogFiles& files) -> Found {
    const LogPage page = SearchForward(files, query);
    auto missing = unsure;
    Json events = Json::array();
    for (const LogEvent& event : page.events) {
      std::erase(missing, event.stream);
      Json one = EventJson(event);
      one["logStreamName"] = event.stream;
      one["eventId"] = EventId(event.timestamp_ms, event.sequence);
      events.push_back(std::move(one));
    }
    if (!missing.empty()) {
      const auto streams = ScanStreams(files, query.group, 0);
      for (const std::string& name : missing) {
        if (!streams.contains(name)) return std::unexpected(StreamNotFound());
      }
    }
    Json out = {{"events", std::move(events)}, {"searchedLogStreams", Json::array()}};
    if (page.is_full) {
      out["nextToken"] = EncodeEventToken({true, page.events.back().sequence});
    }
    return out;
  });
}

void LogsApi::PutLogEvents(const CallPtr& call, Members& in) {
  const std::string name = in.RequiredText("logGroupName", kGroupName);
  const std::string stream = in.RequiredText("logStreamName", kStreamName);
  in.Text("sequenceToken", kToken);  // As on AWS: read, and not needed.
  auto events = std::make_shared<std::vector<NewEvent>>(ReadEvents(in));
  if (IsRefused(call, in)) return;
  WithStream(call, name, stream, [this, call, name, stream, events] {
    const LogGroup* group = Known(call, name);
    if (group == nullptr) return;
    const int64_t now = base::EpochMillis(loop_.clock().WallNow());
    const int64_t expired = OldestMs(*group);
    Json rejected = Json::object();
    bool all_taken = true;
    for (size_t i = 0; i < events->size(); ++i) {
      const NewEvent& event = (*events)[i];
      if (event.timestamp_ms < expired) {
        rejected["expiredLogEventEndIndex"] = i + 1;
      } else if (event.timestamp_ms < now - kTooOldMs) {
        rejected["tooOldLogEventEndIndex"] = i + 1;
      } else if (event.timestamp_ms > now + kTooNewMs) {
        if (!rejected.contains("tooNewLogEventStartIndex")) {
          rejected["tooNewLogEventStartIndex"] = i;
        }
      } else {
        all_taken = logs_.AppendAt(name, stream, event.timestamp_ms, event.message) && all_taken;
      }
    }
    Json out = {{"nextSequenceToken", EventId(0, static_cast<uint64_t>(now))}};
    if (!rejected.empty()) out["rejectedLogEventsInfo"] = std::move(rejected);
    // Sent again as a whole, some may be there twice, as in AWS's.
    if (!all_taken) return Refuse(call, {400, "ThrottlingException", "Rate exceeded"});
    logs_.Flush(Answering(call, std::move(out)));
  });
}

}  // namespace hearth::logs
