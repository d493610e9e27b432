// Instances that end because somebody asked: what a measurement of cold starts stands on.
#include "tests/unit/invoker/data_plane.h"

namespace hearth::invoker {
namespace {

using DataEndIdle = test::DataPlane;

TEST_F(DataEndIdle, EveryRevisionsIdleInstancesEndAndOthersStay) {
  const FunctionRef first = Function("F", {.version = "1", .revision_id = "F-1"});
  const FunctionRef second = Function("F", {.version = "2", .revision_id = "F-2"});
  const std::vector<test::CallPtr> calls{Invoke(first), Invoke(second), Invoke(Function("G"))};
  for (size_t i = 0; i < calls.size(); ++i) {
    Start(i);
    Serve(i, calls[i]);
  }
  EXPECT_EQ(invoker().EndIdle("F"), 2u);
  Turn();
  EXPECT_FALSE(process(0).alive());
  EXPECT_FALSE(process(1).alive());
  EXPECT_TRUE(process(2).alive());
  EXPECT_EQ(invoker().EndIdle("F"), 0u) << "they have ended already";
}

TEST_F(DataEndIdle, ABusyInstanceGoesOnAndTheNextCallAfterAnEndIsCold) {
  const auto call = Invoke(Function("F"));
  Start(0);
  EXPECT_EQ(invoker().EndIdle("F"), 0u);
  Serve(0, call);
  EXPECT_EQ(call->status(), InvocationStatus::kSuccess);
  EXPECT_EQ(invoker().EndIdle("F"), 1u);
  const auto next = Invoke(Function("F"));
  ASSERT_EQ(zygote.processes.size(), 2u);
  Start(1);
  Serve(1, next);
  EXPECT_TRUE(next->result.cold);
}

TEST_F(DataEndIdle, AFrozenInstanceEndsAndItsRoomIsFreed) {
  options.memory_budget = base::Bytes::MiB(128);
  const auto call = Invoke(Function("F", {.memory_mib = 128}));
  Start(0);
  Serve(0, call);
  Pass(std::chrono::milliseconds(50));
  ASSERT_TRUE(process(0).frozen);
  EXPECT_EQ(invoker().EndIdle("F"), 1u);
  Turn();
  EXPECT_EQ(States(), "");
  Invoke(Function("G", {.memory_mib = 128}));
  EXPECT_EQ(zygote.processes.size(), 2u) << "there is room at once";
}

}  // namespace
}  // namespace hearth::invoker
