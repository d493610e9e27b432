// The engine: what happens at once has one order, and memory, log and restart agree on it.
#include <filesystem>

#include "tests/unit/triggers/sqs/engine_fixture.h"

namespace hearth::sqs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;

constexpr char kDeadArn[] = "arn:aws:sqs:us-east-1:000000000000:dead";

class EngineOrderTest : public test::EngineTest {
 protected:
  void CreateWithDeadLetters() {
    ASSERT_TRUE(Create("dead").has_value());
    ASSERT_TRUE(Create("q", {{"RedrivePolicy", std::string("{\"deadLetterTargetArn\":\"") +
                                                   kDeadArn + "\",\"maxReceiveCount\":1}"},
                             {"VisibilityTimeout", "1"}})
                    .has_value());
  }
  // A letter in "dead", of "q"; gives the handle by which "dead" gave it out, timed out since.
  std::string Letter(const std::string& body) {
    SendBody("q", body);
    EXPECT_THAT(Receive("q"), SizeIs(1));
    Pass(1s);
    EXPECT_THAT(Receive("q"), IsEmpty());
    Settle();
    const auto letter = Receive("dead");
    EXPECT_THAT(letter, SizeIs(1));
    Pass(30s);
    return letter.at(0).receipt_handle;
  }
  struct Race {
    std::optional<base::Result<bool>> moved;
    std::optional<std::vector<HandleOutcome>> deleted;
  };
  void StartMove(Race& race) {
    engine->MoveOne("dead", "q", [&race](base::Result<bool> moved) { race.moved = moved; });
  }
  void StartDelete(Race& race, const std::string& handle) {
    engine->Delete("dead", {handle}, [&race](auto outcomes) { race.deleted = outcomes; });
  }
  void Finish(Race& race) {
    loop.RunUntil([&race] { return race.moved.has_value() && race.deleted.has_value(); });
    EXPECT_EQ(race.deleted->front(), HandleOutcome::kDone);
    EXPECT_TRUE(race.moved->has_value());
    Settle();
  }
  size_t Everywhere() { return engine->Counts("q").all() + engine->Counts("dead").all(); }
};

TEST_F(EngineOrderTest, ADeleteBeforeAMoveOfTheSameMessageIsTheEndOfIt) {
  CreateWithDeadLetters();
  const std::string handle = Letter("letter");
  Race race;
  StartDelete(race, handle);
  StartMove(race);
  Finish(race);
  EXPECT_FALSE(**race.moved) << "nobody is offered what is being deleted";
  EXPECT_EQ(Everywhere(), 0u);
  Reopen();
  EXPECT_EQ(Everywhere(), 0u);
}

TEST_F(EngineOrderTest, ADeleteAtAnyMomentOfAMoveOfTheSameMessageIsTheEndOfIt) {
  CreateWithDeadLetters();
  // Turns of the loop between the two: before the message is read, before its record is written,
  // and when all is done.
  for (int turns = 0; turns < 12; ++turns) {
    const std::string handle = Letter("letter");
    Race race;
    StartMove(race);
    for (int turn = 0; turn < turns && !race.moved; ++turn) loop.RunOnce();
    const bool was_moved = race.moved.has_value();
    StartDelete(race, handle);
    Finish(race);
    // A handle of a message that has gone elsewhere says nothing of what it became.
    EXPECT_EQ(Everywhere(), was_moved ? 1u : 0u) << turns;
    Reopen();
    EXPECT_EQ(Everywhere(), was_moved ? 1u : 0u) << turns;
    if (was_moved) {
      EXPECT_EQ(Delete("q", Receive("q").at(0).receipt_handle), HandleOutcome::kDone);
    }
  }
}

TEST_F(EngineOrderTest, APurgeAtAnyMomentOfAMoveLeavesTheMessageInOnePlaceAtMost) {
  CreateWithDeadLetters();
  for (int turns = 0; turns < 12; ++turns) {
    Letter("letter");
    Race race;
    StartMove(race);
    for (int turn = 0; turn < turns && !race.moved; ++turn) loop.RunOnce();
    std::optional<base::Result<void>> purged;
    engine->Purge("dead", [&](base::Result<void> done) { purged = std::move(done); });
    EXPECT_TRUE(Wait(purged).has_value());
    loop.RunUntil([&race] { return race.moved.has_value(); });
    Settle();
    const size_t in_target = engine->Counts("q").all();
    EXPECT_EQ(in_target, **race.moved ? 1u : 0u) << turns;
    EXPECT_EQ(engine->Counts("dead").all(), 0u) << turns;
    Reopen();
    EXPECT_EQ(engine->Counts("q").all(), in_target) << turns;
    EXPECT_EQ(engine->Counts("dead").all(), 0u) << turns;
    for (const auto& each : Receive("q")) Delete("q", each.receipt_handle);
  }
}

TEST_F(EngineOrderTest, WhatIsBeingDeletedIsNotReceivedThoughItsTimeIsOver) {
  ASSERT_TRUE(Create("q").has_value());
  SendBody("q", "a");
  const std::string handle = Receive("q").at(0).receipt_handle;
  Pass(30s);
  std::optional<std::vector<HandleOutcome>> deleted;
  std::optional<base::Result<std::vector<ReceivedMessage>>> received;
  engine->Delete("q", {handle}, [&](auto outcomes) { deleted = outcomes; });
  engine->Receive("q", {.most = 10}, [&](auto result) { received = std::move(result); });
  EXPECT_THAT(MUST(Wait(received)), IsEmpty());
  EXPECT_EQ(Wait(deleted).front(), HandleOutcome::kDone);
}

TEST_F(EngineOrderTest, AChangeOfVisibilityHoldsThoughTheTimeEndsWhileItIsWritten) {
  ASSERT_TRUE(Create("q").has_value());
  SendBody("q", "a");
  const std::string handle = Receive("q").at(0).receipt_handle;
  std::optional<std::vector<HandleOutcome>> changed;
  std::optional<base::Result<std::vector<ReceivedMessage>>> received;
  engine->ChangeVisibility("q", {{handle, 100}}, [&](auto outcomes) { changed = outcomes; });
  Pass(30s);
  engine->Receive("q", {.most = 10}, [&](auto result) { received = std::move(result); });
  EXPECT_THAT(MUST(Wait(received)), IsEmpty());
  EXPECT_EQ(Wait(changed).front(), HandleOutcome::kDone);
  EXPECT_EQ(engine->Counts("q").in_flight, 1u);
  Reopen();
  EXPECT_EQ(engine->Counts("q").in_flight, 1u);
  Pass(70s);
  EXPECT_THAT(Receive("q"), SizeIs(1));
}

TEST_F(EngineOrderTest, ACleanersCopyUndoesNoChangeOfVisibility) {
  options = {.segment_bytes = 8192, .reserve_bytes = 1024};
  Close();
  std::filesystem::remove_all(folder / "queues");
  Open();
  ASSERT_TRUE(Create("q").has_value());
  ASSERT_TRUE(Create("filler", {{"VisibilityTimeout", "0"}}).has_value());
  SendBody("q", "kept");
  std::string handle = Receive("q").at(0).receipt_handle;
  SendBody("filler", "filler");
  // The log is full of dead records, and cleaned at moments of its own: changes meet copies.
  std::vector<std::optional<std::vector<HandleOutcome>>> changes(2000);
  for (size_t i = 0; i < changes.size(); ++i) {
    const int64_t seconds = 100 + static_cast<int64_t>(i);
    engine->ChangeVisibility("q", {{handle, seconds}},
                             [&changes, i](auto outcomes) { changes[i] = outcomes; });
    if (i % 7 == 0) loop.RunOnce();
    if (i % 50 == 0) Receive("filler");
  }
  Settle();
  Reopen();
  Pass(2098s);
  EXPECT_THAT(Receive("q"), IsEmpty());
  Pass(1s);
  EXPECT_THAT(Receive("q"), SizeIs(1));
}

TEST_F(EngineOrderTest, ADeadLetterOutlivesTheQueueItCameFrom) {
  CreateWithDeadLetters();
  Letter("letter");
  std::optional<base::Result<void>> removed;
  engine->Remove("q", [&](auto done) { removed = std::move(done); });
  EXPECT_TRUE(Wait(removed).has_value());
  Reopen();
  EXPECT_THAT(Bodies("dead"), ElementsAre("letter"));
}

TEST_F(EngineOrderTest, ADeadLetterThatComesAfterAPurgeIsNotPurged) {
  CreateWithDeadLetters();
  for (int i = 0; i < 20; ++i) SendBody("q", std::to_string(i));
  for (int i = 0; i < 20; ++i) SendBody("dead", "d" + std::to_string(i));
  ASSERT_THAT(Receive("q", 20), SizeIs(20));
  Pass(1s);
  std::optional<base::Result<void>> purged;
  std::optional<base::Result<std::vector<ReceivedMessage>>> received;
  engine->Purge("dead", [&](base::Result<void> done) { purged = std::move(done); });
  // All are given up.
  engine->Receive("q", {.most = 10}, [&](auto result) { received = std::move(result); });
  EXPECT_TRUE(Wait(purged).has_value());
  EXPECT_THAT(MUST(Wait(received)), IsEmpty());
  Settle();
  EXPECT_EQ(engine->Counts("dead").all(), 20u);
  Reopen();
  EXPECT_EQ(engine->Counts("dead").all(), 20u);
}

TEST_F(EngineOrderTest, WhatHadExpiredStaysGoneThoughTheRetentionIsRaised) {
  ASSERT_TRUE(Create("q", {{"MessageRetentionPeriod", "60"}}).has_value());
  SendBody("q", "old");
  Pass(59s);
  SendBody("q", "young");
  Pass(1s);
  const auto raised = ReadSettings({{"MessageRetentionPeriod", "1209600"}});
  std::optional<base::Result<void>> changed;
  engine->Change(
      "q",
      [&](QueueRecord& record) {
        record.settings = *raised;
        return true;
      },
      [&](base::Result<void> done) { changed = std::move(done); });
  loop.RunOnce();
  Pass(60s);  // While it is being raised, nothing goes by the time that was.
  EXPECT_TRUE(Wait(changed).has_value());
  EXPECT_EQ(engine->Counts("q").all(), 1u);
  Reopen();
  EXPECT_EQ(engine->Counts("q").all(), 1u);
  EXPECT_THAT(Bodies("q"), ElementsAre("young"));
}

TEST_F(EngineOrderTest, NoTurnOfTheLoopEndsMoreThanASliceOfWhatTimeHasEnded) {
  constexpr size_t kMany = 30000;
  options.segment_bytes = 16 << 20;
  Reopen();
  ASSERT_TRUE(Create("q", {{"MessageRetentionPeriod", "60"}}).has_value());
  ASSERT_TRUE(Create("delayed", {{"DelaySeconds", "60"}}).has_value());
  for (size_t i = 0; i < kMany; i += 500) {
    ASSERT_TRUE(Send("q", std::vector<OutgoingMessage>(500, {.body = "x"})).has_value());
    ASSERT_TRUE(Send("delayed", std::vector<OutgoingMessage>(500, {.body = "x"})).has_value());
  }
  Pass(60s);
  // What has expired and is not erased yet is not given out.
  EXPECT_GT(engine->Counts("q").all(), 0u);
  EXPECT_THAT(Receive("q"), IsEmpty());
  EXPECT_GT(engine->Counts("delayed").delayed, 0u);
  int turns = 0;
  while (engine->Counts("q").all() > 0 || engine->Counts("delayed").delayed > 0) {
    loop.Post([] {});
    loop.RunOnce();
    ASSERT_LT(++turns, 1000);
  }
  EXPECT_EQ(engine->Counts("delayed").ready, kMany);
}

TEST_F(EngineOrderTest, APurgeOfManyHidesAllAtOnceAndASecondOneWaits) {
  ASSERT_TRUE(Create("q").has_value());
  for (size_t i = 0; i < 20000; i += 500) {
    ASSERT_TRUE(Send("q", std::vector<OutgoingMessage>(500, {.body = "x"})).has_value());
  }
  std::optional<base::Result<void>> purged, second;
  engine->Purge("q", [&](base::Result<void> done) { purged = std::move(done); });
  engine->Purge("q", [&](base::Result<void> done) { second = std::move(done); });
  SendBody("q", "after");
  EXPECT_TRUE(Wait(purged).has_value());
  EXPECT_EQ(Wait(second).error().kind, base::ErrorKind::kConflict);
  EXPECT_THAT(Bodies("q"), ElementsAre("after"));
}

}  // namespace
}  // namespace hearth::sqs
