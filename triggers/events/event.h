// Event: what is put on a bus: its JSON, to be matched, and its text, made once for all who get it.
//
// Pure. Source: EventBridge User Guide, "AWS service event metadata"; API, PutEventsRequestEntry.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "aws/gateway.h"
#include "base/json.h"
#include "base/result.h"
#include "invoker/destinations.h"
#include "invoker/function.h"

namespace hearth::events {

inline constexpr size_t kMaxEntries = 10;                // AWS: of a PutEvents.
inline constexpr size_t kMaxEntriesBytes = 1024 * 1024;  // AWS: of all of them.

struct Event {
  std::string bus;  // Its name.
  std::string id;
  std::string text;
  base::Json json;
  int64_t time_ms = 0;  // Its own time.
  std::string trace_header;
  // Of a bus that has passed it on: it goes to no third one.
  bool is_forwarded = false;
};

struct EntryFault {
  std::string code;  // "InvalidArgument", "MalformedDetail", ...
  std::string message;
};

// What events are made with.
struct EventMaker {
  const invoker::Account& account;
  int64_t now_ms = 0;

  // An entry of PutEvents.
  std::expected<Event, EntryFault> FromEntry(const base::Json& entry) const;
  // What a service tells a bus: the record is its detail.
  base::Result<Event> FromService(std::string bus, const invoker::Destinations::BusEvent& head,
                                  std::string_view detail) const;
  // A rule's schedule is due.
  Event Scheduled(const std::string& rule_arn, int64_t due_ms) const;
};
// An event that is made already: another bus's, or a service's own.
base::Result<Event> ReadEvent(std::string bus, std::string text);
// The same, told again by a replay.
Event Replayed(Event event, const std::string& replay);

// As AWS counts an entry's bytes.
size_t EntryBytes(const base::Json& entry);
// "2026-11-28T17:38:05Z"
std::string EventTime(int64_t time_ms);

}  // namespace hearth::events
