// Archives of what comes to a bus, and replays of them, as values, and how they are read. Pure.
// Source: EventBridge API 2015-10-07, CreateArchive, UpdateArchive, StartReplay.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "triggers/events/rule.h"

namespace hearth::events {

struct ArchiveRecord {
  std::string name;
  std::string bus;
  std::string description;
  std::string pattern;         // Text; empty: every event.
  int64_t retention_days = 0;  // 0: for ever.
  int64_t created_ms = 0;
  // Of what it holds.
  int64_t events = 0;
  int64_t bytes = 0;
};

enum class ReplayState { kStarting, kRunning, kCancelling, kCompleted, kCancelled, kFailed };
std::string_view NameOf(ReplayState state);  // "STARTING"
ReplayState ReplayStateOf(std::string_view name);

struct ReplayRecord {
  std::string name;
  std::string archive;  // Its name.
  std::string description;
  std::string bus;                       // To which it goes: that of the archive.
  std::vector<std::string> filter_arns;  // Rules; none: all.
  // Events from the first moment on, before the second.
  int64_t from_ms = 0;
  int64_t to_ms = 0;
  ReplayState state = ReplayState::kStarting;
  std::string reason;
  int64_t started_ms = 0;
  std::optional<int64_t> ended_ms;
  std::optional<int64_t> last_ms;  // The time of the event that was replayed last.
};

std::string ArchiveArn(const invoker::Account& account, std::string_view name);
std::string ReplayArn(const invoker::Account& account, std::string_view name);

// The body of CreateArchive, of UpdateArchive (what is left out is nullopt), of StartReplay.
Read<ArchiveRecord> ReadArchive(const base::Json& body, const invoker::Account& account);
struct ArchiveChange {
  std::string name;
  std::optional<std::string> description;
  std::optional<std::string> pattern;
  std::optional<int64_t> retention_days;
};
Read<ArchiveChange> ReadArchiveChange(const base::Json& body);
Read<ReplayRecord> ReadReplay(const base::Json& body, const invoker::Account& account);

// The rule by which an archive gets its events: what its pattern says, and no replays.
RuleRecord RuleOfArchive(const ArchiveRecord& archive);

}  // namespace hearth::events
