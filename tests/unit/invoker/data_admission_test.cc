// How many calls may run, and how much memory their sandboxes may hold together.
#include "invoker/admission.h"

#include "tests/unit/invoker/data_plane.h"

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;
using base::Bytes;
using test::CallPtr;

class DataAdmission : public test::DataPlane {
 protected:
  // Process `index` becomes an idle instance of `function`, frozen, that holds `holds`.
  void Warm(size_t index, FunctionRef function, Bytes holds) {
    const auto call = Invoke(std::move(function));
    ASSERT_EQ(zygote.processes.size(), index + 1);
    process(index).memory.now = holds;
    Start(index);
    Serve(index, call);
    Pass(50ms);
    ASSERT_TRUE(process(index).frozen);
  }
  // Process `index` runs a call of `function`.
  CallPtr Busy(size_t index, FunctionRef function) {
    const auto call = Invoke(std::move(function));
    EXPECT_EQ(zygote.processes.size(), index + 1);
    Start(index);
    return call;
  }
  static std::string ThrottleReason(const CallPtr& call) {
    EXPECT_EQ(call->answers, 1);
    EXPECT_EQ(call->status(), InvocationStatus::kThrottled);
    return call->result.throttle_reason;
  }
};

constexpr char kNoRoom[] = "ConcurrentInvocationLimitExceeded";

using Entry = Admission::Entry;

FunctionVersion Named(const std::string& name, const std::string& revision = "r") {
  return {.name = name, .revision_id = name + revision};
}

TEST(Admission, CountsCallsUpToItsConcurrency) {
  Admission admission(2, Bytes::MiB(1));
  EXPECT_EQ(admission.BeginCall(Named("F")), Entry::kOnDemand);
  EXPECT_EQ(admission.BeginCall(Named("G")), Entry::kOnDemand);
  EXPECT_EQ(admission.BeginCall(Named("F")), Entry::kAccountLimit);
  EXPECT_EQ(admission.calls(), 2u);
  admission.EndCall(Named("G"), Entry::kOnDemand);
  EXPECT_EQ(admission.BeginCall(Named("F")), Entry::kOnDemand);
}

TEST(Admission, AFunctionsInstancesBecomeMoreAtAwssRateAndNoFaster) {
  Admission admission(1, Bytes::MiB(1));
  base::MonoTime now{};
  const auto take = [&](const std::string& function) {
    uint32_t taken = 0;
    for (; taken <= 2 * kStartsAtOnce && admission.MayStart(function, now); ++taken) {
      admission.CountStart(function, now);
    }
    return taken;
  };
  EXPECT_EQ(take("F"), 1000u);
  EXPECT_EQ(take("G"), 1000u) << "each function has its own";
  now += 25ms;
  EXPECT_EQ(take("F"), 2u);
  now += 5s;
  EXPECT_EQ(take("F"), 500u);
  now += 1h;
  EXPECT_EQ(take("F"), 1000u) << "what was not used is not saved";
  for (int i = 0; i < 5000; ++i) EXPECT_EQ(take(std::to_string(i)), 1000u);
  EXPECT_FALSE(admission.MayStart("F", now));
}

TEST(Admission, AReservationIsAFunctionsOwnAndItsLimit) {
  Admission admission(5, Bytes::MiB(1));
  admission.SetReserved("F", 2);
  EXPECT_EQ(admission.unreserved(), 3u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(admission.BeginCall(Named("G")), Entry::kOnDemand);
  EXPECT_EQ(admission.BeginCall(Named("H")), Entry::kAccountLimit);
  EXPECT_EQ(admission.BeginCall(Named("F", "1")), Entry::kOnDemand);
  EXPECT_EQ(admission.BeginCall(Named("F", "2")), Entry::kOnDemand) << "whatever the version";
  EXPECT_EQ(admission.BeginCall(Named("F", "1")), Entry::kFunctionLimit);
  admission.SetReserved("F", 0);
  admission.EndCall(Named("F", "1"), Entry::kOnDemand);
  admission.EndCall(Named("F", "2"), Entry::kOnDemand);
  EXPECT_EQ(admission.BeginCall(Named("F")), Entry::kFunctionLimit) << "zero blocks all";
  EXPECT_EQ(admission.unreserved(), 5u);
}

TEST(Admission, ARunningCallCountsWhereItsFunctionStandsNow) {
  Admission admission(3, Bytes::MiB(1));
  EXPECT_EQ(admission.BeginCall(Named("F")), Entry::kOnDemand);
  EXPECT_EQ(admission.BeginCall(Named("F")), Entry::kOnDemand);
  admission.SetReserved("F", 1);  // Its two calls go on, and are its own.
  EXPECT_EQ(admission.BeginCall(Named("F")), Entry::kFunctionLimit);
  EXPECT_EQ(admission.BeginCall(Named("G")), Entry::kOnDemand);
  EXPECT_EQ(admission.BeginCall(Named("G")), Entry::kOnDemand);
  EXPECT_EQ(admission.BeginCall(Named("G")), Entry::kAccountLimit);
  admission.SetReserved("F", std::nullopt);
  admission.EndCall(Named("G"), Entry::kOnDemand);
  EXPECT_EQ(admission.BeginCall(Named("G")), Entry::kAccountLimit) << "3 of 3 run";
  admission.EndCall(Named("F"), Entry::kOnDemand);
  EXPECT_EQ(admission.BeginCall(Named("G")), Entry::kOnDemand);
}

TEST(Admission, ProvisionedPlacesAreTakenFirstAndTheRestSpillsOver) {
  Admission admission(3, Bytes::MiB(1));
  admission.SetProvisioned(Named("F", "1"), 2);
  EXPECT_EQ(admission.unreserved(), 1u);
  EXPECT_EQ(admission.BeginCall(Named("F", "1")), Entry::kProvisioned);
  EXPECT_EQ(admission.BeginCall(Named("F", "1")), Entry::kProvisioned);
  EXPECT_EQ(admission.BeginCall(Named("F", "1")), Entry::kSpilledOver);
  EXPECT_EQ(admission.BeginCall(Named("F", "2")), Entry::kAccountLimit);
  admission.EndCall(Named("F", "1"), Entry::kProvisioned);
  EXPECT_EQ(admission.BeginCall(Named("F", "2")), Entry::kAccountLimit)
      << "another version's place is not its own";
  admission.SetProvisioned(Named("F", "1"), 0);
  EXPECT_EQ(admission.unreserved(), 3u);
  admission.EndCall(Named("F", "1"), Entry::kProvisioned);
  admission.EndCall(Named("F", "1"), Entry::kSpilledOver);
  EXPECT_EQ(admission.calls(), 0u);
}

TEST(Admission, WhatIsProvisionedIsAPartOfTheReservation) {
  Admission admission(10, Bytes::MiB(1));
  admission.SetReserved("F", 3);
  admission.SetProvisioned(Named("F", "1"), 2);
  EXPECT_EQ(admission.unreserved(), 7u);
  EXPECT_EQ(admission.BeginCall(Named("F")), Entry::kOnDemand);
  EXPECT_EQ(admission.BeginCall(Named("F")), Entry::kFunctionLimit);
  EXPECT_EQ(admission.BeginCall(Named("F", "1")), Entry::kProvisioned);
  admission.SetProvisioned(Named("F", "1"), 3);  // All of it: nothing is on demand.
  admission.EndCall(Named("F"), Entry::kOnDemand);
  EXPECT_EQ(admission.BeginCall(Named("F")), Entry::kFunctionLimit);
  EXPECT_EQ(admission.BeginCall(Named("F", "1")), Entry::kProvisioned);
}

TEST(Admission, MoreSetAsideThanThereIsLeavesNothing) {
  Admission admission(2, Bytes::MiB(1));
  admission.SetReserved("F", 5);  // The host was started again with less.
  EXPECT_EQ(admission.unreserved(), 0u);
  EXPECT_EQ(admission.BeginCall(Named("G")), Entry::kAccountLimit);
}

TEST(Admission, ReservesUpToItsBudgetAndSaysWhatIsLacking) {
  Admission admission(1, Bytes(100));
  EXPECT_FALSE(admission.Reserve(Bytes(101)));
  EXPECT_FALSE(admission.Reserve(Bytes(UINT64_MAX)));
  EXPECT_TRUE(admission.Reserve(Bytes(60)));
  EXPECT_EQ(admission.Lacking(Bytes(40)), Bytes());
  EXPECT_EQ(admission.Lacking(Bytes(41)), Bytes(1));
  EXPECT_FALSE(admission.Reserve(Bytes(41)));
  EXPECT_EQ(admission.used(), Bytes(60));
  EXPECT_TRUE(admission.Reserve(Bytes(40)));
  EXPECT_TRUE(admission.Reserve(Bytes()));
  admission.Release(Bytes(100));
  EXPECT_EQ(admission.used(), Bytes());
}

TEST_F(DataAdmission, MoreCallsThanTheAccountsConcurrencyAreThrottled) {
  options.concurrency = 2;
  const auto function = Function("F");
  const auto first = Invoke(function);
  const auto second = Invoke(function);
  const auto third = Invoke(function);
  EXPECT_FALSE(third->answered());  // Never inside Invoke.
  Turn();
  EXPECT_EQ(ThrottleReason(third), kNoRoom);
  EXPECT_EQ(zygote.processes.size(), 2u);
  EXPECT_EQ(invoker().counters().throttles, 1u);
  EXPECT_EQ(invoker().counters().errors, 0u);
  Start(0);
  Serve(0, first);
  Serve(0, second);
  const auto fourth = Invoke(function);  // Two have ended: there is room.
  Serve(0, fourth);
}

TEST_F(DataAdmission, AThrottledCallGivesNothingBackThatItDidNotTake) {
  options.concurrency = 1;
  const auto function = Function("F");
  const auto first = Invoke(function);
  for (int i = 0; i < 5; ++i) Invoke(function);
  Turn();
  const auto still = Invoke(function);
  Turn();
  EXPECT_EQ(ThrottleReason(still), kNoRoom);
  EXPECT_FALSE(first->answered());
}

TEST_F(DataAdmission, ACallBeyondAReservationIsThrottledForThatReason) {
  options.concurrency = 3;
  invoker().Reserve("F", 1);
  const auto first = Invoke(Function("F"));
  const auto second = Invoke(Function("F"));
  const std::vector<CallPtr> others{Invoke(Function("G")), Invoke(Function("G")),
                                    Invoke(Function("G"))};
  Turn();
  EXPECT_EQ(ThrottleReason(second), "ReservedFunctionConcurrentInvocationLimitExceeded");
  EXPECT_EQ(ThrottleReason(others[2]), kNoRoom);
  Start(0);
  Serve(0, first);
  const auto third = Invoke(Function("F"));
  Serve(0, third);
  invoker().Reserve("F", 0);
  const auto blocked = Invoke(Function("F"));
  Turn();
  EXPECT_EQ(ThrottleReason(blocked), "ReservedFunctionConcurrentInvocationLimitExceeded");
}

TEST_F(DataAdmission, ACallThatFindsItsVersionsInstancesBusySpillsOver) {
  options.concurrency = 2;
  const auto version = Function("F", {.version = "1", .revision_id = "F-1"});
  invoker().Provision(version, 1);
  Start(0);
  const auto first = Invoke(version);
  EXPECT_EQ(invoker().counters().spilled_over, 0u);
  const auto second = Invoke(version);
  const auto third = Invoke(version);
  Turn();
  EXPECT_EQ(invoker().counters().spilled_over, 1u);
  EXPECT_EQ(ThrottleReason(third), kNoRoom);
  Serve(0, first);
}

TEST_F(DataAdmission, ACallThatFindsNoMemoryAndNothingIdleIsThrottled) {
  options.memory_budget = Bytes::MiB(255);
  Busy(0, Function("A"));
  const auto refused = Invoke(Function("B"));
  EXPECT_FALSE(refused->answered());
  Turn();
  EXPECT_EQ(ThrottleReason(refused), kNoRoom);
  EXPECT_EQ(process(0).kills, 0);
  EXPECT_EQ(zygote.processes.size(), 1u);
}

TEST_F(DataAdmission, ACallThatWouldNeedAnInstanceTooManyForTheRateIsThrottled) {
  options.concurrency = 2000;
  options.memory_budget = Bytes::MiB(2000 * 128);
  const auto function = Function("F");
  std::vector<CallPtr> calls;
  for (uint32_t i = 0; i < kStartsAtOnce + 1; ++i) calls.push_back(Invoke(function));
  Turn();
  EXPECT_EQ(zygote.processes.size(), kStartsAtOnce);
  EXPECT_EQ(ThrottleReason(calls.back()), kNoRoom);
  EXPECT_EQ(calls.front()->answers, 0);
  const auto other = Invoke(Function("G"));
  EXPECT_EQ(zygote.processes.size(), kStartsAtOnce + 1);
  Pass(10ms);
  const auto next = Invoke(function);
  Turn();
  EXPECT_EQ(zygote.processes.size(), kStartsAtOnce + 2);
}

TEST_F(DataAdmission, ACallTooManyForTheRateEvictsNobody) {
  options.concurrency = 2000;
  options.memory_budget = Bytes::MiB((kStartsAtOnce + 1) * 128);
  Warm(0, Function("Neighbour"), Bytes::MiB(128));
  const auto function = Function("F");
  std::vector<CallPtr> calls;
  for (uint32_t i = 0; i < kStartsAtOnce + 1; ++i) calls.push_back(Invoke(function));
  Turn();
  EXPECT_EQ(ThrottleReason(calls.back()), kNoRoom);
  EXPECT_TRUE(process(0).alive()) << "there was room for the first thousand";
}

TEST_F(DataAdmission, AFunctionLargerThanTheBudgetIsToldSo) {
  options.memory_budget = Bytes::MiB(512);
  Warm(0, Function("Other"), Bytes::MiB(128));
  const auto call = Invoke(Function("Large", {.memory_mib = 576}));
  Turn();
  EXPECT_EQ(call->answers, 1);
  EXPECT_EQ(call->status(), InvocationStatus::kHostError);
  EXPECT_EQ(call->result.host_error,
            "The function's memory size of 576 MB is more than this host's memory budget of 512 "
            "MB");
  EXPECT_TRUE(process(0).alive()) << "evicted for a call that can never fit";
  const auto fits = Invoke(Function("Fits", {.memory_mib = 512}));
  Turn();
  EXPECT_FALSE(fits->answered());
}

TEST_F(DataAdmission, AFrozenInstanceHoldsOnlyWhatItUses) {
  options.memory_budget = Bytes::MiB(256);
  Warm(0, Function("A"), Bytes::MiB(30));
  Warm(1, Function("B"), Bytes::MiB(34));
  Warm(2, Function("C", {.memory_mib = 192}), Bytes::MiB(40));  // 64 + 192 fit exactly.
  EXPECT_EQ(zygote.alive(), 3u);
  EXPECT_EQ(invoker().counters().evictions, 0u);
  // Thawed, A may grow to its size again: 34 + 40 + 128.
  const auto call = Invoke(Function("A"));
  Serve(0, call);
  EXPECT_EQ(zygote.alive(), 3u);
}

TEST_F(DataAdmission, AFrozenInstanceHoldsNoMoreThanItsSize) {
  options.memory_budget = Bytes::MiB(256);
  Warm(0, Function("A"), Bytes::MiB(999));  // A reading that cannot be.
  Warm(1, Function("B"), Bytes::MiB(128));
  EXPECT_EQ(zygote.alive(), 2u);
}

TEST_F(DataAdmission, AThawReservesTheSizeAgainSoThatTheBudgetHolds) {
  options.memory_budget = Bytes::MiB(256);
  Warm(0, Function("A"), Bytes::MiB(64));
  Busy(1, Function("B", {.memory_mib = 192}));
  const auto call = Invoke(Function("A"));  // 192 + 128 would be over it.
  Turn();
  EXPECT_EQ(ThrottleReason(call), kNoRoom);
  EXPECT_TRUE(process(0).frozen);
  EXPECT_EQ(process(0).kills, 0);
}

TEST_F(DataAdmission, TheLongestIdleIsEvictedFirstAndNoMoreThanNeeded) {
  options.memory_budget = Bytes::MiB(384);
  Warm(0, Function("A"), Bytes::MiB(128));
  Warm(1, Function("B"), Bytes::MiB(128));
  Warm(2, Function("C"), Bytes::MiB(128));
  const auto used = Invoke(Function("A"));
  Serve(0, used);  // A is now the most recently used, and not frozen.
  const auto call = Invoke(Function("D"));
  Turn();
  EXPECT_FALSE(process(1).alive());
  EXPECT_TRUE(process(0).alive());
  EXPECT_TRUE(process(2).alive());
  EXPECT_EQ(invoker().counters().evictions, 1u);
  ASSERT_EQ(zygote.processes.size(), 4u);
  Start(3);
  Serve(3, call);
  const auto large = Invoke(Function("E", {.memory_mib = 256}));
  Turn();
  EXPECT_FALSE(process(2).alive());  // Frozen first, though D became idle later than A.
  EXPECT_FALSE(process(0).alive());
  EXPECT_TRUE(process(3).alive());
  Start(4);
  Serve(4, large);
}

TEST_F(DataAdmission, ACallWaitsForOneThatIsEndingAndStartsOnlyWhenItIsGone) {
  options.memory_budget = Bytes::MiB(128);
  Warm(0, Function("A"), Bytes::MiB(128));
  process(0).lingers = true;
  const auto call = Invoke(Function("B"));
  Turn();
  EXPECT_EQ(process(0).kills, 1);
  EXPECT_EQ(zygote.processes.size(), 1u) << "started before the memory was free";
  EXPECT_FALSE(call->answered());
  process(0).Exit(0);
  Turn();
  ASSERT_EQ(zygote.processes.size(), 2u);
  Start(1);
  Serve(1, call);
}

TEST_F(DataAdmission, CallsThatWaitForTheSameMemoryAreServedInOrderAndTheRestIsRefused) {
  options.memory_budget = Bytes::MiB(128);
  Warm(0, Function("A"), Bytes::MiB(128));
  process(0).lingers = true;
  const auto first = Invoke(Function("B"));
  const auto second = Invoke(Function("C"));
  Turn();
  EXPECT_FALSE(second->answered());
  process(0).Exit(0);
  Turn();
  ASSERT_EQ(zygote.processes.size(), 2u);
  EXPECT_EQ(process(1).spec.name, "B");
  EXPECT_EQ(ThrottleReason(second), kNoRoom);
  Start(1);
  Serve(1, first);
}

TEST_F(DataAdmission, OfCallsThatWaitOnlyThoseWithoutAStartAreRefused) {
  options.memory_budget = Bytes::MiB(256);
  const auto function = Function("F");
  const auto first = Invoke(function);
  const auto second = Invoke(function);
  const auto third = Invoke(function);
  Turn();
  EXPECT_EQ(ThrottleReason(third), kNoRoom);
  EXPECT_EQ(zygote.processes.size(), 2u);
  Start(0);
  Start(1);
  Serve(0, first);
  Serve(1, second);
}

TEST_F(DataAdmission, ACallNeverEvictsTheInstanceThatCouldServeIt) {
  options.memory_budget = Bytes::MiB(256);
  Warm(0, Function("A"), Bytes::MiB(30));  // The longest idle.
  Warm(1, Function("C"), Bytes::MiB(50));
  Busy(2, Function("B"));
  const auto call = Invoke(Function("A"));  // Lacks 50 MB to be thawed.
  Turn();
  EXPECT_EQ(process(0).kills, 0);
  EXPECT_FALSE(process(1).alive());
  Serve(0, call);
  EXPECT_EQ(zygote.processes.size(), 3u);
}

TEST_F(DataAdmission, AWarmInstanceThatFindsNoRoomToThawStaysWarm) {
  options.memory_budget = Bytes::MiB(210);
  Warm(0, Function("A"), Bytes::MiB(60));
  Warm(1, Function("C"), Bytes::MiB(10));
  const auto busy = Busy(2, Function("B"));
  const auto refused = Invoke(Function("A"));  // Lacks 56 MB; all others idle hold 10.
  Turn();
  EXPECT_EQ(ThrottleReason(refused), kNoRoom);
  EXPECT_TRUE(process(0).alive());
  EXPECT_TRUE(process(1).alive());
  EXPECT_TRUE(process(2).Take());
  process(2).Respond(busy->id, "1");
  Pass(1s);
  const auto call = Invoke(Function("A"));
  Turn();
  Serve(0, call);
}

TEST_F(DataAdmission, MemoryThatFreezingGivesBackWakesWhoWaitsForIt) {
  options.memory_budget = Bytes::MiB(320);
  Warm(0, Function("A"), Bytes::MiB(128));
  process(0).lingers = true;
  const auto running = Busy(1, Function("B"));
  process(1).memory.now = Bytes::MiB(10);
  const auto waiting = Invoke(Function("C"));  // Lacks 64 MB: A is ended for it.
  Turn();
  EXPECT_EQ(process(0).kills, 1);
  ASSERT_TRUE(process(1).Take());
  process(1).Respond(running->id, "1");
  Turn();
  EXPECT_EQ(zygote.processes.size(), 2u);
  Pass(50ms);  // B is frozen and gives 118 MB back, before A is gone.
  ASSERT_EQ(zygote.processes.size(), 3u);
  Start(2);
  Serve(2, waiting);
  EXPECT_TRUE(process(1).alive());
}

TEST_F(DataAdmission, TheMemoryOfEachThatEndedIsFreeAgain) {
  options.memory_budget = Bytes::MiB(128);
  const auto function = Function("F");
  for (size_t i = 0; i < 20; ++i) {
    const auto call = Invoke(function);
    Turn();
    ASSERT_EQ(zygote.processes.size(), i + 1) << "no room after " << i << " crashes";
    Start(i);
    process(i).Exit(1);
    Turn();
    ASSERT_EQ(call->answers, 1);
  }
}

}  // namespace
}  // namespace hearth::invoker
