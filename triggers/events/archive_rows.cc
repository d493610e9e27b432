#include "triggers/events/archive_rows.h"

#include <map>

#include "triggers/events/errors.h"

namespace hearth::events {
namespace {

using store::Value;

constexpr int64_t kDayMs = 86'400'000;
constexpr int64_t kReplayAgeMs = 90 * kDayMs;  // AWS: for how long a replay that ended is told of.
constexpr int64_t kSweepMost = 1'000;          // Ours: rows of one transaction.
constexpr int64_t kMaxArchives = 1'000;        // Ours.
constexpr char kArchiveColumns[] =
    "SELECT name, bus, description, pattern, retention_days, created_ms, events, bytes, id"
    " FROM event_archives";

ArchiveRecord ReadArchiveRow(const store::Row& row) {
  return {.name = std::string(row.Text(0)),
          .bus = std::string(row.Text(1)),
          .description = std::string(row.Text(2)),
          .pattern = std::string(row.Text(3)),
          .retention_days = row.Int(4),
          .created_ms = row.Int(5),
          .events = row.Int(6),
          .bytes = row.Int(7)};
}

}  // namespace

std::vector<store::Migration> ArchiveMigrations() {
  return {{"make event archives",
           "CREATE TABLE event_archives (id INTEGER PRIMARY KEY AUTOINCREMENT,"
           " name TEXT NOT NULL UNIQUE, bus TEXT NOT NULL, description TEXT NOT NULL,"
           " pattern TEXT NOT NULL, retention_days INTEGER NOT NULL, created_ms INTEGER NOT NULL,"
           " events INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT;"
           "CREATE TABLE archived_events (id INTEGER PRIMARY KEY AUTOINCREMENT,"
           " archive INTEGER NOT NULL, time_ms INTEGER NOT NULL, archived_ms INTEGER NOT NULL,"
           " text TEXT NOT NULL) STRICT;"
           "CREATE INDEX archived_events_by_time ON archived_events (archive, time_ms);"
           "CREATE INDEX archived_events_by_age ON archived_events (archive, archived_ms);"
           // What they held is still to go.
           "CREATE TABLE deleted_archives (id INTEGER PRIMARY KEY) STRICT;"
           "CREATE TABLE event_replays (name TEXT PRIMARY KEY, archive TEXT NOT NULL,"
           " description TEXT NOT NULL, bus TEXT NOT NULL, filter_arns TEXT NOT NULL,"
           " from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL, state TEXT NOT NULL,"
           " reason TEXT NOT NULL, started_ms INTEGER NOT NULL, ended_ms INTEGER,"
           " at_time_ms INTEGER, at_id INTEGER NOT NULL, last_id INTEGER NOT NULL) STRICT;"}};
}

ArchiveRows::Result<RuleRow> ArchiveRows::Create(const ArchiveRecord& archive) {
  if (TRY(Find(archive.name))) refusal_ = AlreadyExists("Archive", archive.name);
  int64_t count = 0;
  int64_t buses = 0;
  TRY(database_.Run("SELECT COUNT(*) FROM event_archives", {},
                    [&](const store::Row& row) { count = row.Int(0); }));
  const Value bus[] = {archive.bus};
  TRY(database_.Run("SELECT COUNT(*) FROM event_buses WHERE name = ?", bus,
                    [&](const store::Row& row) { buses = row.Int(0); }));
  if (buses == 0) refusal_ = NoSuchBus(archive.bus);
  if (count >= kMaxArchives) refusal_ = LimitExceeded();
  if (refusal_) return RuleRow();
  const Value values[] = {archive.name,           archive.bus,
                          archive.description,    archive.pattern,
                          archive.retention_days, archive.created_ms};
  TRY(
      database_.Run("INSERT INTO event_archives (name, bus, description, pattern, retention_days,"
                    " created_ms, events, bytes) VALUES (?, ?, ?, ?, ?, ?, 0, 0)",
                    values));
  int64_t id = 0;
  TRY(database_.Run("SELECT last_insert_rowid()", {},
                    [&](const store::Row& row) { id = row.Int(0); }));
  return BusRows(database_, refusal_).PutArchiveRule(RuleOfArchive(archive), id);
}

ArchiveRows::Result<std::pair<ArchiveRecord, RuleRow>> ArchiveRows::Change(
    const ArchiveChange& change) {
  auto archive = TRY(Find(change.name));
  if (!archive) {
    refusal_ = NotFound("Archive " + change.name + " does not exist.");
    return std::pair<ArchiveRecord, RuleRow>();
  }
  archive->description = change.description.value_or(archive->description);
  archive->pattern = change.pattern.value_or(archive->pattern);
  archive->retention_days = change.retention_days.value_or(archive->retention_days);
  const Value values[] = {archive->description, archive->pattern, archive->retention_days,
                          archive->name};
  TRY(
      database_.Run("UPDATE event_archives SET description = ?, pattern = ?, retention_days = ?"
                    " WHERE name = ?",
                    values));
  int64_t id = 0;
  const Value name[] = {archive->name};
  TRY(database_.Run("SELECT id FROM event_archives WHERE name = ?", name,
                    [&](const store::Row& row) { id = row.Int(0); }));
  RuleRow rule = TRY(BusRows(database_, refusal_).PutArchiveRule(RuleOfArchive(*archive), id));
  return std::pair(*std::move(archive), std::move(rule));
}

ArchiveRows::Result<int64_t> ArchiveRows::Delete(const std::string& name) {
  const auto archive = TRY(Find(name));
  if (!archive) {
    refusal_ = NotFound("Archive " + name + " does not exist.");
    return 0;
  }
  const Value key[] = {name};
  TRY(database_.Run("INSERT INTO deleted_archives SELECT id FROM event_archives WHERE name = ?",
                    key));
  // Its own, and no one's that has its name.
  int64_t rule = 0;
  TRY(
      database_.Run("DELETE FROM event_rules WHERE archive ="
                    " (SELECT id FROM event_archives WHERE name = ?) RETURNING id",
                    key, [&](const store::Row& row) { rule = row.Int(0); }));
  TRY(database_.Run("DELETE FROM event_archives WHERE name = ?", key));
  return rule;
}

ArchiveRows::Result<std::optional<ArchiveRecord>> ArchiveRows::Find(const std::string& name) {
  std::optional<ArchiveRecord> out;
  const Value key[] = {name};
  TRY(database_.Run(std::string(kArchiveColumns) + " WHERE name = ?", key,
                    [&](const store::Row& row) { out = ReadArchiveRow(row); }));
  return out;
}

ArchiveRows::Result<std::vector<ArchiveRecord>> ArchiveRows::List(const std::string& after,
                                                                  int64_t most) {
  std::vector<ArchiveRecord> out;
  const Value values[] = {after, most};
  TRY(database_.Run(std::string(kArchiveColumns) + " WHERE name > ? ORDER BY name LIMIT ?", values,
                    [&](const store::Row& row) { out.push_back(ReadArchiveRow(row)); }));
  return out;
}

ArchiveRows::Result<void> ArchiveRows::Append(store::Database& database,
                                              std::span<const ArchivedEvent> events,
                                              int64_t now_ms) {
  struct Sum {
    int64_t events = 0;
    int64_t bytes = 0;
  };
  std::map<int64_t, Sum> sums;
  for (const ArchivedEvent& event : events) {
    ++sums[event.archive].events;
    sums[event.archive].bytes += static_cast<int64_t>(event.text.size());
  }
  for (auto& [archive, sum] : sums) {
    const Value values[] = {sum.events, sum.bytes, archive};
    const int64_t changed = TRY(database.Run(
        "UPDATE event_archives SET events = events + ?, bytes = bytes + ? WHERE id = ?", values));
    if (changed == 0) sum.events = 0;
  }
  for (const ArchivedEvent& event : events) {
    if (sums[event.archive].events == 0) continue;
    const Value values[] = {event.archive, event.time_ms, now_ms, event.text};
    TRY(
        database.Run("INSERT INTO archived_events (archive, time_ms, archived_ms, text)"
                     " VALUES (?, ?, ?, ?)",
                     values));
  }
  return {};
}

// Those that were archived before that moment, at most kSweepMost; how many they were.
ArchiveRows::Result<int64_t> ArchiveRows::SweepOne(int64_t archive, int64_t before_ms) {
  std::vector<int64_t> ids;
  int64_t bytes = 0;
  const Value values[] = {archive, before_ms, kSweepMost};
  TRY(
      database_.Run("SELECT id, length(CAST(text AS BLOB)) FROM archived_events"
                    " WHERE archive = ? AND archived_ms < ? ORDER BY archived_ms LIMIT ?",
                    values, [&](const store::Row& row) {
                      ids.push_back(row.Int(0));
                      bytes += row.Int(1);
                    }));
  for (const int64_t id : ids) {
    const Value key[] = {id};
    TRY(database_.Run("DELETE FROM archived_events WHERE id = ?", key));
  }
  const auto count = static_cast<int64_t>(ids.size());
  const Value sums[] = {count, bytes, archive};
  TRY(database_.Run("UPDATE event_archives SET events = events - ?, bytes = bytes - ? WHERE id = ?",
                    sums));
  return count;
}

ArchiveRows::Result<ArchiveRows::Swept> ArchiveRows::Sweep(int64_t now_ms) {
  Swept out;
  std::vector<int64_t> deleted;
  TRY(database_.Run("SELECT id FROM deleted_archives", {},
                    [&](const store::Row& row) { deleted.push_back(row.Int(0)); }));
  for (const int64_t id : deleted) {
    if (TRY(SweepOne(id, INT64_MAX)) == kSweepMost) return Swept{.is_done = false};
    const Value key[] = {id};
    TRY(database_.Run("DELETE FROM deleted_archives WHERE id = ?", key));
  }
  std::map<int64_t, int64_t> retentions;
  TRY(database_.Run("SELECT id, retention_days FROM event_archives WHERE retention_days > 0", {},
                    [&](const store::Row& row) { retentions[row.Int(0)] = row.Int(1) * kDayMs; }));
  for (const auto& [id, retention_ms] : retentions) {
    if (TRY(SweepOne(id, now_ms - retention_ms)) == kSweepMost) return Swept{.is_done = false};
    const Value key[] = {id};
    TRY(database_.Run("SELECT MIN(archived_ms) FROM archived_events WHERE archive = ?", key,
                      [&, retention = retention_ms](const store::Row& row) {
                        if (row.IsNull(0)) return;
                        const int64_t due_ms = row.Int(0) + retention + 1;
                        out.next_ms = std::min(out.next_ms.value_or(due_ms), due_ms);
                      }));
  }
  const Value ended[] = {now_ms - kReplayAgeMs};
  TRY(database_.Run("DELETE FROM event_replays WHERE ended_ms < ?", ended));
  TRY(database_.Run("SELECT MIN(ended_ms) FROM event_replays", {}, [&](const store::Row& row) {
    if (row.IsNull(0)) return;
    const int64_t due_ms = row.Int(0) + kReplayAgeMs + 1;
    out.next_ms = std::min(out.next_ms.value_or(due_ms), due_ms);
  }));
  return out;
}

}  // namespace hearth::events
