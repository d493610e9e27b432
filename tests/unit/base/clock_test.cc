#include "base/clock.h"

#include <gtest/gtest.h>

namespace hearth::base {
namespace {

using namespace std::chrono_literals;

WallTime AtMillis(int64_t millis) { return WallTime(std::chrono::milliseconds(millis)); }

TEST(Clock, FormatsTimesAsLambdaAndIso8601Do) {
  EXPECT_EQ(FormatLambdaTime(AtMillis(1786019696789)), "2026-08-06T12:34:56.789+0000");
  EXPECT_EQ(FormatIso8601(AtMillis(1786019696789)), "2026-08-06T12:34:56.789Z");
  EXPECT_EQ(FormatIso8601(AtMillis(0)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(FormatIso8601(AtMillis(951782400005)), "2000-02-29T00:00:00.005Z");
}

TEST(Clock, RoundsTimesBeforeTheEpochDownwards) {
  EXPECT_EQ(FormatIso8601(AtMillis(-1)), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(FormatIso8601(AtMillis(-1000)), "1969-12-31T23:59:59.000Z");
  EXPECT_EQ(EpochMillis(WallTime(-1ns)), -1);
  EXPECT_EQ(EpochMillis(WallTime(1999999ns)), 1);
}

TEST(VirtualClock, MovesBothTimesAndOnlyWhenTold) {
  VirtualClock clock(AtMillis(5000));
  const MonoTime start = clock.Now();
  EXPECT_EQ(clock.Now(), start);
  EXPECT_TRUE(clock.is_virtual());
  clock.Advance(1500ms);
  EXPECT_EQ(clock.Now() - start, 1500ms);
  EXPECT_EQ(EpochMillis(clock.WallNow()), 6500);
}

TEST(SystemClock, NeverGoesBackwards) {
  const SystemClock clock;
  EXPECT_FALSE(clock.is_virtual());
  MonoTime last = clock.Now();
  for (int i = 0; i < 1000; ++i) {
    const MonoTime now = clock.Now();
    EXPECT_GE(now, last);
    last = now;
  }
}

TEST(Deadline, PassesAtItsMomentAndThenHasNothingLeft) {
  VirtualClock clock(AtMillis(0));
  const Deadline deadline = Deadline::After(clock, 10s);
  EXPECT_EQ(deadline.Remaining(clock), 10s);
  clock.Advance(10s - 1ns);
  EXPECT_FALSE(deadline.HasPassed(clock));
  EXPECT_EQ(deadline.Remaining(clock), 1ns);
  clock.Advance(1ns);
  EXPECT_TRUE(deadline.HasPassed(clock));
  EXPECT_EQ(deadline.Remaining(clock), 0ns);
  clock.Advance(1h);
  EXPECT_EQ(deadline.Remaining(clock), 0ns);
  EXPECT_EQ(Deadline::At(clock.Now()).when(), clock.Now());
}

}  // namespace
}  // namespace hearth::base
