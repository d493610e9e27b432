#include "cli/load.h"

#include <gtest/gtest.h>

namespace hearth::cli {
namespace {

using namespace std::chrono_literals;

const base::MonoTime kStart{100s};

TEST(LoadSchedule, ClosedLoopCallsAtOnceUntilTheEnd) {
  LoadSchedule schedule({.warm_up = 1s, .duration = 2s}, kStart);
  EXPECT_TRUE(schedule.Next(kStart)->is_warm_up);
  EXPECT_FALSE(schedule.Next(kStart + 1s)->is_warm_up);
  EXPECT_EQ(schedule.Next(kStart + 1500ms)->intended, kStart + 1500ms);
  EXPECT_FALSE(schedule.Next(kStart + 3s).has_value());
}

TEST(LoadSchedule, OpenLoopHoldsACallBackUntilItsTime) {
  LoadSchedule schedule({.rate = 100, .duration = 1s}, kStart);
  EXPECT_TRUE(schedule.Next(kStart).has_value());
  EXPECT_FALSE(schedule.Next(kStart + 9ms).has_value());
  EXPECT_EQ(schedule.NextDue(), kStart + 10ms);
  EXPECT_TRUE(schedule.Next(kStart + 10ms).has_value());
}

TEST(LoadSchedule, AStallDoesNotMoveIntendedTimes) {
  LoadSchedule schedule({.rate = 100, .duration = 1s}, kStart);
  int sent = 0;
  // Nothing can be sent for half a second; then everything is due, each with its own time.
  const auto late = kStart + 500ms;
  EXPECT_EQ(schedule.Overdue(late - 1ns), 50u);
  while (const auto shot = schedule.Next(late)) {
    EXPECT_EQ(shot->intended, kStart + sent * 10ms);
    ++sent;
  }
  EXPECT_EQ(sent, 51);
}

TEST(LoadSchedule, CallsMeantForBeforeTheEndAreDueAfterIt) {
  LoadSchedule schedule({.rate = 100, .duration = 1s}, kStart);
  int sent = 0;
  while (schedule.Next(kStart + 10s)) ++sent;
  EXPECT_EQ(sent, 100);
  EXPECT_EQ(schedule.Overdue(kStart + 10s), 0u);
  EXPECT_FALSE(schedule.NextDue().has_value());
}

// The point of the open loop, played through: a host that takes 1 ms, but stalls once for 500 ms.
TEST(LoadSchedule, AStallShowsInThePercentilesOfAnOpenLoopButNotOfAClosedOne) {
  const auto p90 = [](double rate) {
    LoadSchedule schedule({.connections = 1, .rate = rate, .duration = 1s}, kStart);
    LoadResult result;
    LoadRecorder recorder(result);
    base::MonoTime now = kStart;
    bool has_stalled = false;
    while (true) {
      const auto shot = schedule.Next(now);
      if (!shot) {
        const auto due = schedule.NextDue();
        if (rate == 0 || !due) break;
        now = *due;
        continue;
      }
      const bool stall = !has_stalled && now >= kStart + 250ms;
      has_stalled = has_stalled || stall;
      now += stall ? 500ms : 1ms;
      recorder.RecordReply(*shot, now, {});
    }
    return result.all.Percentile(0.9);
  };
  EXPECT_LT(p90(0), 2ms);
  EXPECT_GT(p90(500), 300ms);
}

io::HttpResponse Reply(int status, const char* spans, bool failed = false) {
  io::HttpResponse response{.status = status};
  response.headers.Add("x-hearth-spans", spans);
  if (failed) response.headers.Add("X-Amz-Function-Error", "Unhandled");
  return response;
}

TEST(LoadRecorder, KeepsColdWarmWarmUpAndErrorsApart) {
  LoadResult result;
  LoadRecorder recorder(result);
  const Shot warm_up{kStart, true}, shot{kStart, false};
  recorder.RecordReply(warm_up, kStart + 50ms, Reply(200, "cold=1;queue=9;total=50000"));
  recorder.RecordReply(shot, kStart + 40ms, Reply(200, "cold=1;queue=5;total=40000"));
  recorder.RecordReply(shot, kStart + 1ms, Reply(200, "cold=0;queue=12;handler=230;total=260"));
  recorder.RecordReply(shot, kStart + 2ms, Reply(200, "", true));
  recorder.RecordReply(shot, kStart + 2ms, Reply(429, ""));
  recorder.RecordError(shot, "connection: reset");
  EXPECT_EQ(result.calls, 5u);
  EXPECT_EQ(result.warm_up_calls, 1u);
  EXPECT_EQ(result.all.count(), 2u);
  EXPECT_EQ(result.warm.count(), 1u);
  EXPECT_EQ(result.cold.count(), 2u);
  EXPECT_EQ(result.cold_in_warm_up, 1u);
  EXPECT_EQ(result.failed(), 3u);
  EXPECT_EQ(result.errors.at("function error"), 1u);
  EXPECT_EQ(result.errors.at("HTTP 429"), 1u);
  ASSERT_EQ(result.steps.size(), 3u);
  EXPECT_EQ(result.steps[0].name, "queue");
  EXPECT_EQ(result.steps[0].time.count(), 2u);
  EXPECT_EQ(result.steps[2].name, "handler");
  EXPECT_EQ(result.steps[2].time.max(), 230us);
}

TEST(LoadRecorder, SkipsSpansThatAreMalformed) {
  for (const char* spans : {";;;", "=", "a", "a=", "a=-1", "a=x", "a=1x", "a=99999999999999"}) {
    LoadResult result;
    LoadRecorder(result).RecordReply({kStart, false}, kStart + 1ms, Reply(200, spans));
    EXPECT_TRUE(result.steps.empty()) << spans;
    EXPECT_EQ(result.all.count(), 1u);
  }
}

TEST(LoadRecorder, KeepsABoundedNumberOfStepsAndKindsOfErrors) {
  LoadResult result;
  LoadRecorder recorder(result);
  for (int i = 0; i < 1000; ++i) {
    recorder.RecordError({kStart, false}, "kind " + std::to_string(i));
    recorder.RecordReply({kStart, false}, kStart + 1ms,
                         Reply(200, ("s" + std::to_string(i) + "=1").c_str()));
  }
  EXPECT_LE(result.errors.size(), 33u);
  EXPECT_EQ(result.failed(), 1000u);
  EXPECT_LE(result.steps.size(), 32u);
}

}  // namespace
}  // namespace hearth::cli
