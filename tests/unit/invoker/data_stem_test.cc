// Stem cells: who gets one, what it becomes, and what happens where it cannot.
#include <gmock/gmock.h>

#include "invoker/stem_cells.h"
#include "tests/unit/invoker/data_plane.h"

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class DataStem : public test::DataPlane {
 protected:
  void SetUp() override {
    test::DataPlane::SetUp();
    options.stem_cells = 2;
    if (!runtime::Catalog::Probe().Find("python3.12")) GTEST_SKIP() << "missing: python3";
  }

  // Lets the pool fill: every launch that was asked for succeeds at once.
  void Fill() {
    zygote.on_launch = [](test::FakeProcess& process) { process.Launched(); };
    (void)invoker();
    for (int i = 0; i < 20; ++i) Pass(20ms);
  }
  // The processes that are python stem cells and have no function yet.
  std::vector<test::FakeProcess*> Cells() {
    std::vector<test::FakeProcess*> out;
    for (const auto& process : zygote.processes) {
      if (process->spec.argv.at(0) == "python3" && process->spec.name == "stem-cell" &&
          !process->adopted && process->alive()) {
        out.push_back(process.get());
      }
    }
    return out;
  }
};

TEST_F(DataStem, AStartAdoptsAWaitingCellWithItsLimitsItsCodeAndItsEnvironment) {
  Fill();
  ASSERT_EQ(Cells().size(), 1u);
  test::FakeProcess& cell = *Cells()[0];
  EXPECT_THAT(cell.spec.environment, Contains("HEARTH_STEM_CELL=1"));
  const auto call = Invoke(Function("F", {.memory_mib = 1024, .environment = {{"MINE", "yes"}}}),
                           {.payload = "1"});
  ASSERT_TRUE(cell.adopted);
  EXPECT_EQ(cell.adopted->memory, base::Bytes::MiB(1024));
  EXPECT_EQ(cell.adopted->pids, 1024u);
  ASSERT_EQ(cell.adopted->mounts.size(), 1u);
  EXPECT_EQ(cell.adopted->mounts[0].target, "/var/task");
  Turn();
  const auto environment = cell.TakeLoad();
  EXPECT_THAT(environment, Contains("MINE=yes"));
  EXPECT_THAT(environment, Contains("AWS_LAMBDA_FUNCTION_NAME=F"));
  EXPECT_THAT(environment, Not(Contains(StartsWith("HEARTH_"))));
  cell.Ready();
  Turn();
  const auto event = cell.Take();
  ASSERT_TRUE(event);
  cell.Respond(event->request_id, "2");
  Turn();
  EXPECT_EQ(call->result.payload, "2");
  EXPECT_TRUE(call->result.cold);
  ASSERT_EQ(call->result.spans.start_steps.size(), 1u);
  EXPECT_EQ(call->result.spans.start_steps[0].first, "mounts");
}

TEST_F(DataStem, EachStartIsFollowedByANewCellUpToTheMaximum) {
  Fill();
  const auto first = Invoke(Function("A"));
  for (int i = 0; i < 20; ++i) Pass(20ms);
  // Two starts are expected now: one was, and one more should find its cell.
  EXPECT_EQ(Cells().size(), 2u);
  const std::vector<test::CallPtr> more{Invoke(Function("B")), Invoke(Function("C")),
                                        Invoke(Function("D"))};
  for (int i = 0; i < 20; ++i) Pass(20ms);
  EXPECT_EQ(Cells().size(), 2u);
}

TEST_F(DataStem, WhatAnInterpreterReadsAtItsStartNeedsAStartOfItsOwn) {
  Fill();
  const size_t before = zygote.processes.size();
  const auto call = Invoke(Function("F", {.environment = {{"PYTHONPATH", "/var/task/lib"}}}));
  EXPECT_EQ(Cells().size(), 1u);
  ASSERT_EQ(zygote.processes.size(), before + 1);
  EXPECT_EQ(process(before).spec.name, "F");
  EXPECT_THAT(process(before).spec.environment, Contains("PYTHONPATH=/var/task/lib"));
  for (const char* name : {"LD_PRELOAD", "NODE_OPTIONS", "LANG", "AWS_LAMBDA_EXEC_WRAPPER"}) {
    EXPECT_TRUE(NeedsOwnStart({{name, "x"}})) << name;
  }
  EXPECT_FALSE(NeedsOwnStart({{"TABLE", "x"}, {"MY_LD_PATH", "x"}}));
}

TEST_F(DataStem, AnotherSizeOfTmpNeedsAStartOfItsOwn) {
  Fill();
  const auto call = Invoke(Function("F", {.tmp_mib = 1024}));
  EXPECT_EQ(Cells().size(), 1u);
  EXPECT_EQ(process(zygote.processes.size() - 1).spec.tmp, base::Bytes::MiB(1024));
}

TEST_F(DataStem, WhereTheCellIsLostTheCallIsServedByALaunchOfItsOwn) {
  Fill();
  Cells()[0]->refuses_adoption = true;
  zygote.on_launch = nullptr;
  const size_t before = zygote.processes.size();
  const auto call = Invoke(Function("F"), {.payload = "5"});
  Turn();
  ASSERT_EQ(zygote.processes.size(), before + 1);
  Start(before);
  Serve(before, call);
  EXPECT_EQ(call->result.payload, "5");
}

TEST_F(DataStem, ACellThatDiesIsReplacedAndNobodyIsTold) {
  Fill();
  test::FakeProcess* const dead = Cells()[0];
  dead->Exit(1);
  for (int i = 0; i < 20; ++i) Pass(100ms);
  ASSERT_EQ(Cells().size(), 1u);
  EXPECT_NE(Cells()[0], dead);
}

TEST_F(DataStem, CellsGiveWayWhereACallNeedsTheirMemory) {
  options.memory_budget = base::Bytes::MiB(1024);
  Fill();
  ASSERT_EQ(Cells().size(), 1u);
  zygote.on_launch = nullptr;
  const size_t before = zygote.processes.size();
  // The whole budget: only without the cells does it fit.
  const auto call = Invoke(Function("F", {.memory_mib = 1024, .tmp_mib = 600}), {.payload = "5"});
  Turn();
  EXPECT_THAT(Cells(), IsEmpty());
  ASSERT_EQ(zygote.processes.size(), before + 1);
  Start(before);
  Serve(before, call);
}

TEST_F(DataStem, DrainingEndsTheCells) {
  Fill();
  bool drained = false;
  invoker().Drain(base::Deadline::After(clock, 1s), [&] { drained = true; });
  Turn();
  EXPECT_TRUE(drained);
  EXPECT_THAT(Cells(), IsEmpty());
}

}  // namespace
}  // namespace hearth::invoker
