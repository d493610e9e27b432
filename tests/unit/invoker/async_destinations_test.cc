// What becomes of events where their function's settings say so: fewer tries, and who hears of it.
#include "invoker/event_invoke.h"
#include "tests/unit/invoker/async_queue_fixture.h"

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;
using base::Json;
using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr char kTarget[] = "arn:aws:lambda:us-east-1:000000000000:function:G";
constexpr char kQueue[] = "arn:aws:sqs:us-east-1:000000000000:Q";

class AsyncDestinations : public test::AsyncQueueTest {
 protected:
  AsyncDestinations() {
    registry.functions["G"] = std::make_shared<FunctionVersion>(FunctionVersion{.name = "G"});
    invoker.keep = true;
  }
  EventInvokeConfig& config() { return registry.event_invoke["F"]; }
  // The next call that waits must be `name`'s; answers it.
  Json Answer(const std::string& name, InvocationStatus status) {
    Settle();
    EXPECT_FALSE(invoker.waiting.empty()) << name << " is not called";
    if (invoker.waiting.empty()) return {};
    EXPECT_EQ(invoker.waiting.front().first.function->name, name);
    Json payload = MUST(base::ParseJson(invoker.waiting.front().first.payload));
    invoker.Answer(status);
    Settle();
    return payload;
  }
};

TEST_F(AsyncDestinations, AFunctionHearsOfASuccess) {
  config().on_success = kTarget;
  queue->Put(Event("e1", R"({"n":1})"), [](base::Result<void>) {});
  Answer("F", InvocationStatus::kSuccess);
  const Json record = Answer("G", InvocationStatus::kSuccess);
  EXPECT_EQ(record["version"], "1.0");
  EXPECT_EQ(record["timestamp"], "2025-11-24T16:00:00.000Z");
  EXPECT_EQ(record["requestContext"], Json({{"requestId", "e1"},
                                            {"functionArn", "arn:F:$LATEST"},
                                            {"condition", "Success"},
                                            {"approximateInvokeCount", 1}}));
  EXPECT_EQ(record["requestPayload"], Json({{"n", 1}}));
  EXPECT_EQ(record["responseContext"], Json({{"statusCode", 200}, {"executedVersion", ""}}));
  EXPECT_TRUE(record["responsePayload"].is_null());
  EXPECT_THAT(Stored(), ElementsAre());
  EXPECT_EQ(queue->pending(), 0u);
}

TEST_F(AsyncDestinations, NobodyHearsOfWhatTheyAreNotToHear) {
  config().on_failure = kTarget;
  Put("e1");
  Answer("F", InvocationStatus::kSuccess);
  EXPECT_THAT(invoker.ids, ElementsAre("e1"));
}

TEST_F(AsyncDestinations, AFunctionIsTriedAsOftenAsItsSettingsSayAndTheFailureIsTold) {
  config().max_retries = 1;
  config().on_failure = kTarget;
  Put("e1");
  Answer("F", InvocationStatus::kFunctionError);
  Pass(1min);
  Answer("F", InvocationStatus::kTimeout);
  const Json record = Answer("G", InvocationStatus::kSuccess);
  EXPECT_EQ(record["requestContext"]["condition"], "RetriesExhausted");
  EXPECT_EQ(record["requestContext"]["approximateInvokeCount"], 2);
  EXPECT_EQ(record["responseContext"]["functionError"], "Unhandled");
  EXPECT_EQ(queue->pending(), 0u);
}

TEST_F(AsyncDestinations, AnEventThatNeverReachedItsFunctionIsTooOldInItsTime) {
  config().max_age_s = 60;
  config().on_failure = kTarget;
  Put("e1");
  for (int i = 0; i < 6; ++i) {
    Answer("F", InvocationStatus::kThrottled);
    if (i < 5) Pass(std::chrono::seconds(1 << i));
  }
  const Json record = Answer("G", InvocationStatus::kSuccess);
  EXPECT_EQ(record["requestContext"]["condition"], "EventAgeExceeded");
  EXPECT_EQ(record["requestContext"]["approximateInvokeCount"], 0);
  EXPECT_FALSE(record.contains("responseContext"));
  EXPECT_FALSE(record.contains("responsePayload"));
}

TEST_F(AsyncDestinations, AnEventThatWaitedTooLongForItsTurnIsNotDispatched) {
  config().max_age_s = 60;
  Put("e1");
  Settle();
  ASSERT_THAT(invoker.waiting, SizeIs(1));
  clock.Advance(61s);
  Reopen();
  EXPECT_THAT(invoker.waiting, SizeIs(0));
  EXPECT_EQ(queue->counters().given_up, 1u);
  EXPECT_THAT(Stored(), ElementsAre());
}

TEST_F(AsyncDestinations, EventsOfAFunctionWithAReservationOfZeroAreNotTriedAndTheFailureIsTold) {
  config().on_failure = kTarget;
  registry.functions["F"] =
      std::make_shared<FunctionVersion>(FunctionVersion{.name = "F", .reserved = 0});
  queue->Put(Event("e1", R"({"n":1})"), [](base::Result<void>) {});
  const Json record = Answer("G", InvocationStatus::kSuccess);
  EXPECT_EQ(record["requestContext"]["condition"], "ZeroReservedConcurrency");
  EXPECT_EQ(record["requestContext"]["approximateInvokeCount"], 0);
  EXPECT_EQ(record["requestPayload"], Json({{"n", 1}}));
  EXPECT_FALSE(record.contains("responseContext"));
  EXPECT_EQ(invoker.ids.size(), 1u) << "F was called";
  EXPECT_THAT(Stored(), ElementsAre());
}

TEST_F(AsyncDestinations, ARecordIsSentAgainUntilItIsTakenAndTheFunctionIsNotCalledForIt) {
  config().on_success = kQueue;
  std::vector<std::string> sent;
  std::optional<base::ErrorKind> failure = base::ErrorKind::kSystem;
  queue->destinations().Attach(
      "sqs", [&](const Destinations::Delivery& delivery, const Destinations::Done& done) {
        sent.push_back(delivery.arn + " " + delivery.trace_id);
        if (failure) return done(base::MakeError(*failure, "send", "no"));
        done({});
      });
  Put("e1");
  Answer("F", InvocationStatus::kSuccess);
  EXPECT_THAT(sent, ElementsAre(std::string(kQueue) + " Root=1"));
  EXPECT_THAT(Stored(), ElementsAre("e1")) << "a crash now must not lose it";
  Pass(999ms);
  EXPECT_THAT(sent, SizeIs(1));
  failure.reset();
  Pass(1ms);
  EXPECT_THAT(sent, SizeIs(2));
  EXPECT_THAT(Stored(), ElementsAre());
  EXPECT_THAT(invoker.ids, ElementsAre("e1"));
}

TEST_F(AsyncDestinations, ARecordThatIsRefusedForGoodIsGivenUp) {
  config().on_success = kQueue;
  queue->destinations().Attach("sqs",
                               [](const Destinations::Delivery&, const Destinations::Done& done) {
                                 done(base::Invalid("send", "there is no such queue"));
                               });
  Put("e1");
  Answer("F", InvocationStatus::kSuccess);
  EXPECT_EQ(queue->pending(), 0u);
}

TEST_F(AsyncDestinations, WhatTheFunctionAnsweredNeedNotBeJson) {
  InvocationResult result;
  result.payload = "{not json \"";
  const std::string record = MakeEventRecord({.condition = "Success",
                                              .request_id = "e1",
                                              .function_arn = "arn:F:$LATEST",
                                              .invoke_count = 1,
                                              .request_payload = "{}",
                                              .result = &result},
                                             clock.WallNow());
  EXPECT_EQ(MUST(base::ParseJson(record))["responsePayload"], result.payload);
}

TEST_F(AsyncDestinations, TheRecordOfAnEventThatWasTooOldIsSentAgainToo) {
  config().max_age_s = 60;
  config().on_failure = kQueue;
  size_t sent = 0;
  queue->destinations().Attach(
      "sqs", [&](const Destinations::Delivery&, const Destinations::Done& done) {
        if (++sent == 1) return done(base::MakeError(base::ErrorKind::kSystem, "send", "no"));
        done({});
      });
  Put("e1");
  for (int i = 0; i < 6; ++i) {
    Answer("F", InvocationStatus::kThrottled);
    if (i < 5) Pass(std::chrono::seconds(1 << i));
  }
  EXPECT_EQ(sent, 1u);
  EXPECT_THAT(Stored(), ElementsAre("e1"));
  Pass(1s);
  EXPECT_EQ(sent, 2u);
  EXPECT_THAT(Stored(), ElementsAre());
}

TEST_F(AsyncDestinations, AFullQueueHasRoomForTheRecordsOfWhatItHolds) {
  config().on_success = kTarget;
  const std::string payload = '"' + std::string(1024 * 1024, 'x') + '"';
  bool is_full = false;
  size_t accepted = 0;
  while (!is_full) {
    queue->Put(Event("e" + std::to_string(accepted++), payload),
               [&](const base::Result<void>& result) { is_full = is_full || !result; });
    loop.RunOnce();
  }
  Settle();
  const size_t pending = queue->pending();
  ASSERT_EQ(invoker.waiting.front().first.request_id, "e0");
  invoker.Answer(InvocationStatus::kSuccess);
  Settle();
  EXPECT_EQ(queue->pending(), pending) << "the record is there instead of the event";
  EXPECT_THAT(Stored(), ::testing::Not(::testing::Contains("e0")));
}

TEST_F(AsyncDestinations, ARecordThatNoFunctionCouldTakeIsGivenUp) {
  config().on_success = kTarget;
  queue->Put(Event("e1", '"' + std::string(8 * 1024 * 1024, 'x') + '"'), [](base::Result<void>) {});
  Answer("F", InvocationStatus::kSuccess);
  EXPECT_THAT(invoker.ids, ElementsAre("e1"));
  EXPECT_EQ(queue->pending(), 0u);
}

TEST_F(AsyncDestinations, EventsOfAFunctionThatIsGoneAreGivenUpHoweverManyWait) {
  const size_t count = 3 * kMaxAsyncInFlightOfOne;
  for (size_t i = 0; i < count; ++i) {
    queue->Put(Event("e" + std::to_string(i)), [](base::Result<void>) {});
  }
  Settle();
  ASSERT_THAT(invoker.waiting, SizeIs(kMaxAsyncInFlightOfOne));
  registry.functions.erase("F");
  while (!invoker.waiting.empty()) {
    invoker.Answer(InvocationStatus::kSuccess);
    Settle();
  }
  EXPECT_EQ(queue->pending(), 0u);
  EXPECT_EQ(queue->counters().given_up, count - kMaxAsyncInFlightOfOne);
}

TEST_F(AsyncDestinations, ASlowFunctionLeavesRoomForTheOthers) {
  for (size_t i = 0; i < kMaxAsyncInFlight + 10; ++i) {
    queue->Put(Event("slow" + std::to_string(i)), [](base::Result<void>) {});
  }
  AsyncEvent other = Event("other");
  other.function_name = "G";
  queue->Put(std::move(other), [](base::Result<void>) {});
  Settle();
  ASSERT_THAT(invoker.waiting, SizeIs(kMaxAsyncInFlightOfOne + 1));
  EXPECT_EQ(invoker.waiting.back().first.request_id, "other");
  const std::string next = "slow" + std::to_string(kMaxAsyncInFlightOfOne);
  invoker.Answer(InvocationStatus::kSuccess);
  Settle();
  EXPECT_EQ(invoker.waiting.back().first.request_id, next);
  while (!invoker.waiting.empty()) {
    invoker.Answer(InvocationStatus::kSuccess);
    Settle();
  }
  EXPECT_EQ(queue->counters().delivered, kMaxAsyncInFlight + 11);
}

// --- Dead letters

class DeadLetters : public AsyncDestinations {
 protected:
  DeadLetters() {
    registry.functions["F"] =
        std::make_shared<FunctionVersion>(FunctionVersion{.name = "F", .dead_letter_arn = kQueue});
    queue->destinations().Attach(
        "sqs", [this](const Destinations::Delivery& delivery, const Destinations::Done& done) {
          sent.push_back(delivery);
          if (failure) return done(base::MakeError(*failure, "send", "no"));
          done({});
        });
  }
  std::string Attribute(const std::string& name) const {
    for (const auto& one : sent.back().attributes) {
      if (one.name == name) return one.type + " " + one.value;
    }
    return "none";
  }
  const FunctionMetrics& metrics() { return *invoker.metrics().Of("F"); }

  std::vector<Destinations::Delivery> sent;
  std::optional<base::ErrorKind> failure;
};

TEST_F(DeadLetters, AnEventThatIsGivenUpGoesToTheQueueAsItCame) {
  config().max_retries = 0;
  queue->Put(Event("e1", R"({"n":1})"), [](base::Result<void>) {});
  Settle();
  invoker.Answer(InvocationStatus::kFunctionError,
                 R"({"errorMessage":"no good","errorType":"ValueError"})");
  Settle();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].arn, kQueue);
  EXPECT_EQ(sent[0].record, R"({"n":1})");
  EXPECT_EQ(Attribute("RequestID"), "String e1");
  EXPECT_EQ(Attribute("ErrorCode"), "Number 200");
  EXPECT_EQ(Attribute("ErrorMessage"), "String no good");
  EXPECT_THAT(Stored(), ElementsAre());
}

TEST_F(DeadLetters, ASuccessIsNone) {
  Put("e1");
  Answer("F", InvocationStatus::kSuccess);
  EXPECT_THAT(sent, SizeIs(0));
}

TEST_F(DeadLetters, OfAnErrorsMessageComesTheFirstKilobyteInWholeCharacters) {
  config().max_retries = 0;
  Put("e1");
  Settle();
  std::string text = "x";
  for (int i = 0; i < 600; ++i) text += "\u00e4";
  invoker.Answer(InvocationStatus::kFunctionError, "{\"errorMessage\":\"" + text + "\"}");
  Settle();
  EXPECT_EQ(Attribute("ErrorMessage"), "String " + text.substr(0, 1023));
  Put("e2");
  Settle();
  invoker.Answer(InvocationStatus::kFunctionError, R"({"errorMessage":"a\u0001b"})");
  Settle();
  EXPECT_EQ(Attribute("ErrorMessage"), "String a?b");
  Put("e3");
  Settle();
  invoker.Answer(InvocationStatus::kFunctionError, R"({"errorMessage":""})");
  Settle();
  EXPECT_EQ(Attribute("ErrorMessage"), "none") << "an attribute has a value";
}

TEST_F(DeadLetters, AnEventThatNeverReachedItsFunctionGoesThereToo) {
  config().max_age_s = 60;
  Put("e1");
  for (int i = 0; i < 6; ++i) {
    Answer("F", InvocationStatus::kThrottled);
    if (i < 5) Pass(std::chrono::seconds(1 << i));
  }
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(Attribute("ErrorCode"), "Number 429");
}

TEST_F(DeadLetters, TheDestinationOfFailuresHearsOfItAsWell) {
  config().max_retries = 0;
  config().on_failure = kTarget;
  Put("e1");
  Answer("F", InvocationStatus::kFunctionError);
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(Answer("G", InvocationStatus::kSuccess)["requestContext"]["condition"],
            "RetriesExhausted");
  EXPECT_EQ(queue->pending(), 0u);
}

TEST_F(DeadLetters, AQueueThatIsGoneIsCountedAndKeepsNobodyElseFromHearing) {
  failure = base::ErrorKind::kInvalid;
  config().max_retries = 0;
  config().on_failure = kTarget;
  Put("e1");
  Answer("F", InvocationStatus::kFunctionError);
  EXPECT_EQ(metrics().dead_letter_errors, 1u);
  EXPECT_EQ(metrics().destination_failures, 0u);
  Answer("G", InvocationStatus::kSuccess);
  EXPECT_THAT(sent, SizeIs(1)) << "it was refused for good";
}

TEST_F(DeadLetters, AQueueThatIsFullIsTriedAgain) {
  failure = base::ErrorKind::kLimit;
  config().max_retries = 0;
  Put("e1");
  Answer("F", InvocationStatus::kFunctionError);
  failure.reset();
  Pass(1s);
  EXPECT_THAT(sent, SizeIs(2));
  EXPECT_THAT(Stored(), ElementsAre());
}

}  // namespace
}  // namespace hearth::invoker
