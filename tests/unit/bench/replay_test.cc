// The simulator's arithmetic, on workloads small enough to work out by hand.
#include "bench/replay.h"

#include <gmock/gmock.h>

#include "base/file.h"
#include "base/id.h"

namespace hearth::bench {
namespace {

using namespace std::chrono_literals;
using base::Bytes;
using invoker::KeepAlivePolicy;
using ::testing::HasSubstr;

ReplayPolicy Fixed(base::Duration time) {
  return {.keep_alive = {.policy = KeepAlivePolicy::kFixed, .fixed = time}};
}

ReplayPolicy Learned() {
  return {.keep_alive = {.policy = KeepAlivePolicy::kLearned, .fixed = 10min, .longest = 4h}};
}

// One call of a function every `period` minutes.
Workload Every(uint32_t period, uint32_t calls) {
  Workload out{.functions = {{.name = "F"}}, .counts = {}};
  for (uint32_t i = 0; i < calls; ++i) out.counts.push_back({0, i * period, 1});
  return out;
}

ReplayResult Replayed(const Workload& workload, const ReplayPolicy& policy) {
  return Replay(workload, ArrivalsOf(workload, Spread::kEven, 1), policy);
}

TEST(Replay, ACallIsColdWhereItsGapIsLongerThanTheKeepAlive) {
  const Workload workload = Every(15, 10);
  const ReplayResult shorter = Replayed(workload, Fixed(10min));
  EXPECT_EQ(shorter.calls, 10u);
  EXPECT_EQ(shorter.cold, 10u);
  EXPECT_EQ(shorter.cold_time, 2500ms);
  // Nine times ten minutes of 64 MiB.
  EXPECT_NEAR(shorter.idle_gib_hours, 9.0 * 10 / 60 / 16, 1e-9);
  const ReplayResult longer = Replayed(workload, Fixed(15min));
  EXPECT_EQ(longer.cold, 1u);
  // Nine gaps, but for the calls themselves.
  EXPECT_NEAR(longer.idle_gib_hours, (9.0 * 900 - 9 * 0.1 - 0.25) / 3600 / 16, 1e-9);
  EXPECT_EQ(longer.peak, Bytes::MiB(64));
}

TEST(Replay, CallsAtOnceEachNeedAnInstance) {
  Workload workload{.functions = {{.name = "F", .run = 50s}}, .counts = {{0, 0, 3}, {0, 5, 3}}};
  const ReplayResult result = Replayed(workload, Fixed(10min));
  EXPECT_EQ(result.cold, 3u);
  EXPECT_EQ(result.peak, Bytes::MiB(192));
}

TEST(Replay, WhereMemoryIsShortOneIsEvictedAndABusyOneNever) {
  Workload workload{.functions = {{.name = "A"}, {.name = "B"}},
                    .counts = {{0, 0, 1}, {1, 1, 1}, {0, 2, 1}}};
  ReplayPolicy policy = Fixed(10min);
  policy.budget = Bytes::MiB(64);
  ReplayResult result = Replayed(workload, policy);
  EXPECT_EQ(result.cold, 3u);
  EXPECT_EQ(result.evicted, 2u);
  EXPECT_EQ(result.refused, 0u);
  workload.functions[0].run = 90s;  // Until B's call.
  result = Replayed(workload, policy);
  EXPECT_EQ(result.refused, 1u);
}

TEST(Replay, GreedyDualKeepsTheCostlyOneAndTheOtherTheLatest) {
  const Workload workload{
      .functions = {{.name = "Costly", .cold = 2s}, {.name = "B"}, {.name = "C"}},
      .counts = {{0, 0, 1}, {1, 1, 1}, {2, 2, 1}, {0, 3, 1}}};
  ReplayPolicy policy = Fixed(10min);
  policy.budget = Bytes::MiB(128);
  EXPECT_EQ(Replayed(workload, policy).cold, 3u);
  policy.eviction = Eviction::kLeastRecentlyUsed;
  EXPECT_EQ(Replayed(workload, policy).cold, 4u);
}

TEST(Replay, APrewarmedInstanceServesAnHourlyJobForAFractionOfTheMemory) {
  const Workload workload = Every(60, 100);
  const ReplayResult kept = Replayed(workload, Learned());
  EXPECT_EQ(kept.cold, 11u);  // The first, and ten gaps that teach.
  EXPECT_EQ(kept.prewarmed, 0u);
  ReplayPolicy policy = Learned();
  policy.prewarm = true;
  const ReplayResult prewarmed = Replayed(workload, policy);
  EXPECT_EQ(prewarmed.cold, 11u);
  EXPECT_EQ(prewarmed.prewarmed, 89u);
  EXPECT_LT(prewarmed.idle_gib_hours, kept.idle_gib_hours / 4);
}

TEST(Replay, APrewarmedStartIsLeftOutWhereItWouldTakeAnothersMemory) {
  Workload workload = Every(60, 100);
  workload.functions.push_back({.name = "Other"});
  for (uint32_t minute = 0; minute < 6000; ++minute) workload.counts.push_back({1, minute, 6});
  ReplayPolicy policy = Learned();
  policy.prewarm = true;
  policy.budget = Bytes::MiB(127);
  EXPECT_EQ(Replayed(workload, policy).prewarmed, 0u);
}

TEST(Workload, TheSameSeedMakesTheSame) {
  const Workload one = MakeWorkload(40, 1, 7);
  const Workload same = MakeWorkload(40, 1, 7);
  const Workload other = MakeWorkload(40, 1, 8);
  ASSERT_EQ(one.counts.size(), same.counts.size());
  for (size_t i = 0; i < one.counts.size(); ++i)
    EXPECT_EQ(one.counts[i].count, same.counts[i].count);
  EXPECT_NE(one.counts.size(), other.counts.size());
  EXPECT_EQ(ArrivalsOf(one, Spread::kPoisson, 1).size(), ArrivalsOf(one, Spread::kEven, 2).size());
}

class WorkloadFile : public ::testing::Test {
 protected:
  std::string Write(const std::string& text) {
    const std::string path = testing::TempDir() + "hearth-trace-" + base::NewHexId(8);
    MUST(base::WriteFileAtomically(path, text));
    return path;
  }
};

TEST_F(WorkloadFile, IsReadWithAndWithoutAHeading) {
  const std::string costs = Write("A,128,300,20\nUnknown,1,1,1\n");
  for (const char* heading : {"", "function,minute,count\r\n"}) {
    const auto read = ReadWorkload(Write(std::string(heading) + "A,0,2\nB,3,1\nA,4,1\n"), costs);
    ASSERT_TRUE(read) << read.error().ToString();
    ASSERT_EQ(read->functions.size(), 2u);
    EXPECT_EQ(read->functions[0].memory, Bytes::MiB(128));
    EXPECT_EQ(read->functions[0].cold, 300ms);
    EXPECT_EQ(read->functions[1].memory, Bytes::MiB(64));
    const auto arrivals = ArrivalsOf(*read, Spread::kEven, 1);
    ASSERT_EQ(arrivals.size(), 4u);
    EXPECT_EQ(arrivals[1].at - arrivals[0].at, 30s);
    EXPECT_EQ(arrivals[2].function, 1u);
  }
}

TEST_F(WorkloadFile, ALineThatIsNotOneIsNamed) {
  for (const char* line : {"B,x,1", "B,1", "B,1,1,1", "B,-1,1"}) {
    const auto read = ReadWorkload(Write(std::string("A,0,2\n") + line + "\n"), "");
    ASSERT_FALSE(read) << line;
    EXPECT_THAT(read.error().ToString(), HasSubstr("line 2, '" + std::string(line) + "'"));
  }
  EXPECT_FALSE(ReadWorkload("/nonexistent", ""));
}

TEST_F(WorkloadFile, WhatIsWrittenIsReadBack) {
  const Workload made = MakeWorkload(40, 1, 7);
  const std::string path = Write("");
  MUST(WriteWorkload(made, path, path + ".functions"));
  const Workload read = MUST(ReadWorkload(path, path + ".functions"));
  EXPECT_EQ(ArrivalsOf(read, Spread::kEven, 1).size(), ArrivalsOf(made, Spread::kEven, 1).size());
  const ReplayResult one = Replayed(made, Learned());
  const ReplayResult other = Replayed(read, Learned());
  EXPECT_EQ(one.calls, other.calls);
  EXPECT_NEAR(one.idle_gib_hours, other.idle_gib_hours, one.idle_gib_hours / 50);  // Rounded.
}

}  // namespace
}  // namespace hearth::bench
