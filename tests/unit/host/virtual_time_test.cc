#include "host/virtual_time.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"
#include "tests/unit/base/temporary_folder.h"

namespace hearth::host {
namespace {

using namespace std::chrono_literals;

class VirtualTimeTest : public testing::Test {
 protected:
  static std::unique_ptr<VirtualTime> Open(const std::string& folder) {
    return MUST(VirtualTime::Open(folder, kStart));
  }
  VirtualTimeTest() {
    time_->Attach(loop_, disk_, [this] { return quiet_; });
  }

  base::Result<void> Advance(base::Duration by) {
    std::optional<base::Result<void>> result;
    time_->Advance(by, [&](base::Result<void> moved) { result = std::move(moved); });
    EXPECT_FALSE(result) << "inside the call";
    loop_.RunUntil([&] { return result.has_value(); });
    return *result;
  }
  base::Duration moved() const { return time_->clock().WallNow() - kStart; }

  static constexpr base::WallTime kStart{1764000000s};
  test::TemporaryFolder folder_;
  base::VirtualClock machine_{kStart};
  std::unique_ptr<VirtualTime> time_ = Open(folder_.path());
  io::Loop loop_{machine_, time_->clock()};
  io::Offload disk_{loop_, 1};
  bool quiet_ = true;
};

TEST_F(VirtualTimeTest, FiresWhatIsDueOnItsWayAtItsOwnMoment) {
  std::vector<base::Duration> fired;
  io::Timer minutely(loop_, io::Time::kService);
  std::function<void()> again = [&] {
    fired.push_back(moved());
    minutely.Start(1min, again);
  };
  minutely.Start(1min, again);
  ASSERT_TRUE(Advance(3min));
  EXPECT_EQ(fired, (std::vector<base::Duration>{1min, 2min, 3min}));
  EXPECT_EQ(moved(), 3min);
}

TEST_F(VirtualTimeTest, GoesOnOnlyWhenWhatItSetOffHasEnded) {
  io::Timer due(loop_, io::Time::kService), later(loop_, io::Time::kService);
  bool is_late = false;
  due.Start(1min, [&] { quiet_ = false; });
  later.Start(2min, [&] { is_late = true; });
  bool done = false;
  time_->Advance(2min, [&](const base::Result<void>& result) { done = result.has_value(); });
  for (int turn = 0; turn < 20; ++turn) {
    machine_.Advance(1ms);
    loop_.ClockMoved();
    loop_.RunOnce();
  }
  EXPECT_EQ(moved(), 1min);
  EXPECT_FALSE(is_late);
  quiet_ = true;
  machine_.Advance(1ms);
  loop_.ClockMoved();
  loop_.RunUntil([&] { return done; });
  EXPECT_TRUE(is_late);
}

TEST_F(VirtualTimeTest, StopsWhereSomethingNeverEnds) {
  quiet_ = false;
  std::optional<base::Result<void>> result;
  time_->Advance(1h, [&](base::Result<void> moved) { result = std::move(moved); });
  while (!result) {
    machine_.Advance(30s);
    loop_.ClockMoved();
    loop_.RunOnce();
  }
  EXPECT_EQ(result->error().kind, base::ErrorKind::kTimeout);
  EXPECT_EQ(moved(), 0s);
  quiet_ = true;
  EXPECT_TRUE(Advance(1s)) << "the next move is its own";
}

TEST_F(VirtualTimeTest, StandsWhereTheLastHostLeftIt) {
  ASSERT_TRUE(Advance(48h));
  const auto again = MUST(VirtualTime::Open(folder_.path(), kStart + 1h));
  EXPECT_EQ(again->clock().WallNow(), kStart + 48h);
}

TEST_F(VirtualTimeTest, AFileThatIsNoTimeIsNamed) {
  for (const char* text : {"", "soon\n", "17640\n5", "12"}) {
    std::ofstream(folder_ / "clock") << text;
    const auto opened = VirtualTime::Open(folder_.path(), kStart);
    ASSERT_FALSE(opened) << text;
    EXPECT_EQ(opened.error().kind, base::ErrorKind::kCorrupt);
  }
}

}  // namespace
}  // namespace hearth::host
