#include "triggers/schedule/schedule_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "triggers/schedule/timetable.h"

namespace hearth::schedule {
namespace {

using base::Result;
using store::Database;

// Ours: of one transaction of a group's deletion.
constexpr size_t kDeletedAtOnce = 500;

Result<Timetable> TimetableOf(const ScheduleRow& row) {
  auto timetable = Timetable::Of(row.record, row.anchor_ms, row.id);
  if (!timetable) {
    return base::Invalid("read a schedule", timetable.error());
  }
  return *std::move(timetable);
}

// Due at `first`, no earlier than `from_ms`, or not at all.
void Begin(ScheduleRow& row, const Timetable& timetable, std::optional<int64_t> first,
           int64_t from_ms) {
  row.occurrence_ms = row.record.is_enabled ? first : std::nullopt;
  row.due_ms = row.occurrence_ms
                   ? std::optional(std::max(timetable.DueOf(*row.occurrence_ms), from_ms))
                   : std::nullopt;
}

// Of a schedule that is not there.
Result<ApiError> Absent(Database& database, const ScheduleKey& key) {
  const bool has_group = TRY(FindGroupRow(database, key.group)).has_value();
  return has_group ? ScheduleNotFound(key.name) : GroupNotFound(key.group);
}

}  // namespace

Outcome<MadeSchedule> MakeSchedule(Database& database, ScheduleRow row, int64_t now_ms,
                                   bool is_full) {
  const auto group = TRY(FindActiveGroup(database, row.record.key.group));
  if (const auto* refusal = std::get_if<ApiError>(&group)) {
    return *refusal;
  }
  if (auto found = TRY(FindRow(database, row.record.key))) {
    const std::string& token = row.record.client_token;
    if (!token.empty() && token == found->record.client_token &&
        row.record.SaysTheSame(found->record)) {
      return MadeSchedule{.row = *std::move(found)};
    }
    return Conflict(fmt::format("Schedule {} already exists.", row.record.key.name));
  }
  if (is_full) {
    return QuotaExceeded(
        fmt::format("The account has its maximum of {} schedules.", kMaxSchedules));
  }
  row.record.created_ms = now_ms;
  row.record.modified_ms = now_ms;
  row.anchor_ms = now_ms;
  const Timetable timetable = TRY(TimetableOf(row));
  const auto first = timetable.FirstOfNew(now_ms);
  if (!first && timetable.is_one_time()) {
    return Invalid(fmt::format("Invalid Schedule Expression {}. (at: it is not still to come)",
                               row.record.expression));
  }
  Begin(row, timetable, first, now_ms);
  TRY(InsertRow(database, row));
  return MadeSchedule{.row = std::move(row), .is_new = true};
}

Outcome<ScheduleRow> ChangeSchedule(Database& database, ScheduleRecord record, int64_t now_ms) {
  auto found = TRY(FindRow(database, record.key));
  if (!found) {
    return TRY(Absent(database, record.key));
  }
  ScheduleRow row = *std::move(found);
  const ScheduleRecord old = std::exchange(row.record, std::move(record));
  row.record.client_token = old.client_token;
  row.record.created_ms = old.created_ms;
  row.record.modified_ms = now_ms;
  ++row.version;
  const bool goes_on = old.expression == row.record.expression &&
                       old.timezone == row.record.timezone && old.start_ms == row.record.start_ms;
  if (!goes_on) {
    row.anchor_ms = now_ms;
  }
  // What is due next is so still; one that came to its end may have got a later end.
  const bool keeps_next = goes_on && old.is_enabled && row.record.is_enabled;
  const int64_t from_ms = keeps_next ? row.occurrence_ms.value_or(now_ms + 1) : now_ms;
  const Timetable timetable = TRY(TimetableOf(row));
  Begin(row, timetable, goes_on ? timetable.FirstFrom(from_ms) : timetable.FirstOfNew(from_ms),
        from_ms);
  TRY(UpdateRow(database, row));
  return row;
}

Outcome<ScheduleRow> FindSchedule(Database& database, const ScheduleKey& key) {
  auto found = TRY(FindRow(database, key));
  if (!found) {
    return TRY(Absent(database, key));
  }
  return *std::move(found);
}

Outcome<ScheduleRow> RemoveSchedule(Database& database, const ScheduleKey& key) {
  auto found = TRY(FindRow(database, key));
  if (!found) {
    return TRY(Absent(database, key));
  }
  TRY(DeleteRow(database, found->id));
  return *std::move(found);
}

Outcome<MadeGroup> MakeGroup(Database& database, const GroupRecord& group, bool is_full) {
  if (auto found = TRY(FindGroupRow(database, group.name))) {
    if (!group.client_token.empty() && group.client_token == found->client_token &&
        group.tags == found->tags && !found->is_deleting) {
      return MadeGroup{.group = *std::move(found)};
    }
    return Conflict(fmt::format("Schedule group {} already exists.", group.name));
  }
  if (is_full) {
    return QuotaExceeded(
        fmt::format("The account has its maximum of {} schedule groups.", kMaxGroups));
  }
  TRY(PutGroupRow(database, group));
  return MadeGroup{.group = group, .is_new = true};
}

Outcome<GroupRecord> FindActiveGroup(Database& database, const std::string& name) {
  auto group = TRY(FindGroupRow(database, name));
  if (!group) {
    return GroupNotFound(name);
  }
  if (group->is_deleting) {
    return Conflict(fmt::format("Schedule group {} is being deleted.", name));
  }
  return *std::move(group);
}

Result<std::vector<int64_t>> RemoveSomeOf(Database& database, const std::string& group) {
  std::vector<int64_t> ids = TRY(ListIdsOf(database, group, kDeletedAtOnce));
  for (const int64_t id : ids) {
    TRY(DeleteRow(database, id));
  }
  if (ids.empty()) {
    TRY(DeleteGroupRow(database, group));
  }
  return ids;
}

}  // namespace hearth::schedule
