// What a change of schedules or groups does to the tables: on the writer's thread, each within a
// transaction of its caller. Values in, values out.
#pragma once

#include <string>
#include <variant>

#include "base/result.h"
#include "store/database.h"
#include "triggers/schedule/errors.h"
#include "triggers/schedule/schedule_rows.h"

namespace hearth::schedule {

// A value, or a refusal; outside: what the host could not do.
template <typename T>
using Outcome = base::Result<std::variant<T, ApiError>>;

struct MadeSchedule {
  ScheduleRow row;
  bool is_new = false;  // Else it was found: the same, of the same client token.
};
struct MadeGroup {
  GroupRecord group;
  bool is_new = false;
};

// `row`: an id and a record.
Outcome<MadeSchedule> MakeSchedule(store::Database& database, ScheduleRow row, int64_t now_ms,
                                   bool is_full);
Outcome<ScheduleRow> ChangeSchedule(store::Database& database, ScheduleRecord record,
                                    int64_t now_ms);
Outcome<ScheduleRow> FindSchedule(store::Database& database, const ScheduleKey& key);
// What it was.
Outcome<ScheduleRow> RemoveSchedule(store::Database& database, const ScheduleKey& key);

Outcome<MadeGroup> MakeGroup(store::Database& database, const GroupRecord& group, bool is_full);
// Of one that is there and not being deleted.
Outcome<GroupRecord> FindActiveGroup(store::Database& database, const std::string& name);
// Ids of schedules of the group that it has deleted, some at most; none: the group is gone, too.
base::Result<std::vector<int64_t>> RemoveSomeOf(store::Database& database,
                                                const std::string& group);

}  // namespace hearth::schedule
