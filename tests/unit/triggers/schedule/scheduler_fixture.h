// A scheduler over a database of its own and a clock that the test moves. Its deliveries go into a
// table of the same database, in the firing's transaction: what is there after a crash is what was
// sent.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "expressions/time_zone.h"
#include "io/timer_queue.h"
#include "tests/unit/base/temporary_folder.h"
#include "triggers/schedule/scheduler.h"

namespace hearth::schedule::test {

using base::Json;

// Whose wall clock may be set.
class SettableClock final : public base::Clock {
 public:
  base::MonoTime Now() const override { return mono_; }
  base::WallTime WallNow() const override { return wall_; }
  bool is_virtual() const override { return true; }
  void Advance(base::Duration by) {
    mono_ += by;
    wall_ += by;
  }
  void Set(base::WallTime to) { wall_ = to; }

 private:
  base::MonoTime mono_{};
  base::WallTime wall_{};
};

class FakeDeliveries final : public invoker::DeliveryQueue {
 public:
  explicit FakeDeliveries(store::GroupCommit& commits) : commits_(commits) {}

  void Put(std::vector<invoker::TargetDelivery> deliveries, store::GroupCommit::Work work,
           Done done) override {
    ++puts;
    if (holds) {
      held_.push_back({std::move(deliveries), std::move(work), std::move(done)});
      return;
    }
    commits_.Write(
        [deliveries = std::move(deliveries), work = std::move(work),
         fails =
             std::exchange(fails_next, false)](store::Database& database) -> base::Result<void> {
          for (const auto& delivery : deliveries) {
            const store::Value values[] = {delivery.to.arn, delivery.to.record,
                                           delivery.accepted_ms, delivery.dead_letter_arn};
            TRY(
                database.Run("INSERT INTO sent (arn, record, accepted_ms, letters) "
                             "VALUES (?, ?, ?, ?)",
                             values));
          }
          TRY(work(database));
          if (fails) {
            return base::MakeError(base::ErrorKind::kLimit, "commit", "the disk is full");
          }
          return {};
        },
        std::move(done));
  }
  invoker::DeliveryCounters counters() const override { return {}; }
  bool IsQuiet() const override { return true; }

  void LetGo() {
    holds = false;
    for (Held& one : std::exchange(held_, {})) {
      Put(std::move(one.deliveries), std::move(one.work), std::move(one.done));
    }
  }
  size_t held() const { return held_.size(); }

  bool fails_next = false;
  bool holds = false;  // What is put waits for LetGo().
  size_t puts = 0;

 private:
  struct Held {
    std::vector<invoker::TargetDelivery> deliveries;
    store::GroupCommit::Work work;
    Done done;
  };

  std::vector<Held> held_;
  store::GroupCommit& commits_;
};

struct Sent {
  std::string at;  // When it was due: "2026-11-28 12:00:00"
  std::string record;
  bool has_dead_letters = false;
};

class SchedulerTest : public testing::Test {
 protected:
  SchedulerTest() {
    clock.Set(At("2026-11-28 12:00:00"));
    Start();
  }
  ~SchedulerTest() override { Stop(); }

  static base::WallTime At(const std::string& text) {
    return expressions::TimeZone::Utc().FromCivil(CivilOf(text)).at;
  }
  static std::string Text(int64_t millis) {
    std::string text =
        base::FormatIso8601(base::WallTime(std::chrono::milliseconds(millis))).substr(0, 19);
    text[10] = ' ';
    return text;
  }

  void Start() {
    std::vector<store::Migration> migrations = ScheduleMigrations();
    migrations.push_back({"sent",
                          "CREATE TABLE sent (id INTEGER PRIMARY KEY, arn TEXT, record TEXT, "
                          "accepted_ms INTEGER, letters TEXT)"});
    database = MUST(store::Database::Open(folder / "events.db", migrations));
    writer = std::make_unique<io::Offload>(loop, 1);
    commits = std::make_unique<store::GroupCommit>(loop, *database, *writer);
    deliveries = std::make_unique<FakeDeliveries>(*commits);
    scheduler = MUST(Scheduler::Open({.loop = loop,
                                      .database = *database,
                                      .commits = *commits,
                                      .deliveries = *deliveries,
                                      .account = {}}));
  }
  // What is being written is written; nobody is told.
  void Stop() {
    scheduler.reset();
    deliveries.reset();
    commits.reset();
    writer.reset();
    database.reset();
    loop.RunOnce();
  }
  void Restart() {
    Stop();
    Start();
    Settle();
  }

  void Settle() {
    loop.RunUntil([this] { return scheduler->IsQuiet() && commits->IsQuiet(); });
  }
  // Stops at each moment at which something is due.
  void Pass(base::Duration by) {
    const base::MonoTime target = clock.Now() + by;
    for (;;) {
      Settle();
      const auto next = loop.timers(io::Time::kService).next();
      if (!next || *next > target) break;
      if (*next > clock.Now()) clock.Advance(*next - clock.Now());
      loop.ClockMoved();
      loop.RunOnce();
    }
    clock.Advance(target - clock.Now());
    Settle();
  }

  static Json Body(const std::string& expression) {
    return {{"ScheduleExpression", expression},
            {"FlexibleTimeWindow", {{"Mode", "OFF"}}},
            {"Target",
             {{"Arn", "arn:aws:lambda:us-east-1:000000000000:function:F"},
              {"RoleArn", "arn:aws:iam::000000000000:role/R"},
              {"Input", "\"<aws.scheduler.scheduled-time>\""}}}};
  }
  ScheduleRecord Record(const std::string& name, const Json& body) {
    auto record = ReadSchedule(body, name, base::EpochMillis(clock.WallNow()));
    CHECK(record.has_value());
    return *std::move(record);
  }

  template <typename T>
  Scheduler::Done<T> Into(std::optional<std::expected<T, ApiError>>& out) {
    return [&out](std::expected<T, ApiError> result) { out.emplace(std::move(result)); };
  }
  template <typename T, typename Call>
  std::expected<T, ApiError> Wait(const Call& call) {
    std::optional<std::expected<T, ApiError>> out;
    call(Into(out));
    loop.RunUntil([&out] { return out.has_value(); });
    return *std::move(out);
  }
  std::expected<ScheduleRecord, ApiError> Create(const std::string& name, const Json& body) {
    return Wait<ScheduleRecord>(
        [&](auto done) { scheduler->Create(Record(name, body), std::move(done)); });
  }
  std::expected<ScheduleRecord, ApiError> Update(const std::string& name, const Json& body) {
    return Wait<ScheduleRecord>(
        [&](auto done) { scheduler->Update(Record(name, body), std::move(done)); });
  }
  std::expected<void, ApiError> Delete(const std::string& name,
                                       const std::string& group = "default") {
    return Wait<void>(
        [&](auto done) { scheduler->Delete({.group = group, .name = name}, std::move(done)); });
  }
  std::expected<ScheduleRecord, ApiError> Find(const std::string& name,
                                               const std::string& group = "default") {
    return Wait<ScheduleRecord>(
        [&](auto done) { scheduler->Find({.group = group, .name = name}, std::move(done)); });
  }
  std::expected<GroupRecord, ApiError> CreateGroup(GroupRecord group) {
    return Wait<GroupRecord>([&](auto done) { scheduler->CreateGroup(group, std::move(done)); });
  }
  std::vector<std::string> Names(ScheduleQuery query) {
    const auto records = Wait<std::vector<ScheduleRecord>>(
        [&](auto done) { scheduler->List(query, std::move(done)); });
    std::vector<std::string> names;
    for (const ScheduleRecord& record : *records) {
      names.push_back(record.key.group + "/" + record.key.name);
    }
    return names;
  }

  std::vector<Sent> AllSent() {
    std::vector<Sent> sent;
    MUST(database->Run("SELECT accepted_ms, record, letters FROM sent ORDER BY id", {},
                       [&sent](const store::Row& row) {
                         sent.push_back(
                             {Text(row.Int(0)), std::string(row.Text(1)), !row.Text(2).empty()});
                       }));
    return sent;
  }
  std::vector<std::string> SentTimes() {
    std::vector<std::string> times;
    for (const Sent& one : AllSent()) times.push_back(one.at);
    return times;
  }

  hearth::test::TemporaryFolder folder;
  base::SystemClock machine;
  SettableClock clock;
  io::Loop loop{machine, clock};
  std::unique_ptr<store::Database> database;
  std::unique_ptr<io::Offload> writer;
  std::unique_ptr<store::GroupCommit> commits;
  std::unique_ptr<FakeDeliveries> deliveries;
  std::unique_ptr<Scheduler> scheduler;

 private:
  static expressions::CivilTime CivilOf(const std::string& text) {
    unsigned y, mo, d, h, mi, s;
    CHECK(std::sscanf(text.c_str(), "%u-%u-%u %u:%u:%u", &y, &mo, &d, &h, &mi, &s) == 6);
    return {.year = static_cast<int>(y),
            .month = static_cast<uint8_t>(mo),
            .day = static_cast<uint8_t>(d),
            .hour = static_cast<uint8_t>(h),
            .minute = static_cast<uint8_t>(mi),
            .second = static_cast<uint8_t>(s)};
  }
};

}  // namespace hearth::schedule::test
