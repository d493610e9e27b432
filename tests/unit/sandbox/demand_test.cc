#include "sandbox/demand.h"

#include <gtest/gtest.h>

namespace hearth::sandbox {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

base::MonoTime At(base::Duration since_boot) { return base::MonoTime(since_boot); }

void CountMany(Demand& demand, size_t launches, base::Duration when) {
  for (size_t i = 0; i < launches; ++i) demand.Count(At(when));
}

TEST(Demand, IsNothingBeforeTheFirstLaunch) {
  Demand demand;
  EXPECT_EQ(demand.Peak(At(seconds(0))), 0u);
  EXPECT_EQ(demand.Peak(At(seconds(1'000'000))), 0u);
}

TEST(Demand, IsThatOfTheBusiestSecondNotOfAllTogether) {
  Demand demand;
  CountMany(demand, 3, seconds(10));
  CountMany(demand, 2, seconds(10) + milliseconds(999));
  CountMany(demand, 4, seconds(11));
  EXPECT_EQ(demand.Peak(At(seconds(11))), 5u);
}

TEST(Demand, FallsToTheNextBusiestSecondWhenTheBusiestIsAMinuteAgo) {
  Demand demand;
  CountMany(demand, 9, seconds(100));
  CountMany(demand, 2, seconds(110));
  CountMany(demand, 5, seconds(120));
  CountMany(demand, 1, seconds(130));
  EXPECT_EQ(demand.Peak(At(seconds(160) - milliseconds(1))), 9u);
  EXPECT_EQ(demand.Peak(At(seconds(160))), 5u);
  EXPECT_EQ(demand.Peak(At(seconds(180))), 1u);
  EXPECT_EQ(demand.Peak(At(seconds(190))), 0u);
}

TEST(Demand, SaysWhenItFalls) {
  Demand demand;
  CountMany(demand, 2, seconds(7) + milliseconds(300));
  ASSERT_EQ(demand.Peak(At(seconds(8))), 2u);
  EXPECT_EQ(demand.Expiry(), At(seconds(67)));
  CountMany(demand, 2, seconds(20));
  EXPECT_EQ(demand.Expiry(), At(seconds(80))) << "as much, and later";
}

}  // namespace
}  // namespace hearth::sandbox
