// ArchiveRows: replays, and the pages that they read.
#include "triggers/events/archive_rows.h"
#include "triggers/events/errors.h"

namespace hearth::events {
namespace {

using store::Value;

constexpr int64_t kPageEvents = 200;        // Ours: of a transaction's replayed events.
constexpr size_t kPageBytes = 1024 * 1024;  // Ours; one event may be more.
constexpr int64_t kMaxActiveReplays = 10;   // AWS.
constexpr char kReplayColumns[] =
    "SELECT name, archive, description, bus, filter_arns, from_ms, to_ms, state, reason,"
    " started_ms, ended_ms, at_time_ms, at_id FROM event_replays";
constexpr char kActive[] = "state IN ('STARTING', 'RUNNING', 'CANCELLING')";

ReplayRecord ReadReplayRow(const store::Row& row) {
  ReplayRecord out{.name = std::string(row.Text(0)),
                   .archive = std::string(row.Text(1)),
                   .description = std::string(row.Text(2)),
                   .bus = std::string(row.Text(3)),
                   .from_ms = row.Int(5),
                   .to_ms = row.Int(6),
                   .state = ReplayStateOf(row.Text(7)),
                   .reason = std::string(row.Text(8)),
                   .started_ms = row.Int(9)};
  if (const auto filters = base::ParseJson(row.Text(4))) {
    for (const auto& each : *filters) out.filter_arns.push_back(each);
  }
  if (!row.IsNull(10)) out.ended_ms = row.Int(10);
  if (!row.IsNull(11)) out.last_ms = row.Int(11);
  return out;
}

}  // namespace

ArchiveRows::Result<ReplayRecord> ArchiveRows::StartReplay(ReplayRecord replay) {
  const auto archive = TRY(Find(replay.archive));
  int64_t buses = 0;
  const Value bus[] = {replay.bus};
  TRY(database_.Run("SELECT COUNT(*) FROM event_buses WHERE name = ?", bus,
                    [&](const store::Row& row) { buses = row.Int(0); }));
  int64_t active = 0;
  TRY(database_.Run(std::string("SELECT COUNT(*) FROM event_replays WHERE ") + kActive, {},
                    [&](const store::Row& row) { active = row.Int(0); }));
  if (buses == 0)
    refusal_ = NoSuchBus(replay.bus);
  else if (!archive)
    refusal_ = InvalidParameter("EventSourceArn", "Archive " + replay.archive + " does not exist.");
  else if (archive->bus != replay.bus)
    refusal_ = InvalidParameter("Destination.Arn", "Cross event bus replay is not permitted.");
  else if (TRY(FindReplay(replay.name)))
    refusal_ = AlreadyExists("Replay", replay.name);
  else if (active >= kMaxActiveReplays)
    refusal_ = LimitExceeded();
  if (refusal_) return replay;
  const Value values[] = {replay.name,
                          replay.archive,
                          replay.description,
                          replay.bus,
                          base::ToJsonText(replay.filter_arns),
                          replay.from_ms,
                          replay.to_ms,
                          std::string(NameOf(replay.state)),
                          replay.started_ms};
  TRY(
      database_.Run("INSERT INTO event_replays VALUES"
                    " (?, ?, ?, ?, ?, ?, ?, ?, '', ?, NULL, NULL, 0,"
                    " (SELECT COALESCE(MAX(id), 0) FROM archived_events))",
                    values));
  return replay;
}

ArchiveRows::Result<std::optional<ReplayRecord>> ArchiveRows::FindReplay(const std::string& name) {
  std::optional<ReplayRecord> out;
  const Value key[] = {name};
  TRY(database_.Run(std::string(kReplayColumns) + " WHERE name = ?", key,
                    [&](const store::Row& row) { out = ReadReplayRow(row); }));
  return out;
}

ArchiveRows::Result<std::vector<ReplayRecord>> ArchiveRows::ListReplays(
    const ReplayFilter& filter) {
  std::vector<ReplayRecord> out;
  const Value values[] = {filter.after, filter.prefix, filter.state, filter.archive, filter.most};
  TRY(database_.Run(std::string(kReplayColumns) +
                        " WHERE name > ?1 AND substr(name, 1, length(?2)) = ?2"
                        " AND ?3 IN ('', state) AND ?4 IN ('', archive) ORDER BY name LIMIT ?5",
                    values, [&](const store::Row& row) { out.push_back(ReadReplayRow(row)); }));
  return out;
}

ArchiveRows::Result<std::vector<ArchiveRows::Unfinished>> ArchiveRows::UnfinishedReplays() {
  std::vector<Unfinished> out;
  TRY(database_.Run(std::string(kReplayColumns) + " WHERE " + kActive, {},
                    [&](const store::Row& row) {
                      ArchiveCursor at;
                      if (!row.IsNull(11)) at = {row.Int(11), row.Int(12)};
                      out.push_back({ReadReplayRow(row), at});
                    }));
  return out;
}

ArchiveRows::Result<ReplayRecord> ArchiveRows::CancelReplay(const std::string& name) {
  auto replay = TRY(FindReplay(name));
  if (!replay) {
    refusal_ = NotFound("Replay " + name + " does not exist.");
    return ReplayRecord();
  }
  if (replay->state != ReplayState::kStarting && replay->state != ReplayState::kRunning) {
    refusal_ = {400, "IllegalStatusException",
                "Replay " + name + " is not in a valid state for this operation."};
    return ReplayRecord();
  }
  replay->state = ReplayState::kCancelling;
  const Value key[] = {name};
  TRY(database_.Run("UPDATE event_replays SET state = 'CANCELLING' WHERE name = ?", key));
  return *std::move(replay);
}

ArchiveRows::Result<void> ArchiveRows::AdvanceReplay(store::Database& database,
                                                     const std::string& name, ArchiveCursor at) {
  const Value values[] = {at.time_ms == INT64_MIN ? Value(nullptr) : Value(at.time_ms), at.id,
                          name};
  const int64_t moved =
      TRY(database.Run("UPDATE event_replays SET state = 'RUNNING', at_time_ms = ?, at_id = ?"
                       " WHERE name = ? AND state IN ('STARTING', 'RUNNING')",
                       values));
  if (moved > 0) return {};
  return base::MakeError(base::ErrorKind::kConflict, "go on with a replay", "it is cancelled");
}

ArchiveRows::Result<void> ArchiveRows::EndReplay(store::Database& database, const std::string& name,
                                                 ReplayState state, const std::string& reason,
                                                 int64_t now_ms) {
  const Value values[] = {std::string(NameOf(state)), reason, now_ms, name};
  TRY(
      database.Run("UPDATE event_replays SET state = CASE state WHEN 'CANCELLING' THEN 'CANCELLED'"
                   " ELSE ? END, reason = ?, ended_ms = ? WHERE name = ?",
                   values));
  return {};
}

ArchiveRows::Result<ArchivePage> ArchiveRows::Page(const ReplayRecord& replay,
                                                   ArchiveCursor after) {
  ArchivePage out;
  int64_t archive = 0;
  const Value name[] = {replay.archive};
  TRY(database_.Run("SELECT id FROM event_archives WHERE name = ?", name,
                    [&](const store::Row& row) { archive = row.Int(0); }));
  if (archive == 0) {
    out.is_archive_gone = true;
    return out;
  }
  const ArchiveCursor from = after.time_ms == INT64_MIN ? ArchiveCursor{replay.from_ms, 0} : after;
  size_t bytes = 0;
  bool is_full = false;
  // What came later is not of it: that may be what it tells itself.
  const Value values[] = {archive, from.time_ms, from.id, replay.to_ms, replay.name, kPageEvents};
  TRY(
      database_.Run("SELECT text, time_ms, id FROM archived_events WHERE archive = ?"
                    " AND (time_ms, id) > (?, ?) AND time_ms < ?"
                    " AND id <= (SELECT last_id FROM event_replays WHERE name = ?)"
                    " ORDER BY time_ms, id LIMIT ?",
                    values, [&](const store::Row& row) {
                      is_full = is_full || (bytes > 0 && bytes + row.Text(0).size() > kPageBytes);
                      if (is_full) return;
                      bytes += row.Text(0).size();
                      out.entries.push_back({std::string(row.Text(0)), {row.Int(1), row.Int(2)}});
                    }));
  return out;
}

}  // namespace hearth::events
