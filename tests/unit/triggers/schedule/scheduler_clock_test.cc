// When schedules fire: over time, restarts, crashes, and clocks that jump.
#include "tests/unit/triggers/schedule/scheduler_fixture.h"
#include "triggers/schedule/firing_plan.h"
#include "triggers/schedule/schedule_clock.h"

namespace hearth::schedule {
namespace {

using test::Json;
using test::SchedulerTest;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;

TEST_F(SchedulerTest, ACronFiresOnceAtEachOfItsTimes) {
  ASSERT_TRUE(Create("s", Body("cron(0/20 * * * ? *)")));
  Pass(61min);
  EXPECT_THAT(SentTimes(), ElementsAre("2026-11-28 12:00:00", "2026-11-28 12:20:00",
                                       "2026-11-28 12:40:00", "2026-11-28 13:00:00"));
  EXPECT_EQ(AllSent()[1].record, "\"2026-11-28T12:20:00Z\"");
  EXPECT_EQ(scheduler->counters().fired, 4u);
}

TEST_F(SchedulerTest, ARateFiresAtOnceAndDoesNotDrift) {
  Pass(7250ms);
  ASSERT_TRUE(Create("s", Body("rate(5 minutes)")));
  Pass(12min);
  EXPECT_THAT(SentTimes(),
              ElementsAre("2026-11-28 12:00:07", "2026-11-28 12:05:07", "2026-11-28 12:10:07"));
}

TEST_F(SchedulerTest, AOneTimeScheduleFiresOnceAndStaysUnlessItDeletesItself) {
  Json body = Body("at(2026-11-28T12:00:10)");
  ASSERT_TRUE(Create("stays", body));
  body["ActionAfterCompletion"] = "DELETE";
  ASSERT_TRUE(Create("goes", body));
  Pass(48h);
  EXPECT_THAT(SentTimes(), ElementsAre("2026-11-28 12:00:10", "2026-11-28 12:00:10"));
  EXPECT_TRUE(Find("stays").has_value());
  ASSERT_FALSE(Find("goes").has_value());
  EXPECT_EQ(Find("goes").error().message, "Schedule goes does not exist.");
  Restart();
  Pass(48h);
  EXPECT_THAT(AllSent(), SizeIs(2));
}

TEST_F(SchedulerTest, DatesBoundARecurringScheduleAndNotAOneTimeOne) {
  Json body = Body("cron(0 * * * ? *)");
  body["StartDate"] = "2026-11-28T14:00:00Z";
  body["EndDate"] = "2026-11-28T16:00:00Z";
  body["ActionAfterCompletion"] = "DELETE";
  ASSERT_TRUE(Create("hours", body));
  Json once = Body("at(2026-11-28T18:00:00)");
  once["StartDate"] = "2026-11-29T00:00:00Z";
  once["EndDate"] = "2026-11-28T13:00:00Z";
  ASSERT_TRUE(Create("once", once));
  Pass(24h);
  EXPECT_THAT(SentTimes(),
              ElementsAre("2026-11-28 14:00:00", "2026-11-28 15:00:00", "2026-11-28 18:00:00"));
  EXPECT_FALSE(Find("hours").has_value());
}

TEST_F(SchedulerTest, ARateCountsFromItsStartDate) {
  Json body = Body("rate(1 hour)");
  body["StartDate"] = "2026-11-28T12:30:00Z";
  ASSERT_TRUE(Create("s", body));
  Pass(2h);
  EXPECT_THAT(SentTimes(), ElementsAre("2026-11-28 12:30:00", "2026-11-28 13:30:00"));
}

TEST_F(SchedulerTest, WhatIsDisabledDoesNotFireAndDoesNotCatchUp) {
  Json body = Body("cron(0 * * * ? *)");
  ASSERT_TRUE(Create("s", body));
  Pass(30min);
  body["State"] = "DISABLED";
  ASSERT_TRUE(Update("s", body));
  Pass(5h);
  body["State"] = "ENABLED";
  ASSERT_TRUE(Update("s", body));
  Pass(1h);
  EXPECT_THAT(SentTimes(), ElementsAre("2026-11-28 12:00:00", "2026-11-28 18:00:00"));
}

TEST_F(SchedulerTest, WhatWasMissedWhileDownIsDeliveredLateEachOccurrenceOnce) {
  ASSERT_TRUE(Create("s", Body("cron(0/20 * * * ? *)")));
  Settle();
  Stop();
  clock.Advance(65min);
  Start();
  Settle();
  EXPECT_THAT(SentTimes(), ElementsAre("2026-11-28 12:00:00", "2026-11-28 12:20:00",
                                       "2026-11-28 12:40:00", "2026-11-28 13:00:00"));
  Restart();
  EXPECT_THAT(AllSent(), SizeIs(4));
}

TEST_F(SchedulerTest, WhatIsTooOldIsPassedOverUnlessItHasADeadLetterQueue) {
  Json body = Body("rate(1 minute)");
  body["Target"]["RetryPolicy"] = {{"MaximumEventAgeInSeconds", 600}};
  ASSERT_TRUE(Create("dropped", body));
  Json hourly = Body("cron(30 * * * ? *)");
  hourly["Target"]["RetryPolicy"] = {{"MaximumEventAgeInSeconds", 60}};
  hourly["Target"]["DeadLetterConfig"] = {{"Arn", "arn:aws:sqs:us-east-1:000000000000:dead"}};
  ASSERT_TRUE(Create("letters", hourly));
  Settle();
  Stop();
  clock.Advance(24h * 365);
  Start();
  Settle();
  size_t late = 0;
  size_t letters = 0;
  for (const auto& sent : AllSent()) {
    letters += sent.has_dead_letters ? 1 : 0;
    late += !sent.has_dead_letters && sent.at > "2027" ? 1 : 0;
  }
  EXPECT_EQ(late, 11u) << "from 11:50 to 12:00";
  EXPECT_EQ(letters, 24u * 365);
  EXPECT_GE(scheduler->counters().expired, 1u);
}

TEST_F(SchedulerTest, AFiringThatWasCommittedWhenItsHostDiedIsNotDoneAgain) {
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(Create("s" + std::to_string(i), Body("at(2026-11-28T12:00:01)")));
  }
  Settle();
  clock.Advance(1s);
  loop.ClockMoved();
  // Until the writer has something; it ends it, and nobody hears of it.
  loop.RunUntil([this] { return writer->pending() > 0; });
  Stop();
  Start();
  Settle();
  EXPECT_THAT(AllSent(), SizeIs(20));
  Restart();
  EXPECT_THAT(AllSent(), SizeIs(20));
}

TEST_F(SchedulerTest, AClockThatIsSetBackFiresNothingTwice) {
  ASSERT_TRUE(Create("s", Body("cron(0/10 * * * ? *)")));
  Pass(25min);
  ASSERT_THAT(AllSent(), SizeIs(3));
  clock.Set(At("2026-11-28 11:45:00"));
  Pass(30min);
  EXPECT_THAT(AllSent(), SizeIs(3));
  Restart();
  Pass(20min);
  EXPECT_THAT(SentTimes(), ElementsAre("2026-11-28 12:00:00", "2026-11-28 12:10:00",
                                       "2026-11-28 12:20:00", "2026-11-28 12:30:00"));
}

TEST_F(SchedulerTest, AClockThatIsSetForwardLosesNothing) {
  ASSERT_TRUE(Create("s", Body("cron(0/10 * * * ? *)")));
  Settle();
  clock.Set(At("2026-11-28 12:35:00"));
  // io::WallTimer hears of it from the kernel; here a change wakes the scheduler.
  ASSERT_TRUE(Create("other", Body("cron(0 0 1 1 ? *)")));
  Pass(10min);
  EXPECT_THAT(SentTimes(),
              ElementsAre("2026-11-28 12:00:00", "2026-11-28 12:10:00", "2026-11-28 12:20:00",
                          "2026-11-28 12:30:00", "2026-11-28 12:40:00"));
}

TEST_F(SchedulerTest, AChangedTargetDoesNotStartARateAnewButAChangedRateDoes) {
  Json body = Body("rate(10 minutes)");
  ASSERT_TRUE(Create("s", body));
  Pass(5min);
  body["Target"]["Input"] = "\"new\"";
  ASSERT_TRUE(Update("s", body));
  Pass(6min);
  ASSERT_THAT(SentTimes(), ElementsAre("2026-11-28 12:00:00", "2026-11-28 12:10:00"));
  EXPECT_EQ(AllSent()[1].record, "\"new\"");
  body["ScheduleExpression"] = "rate(3 minutes)";
  ASSERT_TRUE(Update("s", body));
  Pass(4min);
  EXPECT_THAT(SentTimes(), ElementsAre("2026-11-28 12:00:00", "2026-11-28 12:10:00",
                                       "2026-11-28 12:11:00", "2026-11-28 12:14:00"));
}

TEST_F(SchedulerTest, AScheduleThatIsChangedOrDeletedWhileItFiresIsFiredAsItWasOrIs) {
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(Create("s" + std::to_string(i), Body("cron(0/1 * * * ? *)")));
  }
  Settle();
  clock.Advance(1min);
  loop.ClockMoved();
  std::vector<std::optional<std::expected<ScheduleRecord, ApiError>>> updated(50);
  std::vector<std::optional<std::expected<void, ApiError>>> deleted(50);
  for (int i = 0; i < 50; ++i) {
    const std::string name = "s" + std::to_string(i);
    if (i % 2 == 0) {
      scheduler->Update(Record(name, Body("cron(30 0 * * ? *)")), Into(updated[i]));
    } else {
      scheduler->Delete({.name = name}, Into(deleted[i]));
    }
    if (i % 7 == 0) loop.RunOnce();
  }
  Settle();
  EXPECT_LE(AllSent().size(), 100u);
  const size_t before = AllSent().size();
  Pass(30min);
  EXPECT_EQ(AllSent().size(), before) << "what they said before is not fired any more";
  Pass(12h);
  EXPECT_EQ(AllSent().size(), before + 25);
}

TEST_F(SchedulerTest, AFlexibleWindowHasAMomentForEachOccurrenceThatARestartDoesNotChange) {
  Json body = Body("cron(0 * * * ? *)");
  body["FlexibleTimeWindow"] = {{"Mode", "FLEXIBLE"}, {"MaximumWindowInMinutes", 30}};
  ASSERT_TRUE(Create("s", body));
  Pass(50min);
  Restart();
  Pass(23h);
  const auto sent = AllSent();
  ASSERT_THAT(sent, SizeIs(24));
  std::set<std::string> minutes;
  for (size_t i = 0; i < sent.size(); ++i) {
    EXPECT_EQ(sent[i].at.substr(11, 2), sent[i].record.substr(12, 2)) << "in its own hour";
    EXPECT_LT(sent[i].at.substr(14, 2), "30");
    minutes.insert(sent[i].at.substr(14));
  }
  EXPECT_GT(minutes.size(), 15u);
}

TEST_F(SchedulerTest, AFiringThatTheDiskRefusesIsTriedAgain) {
  ASSERT_TRUE(Create("s", Body("at(2026-11-28T12:00:01)")));
  Settle();
  deliveries->fails_next = true;
  clock.Advance(1s);
  loop.ClockMoved();
  loop.RunUntil([this] { return scheduler->counters().fired == 1; });
  EXPECT_THAT(SentTimes(), ElementsAre("2026-11-28 12:00:01"));
}

TEST_F(SchedulerTest, FewAreInMemoryAndAllFireInTheirOrder) {
  const int count = 3 * static_cast<int>(kMaxHeldSchedules);
  int made = 0;
  for (int i = 0; i < count; ++i) {
    // Later ones first.
    const int second = (count - i) % 300;
    scheduler->Create(
        Record("s" + std::to_string(i),
               Body(fmt::format("at(2026-11-28T13:{:02}:{:02})", second / 60, second % 60))),
        [&made](const std::expected<ScheduleRecord, ApiError>& result) { made += result ? 1 : 0; });
  }
  loop.RunUntil([&] { return made == count; });
  Restart();
  Pass(3h);
  const auto times = SentTimes();
  EXPECT_THAT(times, SizeIs(count));
  EXPECT_TRUE(std::ranges::is_sorted(times));
}

TEST_F(SchedulerTest, LargeInputsAreFiredFewATurnAndFewAtOnce) {
  constexpr int kCount = 80;
  Json body = Body("at(2026-11-28T12:00:01)");
  body["Target"]["Input"] = "\"" + std::string(250'000, 'x') + "\"";
  for (int i = 0; i < kCount; ++i) {
    ASSERT_TRUE(Create("s" + std::to_string(i), body));
  }
  Settle();
  deliveries->holds = true;
  clock.Advance(1s);
  loop.ClockMoved();
  EXPECT_LE(deliveries->puts, 1u) << "each is more than a turn has";
  for (int turn = 0; turn < 2 * kCount; ++turn) {
    const size_t before = deliveries->puts;
    loop.Post([] {});
    loop.RunOnce();
    EXPECT_LE(deliveries->puts, before + 1);
  }
  // As its row and as its delivery.
  EXPECT_EQ(deliveries->held(), kMaxFiringBytesInFlight / 500'000 + 1);
  deliveries->LetGo();
  Settle();
  EXPECT_THAT(AllSent(), SizeIs(kCount));
}

TEST_F(SchedulerTest, ARecurringScheduleDeletesItselfAtItsEndDateAndNotWhenItsYearsAreOver) {
  Json body = Body("cron(0 13 28 11 ? 2026)");
  body["ActionAfterCompletion"] = "DELETE";
  ASSERT_TRUE(Create("stays", body));
  body["EndDate"] = "2027-01-01T00:00:00Z";
  ASSERT_TRUE(Create("goes", body));
  Pass(24h);
  EXPECT_THAT(SentTimes(), ElementsAre("2026-11-28 13:00:00", "2026-11-28 13:00:00"));
  EXPECT_TRUE(Find("stays").has_value());
  EXPECT_FALSE(Find("goes").has_value());
}

TEST_F(SchedulerTest, AMomentOfTheLastMinuteIsFiredAtOnceAndAnEarlierOneIsRefused) {
  Json body = Body("at(2026-11-28T11:59:00)");
  body["Target"]["RetryPolicy"] = {{"MaximumEventAgeInSeconds", 60}};
  ASSERT_TRUE(Create("late", body));
  Pass(1min);
  EXPECT_THAT(SentTimes(), ElementsAre("2026-11-28 12:00:00"));
  EXPECT_EQ(AllSent()[0].record, "\"2026-11-28T11:59:00Z\"");
  for (const std::string state : {"ENABLED", "DISABLED"}) {
    body["State"] = state;
    body["ScheduleExpression"] = "at(2026-11-28T11:59:59)";
    const auto refused = Create("past", body);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().type, "ValidationException");
    EXPECT_EQ(refused.error().status, 400);
    EXPECT_EQ(refused.error().message,
              "Invalid Schedule Expression at(2026-11-28T11:59:59). (at: it is not still to come)");
    EXPECT_FALSE(Find("past").has_value());
  }
  body["ScheduleExpression"] = "at(2027-03-28T02:30:00)";
  body["ScheduleExpressionTimezone"] = "Europe/Berlin";
  EXPECT_FALSE(Create("skipped", body).has_value()) << "no clock there will show it";
}

TEST_F(SchedulerTest, AnUpdateMaySayAMomentThatHasPassedAndIsNotFiredForIt) {
  Json body = Body("at(2026-11-28T12:00:10)");
  body["ClientToken"] = "one";
  ASSERT_TRUE(Create("s", body));
  Pass(5min);
  ASSERT_THAT(AllSent(), SizeIs(1));
  EXPECT_TRUE(Create("s", body).has_value()) << "made by the same token, however late it asks";
  ASSERT_TRUE(Update("s", body));
  ASSERT_TRUE(Update("s", Body("at(2026-11-28T11:00:00)")));
  Pass(5min);
  EXPECT_THAT(AllSent(), SizeIs(1));
  ASSERT_TRUE(Update("s", Body("at(2026-11-28T12:09:50)")));
  Pass(5min);
  EXPECT_THAT(SentTimes(), ElementsAre("2026-11-28 12:00:10", "2026-11-28 12:10:00"));
  ASSERT_TRUE(Update("s", Body("at(2026-11-28T12:09:50)")));
  Pass(5min);
  EXPECT_THAT(AllSent(), SizeIs(2)) << "said again, not anew";
}

}  // namespace
}  // namespace hearth::schedule
