#include "triggers/schedule/schedule_rows.h"

#include <fmt/format.h>

#include "base/json.h"

namespace hearth::schedule {
namespace {

using base::Json;
using base::Result;
using store::Database;
using store::Row;
using store::Value;

Value OrNull(const std::optional<int64_t>& value) { return value ? Value(*value) : Value(nullptr); }

std::optional<int64_t> OptionalInt(const Row& row, int column) {
  return row.IsNull(column) ? std::nullopt : std::optional(row.Int(column));
}

constexpr std::string_view kRecordColumns = "s.definition, s.token, s.created_ms, s.modified_ms";

// From `column` on, kRecordColumns.
Result<ScheduleRecord> ReadRecord(const Row& row, int column) {
  const Json json = TRY(base::ParseJson(row.Text(column)));
  auto record = ReadSchedule(json, {}, std::nullopt);
  if (!record) {
    return base::MakeError(base::ErrorKind::kCorrupt, "read a schedule", record.error().message);
  }
  record->client_token = row.Text(column + 1);
  record->created_ms = row.Int(column + 2);
  record->modified_ms = row.Int(column + 3);
  return *std::move(record);
}

// The first key behind all that begin with `prefix`: of ASCII alone, as names are.
std::string BehindPrefix(const std::string& prefix) { return prefix + "\x7f"; }

// Changed no row: another has come before.
Result<void> MustChange(const Result<int64_t>& changed) {
  if (!changed) {
    return std::unexpected(changed.error());
  }
  if (*changed == 0) {
    return base::MakeError(base::ErrorKind::kConflict, "fire a schedule",
                           "it was changed meanwhile");
  }
  return {};
}

constexpr std::string_view kGroupColumns = "name, deleting, tags, token, created_ms, modified_ms";

GroupRecord ReadGroupRow(const Row& row) {
  GroupRecord group{.name = std::string(row.Text(0)),
                    .is_deleting = row.Int(1) != 0,
                    .client_token = std::string(row.Text(3)),
                    .created_ms = row.Int(4),
                    .modified_ms = row.Int(5)};
  const Json tags = base::ParseJson(row.Text(2)).value_or(Json::object());
  for (const auto& [key, value] : tags.items()) {
    group.tags[key] = value.is_string() ? value.get<std::string>() : "";
  }
  return group;
}

}  // namespace

std::vector<store::Migration> ScheduleMigrations() {
  return {{"schedules",
           "CREATE TABLE schedule_groups (name TEXT PRIMARY KEY, deleting INTEGER NOT NULL, "
           "tags TEXT NOT NULL, token TEXT NOT NULL, created_ms INTEGER NOT NULL, "
           "modified_ms INTEGER NOT NULL) WITHOUT ROWID;"
           "CREATE TABLE schedules (id INTEGER PRIMARY KEY, group_name TEXT NOT NULL, "
           "name TEXT NOT NULL, enabled INTEGER NOT NULL, definition TEXT NOT NULL, "
           "token TEXT NOT NULL, created_ms INTEGER NOT NULL, modified_ms INTEGER NOT NULL, "
           "version INTEGER NOT NULL, anchor_ms INTEGER NOT NULL, occurrence_ms INTEGER, "
           "due_ms INTEGER, UNIQUE (group_name, name));"
           "CREATE INDEX schedules_due ON schedules (due_ms, id) WHERE due_ms IS NOT NULL;"
           // Few are, and a list of them is not to look at all.
           "CREATE INDEX schedules_disabled ON schedules (group_name, name) WHERE enabled = 0;"}};
}

std::optional<DueRow> ToDueRow(const ScheduleRow& row) {
  if (!row.due_ms) {
    return std::nullopt;
  }
  return DueRow{.id = row.id,
                .due_ms = *row.due_ms,
                .version = row.version,
                .anchor_ms = row.anchor_ms,
                .occurrence_ms = row.occurrence_ms.value_or(*row.due_ms),
                .definition = base::ToJsonText(ToJson(row.record))};
}

Result<std::optional<ScheduleRow>> FindRow(Database& database, const ScheduleKey& key) {
  std::optional<Result<ScheduleRow>> found;
  const Value values[] = {key.group, key.name};
  TRY(database.Run(fmt::format("SELECT id, version, anchor_ms, occurrence_ms, due_ms, {} FROM "
                               "schedules AS s WHERE group_name = ? AND name = ?",
                               kRecordColumns),
                   values, [&found](const Row& row) {
                     auto record = ReadRecord(row, 5);
                     if (!record) {
                       found = std::unexpected(std::move(record).error());
                       return;
                     }
                     found = ScheduleRow{.id = row.Int(0),
                                         .version = row.Int(1),
                                         .anchor_ms = row.Int(2),
                                         .occurrence_ms = OptionalInt(row, 3),
                                         .due_ms = OptionalInt(row, 4),
                                         .record = *std::move(record)};
                   }));
  if (!found) {
    return std::nullopt;
  }
  return TRY(*std::move(found));
}

Result<void> InsertRow(Database& database, const ScheduleRow& row) {
  const ScheduleRecord& record = row.record;
  const Value values[] = {row.id,
                          record.key.group,
                          record.key.name,
                          int64_t{record.is_enabled},
                          base::ToJsonText(ToJson(record)),
                          record.client_token,
                          record.created_ms,
                          record.modified_ms,
                          row.version,
                          row.anchor_ms,
                          OrNull(row.occurrence_ms),
                          OrNull(row.due_ms)};
  TRY(
      database.Run("INSERT INTO schedules (id, group_name, name, enabled, definition, token, "
                   "created_ms, modified_ms, version, anchor_ms, occurrence_ms, due_ms) "
                   "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                   values));
  return {};
}

Result<void> UpdateRow(Database& database, const ScheduleRow& row) {
  const ScheduleRecord& record = row.record;
  const Value values[] = {int64_t{record.is_enabled},
                          base::ToJsonText(ToJson(record)),
                          record.client_token,
                          record.modified_ms,
                          row.version,
                          row.anchor_ms,
                          OrNull(row.occurrence_ms),
                          OrNull(row.due_ms),
                          row.id};
  TRY(
      database.Run("UPDATE schedules SET enabled = ?, definition = ?, token = ?, modified_ms = ?, "
                   "version = ?, anchor_ms = ?, occurrence_ms = ?, due_ms = ? WHERE id = ?",
                   values));
  return {};
}

Result<void> DeleteRow(Database& database, int64_t id) {
  const Value values[] = {id};
  TRY(database.Run("DELETE FROM schedules WHERE id = ?", values));
  return {};
}

Result<void> MoveRow(Database& database, const DueRow& fired, const NextDue& next) {
  const Value values[] = {next ? Value(next->first) : Value(nullptr),
                          next ? Value(next->second) : Value(nullptr), fired.id, fired.version,
                          fired.occurrence_ms};
  return MustChange(
      database.Run("UPDATE schedules SET occurrence_ms = ?, due_ms = ? "
                   "WHERE id = ? AND version = ? AND occurrence_ms = ?",
                   values));
}

Result<void> RemoveFired(Database& database, const DueRow& fired) {
  const Value values[] = {fired.id, fired.version, fired.occurrence_ms};
  return MustChange(database.Run(
      "DELETE FROM schedules WHERE id = ? AND version = ? AND occurrence_ms = ?", values));
}

Result<std::vector<ScheduleRecord>> ListRows(Database& database, const ScheduleQuery& query) {
  std::string sql = fmt::format("SELECT {} FROM ", kRecordColumns);
  std::vector<Value> values;
  if (!query.group.empty()) {
    sql += "schedules AS s WHERE s.group_name = ? AND ";
    values.emplace_back(query.group);
  } else if (!query.prefix.empty()) {
    // Group by group: the index leads to the prefix in each.
    sql += "schedule_groups AS g CROSS JOIN schedules AS s ON s.group_name = g.name WHERE ";
  } else {
    sql += "schedules AS s WHERE ";
  }
  if (!query.prefix.empty()) {
    sql += "s.name >= ? AND s.name < ? AND ";
    values.emplace_back(query.prefix);
    values.emplace_back(BehindPrefix(query.prefix));
  }
  if (query.is_enabled) {
    sql += *query.is_enabled ? "s.enabled = 1 AND " : "s.enabled = 0 AND ";
  }
  const ScheduleKey after = query.after.value_or(ScheduleKey{.group = "", .name = ""});
  const bool is_joined = query.group.empty() && !query.prefix.empty();
  const std::string_view group = is_joined ? "g.name" : "s.group_name";
  sql += fmt::format("({}, s.name) > (?, ?) ORDER BY {}, s.name LIMIT ?", group, group);
  values.emplace_back(after.group);
  values.emplace_back(after.name);
  values.emplace_back(static_cast<int64_t>(query.count));
  std::vector<ScheduleRecord> records;
  Result<void> read;
  TRY(database.Run(sql, values, [&](const Row& row) {
    auto record = ReadRecord(row, 0);
    if (record) {
      records.push_back(*std::move(record));
    } else if (read) {
      read = std::unexpected(std::move(record).error());
    }
  }));
  TRY(std::move(read));
  return records;
}

Result<std::vector<DueRow>> ListDue(Database& database, store::DueKey after, size_t most) {
  std::vector<DueRow> rows;
  const Value values[] = {after.due_ms, after.id, static_cast<int64_t>(most)};
  TRY(
      database.Run("SELECT id, due_ms, version, anchor_ms, occurrence_ms, definition FROM "
                   "schedules WHERE due_ms IS NOT NULL AND (due_ms, id) > (?, ?) "
                   "ORDER BY due_ms, id LIMIT ?",
                   values, [&rows](const Row& row) {
                     rows.push_back({.id = row.Int(0),
                                     .due_ms = row.Int(1),
                                     .version = row.Int(2),
                                     .anchor_ms = row.Int(3),
                                     .occurrence_ms = row.Int(4),
                                     .definition = std::string(row.Text(5))});
                   }));
  return rows;
}

Result<std::vector<int64_t>> ListIdsOf(Database& database, const std::string& group, size_t most) {
  std::vector<int64_t> ids;
  const Value values[] = {group, static_cast<int64_t>(most)};
  TRY(database.Run("SELECT id FROM schedules WHERE group_name = ? LIMIT ?", values,
                   [&ids](const Row& row) { ids.push_back(row.Int(0)); }));
  return ids;
}

Result<int64_t> CountRows(Database& database, const char* table) {
  int64_t count = 0;
  TRY(database.Run(fmt::format("SELECT COUNT(*) FROM {}", table), {},
                   [&count](const Row& row) { count = row.Int(0); }));
  return count;
}

Result<int64_t> LargestId(Database& database) {
  int64_t id = 0;
  TRY(database.Run("SELECT COALESCE(MAX(id), 0) FROM schedules", {},
                   [&id](const Row& row) { id = row.Int(0); }));
  return id;
}

Result<std::optional<GroupRecord>> FindGroupRow(Database& database, const std::string& name) {
  std::optional<GroupRecord> group;
  const Value values[] = {name};
  TRY(database.Run(fmt::format("SELECT {} FROM schedule_groups WHERE name = ?", kGroupColumns),
                   values, [&group](const Row& row) { group = ReadGroupRow(row); }));
  return group;
}

Result<void> PutGroupRow(Database& database, const GroupRecord& group) {
  const Value values[] = {
      group.name,         int64_t{group.is_deleting}, base::ToJsonText(Json(group.tags)),
      group.client_token, group.created_ms,           group.modified_ms};
  TRY(database.Run(fmt::format("INSERT OR REPLACE INTO schedule_groups ({}) "
                               "VALUES (?, ?, ?, ?, ?, ?)",
                               kGroupColumns),
                   values));
  return {};
}

Result<void> DeleteGroupRow(Database& database, const std::string& name) {
  const Value values[] = {name};
  TRY(database.Run("DELETE FROM schedule_groups WHERE name = ?", values));
  return {};
}

Result<std::vector<GroupRecord>> ListGroupRows(Database& database, const GroupQuery& query) {
  std::vector<GroupRecord> groups;
  const Value values[] = {query.after, query.prefix, BehindPrefix(query.prefix),
                          static_cast<int64_t>(query.count)};
  TRY(database.Run(fmt::format("SELECT {} FROM schedule_groups WHERE name > ? AND name >= ? AND "
                               "name < ? ORDER BY name LIMIT ?",
                               kGroupColumns),
                   values, [&groups](const Row& row) { groups.push_back(ReadGroupRow(row)); }));
  return groups;
}

Result<std::vector<std::string>> ListDeletingGroups(Database& database) {
  std::vector<std::string> names;
  TRY(database.Run("SELECT name FROM schedule_groups WHERE deleting != 0", {},
                   [&names](const Row& row) { names.emplace_back(row.Text(0)); }));
  return names;
}

}  // namespace hearth::schedule
