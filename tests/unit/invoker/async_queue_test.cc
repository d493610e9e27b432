#include "invoker/async_queue.h"

#include "tests/unit/invoker/async_queue_fixture.h"

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

class AsyncQueueTest : public test::AsyncQueueTest {};

TEST_F(AsyncQueueTest, AnEventIsDeliveredOnceAndForgotten) {
  Put("e1");
  Settle();
  EXPECT_THAT(invoker.ids, ElementsAre("e1"));
  EXPECT_EQ(queue->pending(), 0u);
  EXPECT_EQ(queue->counters().delivered, 1u);
  EXPECT_THAT(Stored(), ElementsAre());
  Pass(6h);
  EXPECT_THAT(invoker.ids, ElementsAre("e1"));
}

TEST_F(AsyncQueueTest, TheCallIsTheOneThatWasAskedFor) {
  invoker.keep = true;
  queue->Put(Event("e1", "{\"n\":1}"), [](base::Result<void>) {});
  Settle();
  ASSERT_EQ(invoker.waiting.size(), 1u);
  const InvokeRequest& request = invoker.waiting[0].first;
  EXPECT_EQ(request.request_id, "e1");
  EXPECT_EQ(request.function, registry.functions["F"]);
  EXPECT_EQ(request.invoked_arn, "arn:F");
  EXPECT_EQ(request.trace_id, "Root=1");
  EXPECT_EQ(request.payload, "{\"n\":1}");
  EXPECT_FALSE(request.want_log_tail);
}

TEST_F(AsyncQueueTest, APutIsDurableBeforeItIsDoneAndDispatchedOnlyAfter) {
  invoker.keep = true;
  bool done = false;
  queue->Put(Event("e1"), [&](base::Result<void> result) {
    EXPECT_TRUE(result);
    done = true;
    EXPECT_TRUE(invoker.ids.empty()) << "dispatched before it was acknowledged";
  });
  EXPECT_EQ(queue->pending(), 1u);
  loop.RunUntil([&] { return done; });
  Close();  // Killed right after the 202.
  Open();
  EXPECT_EQ(queue->pending(), 1u);
  Settle();
  EXPECT_THAT(invoker.ids, ElementsAre("e1"));
}

TEST_F(AsyncQueueTest, AnEventWhoseCallRanWhenTheHostDiedIsDeliveredAgain) {
  invoker.keep = true;
  Put("e1");
  Settle();
  ASSERT_THAT(invoker.ids, ElementsAre("e1"));
  invoker.keep = false;
  Reopen();
  EXPECT_THAT(invoker.ids, ElementsAre("e1"));
  EXPECT_THAT(Stored(), ElementsAre());
}

TEST_F(AsyncQueueTest, AFunctionErrorIsRetriedAfterOneAndTwoMinutesThenGivenUp) {
  for (const auto status : {InvocationStatus::kFunctionError, InvocationStatus::kTimeout,
                            InvocationStatus::kExited, InvocationStatus::kInitError,
                            InvocationStatus::kOutOfMemory, InvocationStatus::kResponseTooLarge}) {
    invoker.ids.clear();
    invoker.status = status;
    Put("e1");
    Settle();
    EXPECT_EQ(invoker.ids.size(), 1u);
    Pass(59999ms);
    EXPECT_EQ(invoker.ids.size(), 1u);
    Pass(1ms);
    EXPECT_EQ(invoker.ids.size(), 2u);
    Pass(119999ms);
    EXPECT_EQ(invoker.ids.size(), 2u);
    EXPECT_EQ(queue->pending(), 1u);
    Pass(1ms);
    EXPECT_EQ(invoker.ids.size(), 3u);
    EXPECT_EQ(queue->pending(), 0u);
    EXPECT_THAT(Stored(), ElementsAre());
    Pass(6h);
    EXPECT_EQ(invoker.ids.size(), 3u);
  }
  EXPECT_EQ(queue->counters().given_up, 6u);
  EXPECT_EQ(queue->counters().retries, 12u);
  EXPECT_EQ(queue->counters().delivered, 0u);
}

TEST_F(AsyncQueueTest, ARetryThatSucceedsIsTheLast) {
  invoker.status = InvocationStatus::kFunctionError;
  Put("e1");
  Settle();
  invoker.status = InvocationStatus::kSuccess;
  Pass(60s);
  EXPECT_EQ(invoker.ids.size(), 2u);
  EXPECT_EQ(queue->counters().delivered, 1u);
  EXPECT_THAT(Stored(), ElementsAre());
}

TEST_F(AsyncQueueTest, ThrottlesAndHostErrorsBackOffFromOneSecondToFiveMinutes) {
  for (const auto status : {InvocationStatus::kThrottled, InvocationStatus::kHostError}) {
    invoker.ids.clear();
    invoker.status = status;
    Put("e1");
    Settle();
    size_t calls = 1;
    for (const int seconds : {1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300}) {
      EXPECT_EQ(invoker.ids.size(), calls);
      Pass(std::chrono::seconds(seconds) - 1ms);
      EXPECT_EQ(invoker.ids.size(), calls) << "before " << seconds << " s";
      Pass(1ms);
      EXPECT_EQ(invoker.ids.size(), ++calls) << "after " << seconds << " s";
    }
    invoker.status = InvocationStatus::kSuccess;
    Pass(300s);
    EXPECT_EQ(queue->pending(), 0u);
  }
}

TEST_F(AsyncQueueTest, AThrottledEventIsGivenUpAtSixHours) {
  invoker.status = InvocationStatus::kThrottled;
  Put("e1");
  Settle();
  const auto began = clock.Now();
  base::Duration last{};
  size_t seen = invoker.ids.size();
  while (queue->pending() > 0 && clock.Now() - began < 7h) {
    Pass(1s);
    if (invoker.ids.size() > seen) last = clock.Now() - began;
    seen = invoker.ids.size();
  }
  EXPECT_EQ(queue->pending(), 0u);
  EXPECT_LE(last, 6h);
  EXPECT_GT(last, 6h - 5min);
  EXPECT_EQ(queue->counters().given_up, 1u);
  EXPECT_THAT(Stored(), ElementsAre());
}

TEST_F(AsyncQueueTest, ThrottlesDoNotUseUpAFunctionsRetries) {
  invoker.status = InvocationStatus::kThrottled;
  Put("e1");
  Settle();
  Pass(1s);
  Pass(2s);
  invoker.status = InvocationStatus::kFunctionError;
  Pass(4s);  // The first error.
  Pass(60s);
  Pass(120s);
  EXPECT_EQ(invoker.ids.size(), 6u);
  EXPECT_EQ(queue->counters().given_up, 1u);
}

TEST_F(AsyncQueueTest, ARetryKeepsItsMomentAndItsCountOverARestart) {
  invoker.status = InvocationStatus::kFunctionError;
  Put("e1");
  Settle();
  Pass(30s);
  Reopen();
  EXPECT_THAT(invoker.ids, ElementsAre()) << "due only in half a minute";
  EXPECT_EQ(queue->pending(), 1u);
  Pass(30s);
  EXPECT_THAT(invoker.ids, ElementsAre("e1"));
  Reopen();
  Pass(120s);
  EXPECT_THAT(invoker.ids, ElementsAre("e1"));
  EXPECT_EQ(queue->counters().given_up, 1u);
  EXPECT_EQ(queue->pending(), 0u);
}

TEST_F(AsyncQueueTest, WhatFellDueWhileTheHostWasDownIsDeliveredAtOnce) {
  invoker.status = InvocationStatus::kFunctionError;
  Put("e1");
  Settle();
  Close();
  clock.Advance(1h);
  invoker.status = InvocationStatus::kSuccess;
  Open();
  Settle();
  EXPECT_THAT(invoker.ids, ElementsAre("e1"));
  EXPECT_EQ(queue->counters().delivered, 1u);
}

TEST_F(AsyncQueueTest, AnEventOfAFunctionThatIsGoneIsGivenUp) {
  invoker.status = InvocationStatus::kFunctionError;
  Put("e1");
  Settle();
  registry.functions.clear();
  Pass(60s);
  EXPECT_EQ(invoker.ids.size(), 1u);
  EXPECT_EQ(queue->pending(), 0u);
  EXPECT_EQ(queue->counters().given_up, 1u);
  EXPECT_THAT(Stored(), ElementsAre());
}

TEST_F(AsyncQueueTest, ARetryRunsTheFunctionAsItIsThen) {
  invoker.status = InvocationStatus::kFunctionError;
  Put("e1");
  Settle();
  registry.functions["F"] =
      std::make_shared<FunctionVersion>(FunctionVersion{.name = "F", .revision_id = "2"});
  invoker.keep = true;
  Pass(60s);
  ASSERT_EQ(invoker.waiting.size(), 1u);
  EXPECT_EQ(invoker.waiting[0].first.function->revision_id, "2");
}

TEST_F(AsyncQueueTest, NoMoreThanItsBoundOfCallsRunAtOnce) {
  invoker.keep = true;
  const size_t count = kMaxAsyncInFlight + 40;
  size_t accepted = 0;
  for (size_t i = 0; i < count; ++i) {
    AsyncEvent event = Event("e" + std::to_string(i));
    event.function_name = "F" + std::to_string(i % 8);
    registry.functions[event.function_name] =
        std::make_shared<FunctionVersion>(FunctionVersion{.name = event.function_name});
    queue->Put(std::move(event), [&](base::Result<void> result) {
      EXPECT_TRUE(result);
      ++accepted;
    });
  }
  loop.RunUntil([&] { return accepted == count; });
  Settle();
  EXPECT_EQ(invoker.waiting.size(), kMaxAsyncInFlight);
  while (!invoker.waiting.empty()) {
    invoker.Answer(InvocationStatus::kSuccess);
    loop.RunOnce();
    ASSERT_LE(invoker.waiting.size(), kMaxAsyncInFlight);
  }
  Settle();
  EXPECT_EQ(queue->counters().delivered, count);
  EXPECT_EQ(queue->pending(), 0u);
  EXPECT_THAT(Stored(), ElementsAre());
}

TEST_F(AsyncQueueTest, OneThatMustWaitDoesNotHoldUpTheNext) {
  invoker.status = InvocationStatus::kFunctionError;
  Put("slow");
  Settle();
  invoker.status = InvocationStatus::kSuccess;
  Put("next");
  Settle();
  EXPECT_THAT(invoker.ids, ElementsAre("slow", "next"));
}

// What is accepted here then fails to be stored, so that the test need not write it all.
TEST_F(AsyncQueueTest, MoreBytesThanItsBoundAreRefusedAlsoWithinOneTurn) {
  MUST(database->Run("DROP TABLE async_events"));
  constexpr size_t kOne = 1 << 20;
  const size_t fit = kMaxAsyncBytes.count() / kOne;
  size_t not_stored = 0;
  size_t refused = 0;
  const auto put = [&] {
    queue->Put(Event("e", std::string(kOne, ' ')), [&](base::Result<void> result) {
      ASSERT_FALSE(result);
      ++(result.error().kind == base::ErrorKind::kLimit ? refused : not_stored);
    });
  };
  for (size_t i = 0; i < fit + 3; ++i) put();
  EXPECT_EQ(refused, 0u) << "refused inside Put";
  loop.RunUntil([&] { return not_stored + refused == fit + 3; });
  EXPECT_EQ(refused, 3u);
  // All that was not stored has made room again.
  for (size_t i = 0; i < fit; ++i) put();
  loop.RunUntil([&] { return not_stored + refused == 2 * fit + 3; });
  EXPECT_EQ(refused, 3u);
}

TEST_F(AsyncQueueTest, MoreEventsThanItsBoundAreRefused) {
  MUST(database->Run("DROP TABLE async_events"));
  size_t answered = 0;
  size_t refused = 0;
  for (size_t i = 0; i < kMaxAsyncEvents + 2; ++i) {
    queue->Put(Event("e"), [&](base::Result<void> result) {
      ++answered;
      refused += !result && result.error().kind == base::ErrorKind::kLimit ? 1 : 0;
    });
  }
  EXPECT_EQ(queue->pending(), kMaxAsyncEvents);
  loop.RunUntil([&] { return answered == kMaxAsyncEvents + 2; });
  EXPECT_EQ(refused, 2u);
  EXPECT_EQ(queue->pending(), 0u);
}

TEST_F(AsyncQueueTest, APutThatCannotBeStoredIsRefusedAndHoldsNothing) {
  MUST(database->Run("DROP TABLE async_events"));
  std::optional<base::Result<void>> result;
  queue->Put(Event("e1"), [&](base::Result<void> done) { result = std::move(done); });
  loop.RunUntil([&] { return result.has_value(); });
  EXPECT_FALSE(result->has_value());
  Settle();
  EXPECT_EQ(queue->pending(), 0u);
  EXPECT_TRUE(invoker.ids.empty());
}

TEST_F(AsyncQueueTest, ACallThatEndsAfterTheQueueHasGoneHarmsNobody) {
  invoker.keep = true;
  Put("e1");
  Settle();
  ASSERT_EQ(invoker.waiting.size(), 1u);
  queue.reset();
  invoker.Answer(InvocationStatus::kSuccess);
  Settle();
  EXPECT_THAT(Stored(), ElementsAre("e1"));
}

}  // namespace
}  // namespace hearth::invoker
