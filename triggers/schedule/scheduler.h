// Scheduler: the schedules of this host and their groups: kept on the disk, and fired when due.
//
// A change is durable before its `done`, which runs once and never inside the call. A firing is one
// transaction: its deliveries are put and the schedule goes on to its next occurrence (or ends, or
// is deleted), so that each occurrence is delivered at least once over kill -9 and a clock that
// jumps neither doubles nor loses one. What was missed is delivered late where it is younger than
// its policy's MaximumEventAgeInSeconds; else it goes to the dead-letter queue or is dropped. A
// rate counts from its StartDate, or from when its `when` was last said, and does not drift; a
// changed target or input does not start it anew. A schedule that was disabled does not catch up.
// In memory are those due next; the others cost disk alone. Loop's thread only. Source: EventBridge
// Scheduler User Guide; API reference 2021-06-30. Owner: host.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "invoker/delivery_queue.h"
#include "invoker/function.h"
#include "store/database.h"
#include "store/group_commit.h"
#include "triggers/schedule/group_record.h"
#include "triggers/schedule/schedule_record.h"

namespace hearth::schedule {

struct ScheduleQuery {
  std::string group{};   // Empty: of every group.
  std::string prefix{};  // Of the name.
  std::optional<bool> is_enabled{};
  std::optional<ScheduleKey> after{};  // In the order of group and name.
  size_t count = 100;
};
struct GroupQuery {
  std::string prefix{};
  std::string after{};
  size_t count = 100;
};

struct ScheduleCounters {
  uint64_t fired = 0;    // Occurrences that became deliveries.
  uint64_t expired = 0;  // Occurrences that were too old, without a dead-letter queue.
};

class Scheduler {
 public:
  struct Parts {
    io::Loop& loop;
    store::Database& database;  // Of `commits`; has had ScheduleMigrations.
    store::GroupCommit& commits;
    invoker::DeliveryQueue& deliveries;
    invoker::Account account;
  };
  // Blocking: called once, at start. What was missed fires from the loop's next turn on.
  static base::Result<std::unique_ptr<Scheduler>> Open(Parts parts);
  virtual ~Scheduler() = default;

  template <typename T>
  using Done = std::function<void(std::expected<T, ApiError>)>;

  // One that this `client_token` made already, and that says the same, is found, not refused.
  virtual void Create(ScheduleRecord record, Done<ScheduleRecord> done) = 0;
  virtual void Update(ScheduleRecord record, Done<ScheduleRecord> done) = 0;
  virtual void Delete(const ScheduleKey& key, Done<void> done) = 0;
  virtual void Find(const ScheduleKey& key, Done<ScheduleRecord> done) = 0;
  virtual void List(ScheduleQuery query, Done<std::vector<ScheduleRecord>> done) = 0;

  virtual void CreateGroup(GroupRecord group, Done<GroupRecord> done) = 0;
  virtual void FindGroup(const std::string& name, Done<GroupRecord> done) = 0;
  // Its schedules go, some at a time, and then the group.
  virtual void DeleteGroup(const std::string& name, Done<void> done) = 0;
  virtual void ListGroups(GroupQuery query, Done<std::vector<GroupRecord>> done) = 0;
  // `edit` runs on another thread; what it refuses leaves the tags as they were.
  using EditTags = std::function<std::optional<ApiError>(Tags& tags)>;
  virtual void ChangeTags(const std::string& group, EditTags edit, Done<void> done) = 0;

  virtual ScheduleCounters counters() const = 0;
  // Nothing is due, being changed or being deleted.
  virtual bool IsQuiet() const = 0;
};

std::vector<store::Migration> ScheduleMigrations();

// AWS: a million schedules an account and region (by default), 500 groups.
inline constexpr int64_t kMaxSchedules = 1'000'000;
inline constexpr int64_t kMaxGroups = 500;

}  // namespace hearth::schedule
