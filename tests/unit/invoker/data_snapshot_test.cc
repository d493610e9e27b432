// Snapshot starts: what is written down, who goes on from it, and what happens where it cannot be.
#include <gmock/gmock.h>

#include "base/id.h"
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

TEST_F(DataSnapshot, AnErrorThatTheFunctionWroteItselfCanBeAnything) {
  int index = 0;
  for (const std::string payload :
       {R"({"errorMessage":5})", R"({"errorMessage":null})", R"([])", "\xff", ""}) {
    Prepare();
    process(index).Launched();
    Turn();
    process(index++).InitError("Error", payload);
    Turn();
    ASSERT_EQ(answers_, index) << payload;
    ASSERT_FALSE(result_.has_value()) << payload;
    EXPECT_EQ(result_.error().text, "Error: ") << payload;
  }
  Prepare();
  process(index).Launched();
  Turn();
  process(index).InitError("Error", R"({"errorMessage":")" + std::string(1 << 20, 'x') + "\"}");
  for (int i = 0; i < 100 && answers_ == index; ++i) Turn();
  ASSERT_FALSE(result_.has_value());
  EXPECT_EQ(result_.error().text.size(), 1024u) << "it is stored with the version";
}

TEST_F(DataSnapshot, WhatTheRuntimeSaysCannotBeWrittenDownIsNoFailure) {
  PrepareToReady();
  process(0).InitError("Hearth.CannotWriteDown", R"({"errorMessage":"a timer is set"})");
  Turn();
  ASSERT_EQ(answers_, 1);
  EXPECT_TRUE(result_.has_value());
  EXPECT_THAT(Lines("F"), Contains(HasSubstr("SNAPSTART not used, this version starts the usual "
                                             "way: a timer is set")));
  EXPECT_EQ(zygote.alive(), 0u);
}

TEST_F(DataSnapshot, WhatTheHostCannotDoIsNotTheVersionsFailure) {
  Prepare();
  process(0).LaunchFails("mount", ENOSPC);
  Turn();
  ASSERT_EQ(answers_, 1);
  EXPECT_TRUE(result_.has_value()) << "it starts the usual way";
  EXPECT_THAT(Lines("F"), Contains(HasSubstr("SNAPSTART not used")));
}

TEST_F(DataSnapshot, AVersionThatIsLargerThanTheHostStartsTheUsualWay) {
  options.memory_budget = base::Bytes::MiB(64);
  Prepare();
  Turn();
  EXPECT_EQ(answers_, 1) << "it would wait for ever";
  EXPECT_TRUE(result_.has_value());
  EXPECT_THAT(zygote.processes, IsEmpty());
}

TEST_F(DataSnapshot, AFewVersionsArePreparedAtATimeAndASlowOneHoldsNobodyUp) {
  std::vector<std::string> prepared;
  for (const std::string name : {"A", "B", "C", "D", "E", "F"}) {
    invoker().Prepare(Function(name, {.version = "1", .revision_id = name + "-1"}),
                      [&prepared, name](const base::Result<void>&) { prepared.push_back(name); });
  }
  Pass(1ms);
  ASSERT_EQ(zygote.processes.size(), 4u) << "each holds memory that calls want";
  invoker().Retire("E", {});
  EXPECT_EQ(prepared, std::vector<std::string>{"E"}) << "gone before its turn";
  process(1).Launched();
  Turn();
  process(1).InitError("Error", "{}");
  Turn();
  Pass(1ms);
  ASSERT_EQ(zygote.processes.size(), 5u);
  EXPECT_EQ(process(4).spec.name, "F");
  EXPECT_EQ(prepared, (std::vector<std::string>{"E", "B"}));
}

TEST_F(DataSnapshot, AVersionThatThereIsNoRoomForLetsTheOthersPass) {
  options.memory_budget = base::Bytes::MiB(1024);
  const auto busy = Invoke(Function("Busy", {.timeout = 900s, .memory_mib = 512}));
  std::vector<std::string> prepared;
  for (const uint32_t size : {1024u, 128u, 128u, 128u, 128u}) {
    const std::string name = "S" + std::to_string(size) + "-" + std::to_string(prepared.size());
    const std::string revision = base::NewUuid();
    invoker().Prepare(Function(name, {.version = "1", .memory_mib = size, .revision_id = revision}),
                      [&prepared, name](const base::Result<void>&) { prepared.push_back(name); });
  }
  Pass(1ms);
  EXPECT_EQ(zygote.processes.size(), 4u) << "the call and three of the small ones";
  Pass(1s);
  Pass(1ms);
  EXPECT_EQ(zygote.processes.size(), 5u);
  EXPECT_EQ(prepared, std::vector<std::string>{});
}

TEST_F(DataSnapshot, AHostThatIsLostDecidesNothing) {
  Prepare();
  process(0).Launched();
  Turn();
  process(0).End({.kind = sandbox::Outcome::Kind::kSignaled, .signal = SIGKILL, .host_lost = true});
  Turn();
  ASSERT_EQ(answers_, 1);
  ASSERT_FALSE(result_.has_value());
  EXPECT_EQ(result_.error().kind, base::ErrorKind::kClosed);
}

TEST_F(DataSnapshot, AnExitOfTheFunctionsOwnIsNoFailureOfItsImage) {
  MakeSnapshot();
  const auto call = Invoke(Version());
  process(1).Launched();
  Turn();
  process(1).TakeLoad();  // From here on its code runs.
  process(1).Exit(sandbox::kRestoreFailed);
  Turn();
  ASSERT_TRUE(IsRestored(2)) << "once more, as part of the call";
  process(2).Launched();
  Turn();
  process(2).TakeLoad();
  process(2).Exit(sandbox::kRestoreFailed);
  Turn();
  EXPECT_EQ(call->status(), InvocationStatus::kInitError);
  EXPECT_THAT(call->result.payload, HasSubstr("exit status 117"));
}

TEST_F(DataSnapshot, WhatCannotBePutBackIsNotTriedForEver) {
  MakeSnapshot();
  const auto call = Invoke(Version());
  process(1).Launched();
  Turn();
  process(1).InitError("Runtime.RestoreError", R"({"errorMessage":"no"})");
  Turn();
  Pass(1ms);
  ASSERT_EQ(zygote.processes.size(), 4u) << "the call's second try, and a maker";
  EXPECT_FALSE(IsRestored(2));
  EXPECT_FALSE(IsRestored(3));
}

TEST_F(DataSnapshot, ARuntimeThatEndsOrNeverGetsReadyIsTheVersionsFailure) {
  Prepare();
  process(0).Launched();
  Turn();
  process(0).Exit(3);
  Turn();
  ASSERT_EQ(answers_, 1);
  ASSERT_FALSE(result_.has_value());
  EXPECT_THAT(result_.error().text, HasSubstr("exit status 3"));
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
  ASSERT_FALSE(result_.has_value());
  EXPECT_EQ(result_.error().kind, base::ErrorKind::kClosed) << "nothing was decided";
  EXPECT_EQ(zygote.alive(), 0u);
  Prepare();
  Turn();
  ASSERT_EQ(answers_, 2);
  ASSERT_FALSE(result_.has_value());
  EXPECT_EQ(result_.error().kind, base::ErrorKind::kClosed);
}

TEST_F(DataSnapshot, ASnapshotThatCanNoLongerBeRestoredIsMadeAnewOnce) {
  MakeSnapshot();
  const auto first = Invoke(Version());
  process(1).Launched();
  Turn();
  process(1).Exit(sandbox::kRestoreFailed);
  Turn();
  EXPECT_EQ(first->status(), InvocationStatus::kHostError);
  Pass(1ms);
  ASSERT_EQ(zygote.processes.size(), 3u);
  process(2).Launched();
  Turn();
  process(2).Ready();
  Turn();
  EXPECT_TRUE(process(2).TakePrepare());
  process(2).Ready();
  Turn();
  const auto second = Invoke(Version());
  ASSERT_TRUE(IsRestored(3));
  process(3).Launched();
  Turn();
  process(3).Exit(sandbox::kRestoreFailed);
  Turn();
  EXPECT_EQ(second->status(), InvocationStatus::kHostError);
  Pass(1ms);
  EXPECT_EQ(zygote.processes.size(), 4u) << "it would fail for ever";
  const auto third = Invoke(Version());
  EXPECT_FALSE(IsRestored(4));
  Start(4);
  Serve(4, third);
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
