// Which instance serves which call; freezing and keep-alive.
#include "tests/unit/invoker/data_plane.h"

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;
using test::CallPtr;

class DataReuse : public test::DataPlane {};

TEST_F(DataReuse, ACallFindsTheWarmInstanceOfTheCallBefore) {
  const auto function = Function("F");
  const auto first = Invoke(function, {.payload = "\"one\""});
  Start(0);
  Serve(0, first);
  EXPECT_EQ(first->result.payload, "\"one\"");
  EXPECT_TRUE(first->result.cold);
  EXPECT_EQ(first->result.executed_version, "$LATEST");
  const auto second = Invoke(function, {.payload = "\"two\""});
  Serve(0, second);
  EXPECT_EQ(second->result.payload, "\"two\"");
  EXPECT_FALSE(second->result.cold);
  EXPECT_EQ(zygote.processes.size(), 1u);
  EXPECT_EQ(invoker().counters().invocations, 2u);
  EXPECT_EQ(invoker().counters().cold_starts, 1u);
}

TEST_F(DataReuse, TheEventCarriesTheRequestAndTheMomentItsTimeIsUp) {
  const auto call = Invoke(Function("F", {.timeout = 7s}), {.invoked_arn = "arn:F:$LATEST",
                                                            .trace_id = "Root=1",
                                                            .client_context = "{\"c\":1}",
                                                            .payload = "{\"n\":1}"});
  Start(0);
  const auto event = process(0).Take();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->request_id, call->id);
  EXPECT_EQ(event->arn, "arn:F:$LATEST");
  EXPECT_EQ(event->trace_id, "Root=1");
  EXPECT_EQ(event->client_context, "{\"c\":1}");
  EXPECT_EQ(event->payload, "{\"n\":1}");
  EXPECT_EQ(event->deadline_ms, base::EpochMillis(clock.WallNow() + 7s));
}

TEST_F(DataReuse, TheMostRecentlyUsedInstanceServesFirst) {
  const auto function = Function("F");
  const std::vector<CallPtr> calls{Invoke(function), Invoke(function), Invoke(function)};
  ASSERT_EQ(zygote.processes.size(), 3u);
  for (size_t i = 0; i < 3; ++i) Start(i);
  for (const size_t i : {2u, 0u, 1u}) Serve(i, calls[i]);  // 1 is the last to become idle.
  const auto first = Invoke(function);
  const auto second = Invoke(function);
  Serve(0, second);
  Serve(1, first);
  // Now 1 is the newest again, then 0; 2 has been idle all along.
  const auto third = Invoke(function);
  Serve(1, third);
  EXPECT_EQ(zygote.processes.size(), 3u);
}

TEST_F(DataReuse, AnInstanceServesOneCallAtATime) {
  const auto function = Function("F");
  const auto first = Invoke(function);
  Start(0);
  const auto event = process(0).Take();
  ASSERT_TRUE(event);
  const auto second = Invoke(function);
  Turn();
  EXPECT_FALSE(process(0).Take()) << "a second event reached a busy instance";
  ASSERT_EQ(zygote.processes.size(), 2u);
  Start(1);
  Serve(1, second);
  EXPECT_FALSE(first->answered());
  process(0).Respond(event->request_id, "1");
  Turn();
  EXPECT_TRUE(first->answered());
}

TEST_F(DataReuse, AsManyInstancesAreStartedAsCallsWait) {
  const auto function = Function("F");
  for (int i = 0; i < 5; ++i) Invoke(function);
  EXPECT_EQ(zygote.processes.size(), 5u);
  // One that is ready takes a call; none is started in its place.
  Start(3);
  EXPECT_TRUE(process(3).Take());
  EXPECT_EQ(zygote.processes.size(), 5u);
  EXPECT_EQ(States(), "starting starting starting busy starting");
}

TEST_F(DataReuse, AWaitingCallIsServedByWhicheverComesFirstAndTheSpareStaysWarm) {
  const auto function = Function("F");
  const auto first = Invoke(function);
  Start(0);
  const auto second = Invoke(function);  // Starts another: the first is busy.
  ASSERT_EQ(zygote.processes.size(), 2u);
  Serve(0, first);
  Serve(0, second);  // It became idle before the other was ready.
  Start(1);
  EXPECT_FALSE(process(1).Take());
  EXPECT_EQ(States(), "idle idle");
  const auto third = Invoke(function);
  Serve(1, third);  // The spare is the most recently idle one.
  EXPECT_EQ(zygote.processes.size(), 2u);
}

TEST_F(DataReuse, TheOldestWaitingCallIsServedFirst) {
  const auto function = Function("F");
  const auto first = Invoke(function);
  const auto second = Invoke(function);
  Start(1);
  Serve(1, first);
  Serve(1, second);
}

TEST_F(DataReuse, FunctionsDoNotShareInstances) {
  const auto one = Invoke(Function("One"));
  Start(0);
  Serve(0, one);
  const auto two = Invoke(Function("Two"));
  ASSERT_EQ(zygote.processes.size(), 2u);
  Start(1);
  Serve(1, two);
  EXPECT_EQ(process(1).spec.name, "Two");
}

TEST_F(DataReuse, IsFrozenAfterAQuietMomentAndThawedBeforeTheNextEvent) {
  const auto function = Function("F");
  const auto first = Invoke(function);
  Start(0);
  Serve(0, first);
  Pass(49ms);
  EXPECT_EQ(process(0).freezes, 0);
  Pass(1ms);
  EXPECT_TRUE(process(0).frozen);
  EXPECT_EQ(States(), "frozen");
  const auto second = Invoke(function);
  EXPECT_FALSE(process(0).frozen);
  Serve(0, second);  // Take() fails where an event meets a frozen process.
  EXPECT_EQ(process(0).thaws, 1);
}

TEST_F(DataReuse, IsFrozenAgainEachTimeItFallsQuiet) {
  const auto function = Function("F");
  for (int round = 1; round <= 4; ++round) {
    const auto call = Invoke(function);
    if (round == 1) Start(0);
    Serve(0, call);
    Pass(50ms);
    EXPECT_EQ(process(0).freezes, round);
    Pass(1s);
  }
}

TEST_F(DataReuse, AnInstanceThatIsUsedAgainWithinTheQuietMomentIsNotFrozenEarly) {
  const auto function = Function("F");
  const auto first = Invoke(function);
  Start(0);
  Serve(0, first);
  for (int i = 0; i < 10; ++i) {
    Pass(30ms);
    const auto again = Invoke(function);
    Serve(0, again);
  }
  EXPECT_EQ(process(0).freezes, 0);
  Pass(50ms);
  EXPECT_EQ(process(0).freezes, 1);
}

TEST_F(DataReuse, ABusyInstanceIsNeverFrozen) {
  const auto call = Invoke(Function("F", {.timeout = 900s}));
  Start(0);
  Pass(600s);
  EXPECT_EQ(process(0).freezes, 0);
  EXPECT_EQ(States(), "busy");
  Serve(0, call);
}

TEST_F(DataReuse, KeepAliveEndsTheLongestIdleFirst) {
  const auto function = Function("F", {.timeout = 900s});
  const auto first = Invoke(function);
  const auto second = Invoke(function);
  Start(0);
  Start(1);
  Serve(0, first);
  Pass(100s);
  Serve(1, second);
  Pass(499s);
  EXPECT_EQ(zygote.alive(), 2u);
  Pass(1s);  // 600 s for the first, 500 s for the second.
  EXPECT_FALSE(process(0).alive());
  EXPECT_TRUE(process(1).alive());
  Pass(99s);
  EXPECT_TRUE(process(1).alive());
  Pass(1s);
  EXPECT_EQ(zygote.alive(), 0u);
  EXPECT_EQ(States(), "");
}

TEST_F(DataReuse, KeepAliveCountsFromTheLastCall) {
  const auto function = Function("F");
  const auto first = Invoke(function);
  Start(0);
  Serve(0, first);
  Pass(599s);
  const auto second = Invoke(function);
  Serve(0, second);
  Pass(599s);
  EXPECT_EQ(States(), "frozen");
  Pass(1s);
  EXPECT_EQ(States(), "");
}

TEST_F(DataReuse, KeepAliveHoldsWhereFreezingComesLaterOrFails) {
  options.freeze_after = 24h;
  options.keep_alive.fixed = 60s;
  const auto call = Invoke(Function("F"));
  Start(0);
  Serve(0, call);
  Pass(60s);
  EXPECT_EQ(States(), "");
  const auto next = Invoke(Function("F"));
  process(1).freezable = false;
  Start(1);
  Serve(1, next);
  Pass(60s);
  EXPECT_EQ(States(), "");
}

TEST_F(DataReuse, OneThatCannotBeFrozenGoesOnServing) {
  const auto function = Function("F");
  const auto first = Invoke(function);
  process(0).freezable = false;
  Start(0);
  Serve(0, first);
  Pass(1s);
  EXPECT_EQ(States(), "idle");
  const auto second = Invoke(function);
  Serve(0, second);
  EXPECT_EQ(process(0).thaws, 0);
}

TEST_F(DataReuse, InitRunsOnAWholeCpuAndCallsOnTheFunctionsShare) {
  const auto small = Invoke(Function("Small", {.memory_mib = 128}));
  const auto large = Invoke(Function("Large", {.memory_mib = 3072}));
  EXPECT_EQ(process(0).spec.cpu_permille, 1000u);
  EXPECT_EQ(process(1).spec.cpu_permille, 1736u);
  Start(0);
  Start(1);
  EXPECT_EQ(process(0).cpu_permille, 72u);
  EXPECT_EQ(process(1).cpu_permille, 0u);  // Its share is no less than what init had.
}

TEST_F(DataReuse, ACallbackThatInvokesAgainIsServed) {
  const auto function = Function("F");
  const auto first = Invoke(function);
  CallPtr second;
  first->then = [&] { second = Invoke(function); };
  Start(0);
  Serve(0, first);
  ASSERT_TRUE(second);
  Serve(0, second);
}

TEST_F(DataReuse, SpansAddUpToTheWholeAndACallWithoutAWaitHasNoQueue) {
  const auto function = Function("F");
  const auto call = Invoke(function);
  Pass(20ms);
  process(0).Launched();
  Pass(30ms);
  process(0).Ready();
  Pass(50ms);
  Serve(0, call);
  const Spans& cold = call->result.spans;
  EXPECT_EQ(cold.start, 20ms);
  EXPECT_EQ(cold.init, 30ms);
  EXPECT_EQ(cold.handler, 50ms);
  EXPECT_EQ(cold.total, 100ms);
  EXPECT_EQ(cold.queue, 0ms);
  ASSERT_EQ(cold.start_steps.size(), 2u);
  EXPECT_EQ(cold.start_steps[0].first, "clone");
  const auto warm = Invoke(function);
  Pass(5ms);
  Serve(0, warm);
  EXPECT_EQ(warm->result.spans.total, 5ms);
  EXPECT_EQ(warm->result.spans.handler, 5ms);
  EXPECT_TRUE(warm->result.spans.start_steps.empty());
}

}  // namespace
}  // namespace hearth::invoker
