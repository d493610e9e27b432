// A mapping's poller: how batches are made, how many run at once, and what becomes of those for
// which no call was made.
#include "tests/unit/triggers/sqs/source_fixture.h"

namespace hearth::sqs {
namespace {

using invoker::InvocationStatus;
using test::Json;
using test::SourceTest;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;
using namespace std::chrono_literals;

TEST_F(SourceTest, ABatchWaitsForItsWindowUnlessItIsFull) {
  ASSERT_TRUE(Create("q", {{"VisibilityTimeout", "5"}}).has_value());
  Start({.batch_size = 100, .window_s = 20});
  SendMany(25);
  PassAll(19s);
  EXPECT_EQ(invoker.asked, 0u);
  PassAll(1s);
  ASSERT_THAT(invoker.running, SizeIs(1));
  EXPECT_THAT(invoker.running[0].event["Records"], SizeIs(25));
  EXPECT_EQ(CountOf(invoker.running[0].event), "1") << "hidden for the window too";
  SendMany(100);
  ASSERT_THAT(invoker.running, SizeIs(2)) << "a full one is called at once";
  EXPECT_THAT(invoker.running[1].event["Records"], SizeIs(100));
  AnswerAll();
  EXPECT_EQ(engine->Counts("q").all(), 0u);
  PassAll(300s);
  EXPECT_EQ(invoker.asked, 2u) << "an empty window calls nobody";
}

TEST_F(SourceTest, ABatchOfTenThousandIsOneCall) {
  ASSERT_TRUE(Create("q").has_value());
  SendMany(10000);
  Start({.batch_size = 10000, .window_s = 300});
  PassAll(300s);
  AnswerAll();
  PassAll(300s);
  AnswerAll();
  EXPECT_EQ(engine->Counts("q").all(), 0u);
  std::set<std::string> bodies(invoker.bodies.begin(), invoker.bodies.end());
  EXPECT_THAT(bodies, SizeIs(10000));
  EXPECT_THAT(invoker.bodies, SizeIs(10000)) << "each once";
  EXPECT_EQ(invoker.asked, 1u);
}

TEST_F(SourceTest, AnEventHasAtMostSixMegabytesAndWhatDoesNotFitIsNotCounted) {
  ASSERT_TRUE(Create("q").has_value());
  Start({.batch_size = 10, .window_s = 1});
  const std::string body(400 << 10, '"');  // Twice as long in JSON.
  for (int i = 0; i < 10; ++i) SendBody("q", body);
  SettleAll();
  ASSERT_THAT(invoker.running, SizeIs(1));
  EXPECT_THAT(invoker.running[0].event["Records"], SizeIs(7));
  PassAll(1s);
  ASSERT_THAT(invoker.running, SizeIs(2));
  EXPECT_THAT(invoker.running[1].event["Records"], SizeIs(3));
  for (const auto& call : invoker.running) {
    EXPECT_LE(call.size, limits::kMaxSyncPayload);
    for (size_t i = 0; i < call.event["Records"].size(); ++i)
      EXPECT_EQ(CountOf(call.event, i), "1");
  }
  AnswerAll();
  EXPECT_EQ(engine->Counts("q").all(), 0u);
  EXPECT_EQ(source->bytes_held(), 0u);
}

TEST_F(SourceTest, WhatNoPatternTakesIsDeletedWithoutACall) {
  ASSERT_TRUE(Create("q").has_value());
  Start({.filters = {R"({"body":{"n":[1]}})", R"({"body":["plain"]})"}});
  SendAll({R"({"n":1})", R"({"n":2})", "plain", "other"});
  ASSERT_THAT(invoker.running, SizeIs(1));
  EXPECT_THAT(BodiesOf(invoker.running[0].event), ElementsAre(R"({"n":1})", "plain"));
  AnswerAll();
  SendAll({R"({"n":2})"});
  EXPECT_EQ(invoker.asked, 1u);
  EXPECT_EQ(result, "No records processed");
  EXPECT_EQ(engine->Counts("q").all(), 0u);
}

TEST_F(SourceTest, ThrottledMessagesAreNotCountedAndTriedWithABackOffThatDoubles) {
  for (const InvocationStatus refusal :
       {InvocationStatus::kThrottled, InvocationStatus::kHostError}) {
    const std::string queue = refusal == InvocationStatus::kThrottled ? "q" : "r";
    ASSERT_TRUE(Create(queue).has_value());
    invoker.throttled = refusal;
    invoker.limit = 0;
    invoker.asked = 0;
    Start({.uuid = queue}, queue);
    SendBody(queue, "a");
    SettleAll();
    EXPECT_EQ(invoker.asked, 1u);
    EXPECT_EQ(engine->Counts(queue).ready, 1u) << "given back";
    EXPECT_EQ(result, "PROBLEM: Function call failed");
    for (const auto wait : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
      const size_t before = invoker.asked;
      PassAll(wait - 1s);
      EXPECT_EQ(invoker.asked, before) << wait.count();
      PassAll(1s);
      EXPECT_EQ(invoker.asked, before + 1) << wait.count();
    }
    invoker.limit = SIZE_MAX;
    PassAll(60s);
    ASSERT_THAT(invoker.running, SizeIs(1));
    EXPECT_EQ(CountOf(invoker.running[0].event), "1");
    AnswerAll();
    EXPECT_EQ(engine->Counts(queue).all(), 0u);
  }
}

TEST_F(SourceTest, AFunctionsConcurrencyIsUsedToTheFullAndTriedNoHarderThanThat) {
  ASSERT_TRUE(Create("q").has_value());
  invoker.limit = 2;
  SendMany(40);
  Start({.batch_size = 1});
  for (int answered = 0; answered < 40; ++answered) {
    EXPECT_EQ(invoker.running.size(), std::min(2, 40 - answered)) << answered;
    ASSERT_FALSE(invoker.running.empty());
    EXPECT_EQ(CountOf(invoker.running[0].event), "1");
    Answer();
  }
  EXPECT_THAT(invoker.bodies, SizeIs(40));
  EXPECT_LE(invoker.asked, 45u);
  EXPECT_EQ(engine->Counts("q").all(), 0u);
}

TEST_F(SourceTest, WhileTheFunctionIsGoneNothingIsCountedAndNothingSpins) {
  ASSERT_TRUE(Create("q").has_value());
  registry.functions.clear();
  Start({});
  SendAll({"a"});
  for (int i = 0; i < 10; ++i) PassAll(30s);
  EXPECT_EQ(result, "PROBLEM: Function call failed");
  EXPECT_EQ(engine->Counts("q").ready, 1u);
  AddFunction();
  PassAll(60s);
  ASSERT_THAT(invoker.running, SizeIs(1));
  EXPECT_EQ(CountOf(invoker.running[0].event), "1");
}

TEST_F(SourceTest, AQueueThatIsDeletedIsReportedAndServedAgainOnceItIsBack) {
  ASSERT_TRUE(Create("q").has_value());
  Start({.batch_size = 1});
  SendAll({"a"});
  const auto remove = [this] {
    std::optional<base::Result<void>> done;
    engine->Remove("q", [&](base::Result<void> removed) { done = std::move(removed); });
    ASSERT_TRUE(Wait(done).has_value());
    SettleAll();
  };
  remove();
  EXPECT_THAT(result, StartsWith("PROBLEM: "));
  EXPECT_THAT(result, ::testing::HasSubstr("NonExistentQueue"));
  ASSERT_THAT(invoker.running, SizeIs(1));
  Answer();
  ASSERT_TRUE(Create("q").has_value());
  SendAll({"b"});
  EXPECT_THAT(invoker.bodies, ElementsAre("a", "b"));
  AnswerAll();
  EXPECT_EQ(engine->Counts("q").all(), 0u);
  remove();
  Stop();
  EXPECT_TRUE(is_stopped);
}

TEST_F(SourceTest, AGroupIsInOrderAndAFailedOneBlocksOnlyItself) {
  ASSERT_TRUE(Create("q.fifo", {{"FifoQueue", "true"}}).has_value());
  for (const char* body : {"a1", "a2", "b1", "b2", "c1"}) {
    SendFifo("q.fifo", std::string(1, body[0]), body);
  }
  Start({.batch_size = 1}, "q.fifo");
  EXPECT_THAT(invoker.bodies, UnorderedElementsAre("a1", "b1", "c1")) << "as many as groups";
  Answer(InvocationStatus::kFunctionError);  // a1
  AnswerAll();
  EXPECT_THAT(invoker.bodies, ElementsAre("a1", "b1", "c1", "b2"));
  PassAll(30s);
  AnswerAll();
  EXPECT_THAT(invoker.bodies, ElementsAre("a1", "b1", "c1", "b2", "a1", "a2"));
  EXPECT_EQ(engine->Counts("q.fifo").all(), 0u);
}

TEST_F(SourceTest, ABatchOfAFifoQueueMixesGroupsAndOnlyWhatIsReportedFails) {
  ASSERT_TRUE(Create("q.fifo", {{"FifoQueue", "true"}}).has_value());
  for (const char* body : {"a1", "b1", "a2", "b2"}) {
    SendFifo("q.fifo", std::string(1, body[0]), body);
  }
  Start({.reports_item_failures = true}, "q.fifo");
  ASSERT_THAT(invoker.running, SizeIs(1));
  EXPECT_THAT(invoker.bodies, ElementsAre("a1", "a2", "b1", "b2"));
  const std::string a2 = invoker.running[0].event["Records"][1]["messageId"];
  const Json answer = {{"batchItemFailures", {{{"itemIdentifier", a2}}}}};
  Answer(InvocationStatus::kSuccess, answer.dump());
  EXPECT_EQ(engine->Counts("q.fifo").all(), 1u);
  SendFifo("q.fifo", "a", "a3");
  SendFifo("q.fifo", "b", "b3");
  SettleAll();
  EXPECT_THAT(invoker.bodies, ElementsAre("a1", "a2", "b1", "b2", "b3")) << "a waits for a2";
  AnswerAll();
  PassAll(30s);
  EXPECT_THAT(invoker.bodies, ElementsAre("a1", "a2", "b1", "b2", "b3", "a2", "a3"));
}

TEST_F(SourceTest, AThrottledGroupStaysInOrder) {
  ASSERT_TRUE(Create("q.fifo", {{"FifoQueue", "true"}}).has_value());
  invoker.limit = 0;
  for (const char* body : {"a1", "a2", "a3"}) SendFifo("q.fifo", "a", body);
  Start({.batch_size = 2}, "q.fifo");
  EXPECT_THAT(invoker.bodies, IsEmpty());
  invoker.limit = 1;
  PassAll(1s);
  AnswerAll();
  EXPECT_THAT(invoker.bodies, ElementsAre("a1", "a2", "a3"));
}

TEST_F(SourceTest, BatchesAtOnceAreFiveThenMoreWhileABacklogLastsThenFiveAgain) {
  ASSERT_TRUE(Create("q").has_value());
  SendMany(400);
  Start({.batch_size = 1});
  EXPECT_THAT(invoker.running, SizeIs(5));
  PassAll(1s);
  EXPECT_THAT(invoker.running, SizeIs(10));
  for (int i = 0; i < 10; ++i) PassAll(1s);
  EXPECT_THAT(invoker.running, SizeIs(60)) << "300 more a minute";
  AnswerAll();
  EXPECT_THAT(invoker.bodies, SizeIs(400));
  for (int i = 0; i < 10; ++i) PassAll(1s);
  EXPECT_EQ(source->Poller("M")->allowed(), 5u);
}

TEST(BatchPace, GrowsOnlyWhereCallsFindRoom) {
  BatchPace pace(5, 100);
  pace.Tick(true, 5);
  EXPECT_EQ(pace.allowed(), 10u);
  pace.OnLongWait();
  pace.OnLongWait();
  pace.Tick(true, 8);
  EXPECT_EQ(pace.allowed(), 8u) << "calls have waited for the host";
  pace.Tick(true, 8);
  EXPECT_EQ(pace.allowed(), 9u);
  pace.OnFailure();
  EXPECT_EQ(pace.allowed(), 5u) << "not below where it began";
  pace.OnThrottle(2);
  EXPECT_EQ(pace.allowed(), 2u);
  pace.OnFailure();
  EXPECT_EQ(pace.allowed(), 2u);
  pace.OnThrottle(0);
  pace.OnLongWait();
  EXPECT_EQ(pace.allowed(), 1u) << "never none";
  pace.Tick(false, 1);
  for (int i = 0; i < 5; ++i) pace.Tick(false, 1);
  EXPECT_EQ(pace.allowed(), 5u);
  EXPECT_TRUE(pace.is_at_rest());
  for (int i = 0; i < 50; ++i) pace.Tick(true, 100);
  EXPECT_EQ(pace.allowed(), 100u);
  pace.Tick(false, 60);
  EXPECT_EQ(pace.allowed(), 60u) << "what runs is not too many";
  for (int i = 0; i < 10; ++i) pace.Tick(false, 0);
  EXPECT_EQ(pace.allowed(), 5u);
}

TEST_F(SourceTest, MappingsShareTheBudgetFairly) {
  for (const char* queue : {"q", "r"}) {
    ASSERT_TRUE(Create(queue).has_value());
    for (int i = 0; i < 20; ++i) SendBody(queue, queue);
  }
  MakeSource(1);
  Start({.uuid = "M", .batch_size = 1}, "q");
  Start({.uuid = "N", .batch_size = 1}, "r");
  for (int i = 0; i < 20; ++i) {
    ASSERT_THAT(invoker.running, ::testing::Not(IsEmpty()));
    Answer();
  }
  EXPECT_GE(std::ranges::count(invoker.bodies, "q"), 8);
  EXPECT_GE(std::ranges::count(invoker.bodies, "r"), 8);
  AnswerAll();
  EXPECT_EQ(engine->Counts("q").all() + engine->Counts("r").all(), 0u);
}

TEST_F(SourceTest, MaximumConcurrencyIsNeverExceeded) {
  ASSERT_TRUE(Create("q").has_value());
  SendMany(50);
  Start({.batch_size = 1, .max_concurrency = 2});
  for (int i = 0; i < 10; ++i) PassAll(1s);
  EXPECT_THAT(invoker.running, SizeIs(2));
  while (!invoker.running.empty()) {
    Answer();
    PassAll(1s);
  }
  EXPECT_EQ(invoker.most_running, 2u);
  EXPECT_EQ(engine->Counts("q").all(), 0u);
}

TEST_F(SourceTest, AStoppedMappingSettlesWhatRunsAndGivesBackWhatItGathered) {
  ASSERT_TRUE(Create("q").has_value());
  Start({.batch_size = 2, .window_s = 10});
  SendAll({"a", "b", "c"});
  ASSERT_THAT(invoker.running, SizeIs(1));
  EXPECT_EQ(engine->Counts("q").in_flight, 3u);
  Stop();
  EXPECT_FALSE(is_stopped) << "a call runs";
  EXPECT_EQ(engine->Counts("q").ready, 1u);
  SendAll({"d"});
  Answer();
  EXPECT_TRUE(is_stopped);
  EXPECT_EQ(source->Poller("M"), nullptr);
  const auto left = Receive("q");
  ASSERT_THAT(left, SizeIs(2));
  for (const auto& each : left) EXPECT_EQ(each.receive_count, 1u) << each.body;
  EXPECT_EQ(source->bytes_held(), 0u);
}

TEST_F(SourceTest, AMappingIsStoppedWhileItWaitsReceivesOrIsBackingOff) {
  ASSERT_TRUE(Create("q").has_value());
  Start({});
  Stop();
  EXPECT_TRUE(is_stopped) << "waiting";
  is_stopped = false;
  invoker.limit = 0;
  Start({});
  SendAll({"a"});
  Stop();
  EXPECT_TRUE(is_stopped) << "backing off";
  is_stopped = false;
  invoker.limit = SIZE_MAX;
  // Not settled: its receive is on the way.
  source->Start(std::make_shared<const invoker::EventSourceMapping>(invoker::EventSourceMapping{
      .uuid = "M", .source_arn = "arn:aws:sqs:us-east-1:000000000000:q", .function = "F"}));
  Stop();
  EXPECT_TRUE(is_stopped) << "receiving";
  EXPECT_THAT(invoker.bodies, IsEmpty());
  EXPECT_EQ(Receive("q").at(0).receive_count, 1u);
}

TEST_F(SourceTest, TheHostsEndWaitsForCallsAndStartsNone) {
  ASSERT_TRUE(Create("q").has_value());
  Start({.batch_size = 1, .max_concurrency = 2});
  SendMany(5);
  bool is_drained = false;
  engine->EndWaits();
  source->Drain([&] { is_drained = true; });
  SettleAll();
  EXPECT_FALSE(is_drained);
  Answer();
  Answer();
  EXPECT_TRUE(is_drained);
  EXPECT_EQ(engine->Counts("q").all(), 3u);
  Start({.uuid = "N"});
  EXPECT_THAT(invoker.running, IsEmpty());
}

TEST_F(SourceTest, EventsOfAllMappingsTogetherHaveABudgetInMemory) {
  ASSERT_TRUE(Create("q").has_value());
  MakeSource(1000);
  SendMany(30);
  Start({.batch_size = 1});
  while (!invoker.running.empty()) {
    EXPECT_LE(source->bytes_held(), 2000u) << "one event beyond it";
    Answer();
  }
  EXPECT_LE(invoker.most_running, 3u);
  EXPECT_THAT(invoker.bodies, SizeIs(30));
  EXPECT_EQ(source->bytes_held(), 0u);
}

TEST_F(SourceTest, AReceiveThatIsGivenBackIsNotCountedAcrossARestartEither) {
  ASSERT_TRUE(Create("q").has_value());
  SendBody("q", "a");
  const auto give_back = [this](const std::string& handle) {
    std::optional<std::vector<HandleOutcome>> outcome;
    engine->GiveBack("q", {handle}, [&](auto outcomes) { outcome = std::move(outcomes); });
    return Wait(outcome).front();
  };
  const std::string handle = Receive("q").at(0).receipt_handle;
  EXPECT_EQ(give_back(handle), HandleOutcome::kDone);
  EXPECT_EQ(give_back(handle), HandleOutcome::kNotInFlight);
  EXPECT_EQ(give_back("none"), HandleOutcome::kInvalid);
  Settle();
  Reopen();
  const int64_t later = base::EpochMillis(service.WallNow()) + 1000;
  Pass(1s);
  const auto again = Receive("q");
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_EQ(again[0].receive_count, 1u);
  EXPECT_EQ(again[0].first_receive_ms, later);
  EXPECT_EQ(give_back(handle), HandleOutcome::kGone) << "of an earlier receive";
}

TEST_F(SourceTest, AReceiveStopsBeforeTheMessageThatIsTooMany) {
  ASSERT_TRUE(Create("q").has_value());
  for (int i = 0; i < 5; ++i) SendBody("q", std::string(1000, 'x'));
  const auto receive = [this](size_t most_bytes) {
    std::optional<base::Result<std::vector<ReceivedMessage>>> got;
    engine->Receive("q", {.most = 10, .most_bytes = most_bytes},
                    [&](auto received) { got = std::move(received); });
    return MUST(Wait(got)).size();
  };
  EXPECT_EQ(receive(1), 1u) << "the first always comes";
  EXPECT_EQ(receive(2500), 2u);
  EXPECT_EQ(receive(SIZE_MAX), 2u);
}

}  // namespace
}  // namespace hearth::sqs
