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
      if (process->spec.argv.at(0) != "node" && process->spec.name == "stem-cell" &&
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

TEST_F(DataStem, AnAdoptedCellGetsTheLayersOfItsFunction) {
  Fill();
  ASSERT_EQ(Cells().size(), 1u);
  test::FakeProcess& cell = *Cells()[0];
  const UsedLayer a{.arn = "arn:a", .code_digest = "aa"}, b{.arn = "arn:b", .code_digest = "bb"};
  const auto call = Invoke(Function("F", {.layers = {a, b}}));
  ASSERT_TRUE(cell.adopted);
  ASSERT_EQ(cell.adopted->mounts.size(), 2u);
  EXPECT_EQ(cell.adopted->mounts[1].source, "/merged/aa+bb");
  EXPECT_EQ(cell.adopted->mounts[1].target, "/opt");
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

// With a folder in which images can lie.
class DataImage : public DataStem {
 protected:
  void SetUp() override {
    DataStem::SetUp();
    options.image_folder = ::testing::TempDir();
  }
  static bool IsRestored(const test::FakeProcess& process) {
    return process.spec.executable == sandbox::kRestoreProgram;
  }
};

TEST_F(DataImage, TheFirstCellIsWrittenDownAndThoseAfterItGoOnFromThere) {
  Fill();
  ASSERT_EQ(Cells().size(), 1u);
  EXPECT_FALSE(IsRestored(*Cells()[0])) << "somebody has to be executed";
  const auto call = Invoke(Function("A"));
  for (int i = 0; i < 20; ++i) Pass(20ms);
  ASSERT_EQ(Cells().size(), 2u);
  for (const auto* cell : Cells()) {
    EXPECT_TRUE(IsRestored(*cell));
    EXPECT_THAT(cell->spec.environment, IsEmpty()) << "the image has one";
  }
}

TEST_F(DataImage, AStartThatFindsNoCellGoesOnFromTheImageAndIsSentItsEnvironment) {
  Fill();
  const std::vector<test::CallPtr> calls{
      Invoke(Function("A")), Invoke(Function("B", {.tmp_mib = 1024}), {.payload = "6"})};
  const size_t last = zygote.processes.size() - 1;
  EXPECT_TRUE(IsRestored(process(last)));
  EXPECT_EQ(process(last).spec.name, "B");
  EXPECT_EQ(process(last).spec.tmp, base::Bytes::MiB(1024)) << "its sandbox is its own";
  Turn();
  EXPECT_THAT(process(last).TakeLoad(), Contains("AWS_LAMBDA_FUNCTION_NAME=B"));
  process(last).Ready();
  Turn();
  Serve(last, calls[1]);
  EXPECT_EQ(calls[1]->result.payload, "6");
}

TEST_F(DataImage, WhatAnInterpreterReadsAtItsStartIsNotInAnImage) {
  Fill();
  const auto call = Invoke(Function("F", {.environment = {{"PYTHONHASHSEED", "random"}}}));
  EXPECT_FALSE(IsRestored(process(zygote.processes.size() - 1)));
}

TEST_F(DataImage, ACellThatCannotBeWrittenDownStillServes) {
  zygote.on_launch = [](test::FakeProcess& process) {
    process.refuses_capture = "it has 2 threads";
    process.Launched();
  };
  (void)invoker();
  for (int i = 0; i < 20; ++i) Pass(20ms);
  ASSERT_EQ(Cells().size(), 1u);
  const auto call = Invoke(Function("A"));
  for (int i = 0; i < 20; ++i) Pass(20ms);
  ASSERT_EQ(Cells().size(), 2u);
  for (const auto* cell : Cells()) EXPECT_FALSE(IsRestored(*cell));
}

TEST_F(DataImage, ACellThatDiesWhileItIsWrittenDownIsLetGo) {
  zygote.holds_captures = true;
  Fill();
  ASSERT_TRUE(zygote.finish_capture);
  Cells().at(0)->Exit(1);
  Turn();
  zygote.finish_capture();
  EXPECT_THAT(Cells(), IsEmpty());
  zygote.holds_captures = false;
  for (int i = 0; i < 80; ++i) Pass(20ms);
  EXPECT_EQ(Cells().size(), 1u) << "another takes its place";
}

TEST_F(DataImage, ACellThatDiesWhileItIsWrittenDownHoldsNoDrainUp) {
  zygote.holds_captures = true;
  Fill();
  ASSERT_TRUE(zygote.finish_capture);
  bool drained = false;
  invoker().Drain(base::Deadline::After(clock, 1s), [&] { drained = true; });
  Cells().at(0)->Exit(1);
  Turn();
  zygote.finish_capture();
  Turn();
  EXPECT_TRUE(drained);
  EXPECT_EQ(zygote.alive(), 0u);
}

TEST_F(DataImage, AnImageThatCanNoLongerBeRestoredIsMadeAnew) {
  Fill();
  const auto call = Invoke(Function("A"));
  for (int i = 0; i < 20; ++i) Pass(20ms);
  ASSERT_EQ(Cells().size(), 2u);
  const size_t before = zygote.processes.size();
  Cells()[0]->Exit(sandbox::kRestoreFailed);
  for (int i = 0; i < 80; ++i) Pass(20ms);
  ASSERT_EQ(Cells().size(), 2u);
  ASSERT_EQ(zygote.processes.size(), before + 1);
  EXPECT_FALSE(IsRestored(process(before))) << "this one is to be the new image";
}

TEST_F(DataImage, AFunctionWhoseImageIsOutOfDateIsNotBlamed) {
  Fill();
  const std::vector<test::CallPtr> calls{Invoke(Function("A")), Invoke(Function("B"))};
  const size_t last = zygote.processes.size() - 1;
  ASSERT_TRUE(IsRestored(process(last)));
  Turn();
  process(last).Exit(sandbox::kRestoreFailed);
  Turn();
  EXPECT_EQ(calls[1]->result.status, InvocationStatus::kHostError);
}

TEST_F(DataImage, WhatAnInstanceSaysOfTheImageIsBelievedOnceAMinute) {
  Fill();
  const auto fails_to_restore = [this] {
    const std::vector<test::CallPtr> calls{Invoke(Function("A")), Invoke(Function("B"))};
    const size_t last = zygote.processes.size() - 1;
    const bool restored = IsRestored(process(last));
    Turn();
    process(last).Exit(sandbox::kRestoreFailed);
    for (int i = 0; i < 80; ++i) Pass(20ms);
    return restored;
  };
  ASSERT_TRUE(fails_to_restore());
  const size_t made = zygote.processes.size();
  EXPECT_FALSE(IsRestored(process(made - 2))) << "the image is made anew, of this one";
  ASSERT_TRUE(fails_to_restore());
  for (size_t i = made; i < zygote.processes.size(); ++i) EXPECT_TRUE(IsRestored(process(i))) << i;
}

}  // namespace
}  // namespace hearth::invoker
