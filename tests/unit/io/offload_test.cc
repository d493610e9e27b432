#include "io/offload.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <thread>

#include "tests/unit/io/raw_client.h"

namespace hearth::io {
namespace {

class OffloadTest : public testing::Test {
 protected:
  base::SystemClock clock_;
  Loop loop_{clock_};
};

TEST_F(OffloadTest, BringsTheValueBackToTheLoopsThread) {
  Offload offload(loop_, 1);
  const auto here = std::this_thread::get_id();
  std::thread::id there;
  std::unique_ptr<int> got;
  offload.Run(
      [&] {
        there = std::this_thread::get_id();
        return std::make_unique<int>(7);
      },
      [&](std::unique_ptr<int> value) {
        EXPECT_EQ(std::this_thread::get_id(), here);
        got = std::move(value);
      });
  EXPECT_EQ(offload.pending(), 1u);
  EXPECT_EQ(got, nullptr) << "inside Run";
  loop_.Run();  // Ends by itself once the work is done.
  ASSERT_NE(got, nullptr);
  EXPECT_EQ(*got, 7);
  EXPECT_NE(there, here);
  EXPECT_EQ(offload.pending(), 0u);
}

TEST_F(OffloadTest, OneThreadRunsJobsAndTheirEndsInTheOrderGiven) {
  Offload offload(loop_, 1);
  std::vector<int> ran;
  std::vector<int> done;
  for (int i = 0; i < 1000; ++i) {
    offload.Run(
        [&ran, i] {
          ran.push_back(i);
          return i;
        },
        [&done](int value) { done.push_back(value); });
  }
  loop_.Run();
  ASSERT_EQ(done.size(), 1000u);
  EXPECT_EQ(ran, done);
  EXPECT_TRUE(std::ranges::is_sorted(done));
}

TEST_F(OffloadTest, ManyThreadsRunAtOnce) {
  Offload offload(loop_, 4);
  std::latch all(4);  // Each waits for all: three threads would never end.
  int done = 0;
  for (int i = 0; i < 4; ++i) {
    offload.Run(
        [&all] {
          all.arrive_and_wait();
          return true;
        },
        [&done](bool) { ++done; });
  }
  loop_.Run();
  EXPECT_EQ(done, 4);
}

TEST_F(OffloadTest, AnEndMayGiveMoreWork) {
  Offload offload(loop_, 2);
  int rounds = 0;
  std::function<void(int)> next = [&](int value) {
    rounds = value;
    if (value < 100) offload.Run([value] { return value + 1; }, next);
  };
  next(0);
  loop_.Run();
  EXPECT_EQ(rounds, 100);
}

TEST_F(OffloadTest, TheDestructorWaitsForTheWorkAndDropsItsEnds) {
  std::atomic<int> ran = 0;
  const auto captured = std::make_shared<int>(0);
  {
    Offload offload(loop_, 1);
    for (int i = 0; i < 100; ++i) {
      offload.Run([&ran] { return ++ran; },
                  [captured](int) { ADD_FAILURE() << "an end after the destructor"; });
    }
  }
  EXPECT_EQ(ran, 100) << "work that was queued is lost";
  loop_.Run();
  EXPECT_EQ(captured.use_count(), 1);
}

TEST_F(OffloadTest, AnEndMayDestroyTheOffload) {
  auto offload = std::make_unique<Offload>(loop_, 1);
  int ends = 0;
  for (int i = 0; i < 3; ++i) {
    offload->Run([] { return 0; },
                 [&](int) {
                   ++ends;
                   offload.reset();
                 });
  }
  loop_.Run();
  EXPECT_GE(ends, 1);
  EXPECT_EQ(offload, nullptr);
}

TEST_F(OffloadTest, DoesNotKeepAnIdleLoopAlive) {
  const Offload offload(loop_, 2);
  loop_.Run();
  EXPECT_EQ(offload.pending(), 0u);
}

}  // namespace
}  // namespace hearth::io
