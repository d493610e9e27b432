// The scheduler's tables in SQL: schedules, by key and by when they are due, and groups.
//
// Blocking, on the writer's thread; each is part of a transaction of its caller. `due_ms` is null
// where nothing is due: disabled, or at its end. `version` is another after each change of what a
// schedule says, so that a firing of what it said before does nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "store/database.h"
#include "store/due_window.h"
#include "triggers/schedule/group_record.h"
#include "triggers/schedule/schedule_record.h"
#include "triggers/schedule/scheduler.h"

namespace hearth::schedule {

struct ScheduleRow {
  int64_t id = 0;
  int64_t version = 0;
  int64_t anchor_ms = 0;
  std::optional<int64_t> occurrence_ms{};  // The next; it is kept while disabled.
  std::optional<int64_t> due_ms{};
  ScheduleRecord record{};
};

// Of a schedule that is due some time, what its firing needs.
struct DueRow {
  int64_t id = 0;
  int64_t due_ms = 0;
  int64_t version = 0;
  int64_t anchor_ms = 0;
  int64_t occurrence_ms = 0;
  std::string definition{};  // JSON text, as ToJson writes it.
  size_t bytes() const { return sizeof(DueRow) + definition.size(); }
};

// nullopt: there is none.
base::Result<std::optional<ScheduleRow>> FindRow(store::Database& database, const ScheduleKey& key);
base::Result<void> InsertRow(store::Database& database, const ScheduleRow& row);
base::Result<void> UpdateRow(store::Database& database, const ScheduleRow& row);
base::Result<void> DeleteRow(store::Database& database, int64_t id);
// Of a firing: kConflict where the row is of another version or gone. `next` as (occurrence, due);
// nullopt: it has come to its end.
using NextDue = std::optional<std::pair<int64_t, int64_t>>;
base::Result<void> MoveRow(store::Database& database, const DueRow& fired, const NextDue& next);
base::Result<void> RemoveFired(store::Database& database, const DueRow& fired);

base::Result<std::vector<ScheduleRecord>> ListRows(store::Database& database,
                                                   const ScheduleQuery& query);
base::Result<std::vector<DueRow>> ListDue(store::Database& database, store::DueKey after,
                                          size_t most);
// Ids of some of a group's schedules.
base::Result<std::vector<int64_t>> ListIdsOf(store::Database& database, const std::string& group,
                                             size_t most);
base::Result<int64_t> CountRows(store::Database& database, const char* table);
base::Result<int64_t> LargestId(store::Database& database);

base::Result<std::optional<GroupRecord>> FindGroupRow(store::Database& database,
                                                      const std::string& name);
// Inserts it, or writes it anew.
base::Result<void> PutGroupRow(store::Database& database, const GroupRecord& group);
base::Result<void> DeleteGroupRow(store::Database& database, const std::string& name);
base::Result<std::vector<GroupRecord>> ListGroupRows(store::Database& database,
                                                     const GroupQuery& query);
base::Result<std::vector<std::string>> ListDeletingGroups(store::Database& database);

// What is held of a row that is due; nullopt: it is not.
std::optional<DueRow> ToDueRow(const ScheduleRow& row);

}  // namespace hearth::schedule
