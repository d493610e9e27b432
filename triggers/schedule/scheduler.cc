#include "triggers/schedule/scheduler.h"

#include <set>
#include <utility>

#include "base/log.h"
#include "io/timer.h"
#include "triggers/schedule/schedule_changes.h"
#include "triggers/schedule/schedule_clock.h"
#include "triggers/schedule/schedule_rows.h"

namespace hearth::schedule {
namespace {

using base::Result;
using std::unexpected;
using store::Database;

constexpr auto kPause = std::chrono::seconds(1);  // After a failure of the disk.

class SqliteScheduler final : public Scheduler {
 public:
  SqliteScheduler(Parts parts, int64_t count, int64_t groups, int64_t next_id)
      : parts_(std::move(parts)),
        count_(count),
        groups_(groups),
        next_id_(next_id),
        again_(parts_.loop, io::Time::kMachine),
        clock_({.loop = parts_.loop,
                .commits = parts_.commits,
                .deliveries = parts_.deliveries,
                .account = parts_.account,
                .on_removed = [this] { --count_; }}) {}

  void Create(ScheduleRecord record, Done<ScheduleRecord> done) override {
    ScheduleRow row{.id = next_id_++, .record = std::move(record)};
    Write<MadeSchedule>(
        [row = std::move(row), now_ms = NowMs(), is_full = count_ >= kMaxSchedules](
            Database& database) { return MakeSchedule(database, row, now_ms, is_full); },
        [this, done = std::move(done)](std::expected<MadeSchedule, ApiError> made) {
          if (!made) {
            return done(unexpected(std::move(made).error()));
          }
          if (made->is_new) {
            ++count_;
            clock_.OnChange(made->row);
          }
          done(std::move(made->row.record));
        });
  }

  void Update(ScheduleRecord record, Done<ScheduleRecord> done) override {
    Write<ScheduleRow>([record = std::move(record), now_ms = NowMs()](
                           Database& database) { return ChangeSchedule(database, record, now_ms); },
                       [this, done = std::move(done)](std::expected<ScheduleRow, ApiError> row) {
                         if (!row) {
                           return done(unexpected(std::move(row).error()));
                         }
                         clock_.OnChange(*row);
                         done(std::move(row->record));
                       });
  }

  void Delete(const ScheduleKey& key, Done<void> done) override {
    Write<ScheduleRow>([key](Database& database) { return RemoveSchedule(database, key); },
                       [this, done = std::move(done)](std::expected<ScheduleRow, ApiError> row) {
                         if (!row) {
                           return done(unexpected(std::move(row).error()));
                         }
                         --count_;
                         clock_.OnRemoval(row->id);
                         done({});
                       });
  }

  void Find(const ScheduleKey& key, Done<ScheduleRecord> done) override {
    Read<ScheduleRow>([key](Database& database) { return FindSchedule(database, key); },
                      [done = std::move(done)](std::expected<ScheduleRow, ApiError> row) {
                        if (!row) {
                          return done(unexpected(std::move(row).error()));
                        }
                        done(std::move(row->record));
                      });
  }

  void List(ScheduleQuery query, Done<std::vector<ScheduleRecord>> done) override {
    Read<std::vector<ScheduleRecord>>(
        [query = std::move(query)](Database& database) -> Outcome<std::vector<ScheduleRecord>> {
          if (!query.group.empty() && !TRY(FindGroupRow(database, query.group))) {
            return GroupNotFound(query.group);
          }
          return TRY(ListRows(database, query));
        },
        std::move(done));
  }

  void CreateGroup(GroupRecord group, Done<GroupRecord> done) override {
    group.created_ms = NowMs();
    group.modified_ms = group.created_ms;
    Write<MadeGroup>([group = std::move(group), is_full = groups_ >= kMaxGroups](
                         Database& database) { return MakeGroup(database, group, is_full); },
                     [this, done = std::move(done)](std::expected<MadeGroup, ApiError> made) {
                       if (!made) {
                         return done(unexpected(std::move(made).error()));
                       }
                       groups_ += made->is_new ? 1 : 0;
                       done(std::move(made->group));
                     });
  }

  void FindGroup(const std::string& name, Done<GroupRecord> done) override {
    Read<GroupRecord>(
        [name](Database& database) -> Outcome<GroupRecord> {
          auto found = TRY(FindGroupRow(database, name));
          if (!found) {
            return GroupNotFound(name);
          }
          return *std::move(found);
        },
        std::move(done));
  }

  void DeleteGroup(const std::string& name, Done<void> done) override {
    if (name == kDefaultGroup) {
      return parts_.loop.Post([done = std::move(done)] {
        done(unexpected(Invalid("The default schedule group cannot be deleted.")));
      });
    }
    ChangeGroup(
        name,
        [](GroupRecord& group) -> std::optional<ApiError> {
          group.is_deleting = true;
          return std::nullopt;
        },
        [this, name, done = std::move(done)](std::expected<void, ApiError> changed) {
          if (changed) {
            Collect(name);
          }
          done(std::move(changed));
        });
  }

  void ListGroups(GroupQuery query, Done<std::vector<GroupRecord>> done) override {
    Read<std::vector<GroupRecord>>(
        [query = std::move(query)](Database& database) -> Outcome<std::vector<GroupRecord>> {
          return TRY(ListGroupRows(database, query));
        },
        std::move(done));
  }

  void ChangeTags(const std::string& group, EditTags edit, Done<void> done) override {
    ChangeGroup(
        group, [edit = std::move(edit)](GroupRecord& record) { return edit(record.tags); },
        std::move(done));
  }

  ScheduleCounters counters() const override { return clock_.counters(); }
  bool IsQuiet() const override {
    return collecting_ == 0 && uncollected_.empty() && clock_.IsQuiet();
  }

  // Deletes a group's schedules, some at a time, and then the group.
  void Collect(const std::string& name) {
    ++collecting_;
    Write<std::vector<int64_t>>(
        [name](Database& database) -> Outcome<std::vector<int64_t>> {
          return TRY(RemoveSomeOf(database, name));
        },
        [this, name](std::expected<std::vector<int64_t>, ApiError> ids) {
          --collecting_;
          if (!ids) {
            HLOG_ERROR("schedule group {} cannot be deleted yet: {}", name, ids.error().message);
            uncollected_.insert(name);
            return again_.Start(kPause, [this] { CollectAgain(); });
          }
          for (const int64_t id : *ids) {
            --count_;
            clock_.OnRemoval(id);
          }
          if (ids->empty()) {
            --groups_;
          } else {
            Collect(name);
          }
        });
  }

 private:
  void CollectAgain() {
    for (const std::string& name : std::exchange(uncollected_, {})) {
      Collect(name);
    }
  }

  int64_t NowMs() const { return base::EpochMillis(parts_.loop.service_clock().WallNow()); }

  void ChangeGroup(const std::string& name,
                   std::function<std::optional<ApiError>(GroupRecord& group)> edit,
                   Done<void> done) {
    Write<GroupRecord>(
        [name, edit = std::move(edit),
         now_ms = NowMs()](Database& database) -> Outcome<GroupRecord> {
          auto found = TRY(FindActiveGroup(database, name));
          if (auto* refusal = std::get_if<ApiError>(&found)) {
            return std::move(*refusal);
          }
          auto& group = std::get<GroupRecord>(found);
          if (auto refusal = edit(group)) {
            return *std::move(refusal);
          }
          group.modified_ms = now_ms;
          TRY(PutGroupRow(database, group));
          return std::move(group);
        },
        [done = std::move(done)](std::expected<GroupRecord, ApiError> changed) {
          done(changed ? std::expected<void, ApiError>() : unexpected(std::move(changed).error()));
        });
  }

  // `done` on the loop, unless this is gone by then.
  template <typename T>
  void Write(std::function<Outcome<T>(Database&)> work, Done<T> done) {
    auto outcome = std::make_shared<std::optional<std::variant<T, ApiError>>>();
    parts_.commits.Write(
        [outcome, work = std::move(work)](Database& database) -> Result<void> {
          *outcome = TRY(work(database));
          if (std::holds_alternative<ApiError>(**outcome)) {
            return base::Invalid("change schedules", "it was refused");
          }
          return {};
        },
        [alive = std::weak_ptr<bool>(alive_), outcome,
         done = std::move(done)](const Result<void>& committed) {
          if (alive.expired()) {
            return;
          }
          const bool is_refused = *outcome && std::holds_alternative<ApiError>(**outcome);
          if (!committed && !is_refused) {
            return done(unexpected(HostFailure(committed.error())));
          }
          Finish(std::move(**outcome), done);
        });
  }

  template <typename T>
  void Read(std::function<Outcome<T>(Database&)> work, Done<T> done) {
    parts_.commits.Load(std::move(work), [alive = std::weak_ptr<bool>(alive_),
                                          done = std::move(done)](Outcome<T> outcome) {
      if (alive.expired()) {
        return;
      }
      if (!outcome) {
        return done(unexpected(HostFailure(outcome.error())));
      }
      Finish(*std::move(outcome), done);
    });
  }

  template <typename T>
  static void Finish(std::variant<T, ApiError> outcome, const Done<T>& done) {
    if (auto* refusal = std::get_if<ApiError>(&outcome)) {
      return done(unexpected(std::move(*refusal)));
    }
    done(std::get<T>(std::move(outcome)));
  }

  const Parts parts_;
  int64_t count_;
  int64_t groups_;
  int64_t next_id_;
  int collecting_ = 0;
  std::set<std::string> uncollected_{};  // Groups whose deletion the disk refused.
  io::Timer again_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  ScheduleClock clock_;
};

}  // namespace

Result<std::unique_ptr<Scheduler>> Scheduler::Open(Parts parts) {
  Database& database = parts.database;
  if (!TRY(FindGroupRow(database, kDefaultGroup))) {
    const int64_t now_ms = base::EpochMillis(parts.loop.service_clock().WallNow());
    TRY(PutGroupRow(database,
                    {.name = kDefaultGroup, .created_ms = now_ms, .modified_ms = now_ms}));
  }
  const int64_t count = TRY(CountRows(database, "schedules"));
  const int64_t groups = TRY(CountRows(database, "schedule_groups"));
  const int64_t next_id = TRY(LargestId(database)) + 1;
  const auto deleting = TRY(ListDeletingGroups(database));
  auto scheduler = std::make_unique<SqliteScheduler>(std::move(parts), count, groups, next_id);
  for (const std::string& name : deleting) {
    scheduler->Collect(name);
  }
  return scheduler;
}

}  // namespace hearth::schedule
