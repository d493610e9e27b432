#include "io/loop.h"

#include <gtest/gtest.h>

#include <vector>

#include "io/timer.h"
#include "io/timer_queue.h"
#include "tests/unit/io/raw_client.h"

namespace hearth::io {
namespace {

using namespace std::chrono_literals;
using test::Settle;

class LoopTest : public testing::Test {
 protected:
  void Advance(base::Duration by) {
    clock_.Advance(by);
    loop_.ClockMoved();
  }
  base::VirtualClock clock_{base::WallTime(1s)};
  Loop loop_{clock_};
};

TEST(TwoTimes, ATimerGoesByTheOneThatItWasMadeFor) {
  base::SystemClock machine;
  base::VirtualClock service{base::WallTime(1s)};
  Loop loop(machine, service);
  bool machine_fired = false, service_fired = false;
  Timer real(loop), moved(loop, Time::kService);
  real.Start(1ms, [&] { machine_fired = true; });
  moved.Start(24h, [&] { service_fired = true; });
  loop.RunUntil([&] { return machine_fired; });
  EXPECT_EQ(loop.timers(Time::kService).next(), service.Now() + 24h);
  service.Advance(24h - 1ns);
  loop.ClockMoved();
  EXPECT_FALSE(service_fired);
  service.Advance(1ns);
  loop.ClockMoved();
  EXPECT_TRUE(service_fired);
  EXPECT_EQ(loop.timers(Time::kService).next(), std::nullopt);
  const base::MonoTime now = machine.Now();
  EXPECT_LE(loop.ToService(now), service.Now());
  EXPECT_GT(loop.ToService(now), service.Now() - 1h);
}

TEST_F(LoopTest, HasOneTimeWhereItHasOneClock) {
  EXPECT_EQ(&loop_.timers(Time::kService), &loop_.timers(Time::kMachine));
  EXPECT_EQ(loop_.ToService(base::MonoTime(5s)), base::MonoTime(5s));
}

TEST_F(LoopTest, RunsPostedTasksLaterAndInOrder) {
  std::vector<int> ran;
  loop_.Post([&] {
    ran.push_back(1);
    loop_.Post([&] { ran.push_back(3); });
    EXPECT_EQ(ran.size(), 1u) << "inside Post";
  });
  loop_.Post([&] { ran.push_back(2); });
  EXPECT_TRUE(ran.empty());
  loop_.Run();  // Ends: nothing is left.
  EXPECT_EQ(ran, (std::vector<int>{1, 2, 3}));
}

TEST_F(LoopTest, GivesOthersTheirTurnBetweenPosts) {
  int turns = 0;
  std::function<void()> again = [&] {
    if (++turns < 1000) loop_.Post(again);
  };
  const auto pipe = MUST(base::sys::MakePipe());
  ASSERT_EQ(::write(pipe.write.get(), "x", 1), 1);
  int turns_before_io = -1;
  std::unique_ptr<FdWatcher> watcher =
      MUST(FdWatcher::Create(loop_, pipe.read.get(), FdWatcher::kReadable, [&](int) {
        turns_before_io = turns;
        watcher.reset();
      }));
  loop_.Post(again);
  loop_.Run();
  EXPECT_EQ(turns, 1000);
  EXPECT_GE(turns_before_io, 0);
  EXPECT_LT(turns_before_io, 10) << "a task that posts itself starved the descriptor";
}

TEST_F(LoopTest, RunsWhatIoPostsBehindAllIoOfTheSameTurn) {
  std::vector<std::string> seen;
  std::vector<base::sys::Pipe> pipes;
  std::vector<std::unique_ptr<FdWatcher>> watchers;
  for (const char* name : {"one", "two"}) {
    pipes.push_back(MUST(base::sys::MakePipe()));
    ASSERT_EQ(::write(pipes.back().write.get(), "x", 1), 1);
    const int fd = pipes.back().read.get();
    watchers.push_back(MUST(FdWatcher::Create(loop_, fd, FdWatcher::kReadable, [&, name, fd](int) {
      char byte;
      ASSERT_EQ(::read(fd, &byte, 1), 1);
      seen.emplace_back(name);
      loop_.Post([&] { seen.emplace_back("task"); });
    })));
  }
  loop_.RunOnce();
  ASSERT_EQ(seen.size(), 4u) << "it took another turn";
  EXPECT_EQ(seen[2], "task");
  EXPECT_EQ(seen[3], "task");
}

TEST_F(LoopTest, StopsInTheMiddleOfItsWork) {
  int turns = 0;
  std::function<void()> again = [&] {
    if (++turns == 5) loop_.Stop();
    loop_.Post(again);
  };
  loop_.Post(again);
  loop_.Run();
  EXPECT_EQ(turns, 5);
}

TEST_F(LoopTest, DropsWhatWasNeverRun) {
  const auto kept = std::make_shared<int>(0);
  {
    Loop loop(clock_);
    loop.Post([kept] { ADD_FAILURE() << "it ran"; });
    EXPECT_EQ(kept.use_count(), 2);
  }
  EXPECT_EQ(kept.use_count(), 1);
}

TEST_F(LoopTest, FiresTimersInTheOrderOfTheirTimesThenOfTheirStarts) {
  std::vector<int> fired;
  Timer late(loop_), early(loop_), same(loop_), never(loop_);
  late.Start(3s, [&] { fired.push_back(3); });
  early.Start(1s, [&] { fired.push_back(1); });
  same.Start(1s, [&] { fired.push_back(2); });
  never.Start(4s, [&] { fired.push_back(4); });
  Settle(loop_);
  EXPECT_TRUE(fired.empty()) << "no time has passed";
  Advance(1s - 1ns);
  EXPECT_TRUE(fired.empty());
  Advance(1ns);
  EXPECT_EQ(fired, (std::vector<int>{1, 2}));
  EXPECT_FALSE(early.active());
  Advance(2s);
  EXPECT_EQ(fired, (std::vector<int>{1, 2, 3}));
  EXPECT_TRUE(never.active());
}

TEST_F(LoopTest, ACallbackMayCancelOrDestroyAnyTimerItsOwnToo) {
  std::vector<std::string> fired;
  auto own = std::make_unique<Timer>(loop_);
  auto other = std::make_unique<Timer>(loop_);
  Timer cancelled(loop_);
  own->Start(1s, [&] {
    fired.push_back("own");
    own.reset();
    other.reset();
    cancelled.Cancel();
    fired.push_back("after");  // What it captured is still there.
  });
  other->Start(1s, [&] { fired.push_back("other"); });
  cancelled.Start(1s, [&] { fired.push_back("cancelled"); });
  Advance(1s);
  EXPECT_EQ(fired, (std::vector<std::string>{"own", "after"}));
}

TEST_F(LoopTest, ATimerThatSetsItselfAgainWithNoDelayStarvesNobody) {
  int fired = 0;
  int others = 0;
  Timer again(loop_), other(loop_);
  std::function<void()> restart = [&] {
    ++fired;
    again.Start(0s, restart);
  };
  again.Start(0s, restart);
  other.Start(0s, [&] { ++others; });
  Advance(0s);
  EXPECT_EQ(fired, 1);
  EXPECT_EQ(others, 1);
  Advance(0s);
  EXPECT_EQ(fired, 2);
}

TEST_F(LoopTest, StartReplacesWhatWasSetBefore) {
  std::vector<int> fired;
  Timer timer(loop_);
  timer.Start(1s, [&] { fired.push_back(1); });
  timer.Start(2s, [&] { fired.push_back(2); });
  Advance(1s);
  EXPECT_TRUE(fired.empty());
  Advance(1s);
  EXPECT_EQ(fired, (std::vector<int>{2}));
  timer.Start(-5s, [&] { fired.push_back(3); });
  EXPECT_EQ(fired.size(), 1u) << "inside Start";
  Advance(0s);
  EXPECT_EQ(fired.back(), 3);
}

TEST_F(LoopTest, ACallbackMayAddTimersThatAreDueLater) {
  std::vector<int> fired;
  Timer first(loop_), second(loop_);
  first.Start(1s, [&] {
    fired.push_back(1);
    second.Start(1s, [&] { fired.push_back(2); });
  });
  Advance(10s);
  EXPECT_EQ(fired, (std::vector<int>{1}));
  Advance(1s);
  EXPECT_EQ(fired, (std::vector<int>{1, 2}));
}

TEST_F(LoopTest, ManyTimersAreEachFiredOnce) {
  std::vector<std::unique_ptr<Timer>> timers;
  size_t fired = 0;
  for (int i = 0; i < 10000; ++i) {
    timers.push_back(std::make_unique<Timer>(loop_));
    timers.back()->Start(std::chrono::milliseconds((i * 7919) % 10007), [&] { ++fired; });
  }
  for (size_t i = 0; i < timers.size(); i += 2) timers[i]->Cancel();
  Advance(20s);
  EXPECT_EQ(fired, 5000u);
}

// With the machine's clock: that the libuv timer is armed, for the earliest, and again after it.
TEST(RealLoop, WaitsForItsTimers) {
  const base::SystemClock clock;
  Loop loop(clock);
  std::vector<int> fired;
  Timer first(loop), second(loop), earlier(loop);
  const auto start = clock.Now();
  second.Start(20ms, [&] { fired.push_back(3); });
  first.Start(10ms, [&] {
    fired.push_back(2);
    first.Start(0s, [] {});
  });
  earlier.Start(1ms, [&] { fired.push_back(1); });
  loop.RunUntil([&] { return fired.size() == 3; });
  EXPECT_EQ(fired, (std::vector<int>{1, 2, 3}));
  EXPECT_GE(clock.Now() - start, 20ms);
}

TEST(RealLoop, EndsOnceItsLastTimerIsCancelled) {
  const base::SystemClock clock;
  Loop loop(clock);
  Timer timer(loop);
  timer.Start(1h, [] {});
  loop.Post([&] { timer.Cancel(); });
  loop.Run();
  EXPECT_FALSE(timer.active());
}

TEST(LoopDeathTest, AbortsWhereAHandleIsLeft) {
  EXPECT_DEATH(
      {
        const base::SystemClock clock;
        const auto pipe = MUST(base::sys::MakePipe());
        auto* left = new std::unique_ptr<FdWatcher>;
        Loop loop(clock);
        *left = MUST(FdWatcher::Create(loop, pipe.read.get(), FdWatcher::kReadable, [](int) {}));
      },
      "uv_loop_close");
}

}  // namespace
}  // namespace hearth::io
