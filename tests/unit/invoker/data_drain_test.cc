// Old revisions leave, and so does the whole data plane.
#include "tests/unit/invoker/data_plane.h"

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;
using test::CallPtr;

class DataRetire : public test::DataPlane {};

class DataDrain : public test::DataPlane {
 protected:
  void Drain(base::Duration wait) {
    invoker().Drain(base::Deadline::After(clock, wait), [this] { ++drained; });
    EXPECT_EQ(drained, 0) << "drained inside Drain";
  }
  static void ExpectStopped(const CallPtr& call) {
    EXPECT_EQ(call->answers, 1);
    EXPECT_EQ(call->status(), InvocationStatus::kHostError);
    EXPECT_EQ(call->result.host_error, "hearthd is stopping");
  }
  int drained = 0;
};

TEST_F(DataRetire, AnIdleInstanceOfAnOldRevisionEndsAtOnce) {
  const auto call = Invoke(Function("F"));
  Start(0);
  Serve(0, call);
  Pass(1s);
  invoker().Retire("F", {"F-2"});
  EXPECT_EQ(process(0).kills, 1);
  Turn();
  EXPECT_EQ(States(), "");
}

TEST_F(DataRetire, ABusyInstanceEndsAfterItsCall) {
  const auto call = Invoke(Function("F"));
  Start(0);
  invoker().Retire("F", {"F-2"});
  Turn();
  EXPECT_EQ(process(0).kills, 0);
  Serve(0, call);
  EXPECT_EQ(process(0).kills, 1);
  EXPECT_EQ(States(), "");
}

TEST_F(DataRetire, OnlyOtherRevisionsOfThatFunctionLeave) {
  const auto kept = Invoke(Function("F", {.revision_id = "F-2"}));
  const auto other = Invoke(Function("G"));
  Start(0);
  Start(1);
  Serve(0, kept);
  Serve(1, other);
  invoker().Retire("F", {"F-2"});
  Turn();
  EXPECT_EQ(States(), "idle idle");
  invoker().Retire("F", {});  // It is deleted.
  Turn();
  EXPECT_EQ(States(), "idle");
  EXPECT_TRUE(process(1).alive());
}

TEST_F(DataRetire, ACallOfTheNewRevisionNeverGetsAnOldInstance) {
  const auto old = Invoke(Function("F"));
  Start(0);
  Serve(0, old);
  // Even before the old one has been told to leave.
  const auto call = Invoke(Function("F", {.revision_id = "F-2"}));
  ASSERT_EQ(zygote.processes.size(), 2u);
  EXPECT_EQ(process(1).spec.mounts[0].source, "/code/F-2");
  Turn();
  EXPECT_FALSE(process(0).Take());
  Start(1);
  Serve(1, call);
}

TEST_F(DataRetire, ACallThatWaitedForAnOldRevisionIsServedByItThenItLeaves) {
  const auto call = Invoke(Function("F"));
  invoker().Retire("F", {"F-2"});
  Start(0);
  Serve(0, call);
  EXPECT_EQ(States(), "");
  EXPECT_EQ(zygote.processes.size(), 1u);
}

TEST_F(DataRetire, ASpareThatBecomesReadyAfterwardsLeavesAtOnce) {
  const auto function = Function("F");
  const auto first = Invoke(function);
  Start(0);
  const auto second = Invoke(function);
  Serve(0, first);
  Serve(0, second);
  invoker().Retire("F", {"F-2"});
  Start(1);
  EXPECT_EQ(process(1).kills, 1);
  EXPECT_EQ(States(), "");
}

TEST_F(DataRetire, ACallbackMayRetireItsOwnFunction) {
  const auto call = Invoke(Function("F"));
  call->then = [this] { invoker().Retire("F", {"F-2"}); };
  Start(0);
  Serve(0, call);
  EXPECT_EQ(States(), "");
}

TEST_F(DataDrain, EndsOnceWhereNothingRuns) {
  Drain(10s);
  Turn();
  EXPECT_EQ(drained, 1);
  Pass(60s);
  EXPECT_EQ(drained, 1);
}

TEST_F(DataDrain, EndsIdleInstancesAndWaitsUntilTheyAreGone) {
  const auto call = Invoke(Function("F"));
  Start(0);
  Serve(0, call);
  Pass(1s);
  process(0).lingers = true;
  Drain(10s);
  Turn();
  EXPECT_EQ(process(0).kills, 1);
  EXPECT_EQ(drained, 0);
  process(0).Exit(0);
  Turn();
  EXPECT_EQ(drained, 1);
  Pass(60s);
  EXPECT_EQ(drained, 1);
}

TEST_F(DataDrain, RefusesNewCallsAndWaitsForRunningOnes) {
  const auto running = Invoke(Function("F"));
  Start(0);
  Drain(10s);
  Turn();
  const auto late = Invoke(Function("F"));
  EXPECT_FALSE(late->answered());
  Turn();
  ExpectStopped(late);
  EXPECT_EQ(process(0).kills, 0);
  EXPECT_EQ(drained, 0);
  Serve(0, running);
  EXPECT_EQ(drained, 1);
  EXPECT_EQ(States(), "");
}

TEST_F(DataDrain, KillsAndAnswersWhatStillRunsAtTheDeadline) {
  const auto function = Function("F", {.timeout = 900s});
  const auto first = Invoke(function);
  const auto second = Invoke(function);
  Start(0);
  Start(1);
  Drain(10s);
  Pass(9999ms);
  EXPECT_FALSE(first->answered());
  Pass(1ms);
  ExpectStopped(first);
  ExpectStopped(second);
  EXPECT_EQ(process(0).kills, 1);
  EXPECT_EQ(process(1).kills, 1);
  EXPECT_EQ(drained, 1);
  EXPECT_EQ(States(), "");
}

TEST_F(DataDrain, AnswersCallsInEveryStateAtTheDeadline) {
  options.memory_budget = base::Bytes::MiB(640);
  const auto busy = Invoke(Function("Busy", {.timeout = 900s}));
  Start(0);
  const auto starting = Invoke(Function("Starting"));
  const auto initialising = Invoke(Function("Init"));
  process(2).Launched();
  Turn();
  const auto again = Invoke(Function("Again", {.timeout = 900s}));  // In its second init.
  process(3).Launched();
  Turn();
  process(3).Exit(1);
  Turn();
  ASSERT_EQ(zygote.processes.size(), 5u);
  const auto warm = Invoke(Function("Warm"));
  Start(5);
  Serve(5, warm);
  process(5).lingers = true;
  const auto starved = Invoke(Function("Starved"));  // Waits until Warm is gone.
  Turn();
  ASSERT_EQ(zygote.processes.size(), 6u);
  Drain(1s);
  Pass(1s);
  for (const auto& call : {busy, starting, initialising, again, starved}) ExpectStopped(call);
  EXPECT_EQ(drained, 0);  // Two sandboxes are still being made, one has not ended.
  process(1).Launched();
  process(4).Launched();
  process(5).Exit(0);
  Turn();
  EXPECT_EQ(drained, 1);
  EXPECT_EQ(zygote.alive(), 0u);
  EXPECT_EQ(zygote.processes.size(), 6u);
}

TEST_F(DataDrain, SurvivesALastCallThatTimesOut) {
  const auto call = Invoke(Function("F", {.timeout = 3s}));
  Start(0);
  Drain(60s);
  Pass(3s);
  EXPECT_EQ(call->status(), InvocationStatus::kTimeout);
  EXPECT_EQ(drained, 1);
}

TEST_F(DataDrain, SurvivesALastCallWhoseRuntimeExits) {
  const auto call = Invoke(Function("F"));
  Start(0);
  Drain(60s);
  Turn();
  process(0).Exit(1);
  Turn();
  EXPECT_EQ(call->status(), InvocationStatus::kExited);
  EXPECT_EQ(drained, 1);
}

TEST_F(DataDrain, SurvivesALastCallWhoseInitFailsTwice) {
  const auto call = Invoke(Function("F"));
  process(0).Launched();
  Turn();
  Drain(60s);
  Turn();
  process(0).Exit(1);
  Turn();
  ASSERT_EQ(zygote.processes.size(), 2u);
  EXPECT_EQ(drained, 0);
  process(1).Launched();
  Turn();
  process(1).InitError("Runtime.X", "{}");
  Turn();
  EXPECT_EQ(call->status(), InvocationStatus::kInitError);
  EXPECT_EQ(drained, 1);
}

TEST_F(DataDrain, ADeadlineThatHasPassedKillsAtTheNextMoment) {
  const auto call = Invoke(Function("F", {.timeout = 900s}));
  Start(0);
  Drain(0s);
  Pass(0s);
  ExpectStopped(call);
  EXPECT_EQ(drained, 1);
}

TEST_F(DataDrain, ACallbackThatInvokesAgainIsRefused) {
  const auto call = Invoke(Function("F"));
  CallPtr again;
  call->then = [&] { again = Invoke(Function("F")); };
  Start(0);
  Drain(10s);
  Turn();
  Serve(0, call);
  Turn();
  ASSERT_TRUE(again);
  ExpectStopped(again);
  EXPECT_EQ(drained, 1);
}

}  // namespace
}  // namespace hearth::invoker
