// What the times between calls teach, and where they teach nothing.
#include "invoker/keep_alive.h"

#include <gtest/gtest.h>

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;

class KeepAlive : public ::testing::Test {
 protected:
  void CallAfter(base::Duration gap, int at_once = 1) {
    now_ += gap;
    for (int i = 0; i < at_once; ++i) history_.Arrived(now_);
    for (int i = 0; i < at_once; ++i) history_.Ended(now_);
  }
  void CallsAfter(base::Duration gap, int count) {
    for (int i = 0; i < count; ++i) CallAfter(gap);
  }
  base::Duration Kept() const { return history_.KeepAlive(options_); }

  UseHistory history_;
  base::MonoTime now_{100h};
  KeepAliveOptions options_{.fixed = 10min, .longest = 4h};
};

TEST_F(KeepAlive, IsTheFixedTimeBeforeAnythingIsKnown) {
  EXPECT_EQ(Kept(), 10min);
  CallsAfter(60min, 10);  // Nine gaps.
  EXPECT_EQ(Kept(), 10min);
  CallAfter(60min);
  EXPECT_NE(Kept(), 10min);
}

TEST_F(KeepAlive, CoversThePeriodOfAnHourlyJobAndItsMargin) {
  CallsAfter(60min, 12);
  EXPECT_GE(Kept(), 66min);
  EXPECT_LE(Kept(), 73min);
  const auto windows = history_.Learned(4h);
  ASSERT_TRUE(windows);
  EXPECT_EQ(windows->prewarm, 54min);  // Nine tenths: it may be back by then.
  EXPECT_EQ(windows->prewarm + windows->keep_alive, Kept());
}

TEST_F(KeepAlive, IsShorterThanTheFixedTimeWhereCallsComeEachMinute) {
  CallsAfter(61s, 30);
  EXPECT_GE(Kept(), 61s);
  EXPECT_LE(Kept(), 3min);
  EXPECT_EQ(history_.Learned(4h)->prewarm, 54s);
}

TEST_F(KeepAlive, OfABusyFunctionIsOneMinuteAndItsMargin) {
  CallsAfter(2s, 3600);
  EXPECT_EQ(Kept(), 66s);
  EXPECT_EQ(history_.Learned(4h)->prewarm, 0s);
}

TEST_F(KeepAlive, IsTheFixedTimeWhereGapsAreSpreadOverTheWholeRange) {
  CallAfter(1min);
  for (int round = 0; round < 3; ++round) {
    for (int gap = 1; gap < 240; gap += 4) CallAfter(std::chrono::minutes(gap));
  }
  EXPECT_FALSE(history_.Learned(4h));
  EXPECT_EQ(Kept(), 10min);
}

TEST_F(KeepAlive, AFewGapsThatLieApartAreNotTakenForAHabit) {
  CallAfter(1min);
  for (int gap = 5; gap < 240; gap += 20) CallAfter(std::chrono::minutes(gap));
  EXPECT_FALSE(history_.Learned(4h));
}

TEST_F(KeepAlive, IsTheFixedTimeWhereMostGapsAreOutOfBounds) {
  CallsAfter(20min, 21);
  CallsAfter(6h, 20);
  EXPECT_GE(Kept(), 20min);
  CallAfter(6h);
  EXPECT_FALSE(history_.Learned(4h));
  EXPECT_EQ(Kept(), 10min);
}

TEST_F(KeepAlive, WhatLiesAboveTheLongestIsOutOfBounds) {
  CallsAfter(3h, 50);
  options_.longest = 1h;
  EXPECT_EQ(Kept(), 10min);  // An hour would cost memory, and save no start.
  options_.longest = 190min;
  EXPECT_EQ(Kept(), 190min);
}

TEST_F(KeepAlive, OfTheFixedPolicyIsFixed) {
  CallsAfter(60min, 50);
  options_.policy = KeepAlivePolicy::kFixed;
  EXPECT_EQ(Kept(), 10min);
}

TEST_F(KeepAlive, OneGapInTwoHundredDoesNotCountAndOneInTwentyDoes) {
  CallsAfter(5min, 200);
  CallAfter(3h);
  EXPECT_LT(Kept(), 7min);
  CallsAfter(3h, 10);
  EXPECT_GE(Kept(), 3h);
}

TEST_F(KeepAlive, ABusyHourDoesNotDrownWhatIsKnownOfQuietOnes) {
  CallsAfter(120min, 20);
  CallsAfter(10ms, 360'000);
  EXPECT_GE(Kept(), 120min);
}

TEST_F(KeepAlive, WhatAFunctionUsedToDoFades) {
  CallsAfter(180min, 300);
  EXPECT_GE(Kept(), 180min);
  CallsAfter(5min, 4000);
  EXPECT_LT(Kept(), 7min);
}

TEST_F(KeepAlive, CallsAtOnceEachWaitForAnInstanceOfTheirOwn) {
  for (int i = 0; i < 12; ++i) CallAfter(60min, 3);
  // Each of the three has been idle for an hour each time; none for no time.
  EXPECT_EQ(history_.Learned(4h)->prewarm, 54min);
  EXPECT_GE(Kept(), 66min);
}

TEST_F(KeepAlive, MoreCallsAtOnceThanAreRememberedAreNoGaps) {
  CallAfter(60min, 1000);
  CallAfter(60min, 1000);
  EXPECT_FALSE(history_.Learned(4h)) << "eight gaps are remembered, of ten that are needed";
  CallAfter(60min, 1000);
  EXPECT_EQ(history_.Learned(4h)->prewarm, 54min);
}

TEST_F(KeepAlive, TheCostOfAStartFollowsTheStartsOfLate) {
  EXPECT_EQ(history_.start_cost(), 0ms);
  history_.Started(400ms);
  EXPECT_EQ(history_.start_cost(), 400ms);
  history_.Started(200ms);
  EXPECT_EQ(history_.start_cost(), 350ms);
  for (int i = 0; i < 50; ++i) history_.Started(20ms);
  EXPECT_LT(history_.start_cost(), 21ms);
}

}  // namespace
}  // namespace hearth::invoker
