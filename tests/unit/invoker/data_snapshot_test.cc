// Snapshot starts: what is written down, who goes on from it, and what happens where it cannot be.
#include <gmock/gmock.h>

#include "sandbox/image.h"
#include "tests/unit/invoker/data_plane.h"

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DataSnapshot : public test::DataPlane {
 protected:
  void SetUp() override {
    test::DataPlane::SetUp();
    options.image_folder = ::testing::TempDir();
  }

  FunctionRef Version() {
    return Function("F", {.version = "7", .timeout = 30s, .revision_id = "F-7"});
  }
  void Prepare() {
    const int before = answers_;
    invoker().Prepare(Version(), [this](base::Result<void> result) {
      ++answers_;
      result_ = std::move(result);
    });
    EXPECT_EQ(answers_, before) << "told inside the call";
    Pass(1ms);
  }
  // As far as the process that has finished its init and its hooks.
  void PrepareToReady() {
    Prepare();
    process(0).Launched();
    Turn();
    process(0).Ready();
    Turn();
    EXPECT_TRUE(process(0).TakePrepare());
    EXPECT_EQ(answers_, 0);
  }
  void MakeSnapshot() {
    PrepareToReady();
    process(0).Ready();
    Turn();
    ASSERT_EQ(answers_, 1);
    ASSERT_TRUE(result_.has_value()) << result_.error().ToString();
  }
  bool IsRestored(size_t index) {
    return process(index).spec.executable == sandbox::kRestoreProgram;
  }

  int answers_ = 0;
  base::Result<void> result_;
};

TEST_F(DataSnapshot, AVersionIsWrittenDownAfterItsInitAndItsInstancesGoOnFromThere) {
  MakeSnapshot();
  EXPECT_THAT(process(0).spec.environment, Contains("AWS_LAMBDA_INITIALIZATION_TYPE=snap-start"));
  EXPECT_FALSE(IsRestored(0));
  EXPECT_EQ(process(0).kills, 1) << "it was only there to be written down";
  const auto call = Invoke(Version(), {.payload = "5"});
  ASSERT_EQ(zygote.processes.size(), 2u);
  EXPECT_TRUE(IsRestored(1));
  process(1).Launched();
  Turn();
  EXPECT_THAT(process(1).TakeLoad(), Contains("AWS_LAMBDA_FUNCTION_VERSION=7"));
  process(1).Ready();
  Turn();
  Serve(1, call);
  EXPECT_EQ(call->result.payload, "5");
  const auto lines = Lines("F");
  EXPECT_THAT(lines, Contains(HasSubstr("RESTORE_START Runtime Version: python")));
  EXPECT_THAT(lines, Contains(HasSubstr("RESTORE_REPORT Restore Duration: ")));
  EXPECT_THAT(lines.back(), HasSubstr("Restore Duration: "));
  EXPECT_THAT(lines.back(), HasSubstr("Billed Restore Duration: "));
  EXPECT_THAT(lines.back(), testing::Not(HasSubstr("Init Duration")));
}

TEST_F(DataSnapshot, WhatCannotBeWrittenDownStartsTheUsualWayAndTheLogSaysWhy) {
  PrepareToReady();
  process(0).refuses_capture = "it has 2 threads";
  process(0).Ready();
  Turn();
  ASSERT_EQ(answers_, 1);
  EXPECT_TRUE(result_.has_value()) << "the version is active";
  EXPECT_THAT(Lines("F"), Contains(HasSubstr("SNAPSTART not used, this version starts the usual "
                                             "way: it has 2 threads")));
  const auto call = Invoke(Version());
  EXPECT_FALSE(IsRestored(1));
  Start(1);
  Serve(1, call);
}

TEST_F(DataSnapshot, AnInitThatFailsIsTheVersionsFailure) {
  Prepare();
  process(0).Launched();
  Turn();
  process(0).InitError("Runtime.ImportModuleError", R"({"errorMessage":"no module 'x'"})");
  Turn();
  ASSERT_EQ(answers_, 1);
  ASSERT_FALSE(result_.has_value());
  EXPECT_EQ(result_.error().text, "Runtime.ImportModuleError: no module 'x'");
  EXPECT_EQ(zygote.alive(), 0u);
}

TEST_F(DataSnapshot, ARuntimeThatEndsOrNeverGetsReadyIsTheVersionsFailure) {
  Prepare();
  process(0).Launched();
  Turn();
  process(0).Exit(3);
  Turn();
  ASSERT_EQ(answers_, 1);
  EXPECT_FALSE(result_.has_value());
  Prepare();
  process(1).Launched();
  Turn();
  Pass(129s);
  EXPECT_EQ(answers_, 1) << "130 s are allowed";
  Pass(2s);
  Turn();
  ASSERT_EQ(answers_, 2);
  EXPECT_FALSE(result_.has_value());
  EXPECT_EQ(zygote.alive(), 0u);
}

TEST_F(DataSnapshot, ADrainEndsWhatIsBeingPrepared) {
  Prepare();
  process(0).Launched();
  Turn();
  bool drained = false;
  invoker().Drain(base::Deadline::After(clock, 1s), [&] { drained = true; });
  Turn();
  EXPECT_TRUE(drained);
  EXPECT_EQ(answers_, 1);
  EXPECT_FALSE(result_.has_value());
  EXPECT_EQ(zygote.alive(), 0u);
}

TEST_F(DataSnapshot, ASnapshotThatCanNoLongerBeRestoredIsGivenUp) {
  MakeSnapshot();
  const auto first = Invoke(Version());
  process(1).Launched();
  Turn();
  process(1).Exit(sandbox::kRestoreFailed);
  Turn();
  EXPECT_EQ(first->status(), InvocationStatus::kHostError);
  const auto second = Invoke(Version());
  EXPECT_FALSE(IsRestored(2));
  Start(2);
  Serve(2, second);
}

TEST_F(DataSnapshot, AHookThatFailsAfterTheRestoreFailsTheInit) {
  MakeSnapshot();
  const auto call = Invoke(Version());
  process(1).Launched();
  Turn();
  process(1).InitError("Runtime.AfterRestoreError", R"({"errorMessage":"no"})");
  Turn();
  // Once more, as part of the call.
  ASSERT_EQ(zygote.processes.size(), 3u);
  EXPECT_TRUE(IsRestored(2));
  process(2).Launched();
  Turn();
  process(2).InitError("Runtime.AfterRestoreError", R"({"errorMessage":"no"})");
  Turn();
  EXPECT_EQ(call->status(), InvocationStatus::kInitError);
  EXPECT_THAT(call->result.payload, HasSubstr("no"));
}

}  // namespace
}  // namespace hearth::invoker
