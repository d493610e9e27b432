// What becomes of instances that are idle: how long each function's live, which of them goes first
// where memory is short, and what they give back.
#include <sys/mman.h>

#include "base/file.h"
#include "tests/unit/invoker/data_plane.h"

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;
using base::Bytes;
using test::FakeProcess;

class DataIdle : public test::DataPlane {
 protected:
  // A call that is served at once, by a new process where none is warm. Says whether it was warm.
  bool Served(const FunctionRef& function) {
    const size_t before = zygote.processes.size();
    const auto call = Invoke(function);
    Turn();
    if (zygote.processes.size() > before) Start(before);
    Turn();
    for (size_t i = zygote.processes.size(); i > 0 && !call->answered(); --i) {
      FakeProcess& one = process(i - 1);
      if (!one.alive()) continue;
      if (const auto event = one.Take()) one.Respond(event->request_id, "1");
      Turn();
    }
    EXPECT_TRUE(call->answered());
    return zygote.processes.size() == before;
  }
  // Warm and frozen after it took `start` to start.
  void Warm(const FunctionRef& function, base::Duration start, Bytes holds) {
    const size_t index = zygote.processes.size();
    const auto call = Invoke(function);
    Turn();  // Another may have to end first.
    ASSERT_EQ(zygote.processes.size(), index + 1);
    process(index).memory.now = holds;
    process(index).Launched();
    Pass(start);
    process(index).Ready();
    Turn();
    Serve(index, call);
    Pass(50ms);
    ASSERT_TRUE(process(index).frozen);
  }
  // From now on the process can be asked for memory; what it was asked for.
  static void MakeReclaimable(FakeProcess& process) {
    process.reclaim.Reset(::memfd_create("reclaim", MFD_CLOEXEC));
    ASSERT_TRUE(process.reclaim.valid());
  }
  static std::string Asked(const FakeProcess& process) {
    return base::ReadFromStart(process.reclaim.get()).value_or("unreadable");
  }
};

TEST_F(DataIdle, AFunctionThatIsCalledEveryTwentyMinutesIsKeptOnceThatIsKnown) {
  const auto function = Function("F");
  int cold = 0;
  for (int call = 0; call < 20; ++call) {
    if (!Served(function)) ++cold;
    Pass(20min);
  }
  EXPECT_EQ(cold, 11);  // The first call and ten gaps.
  EXPECT_EQ(States(), "frozen");
  Pass(10min);  // Another half of its gap: it does not come any more.
  EXPECT_EQ(States(), "");
}

TEST_F(DataIdle, WhatIsLearnedOutlivesTheInstancesAndTheRevision) {
  for (int call = 0; call < 11; ++call) {
    Served(Function("F", {.revision_id = "F-1"}));
    Pass(20min);
  }
  invoker().Retire("F", {"F-2"});
  const auto function = Function("F", {.revision_id = "F-2"});
  EXPECT_FALSE(Served(function));
  Pass(20min);
  EXPECT_TRUE(Served(function));
}

TEST_F(DataIdle, ADeletedFunctionIsForgotten) {
  const auto function = Function("F");
  for (int call = 0; call < 12; ++call) {
    Served(function);
    Pass(20min);
  }
  invoker().Retire("F", {});
  Turn();
  EXPECT_FALSE(Served(function));
  Pass(20min);
  EXPECT_FALSE(Served(function));
}

TEST_F(DataIdle, WithTheFixedPolicyNothingIsLearned) {
  options.keep_alive.policy = KeepAlivePolicy::kFixed;
  const auto function = Function("F");
  for (int call = 0; call < 20; ++call) {
    EXPECT_FALSE(Served(function));
    Pass(20min);
  }
}

TEST_F(DataIdle, AFunctionWhoseCallsComeEveryTenSecondsIsNotKeptForTenMinutes) {
  const auto function = Function("F");
  for (int call = 0; call < 120; ++call) {
    Served(function);
    Pass(10s);
  }
  EXPECT_EQ(zygote.processes.size(), 1u);
  Pass(55s);
  EXPECT_EQ(States(), "frozen");
  Pass(1s);
  EXPECT_EQ(States(), "");
}

TEST_F(DataIdle, EachFunctionsInstancesEndAfterTheirOwnTime) {
  const auto often = Function("Often");
  for (int call = 0; call < 120; ++call) {
    Served(often);
    Pass(10s);
  }
  Served(Function("New"));
  Served(often);  // The later of the two to become idle.
  Pass(66s);
  ASSERT_EQ(invoker().Instances().size(), 1u);
  EXPECT_EQ(invoker().Instances()[0].function, "New");
  Pass(10min);
  EXPECT_EQ(States(), "");
}

TEST_F(DataIdle, TheCheapAndLargeOneIsEvictedThoughItWasUsedLast) {
  options.memory_budget = Bytes::MiB(300);
  Warm(Function("Costly"), 2s, Bytes::MiB(40));
  Warm(Function("Cheap"), 10ms, Bytes::MiB(120));
  EXPECT_FALSE(Served(Function("Large", {.memory_mib = 256})));
  EXPECT_TRUE(process(0).alive());
  EXPECT_FALSE(process(1).alive());
  EXPECT_EQ(invoker().counters().evictions, 1u);
}

TEST_F(DataIdle, AmongEqualsTheOneThatServedMoreCallsStays) {
  options.memory_budget = Bytes::MiB(300);
  const auto often = Function("Often");
  Warm(often, 100ms, Bytes::MiB(40));
  for (int call = 0; call < 5; ++call) EXPECT_TRUE(Served(often));
  Pass(1s);
  Warm(Function("Once"), 100ms, Bytes::MiB(40));
  EXPECT_FALSE(Served(Function("Large", {.memory_mib = 256})));
  EXPECT_TRUE(process(0).alive());
  EXPECT_FALSE(process(1).alive());
}

TEST_F(DataIdle, TheCostlyOneGoesTooWhereCheaperOnesAreUsedAgainAndAgain) {
  options.memory_budget = Bytes::MiB(210);  // Three that are frozen, or two and one that runs.
  Warm(Function("Costly"), 100ms, Bytes::MiB(40));
  for (int i = 1; i <= 6; ++i) Warm(Function("Cheap" + std::to_string(i)), 40ms, Bytes::MiB(40));
  EXPECT_TRUE(process(0).alive());
  EXPECT_EQ(invoker().counters().evictions, 4u);
  // What comes now is measured from those that went: it is worth 3, and the costly one 2.5.
  Warm(Function("Cheap7"), 40ms, Bytes::MiB(40));
  EXPECT_FALSE(process(0).alive());
}

TEST_F(DataIdle, OnlyACallThatHasEndedLeavesAnInstanceThatWaitsForTheNext) {
  const auto function = Function("F");
  for (int call = 0; call < 8; ++call) {
    EXPECT_FALSE(Served(function));
    Pass(20min);
  }
  // Seven gaps are known. Of eight calls at once only the first had one before it.
  const size_t first = zygote.processes.size();
  std::vector<test::CallPtr> calls;
  for (int call = 0; call < 8; ++call) calls.push_back(Invoke(function));
  for (size_t i = 0; i < 8; ++i) Start(first + i);
  for (size_t i = 0; i < 8; ++i) Serve(first + i, calls[i]);
  Pass(10min);
  EXPECT_EQ(States(), "") << "something was learned from fewer than ten gaps";
}

TEST_F(DataIdle, OneThatIsNeverFrozenHasItsPlaceInTheOrderToo) {
  options.freeze_after = 24h;
  options.memory_budget = Bytes::MiB(512);
  const auto call = Invoke(Function("Costly"));
  process(0).Launched();
  Pass(2s);
  process(0).Ready();
  Turn();
  Serve(0, call);
  Served(Function("Cheap"));
  Pass(1s);
  EXPECT_EQ(States(), "idle idle");
  EXPECT_FALSE(Served(Function("Large", {.memory_mib = 320})));
  EXPECT_TRUE(process(0).alive());
  EXPECT_FALSE(process(1).alive());
}

TEST_F(DataIdle, AfterHalfAMinuteItGivesBackWhatItDoesNotNeedAndTheBudgetGetsIt) {
  options.memory_budget = Bytes::MiB(256);
  Warm(Function("A"), 10ms, Bytes::MiB(100));
  MakeReclaimable(process(0));
  Pass(29s);
  EXPECT_EQ(Asked(process(0)), "");
  const int reads = process(0).memory_reads;
  process(0).memory.now = Bytes::MiB(20);
  Pass(1s);
  loop.RunUntil([&] { return process(0).memory_reads == reads + 2; });  // Before and after.
  EXPECT_EQ(Asked(process(0)), std::to_string(Bytes::MiB(20).count()));
  EXPECT_FALSE(Served(Function("B", {.memory_mib = 192})));
  EXPECT_TRUE(process(0).alive()) << "the budget holds more for it than it uses";
  EXPECT_EQ(process(0).thaws, 0);
}

TEST_F(DataIdle, OneAtATimeIsAskedAndOneThatIsUsedMeanwhileHoldsItsSize) {
  options.memory_budget = Bytes::MiB(256);
  const auto function = Function("A");
  Warm(function, 10ms, Bytes::MiB(20));
  Warm(Function("B"), 10ms, Bytes::MiB(20));
  MakeReclaimable(process(0));
  MakeReclaimable(process(1));
  clock.Advance(31s);
  loop.ClockMoved();
  EXPECT_EQ(Asked(process(1)), "");  // Its turn comes when the loop hears of the first one's end.
  const auto call = Invoke(function);
  loop.RunUntil([&] { return !Asked(process(1)).empty(); });
  EXPECT_NE(Asked(process(0)), "");
  Invoke(Function("C"));  // 128 and 20 are held: 128 more are too many.
  Turn();
  EXPECT_FALSE(process(1).alive());
  Serve(0, call);
}

TEST_F(DataIdle, NothingIsAskedForWhereThatIsSwitchedOff) {
  options.reclaim_after = 0s;
  Warm(Function("A"), 10ms, Bytes::MiB(20));
  MakeReclaimable(process(0));
  const int reads = process(0).memory_reads;
  Pass(5min);
  EXPECT_EQ(Asked(process(0)), "");
  EXPECT_EQ(process(0).memory_reads, reads);
}

}  // namespace
}  // namespace hearth::invoker
