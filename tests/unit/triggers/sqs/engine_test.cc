// The engine: visibility, order, dead letters, and what a restart finds, in virtual time.
#include <filesystem>

#include "tests/unit/triggers/sqs/engine_fixture.h"

namespace hearth::sqs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;
using test::EngineTest;

constexpr char kDeadArn[] = "arn:aws:sqs:us-east-1:000000000000:dead";
constexpr char kDeadFifoArn[] = "arn:aws:sqs:us-east-1:000000000000:dead.fifo";
std::string Redrive(const char* arn, int most) {
  return std::string("{\"deadLetterTargetArn\":\"") + arn +
         "\",\"maxReceiveCount\":" + std::to_string(most) + "}";
}

TEST_F(EngineTest, AReceivedMessageIsHiddenUntilItsTimeoutAndGoneOnceItIsDeleted) {
  ASSERT_TRUE(Create("q").has_value());
  SendBody("q", "a");
  const auto first = Receive("q");
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_EQ(first[0].receive_count, 1u);
  EXPECT_THAT(Receive("q"), IsEmpty());
  Pass(30s);
  const auto second = Receive("q");
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_EQ(second[0].receive_count, 2u);
  EXPECT_EQ(second[0].id, first[0].id);
  EXPECT_EQ(second[0].first_receive_ms, first[0].first_receive_ms);
  // An old handle is taken, and does nothing.
  EXPECT_EQ(Delete("q", first[0].receipt_handle), HandleOutcome::kDone);
  EXPECT_EQ(engine->Counts("q").in_flight, 1u);
  EXPECT_EQ(Delete("q", second[0].receipt_handle), HandleOutcome::kDone);
  EXPECT_EQ(engine->Counts("q").all(), 0u);
  EXPECT_EQ(Delete("q", second[0].receipt_handle), HandleOutcome::kDone);
  Pass(31s);
  EXPECT_THAT(Receive("q"), IsEmpty());
}

TEST_F(EngineTest, AVisibilityTimeoutIsChangedWhileTheMessageIsInFlight) {
  ASSERT_TRUE(Create("q").has_value());
  SendBody("q", "a");
  const std::string handle = Receive("q").at(0).receipt_handle;
  EXPECT_EQ(Change("q", handle, 100), HandleOutcome::kDone);
  Pass(99s);
  EXPECT_THAT(Receive("q"), IsEmpty());
  EXPECT_EQ(Change("q", handle, 0), HandleOutcome::kDone);
  EXPECT_EQ(Change("q", handle, 5), HandleOutcome::kNotInFlight);
  ASSERT_THAT(Receive("q"), SizeIs(1));
  EXPECT_EQ(Change("q", handle, 5), HandleOutcome::kGone);
}

TEST_F(EngineTest, AForgedOrForeignHandleIsInvalid) {
  ASSERT_TRUE(Create("q").has_value());
  ASSERT_TRUE(Create("other").has_value());
  SendBody("q", "a");
  std::string handle = Receive("q").at(0).receipt_handle;
  EXPECT_EQ(Delete("other", handle), HandleOutcome::kInvalid);
  handle[3] = handle[3] == 'A' ? 'B' : 'A';
  for (const std::string& each : {handle, std::string("x"), std::string(), std::string(40, 'A')}) {
    EXPECT_EQ(Delete("q", each), HandleOutcome::kInvalid) << each;
    EXPECT_EQ(Change("q", each, 1), HandleOutcome::kInvalid) << each;
  }
  EXPECT_EQ(engine->Counts("q").all(), 1u);
}

TEST_F(EngineTest, DelaysOfQueueAndMessageHideWhatIsSent) {
  ASSERT_TRUE(Create("q", {{"DelaySeconds", "10"}}).has_value());
  ASSERT_TRUE(
      Send("q",
           {{.body = "queue's"}, {.body = "own", .delay_s = 2}, {.body = "none", .delay_s = 0}})
          .has_value());
  EXPECT_THAT(Bodies("q"), ElementsAre("none"));
  EXPECT_EQ(engine->Counts("q").delayed, 2u);
  Pass(2s);
  EXPECT_THAT(Bodies("q"), ElementsAre("own"));
  Pass(8s);
  EXPECT_THAT(Bodies("q"), ElementsAre("queue's"));
}

TEST_F(EngineTest, MessagesGoWhenTheirRetentionIsOver) {
  ASSERT_TRUE(Create("q", {{"MessageRetentionPeriod", "60"}}).has_value());
  SendBody("q", "old");
  Pass(59s);
  SendBody("q", "young");
  Pass(1s);
  EXPECT_EQ(engine->Counts("q").all(), 1u);
  EXPECT_THAT(Bodies("q"), ElementsAre("young"));
  Reopen();
  EXPECT_EQ(engine->Counts("q").all(), 1u);
}

TEST_F(EngineTest, ALongPollIsAnsweredByWhatArrivesAndByWhatBecomesVisible) {
  ASSERT_TRUE(Create("q").has_value());
  std::optional<base::Result<std::vector<ReceivedMessage>>> result;
  const auto poll = [&] {
    result.reset();
    return engine->Receive("q", {.wait = 1h}, [&](auto received) { result = std::move(received); });
  };
  EXPECT_NE(poll(), 0u);
  SendBody("q", "arrives");
  EXPECT_EQ(MUST(Wait(result)).at(0).body, "arrives");
  EXPECT_NE(poll(), 0u);
  Pass(30s);
  EXPECT_EQ(MUST(Wait(result)).at(0).body, "arrives");
  const uint64_t third = poll();
  engine->StopWaiting(third);
  Pass(30s);
  Settle();
  EXPECT_FALSE(result.has_value());
  EXPECT_EQ(engine->Counts("q").ready, 1u) << "who left takes nothing along";
}

TEST_F(EngineTest, EndWaitsAnswersLongPollsWithNothing) {
  ASSERT_TRUE(Create("q").has_value());
  std::optional<base::Result<std::vector<ReceivedMessage>>> result;
  engine->Receive("q", {.wait = 1h}, [&](auto received) { result = std::move(received); });
  engine->EndWaits();
  EXPECT_THAT(MUST(Wait(result)), IsEmpty());
}

TEST_F(EngineTest, ARemovedQueueTellsWhoWaitsAndComesBackEmpty) {
  ASSERT_TRUE(Create("q").has_value());
  std::optional<base::Result<std::vector<ReceivedMessage>>> result;
  engine->Receive("q", {.wait = 1h}, [&](auto received) { result = std::move(received); });
  std::optional<base::Result<void>> removed;
  engine->Remove("q", [&](auto done) { removed = std::move(done); });
  EXPECT_TRUE(Wait(removed).has_value());
  EXPECT_EQ(Wait(result).error().kind, base::ErrorKind::kNotFound);
  EXPECT_EQ(engine->Find("q"), nullptr);
  ASSERT_TRUE(Create("q").has_value());
  EXPECT_EQ(engine->Counts("q").all(), 0u);
  EXPECT_EQ(Create("q").error().kind, base::ErrorKind::kConflict);
}

TEST_F(EngineTest, WhatWasReceivedTooOftenGoesToTheDeadLetterQueueWithIdAndAge) {
  ASSERT_TRUE(Create("dead").has_value());
  ASSERT_TRUE(Create("q", {{"RedrivePolicy", Redrive(kDeadArn, 2)}}).has_value());
  SendBody("q", "poison");
  const auto first = Receive("q");
  Pass(30s);
  ASSERT_THAT(Receive("q"), SizeIs(1));
  Pass(30s);
  Reopen();  // A crash forgets no count.
  EXPECT_THAT(Receive("q"), IsEmpty());
  Settle();
  const auto dead = Receive("dead");
  ASSERT_THAT(dead, SizeIs(1));
  EXPECT_EQ(dead[0].id, first[0].id);
  EXPECT_EQ(dead[0].sent_ms, first[0].sent_ms);
  EXPECT_EQ(dead[0].source_queue, "q");
  EXPECT_EQ(dead[0].receive_count, 1u);
  Reopen();
  EXPECT_EQ(engine->Counts("q").all(), 0u);
  EXPECT_EQ(engine->Counts("dead").all(), 1u);
}

TEST_F(EngineTest, AGroupIsInOrderAndLockedWhileOneOfItIsInFlight) {
  ASSERT_TRUE(Create("q.fifo", {{"FifoQueue", "true"}}).has_value());
  for (const char* body : {"a1", "a2", "a3"}) SendFifo("q.fifo", "a", body);
  SendFifo("q.fifo", "b", "b1");
  const auto first = Receive("q.fifo", 2);
  ASSERT_THAT(first, SizeIs(2));
  EXPECT_EQ(first[0].body + first[1].body, "a1a2");
  EXPECT_LT(first[0].sequence, first[1].sequence);
  EXPECT_THAT(Bodies("q.fifo"), ElementsAre("b1")) << "group a is locked";
  EXPECT_EQ(Delete("q.fifo", first[0].receipt_handle), HandleOutcome::kDone);
  EXPECT_THAT(Bodies("q.fifo"), IsEmpty());
  EXPECT_EQ(Change("q.fifo", first[1].receipt_handle, 0), HandleOutcome::kDone);
  EXPECT_THAT(Bodies("q.fifo"), ElementsAre("a2", "a3"));
  Pass(30s);
  EXPECT_EQ(Delete("q.fifo", first[1].receipt_handle), HandleOutcome::kExpired);
  Reopen();
  EXPECT_THAT(Bodies("q.fifo"), ElementsAre("a2", "a3", "b1"));
}

TEST_F(EngineTest, ARepeatedSendIsOneMessageForFiveMinutesAcrossRestartsAndDeletes) {
  ASSERT_TRUE(Create("q.fifo", {{"FifoQueue", "true"}}).has_value());
  const OutgoingMessage message{.body = "x", .group = "g", .deduplication_id = "once"};
  const auto first = MUST(Send("q.fifo", {message, message}));
  EXPECT_EQ(first[0].id, first[1].id);
  EXPECT_EQ(Delete("q.fifo", Receive("q.fifo").at(0).receipt_handle), HandleOutcome::kDone);
  Reopen();
  Pass(299s);
  EXPECT_EQ(MUST(Send("q.fifo", {message})).at(0).id, first[0].id);
  EXPECT_THAT(Receive("q.fifo"), IsEmpty());
  Pass(1s);
  EXPECT_NE(MUST(Send("q.fifo", {message})).at(0).id, first[0].id);
  EXPECT_THAT(Receive("q.fifo"), SizeIs(1));
}

TEST_F(EngineTest, AReceiveOfTheSameAttemptGivesTheSameMessagesAgain) {
  ASSERT_TRUE(Create("q.fifo", {{"FifoQueue", "true"}}).has_value());
  SendFifo("q.fifo", "g", "1");
  SendFifo("q.fifo", "g", "2");
  const auto first = Receive("q.fifo", 1, "attempt");
  const auto again = Receive("q.fifo", 1, "attempt");
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_EQ(again[0].receipt_handle, first[0].receipt_handle);
  EXPECT_EQ(Delete("q.fifo", again[0].receipt_handle), HandleOutcome::kDone);
  EXPECT_EQ(Receive("q.fifo", 1, "attempt").at(0).body, "2");
}

TEST_F(EngineTest, APurgeTakesWhatWasThereAndARestartBringsNothingBack) {
  ASSERT_TRUE(Create("q").has_value());
  for (int i = 0; i < 20; ++i) SendBody("q", std::to_string(i));
  Receive("q", 5);
  std::optional<base::Result<void>> purged;
  engine->Purge("q", [&](auto done) { purged = std::move(done); });
  EXPECT_TRUE(Wait(purged).has_value());
  SendBody("q", "after");
  EXPECT_EQ(engine->Counts("q").all(), 1u);
  Reopen();
  EXPECT_EQ(engine->Counts("q").all(), 1u);
  EXPECT_THAT(Bodies("q"), ElementsAre("after"));
}

TEST_F(EngineTest, AQueueMayBeRemovedWhileItsPurgeIsUnderWay) {
  ASSERT_TRUE(Create("q").has_value());
  const auto send = [&](size_t count) {
    for (size_t i = 0; i < count; i += 500) {
      ASSERT_TRUE(Send("q", std::vector<OutgoingMessage>(500, {.body = "x"})).has_value());
    }
  };
  send(23000);
  std::optional<base::Result<void>> purged, removed;
  engine->Purge("q", [&](base::Result<void> done) { purged = std::move(done); });
  send(6000);
  engine->Remove("q", [&](base::Result<void> done) { removed = std::move(done); });
  EXPECT_TRUE(Wait(removed).has_value());
  Settle();
  for (int turn = 0; turn < 20; ++turn) {
    loop.Post([] {});
    loop.RunOnce();
  }
  ASSERT_TRUE(Create("q").has_value());
  EXPECT_EQ(engine->Counts("q").all(), 0u);
  Reopen();
  EXPECT_EQ(engine->Counts("q").all(), 0u);
}

TEST_F(EngineTest, WhatFitsNoSegmentIsRefused) {
  ASSERT_TRUE(Create("q").has_value());
  const std::string large(options.segment_bytes / 2, 'x');
  const auto refused = Send("q", {{.body = large}, {.body = large}});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, base::ErrorKind::kLimit);
  EXPECT_FALSE(Send("q", {{.trace_header = std::string(options.segment_bytes, 'x')}}).has_value());
  EXPECT_TRUE(Send("q", {{.body = large}}).has_value());
}

TEST_F(EngineTest, TheLogIsCleanedOfWhatNobodyEverReceived) {
  ASSERT_TRUE(Create("q", {{"MessageRetentionPeriod", "60"}}).has_value());
  const std::string filler(100000, 'x');
  for (int i = 0; i < 150; ++i) {
    SendBody("q", filler);
    Pass(1s);
  }
  Settle();
  EXPECT_LE(engine->log_segments(), 20u);  // 60 live, of 150: 7 of 17 segments, twice, and 4.
  const size_t before = engine->log_segments();
  Pass(60s);
  Settle();
  EXPECT_LT(engine->log_segments(), before);
}

TEST_F(EngineTest, MoveOneBringsALetterBackAsANewMessage) {
  ASSERT_TRUE(Create("dead.fifo", {{"FifoQueue", "true"}}).has_value());
  ASSERT_TRUE(Create("q.fifo", {{"FifoQueue", "true"},
                                {"RedrivePolicy", Redrive(kDeadFifoArn, 1)},
                                {"VisibilityTimeout", "1"}})
                  .has_value());
  SendFifo("q.fifo", "g", "letter");
  const std::string id = Receive("q.fifo").at(0).id;
  Pass(1s);
  EXPECT_THAT(Receive("q.fifo"), IsEmpty());
  Settle();
  std::optional<base::Result<bool>> moved;
  engine->MoveOne("dead.fifo", "", [&](auto done) { moved = std::move(done); });
  EXPECT_TRUE(MUST(Wait(moved)));
  moved.reset();
  engine->MoveOne("dead.fifo", "", [&](auto done) { moved = std::move(done); });
  EXPECT_FALSE(MUST(Wait(moved)));
  Reopen();
  const auto back = Receive("q.fifo");
  ASSERT_THAT(back, SizeIs(1));
  EXPECT_EQ(back[0].body, "letter");
  EXPECT_EQ(back[0].group, "g");
  EXPECT_NE(back[0].id, id);
  EXPECT_EQ(engine->Counts("dead.fifo").all(), 0u);
}

TEST_F(EngineTest, ReceivesAloneDoNotFillTheLog) {
  options = {.segment_bytes = 8192, .reserve_bytes = 1024};
  Close();
  std::filesystem::remove_all(folder / "queues");
  Open();
  ASSERT_TRUE(Create("q", {{"VisibilityTimeout", "0"}}).has_value());
  SendBody("q", "poison");
  for (int i = 0; i < 2000; ++i) ASSERT_THAT(Receive("q"), SizeIs(1)) << i;
  Settle();
  EXPECT_LE(engine->log_segments(), 7u);
  Reopen();
  EXPECT_EQ(Receive("q").at(0).receive_count, 2001u);
}

TEST_F(EngineTest, TheLogIsCleanedWhileWhatLivesStaysAndKeepsItsState) {
  ASSERT_TRUE(Create("q").has_value());
  SendBody("q", "kept");
  ASSERT_THAT(Receive("q"), SizeIs(1));
  const std::string filler(100000, 'x');
  for (int i = 0; i < 150; ++i) {
    SendBody("q", filler);
    EXPECT_EQ(Delete("q", Receive("q", 1).at(0).receipt_handle), HandleOutcome::kDone);
  }
  Settle();
  EXPECT_LE(engine->log_segments(), 8u);
  Reopen();
  EXPECT_EQ(engine->Counts("q").in_flight, 1u);
  Pass(30s);
  const auto kept = Receive("q");
  ASSERT_THAT(kept, SizeIs(1));
  EXPECT_EQ(kept[0].body, "kept");
  EXPECT_EQ(kept[0].receive_count, 2u);
}

}  // namespace
}  // namespace hearth::sqs
