// Provisioned concurrency: instances that are there before anybody calls, and stay.
#include <gmock/gmock.h>

#include "tests/unit/invoker/data_plane.h"

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;

class DataProvisioned : public test::DataPlane {
 protected:
  FunctionRef Version() {
    return Function("F", {.version = "3", .memory_mib = 256, .revision_id = "F-3"});
  }
  void Provision(uint32_t count) {
    invoker().Provision(Version(), count);
    for (size_t i = 0; i < zygote.processes.size(); ++i) {
      if (process(i).pending()) Start(i);
    }
  }
  uint32_t Ready() { return invoker().Provisioned(*Version()); }
};

TEST_F(DataProvisioned, InstancesAreReadyBeforeTheFirstCall) {
  invoker().Provision(Version(), 2);
  ASSERT_EQ(zygote.processes.size(), 2u);
  EXPECT_EQ(Ready(), 0u) << "they have not been initialised";
  Start(0);
  EXPECT_EQ(Ready(), 1u);
  Start(1);
  EXPECT_EQ(Ready(), 2u);
  EXPECT_THAT(process(0).spec.environment,
              Contains("AWS_LAMBDA_INITIALIZATION_TYPE=provisioned-concurrency"));
  const auto call = Invoke(Version());
  Serve(1, call);
  EXPECT_EQ(zygote.processes.size(), 2u) << "nothing was started for the call";
}

TEST_F(DataProvisioned, CallsBeyondThemStartInstancesOfTheirOwn) {
  Provision(1);
  const std::vector<test::CallPtr> calls{Invoke(Version()), Invoke(Version())};
  ASSERT_EQ(zygote.processes.size(), 2u);
  Start(1);
  Serve(0, calls[0]);
  Serve(1, calls[1]);
  EXPECT_THAT(process(1).spec.environment, Contains("AWS_LAMBDA_INITIALIZATION_TYPE=on-demand"));
  Pass(5h);
  Turn();
  EXPECT_TRUE(process(0).alive()) << "no keep-alive ends it";
  EXPECT_FALSE(process(1).alive());
}

TEST_F(DataProvisioned, OneThatDiesIsReplacedAfterAMoment) {
  Provision(1);
  process(0).Exit(1);
  Turn();
  EXPECT_EQ(Ready(), 0u);
  ASSERT_EQ(zygote.processes.size(), 1u);
  Pass(1s);
  ASSERT_EQ(zygote.processes.size(), 2u);
  Start(1);
  EXPECT_EQ(Ready(), 1u);
}

TEST_F(DataProvisioned, AnInitThatFailsIsTriedAgainAndTakesNoCallWithIt) {
  invoker().Provision(Version(), 1);
  process(0).Launched();
  Turn();
  const auto call = Invoke(Version());
  process(0).InitError("Runtime.ImportModuleError", "{}");
  Turn();
  ASSERT_EQ(zygote.processes.size(), 2u) << "the call's own";
  Start(1);
  Serve(1, call);
  Pass(1s);
  EXPECT_EQ(zygote.processes.size(), 3u);
}

TEST_F(DataProvisioned, MemoryPressureEndsOthersFirstAndThemNever) {
  options.memory_budget = base::Bytes::MiB(512);
  Provision(1);
  Pass(1min);  // It is frozen, and still holds its 256 MB.
  const auto other = Invoke(Function("G", {.memory_mib = 512}));
  Turn();
  EXPECT_EQ(other->status(), InvocationStatus::kThrottled);
  EXPECT_TRUE(process(0).alive());
}

TEST_F(DataProvisioned, WhereTheBudgetIsUsedUpTheyStartOnceThereIsRoom) {
  options.memory_budget = base::Bytes::MiB(512);
  const auto other = Invoke(Function("G", {.memory_mib = 512}));
  Start(0);
  invoker().Provision(Version(), 1);
  EXPECT_EQ(zygote.processes.size(), 1u);
  Serve(0, other);
  Pass(100ms);  // Frozen: it holds what it uses.
  Pass(1s);
  ASSERT_EQ(zygote.processes.size(), 2u);
}

TEST_F(DataProvisioned, WhatIsNoLongerProvisionedLivesAsOthersDo) {
  Provision(2);
  invoker().Provision(Version(), 0);
  EXPECT_EQ(Ready(), 0u);
  EXPECT_EQ(zygote.alive(), 2u);
  Pass(11min);
  Turn();
  EXPECT_EQ(zygote.alive(), 0u);
}

TEST_F(DataProvisioned, AVersionThatIsGoneTakesThemWithIt) {
  Provision(2);
  invoker().Retire("F", {});
  Turn();
  EXPECT_EQ(zygote.alive(), 0u);
  Pass(5s);
  EXPECT_EQ(zygote.processes.size(), 2u);
}

}  // namespace
}  // namespace hearth::invoker
