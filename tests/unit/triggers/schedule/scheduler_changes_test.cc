// Schedules and groups as they are made, found, listed, changed and deleted.
#include "tests/unit/triggers/schedule/scheduler_fixture.h"

namespace hearth::schedule {
namespace {

using test::Json;
using test::SchedulerTest;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;

TEST_F(SchedulerTest, WhatIsMadeIsFoundAsItWasSaidAlsoAfterARestart) {
  Json body = Body("cron(0 0 1 1 ? *)");
  body["Description"] = "caf\u00e9";
  body["ScheduleExpressionTimezone"] = "Europe/Berlin";
  body["EndDate"] = 1'900'000'000.5;
  body["State"] = "DISABLED";
  const auto made = Create("s", body);
  ASSERT_TRUE(made.has_value());
  Restart();
  const auto found = Find("s");
  ASSERT_TRUE(found.has_value());
  EXPECT_TRUE(found->SaysTheSame(*made));
  EXPECT_EQ(found->created_ms, base::EpochMillis(At("2026-11-28 12:00:00")));
  EXPECT_EQ(found->end_ms, 1'900'000'000'500);
}

TEST_F(SchedulerTest, ANameIsTakenOnceUnlessTheSameTokenSaysTheSame) {
  Json body = Body("rate(1 day)");
  body["ClientToken"] = "one";
  ASSERT_TRUE(Create("s", body));
  EXPECT_TRUE(Create("s", body)) << "the client did not hear the answer";
  Restart();
  EXPECT_TRUE(Create("s", body));
  body["ClientToken"] = "two";
  auto refused = Create("s", body);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().type, "ConflictException");
  EXPECT_EQ(refused.error().message, "Schedule s already exists.");
  body["ClientToken"] = "one";
  body["Description"] = "another";
  EXPECT_FALSE(Create("s", body));
  body.erase("ClientToken");
  EXPECT_FALSE(Create("s", body));
  Pass(1h);
  EXPECT_THAT(AllSent(), SizeIs(1));
}

TEST_F(SchedulerTest, AnUpdateSaysEverythingAnew) {
  Json body = Body("rate(1 day)");
  body["Description"] = "old";
  body["State"] = "DISABLED";
  body["ActionAfterCompletion"] = "DELETE";
  ASSERT_TRUE(Create("s", body));
  clock.Advance(1min);
  ASSERT_TRUE(Update("s", Body("rate(2 days)")));
  const auto found = Find("s");
  EXPECT_EQ(found->description, "");
  EXPECT_TRUE(found->is_enabled);
  EXPECT_FALSE(found->deletes_itself);
  EXPECT_EQ(found->modified_ms - found->created_ms, 60'000);
}

TEST_F(SchedulerTest, WhatIsNotThereIsNamed) {
  EXPECT_EQ(Find("s").error().message, "Schedule s does not exist.");
  EXPECT_EQ(Delete("s").error().message, "Schedule s does not exist.");
  EXPECT_EQ(Update("s", Body("rate(1 day)")).error().message, "Schedule s does not exist.");
  EXPECT_EQ(Find("s", "g").error().message, "Schedule group g does not exist.");
  Json body = Body("rate(1 day)");
  body["GroupName"] = "g";
  const auto refused = Create("s", body);
  EXPECT_EQ(refused.error().type, "ResourceNotFoundException");
  EXPECT_EQ(refused.error().message, "Schedule group g does not exist.");
}

TEST_F(SchedulerTest, AListIsInOrderAndFiltered) {
  ASSERT_TRUE(CreateGroup({.name = "b"}));
  for (const std::string name : {"x2", "x1", "y"}) {
    Json body = Body("cron(0 0 1 1 ? *)");
    body["State"] = name == "x2" ? "DISABLED" : "ENABLED";
    ASSERT_TRUE(Create(name, body));
    body["GroupName"] = "b";
    ASSERT_TRUE(Create(name, body));
  }
  EXPECT_THAT(Names({}),
              ElementsAre("b/x1", "b/x2", "b/y", "default/x1", "default/x2", "default/y"));
  EXPECT_THAT(Names({.group = "b", .prefix = "x"}), ElementsAre("b/x1", "b/x2"));
  EXPECT_THAT(Names({.is_enabled = false}), ElementsAre("b/x2", "default/x2"));
  EXPECT_THAT(Names({.prefix = "x", .after = ScheduleKey{.group = "b", .name = "x1"}}),
              ElementsAre("b/x2", "default/x1", "default/x2"));
  EXPECT_THAT(Names({.prefix = "x", .is_enabled = true}), ElementsAre("b/x1", "default/x1"));
  EXPECT_THAT(Names({.after = ScheduleKey{.group = "b", .name = "x2"}, .count = 2}),
              ElementsAre("b/y", "default/x1"));
}

TEST_F(SchedulerTest, AGroupGoesWithItsSchedules) {
  ASSERT_TRUE(CreateGroup({.name = "g"}));
  int made = 0;
  for (int i = 0; i < 1200; ++i) {
    Json body = Body("rate(1 minute)");
    body["GroupName"] = "g";
    scheduler->Create(Record("s" + std::to_string(i), body), [&made](const auto&) { ++made; });
  }
  ASSERT_TRUE(Create("other", Body("cron(0 0 1 1 ? *)")));
  loop.RunUntil([&] { return made == 1200; });
  Settle();
  std::optional<std::expected<void, ApiError>> deleted;
  scheduler->DeleteGroup("g", Into(deleted));
  loop.RunUntil([&] { return deleted.has_value(); });
  ASSERT_TRUE(deleted->has_value());
  const auto group = Wait<GroupRecord>([&](auto done) { scheduler->FindGroup("g", done); });
  EXPECT_TRUE(!group || group->is_deleting);
  Restart();
  EXPECT_THAT(Names({}), ElementsAre("default/other"));
  const auto gone = Wait<GroupRecord>([&](auto done) { scheduler->FindGroup("g", done); });
  EXPECT_EQ(gone.error().message, "Schedule group g does not exist.");
  const size_t sent = AllSent().size();
  Pass(10min);
  EXPECT_EQ(AllSent().size(), sent);
  EXPECT_TRUE(CreateGroup({.name = "g"})) << "the name is free again";
}

TEST_F(SchedulerTest, AGroupsDeletionThatTheDiskRefusesIsTriedAgain) {
  for (const std::string name : {"g", "h"}) {
    ASSERT_TRUE(CreateGroup({.name = name}));
    Json body = Body("cron(0 0 1 1 ? *)");
    body["GroupName"] = name;
    ASSERT_TRUE(Create("s", body));
  }
  Settle();
  MUST(database->Run(
      "CREATE TRIGGER full BEFORE DELETE ON schedules BEGIN SELECT RAISE(ABORT, 'full'); END"));
  for (const std::string name : {"g", "h"}) {
    ASSERT_TRUE(Wait<void>([&](auto done) { scheduler->DeleteGroup(name, done); }));
  }
  // Behind the deletions' own writes.
  const auto group = Wait<GroupRecord>([&](auto done) { scheduler->FindGroup("g", done); });
  ASSERT_TRUE(group && group->is_deleting);
  loop.RunUntil([this] { return commits->IsQuiet(); });
  EXPECT_FALSE(scheduler->IsQuiet());
  MUST(database->Run("DROP TRIGGER full"));
  Settle();
  EXPECT_THAT(Names({}), IsEmpty());
  EXPECT_TRUE(CreateGroup({.name = "g"}));
  EXPECT_TRUE(CreateGroup({.name = "h"}));
}

TEST_F(SchedulerTest, TheDefaultGroupStays) {
  const auto refused = Wait<void>([&](auto done) { scheduler->DeleteGroup("default", done); });
  EXPECT_EQ(refused.error().type, "ValidationException");
  const auto groups =
      Wait<std::vector<GroupRecord>>([&](auto done) { scheduler->ListGroups({}, done); });
  ASSERT_THAT(*groups, SizeIs(1));
  EXPECT_EQ(groups->front().name, "default");
}

TEST_F(SchedulerTest, AGroupsTagsAreAddedAndTaken) {
  ASSERT_TRUE(CreateGroup({.name = "g", .tags = {{"a", "1"}}}));
  ASSERT_TRUE(Wait<void>([&](auto done) {
    scheduler->ChangeTags(
        "g",
        [](Tags& tags) -> std::optional<ApiError> {
          tags["b"] = "2";
          tags.erase("a");
          return std::nullopt;
        },
        done);
  }));
  const auto refused = Wait<void>([&](auto done) {
    scheduler->ChangeTags(
        "g",
        [](Tags& tags) -> std::optional<ApiError> {
          tags.clear();
          return Invalid("no");
        },
        done);
  });
  EXPECT_EQ(refused.error().message, "no");
  Restart();
  const auto group = Wait<GroupRecord>([&](auto done) { scheduler->FindGroup("g", done); });
  EXPECT_EQ(group->tags, (Tags{{"b", "2"}}));
}

TEST_F(SchedulerTest, AGroupIsMadeOnceUnlessTheSameTokenSaysTheSame) {
  ASSERT_TRUE(CreateGroup({.name = "g", .client_token = "t"}));
  EXPECT_TRUE(CreateGroup({.name = "g", .client_token = "t"}));
  const auto refused = CreateGroup({.name = "g", .client_token = "u"});
  EXPECT_EQ(refused.error().type, "ConflictException");
  EXPECT_EQ(refused.error().message, "Schedule group g already exists.");
  int made = 0;
  for (int64_t i = 2; i < kMaxGroups; ++i) {
    scheduler->CreateGroup({.name = "g" + std::to_string(i)},
                           [&made](const auto& group) { made += group ? 1 : 0; });
  }
  loop.RunUntil([&made] { return made == kMaxGroups - 2; });
  EXPECT_EQ(CreateGroup({.name = "more"}).error().type, "ServiceQuotaExceededException");
}

}  // namespace
}  // namespace hearth::schedule
