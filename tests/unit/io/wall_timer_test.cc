#include "io/wall_timer.h"

#include <gtest/gtest.h>

namespace hearth::io {
namespace {

using namespace std::chrono_literals;

// Two hands that move apart, as where somebody sets the clock.
class SetClock final : public base::Clock {
 public:
  base::MonoTime Now() const override { return mono; }
  base::WallTime WallNow() const override { return wall; }
  bool is_virtual() const override { return true; }
  base::MonoTime mono{};
  base::WallTime wall{1000h};
};

class WallTimerTest : public testing::Test {
 protected:
  void Pass(base::Duration time) {
    clock.mono += time;
    clock.wall += time;
    loop.ClockMoved();
  }
  void Set(base::Duration by) {
    clock.wall += by;
    timer.OnClockSet();
    loop.ClockMoved();
  }
  void Start(base::Duration after) {
    timer.Start(clock.wall + after, [this] { ++fired; });
  }

  SetClock clock;
  Loop loop{clock};
  WallTimer timer{loop};
  int fired = 0;
};

TEST_F(WallTimerTest, FiresOnceWhenItsTimeHasCome) {
  Start(10s);
  Pass(9s);
  EXPECT_EQ(fired, 0);
  Pass(1s);
  EXPECT_EQ(fired, 1);
  EXPECT_FALSE(timer.active());
  Pass(1000h);
  EXPECT_EQ(fired, 1);
}

TEST_F(WallTimerTest, FiresAtOnceWhereTheClockIsSetBeyondItsTime) {
  Start(10h);
  Set(24h);
  EXPECT_EQ(fired, 1);
}

TEST_F(WallTimerTest, WaitsLongerWhereTheClockIsSetBack) {
  Start(10s);
  Set(-1h);
  Pass(59min);
  EXPECT_EQ(fired, 0);
  Pass(1min + 10s);
  EXPECT_EQ(fired, 1);
}

TEST_F(WallTimerTest, FindsAClockThatWasSetWithoutAWordWithinTheHour) {
  Start(30h);
  clock.wall += 48h;
  Pass(1h);
  EXPECT_EQ(fired, 1);
}

TEST_F(WallTimerTest, IsReplacedAndCancelled) {
  Start(1s);
  timer.Start(clock.wall + 2s, [this] { fired += 10; });
  Pass(1s);
  EXPECT_EQ(fired, 0);
  Pass(1s);
  EXPECT_EQ(fired, 10);
  Start(1s);
  timer.Cancel();
  Set(1h);
  Pass(1h);
  EXPECT_EQ(fired, 10);
}

TEST_F(WallTimerTest, MayBeSetAgainByItsOwnCallback) {
  timer.Start(clock.wall + 1s, [this] {
    ++fired;
    Start(1s);
  });
  Pass(1s);
  Pass(1s);
  EXPECT_EQ(fired, 2);
}

// The kernel's own word needs the machine's clock to be set: not here. That it is listened to, and
// let go again, is.
TEST(WallTimer, FiresInTheMachinesTimeAndLetsItsDescriptorsGo) {
  base::SystemClock clock;
  Loop loop(clock);
  bool fired = false;
  {
    WallTimer timer(loop);
    timer.Start(clock.WallNow() + 2ms, [&] { fired = true; });
    loop.RunUntil([&] { return fired; });
  }
  EXPECT_TRUE(fired);
}

}  // namespace
}  // namespace hearth::io
