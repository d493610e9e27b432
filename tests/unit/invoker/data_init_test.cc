// Instances that never become ready: one second init, inside the call, then the failure is told.
#include <csignal>

#include "tests/unit/invoker/data_plane.h"

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;
using test::CallPtr;
using ::testing::TestWithParam;

class DataInit : public test::DataPlane {
 protected:
  // The lines with the stream's INIT_START left out.
  std::vector<std::string> LinesWithoutStart(const std::string& name) {
    auto lines = Lines(name);
    std::erase_if(lines, [](const auto& line) { return line.starts_with("INIT_START"); });
    return lines;
  }
};

TEST_F(DataInit, AnInitErrorGetsExactlyOneSecondInitWithinTheCall) {
  const std::string error = "{\"errorMessage\":\"No module named 'x'\"}";
  const auto call = Invoke(Function("F"));
  process(0).Launched();
  Pass(100ms);
  process(0).InitError("Runtime.ImportModuleError", error);
  Turn();
  EXPECT_FALSE(call->answered());
  ASSERT_EQ(zygote.processes.size(), 2u);
  EXPECT_FALSE(process(0).alive());
  process(1).Launched();
  Pass(250ms);
  process(1).InitError("Runtime.ImportModuleError", error);
  Turn();
  EXPECT_EQ(zygote.processes.size(), 2u);
  EXPECT_EQ(call->answers, 1);
  EXPECT_EQ(call->status(), InvocationStatus::kInitError);
  EXPECT_EQ(call->result.payload, error);
  EXPECT_EQ(States(), "");
  EXPECT_EQ(LinesWithoutStart("F"),
            (std::vector<std::string>{
                "INIT_REPORT Init Duration: 100.00 ms\tPhase: init\tStatus: error\t"
                "Error Type: Runtime.ImportModuleError",
                "START RequestId: r1 Version: $LATEST",
                "INIT_REPORT Init Duration: 250.00 ms\tPhase: invoke\tStatus: error\t"
                "Error Type: Runtime.ImportModuleError",
                "END RequestId: r1",
                "REPORT RequestId: r1\tDuration: 250.00 ms\tBilled Duration: 250 ms\t"
                "Memory Size: 128 MB\tMax Memory Used: 40 MB\tStatus: error\t"
                "Error Type: Runtime.ImportModuleError"}));
}

TEST_F(DataInit, ASandboxThatIsNeverMadeIsTheHostsErrorAndHoldsNothingOnceItComes) {
  const auto call = Invoke(Function("F"));
  Pass(59s);
  EXPECT_FALSE(call->answered());
  Pass(1s);
  Turn();
  EXPECT_EQ(call->answers, 1);
  EXPECT_EQ(call->status(), InvocationStatus::kHostError);
  EXPECT_EQ(call->result.host_error, "start F: the zygote made no sandbox within 60 s");
  EXPECT_EQ(States(), "ending");
  process(0).Launched();
  Turn();
  EXPECT_FALSE(process(0).alive());
  EXPECT_EQ(States(), "");
  EXPECT_EQ(call->answers, 1);
}

TEST_F(DataInit, ASecondInitThatSucceedsServesTheCallAndIsBilledWithIt) {
  const auto call = Invoke(Function("F", {.timeout = 3s}));
  process(0).Launched();
  Turn();
  process(0).Exit(1);
  Turn();
  ASSERT_EQ(zygote.processes.size(), 2u);
  process(1).Launched();
  Pass(2s);
  process(1).Ready();
  Turn();
  const auto event = process(1).Take();
  ASSERT_TRUE(event);
  // What the init has used is gone from the call's own time.
  EXPECT_EQ(event->deadline_ms, base::EpochMillis(clock.WallNow() + 1s));
  Pass(500ms);
  process(1).Respond(call->id, "1");
  Turn();
  EXPECT_EQ(call->status(), InvocationStatus::kSuccess);
  EXPECT_EQ(call->result.duration, 2500ms);
  EXPECT_EQ(call->result.billed_ms, 2500u);
  EXPECT_EQ(Lines("F").back(),
            "REPORT RequestId: r1\tDuration: 2500.00 ms\tBilled Duration: 2500 ms\t"
            "Memory Size: 128 MB\tMax Memory Used: 40 MB\t");
  const auto next = Invoke(Function("F"));
  Serve(1, next);
}

TEST_F(DataInit, ASecondInitRunsUnderTheFunctionsOwnTimeout) {
  const auto call = Invoke(Function("F", {.timeout = 3s}));
  process(0).Launched();
  Turn();
  process(0).InitError("Runtime.X", "{}");
  Turn();
  process(1).Launched();
  Pass(2999ms);
  EXPECT_FALSE(call->answered());
  Pass(1ms);
  EXPECT_EQ(call->answers, 1);
  EXPECT_EQ(call->status(), InvocationStatus::kTimeout);
  EXPECT_EQ(call->result.payload,
            "{\"errorType\":\"Sandbox.Timedout\",\"errorMessage\":\"RequestId: r1 Error: "
            "Task timed out after 3.00 seconds\"}");
  EXPECT_EQ(process(1).kills, 1);
  EXPECT_EQ(States(), "");
  EXPECT_EQ(zygote.processes.size(), 2u);
}

TEST_F(DataInit, AFirstInitHasTenSecondsAndItsTimeoutIsRetriedToo) {
  const auto call = Invoke(Function("F", {.timeout = 60s}));
  process(0).Launched();
  Pass(9999ms);
  EXPECT_EQ(zygote.processes.size(), 1u);
  Pass(1ms);
  EXPECT_EQ(process(0).kills, 1);
  ASSERT_EQ(zygote.processes.size(), 2u);
  EXPECT_EQ(LinesWithoutStart("F"),
            (std::vector<std::string>{
                "INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout",
                "START RequestId: r1 Version: $LATEST"}));
  process(1).Launched();
  Pass(20s);  // Longer than a first init may take.
  process(1).Ready();
  Turn();
  Serve(1, call);
}

TEST_F(DataInit, AnInitThatEndsIsAnsweredWithHowItEndedTheSecondTime) {
  const auto ended = [&](const std::string& name, auto end) {
    const auto call = Invoke(Function(name));
    for (int round = 0; round < 2; ++round) {
      auto& last = *zygote.processes.back();
      last.Launched();
      Turn();
      end(last);
      Turn();
    }
    EXPECT_EQ(call->answers, 1);
    return call;
  };
  const auto zero = ended("A", [](auto& p) { p.Exit(0); });
  EXPECT_EQ(zero->status(), InvocationStatus::kInitError);
  EXPECT_EQ(zero->result.payload,
            "{\"errorType\":\"Runtime.ExitError\",\"errorMessage\":\"RequestId: r1 Error: Runtime "
            "exited without providing a reason\"}");
  const auto three = ended("B", [](auto& p) { p.Exit(3); });
  EXPECT_EQ(three->result.payload,
            "{\"errorType\":\"Runtime.ExitError\",\"errorMessage\":\"RequestId: r2 Error: Runtime "
            "exited with error: exit status 3\"}");
  const auto oom = ended("C", [](auto& p) { p.Signal(SIGKILL, true); });
  EXPECT_EQ(oom->status(), InvocationStatus::kOutOfMemory);
  EXPECT_EQ(oom->result.payload,
            "{\"errorType\":\"Runtime.ExitError\",\"errorMessage\":\"RequestId: r3 Error: Runtime "
            "exited with error: signal: killed\"}");
  EXPECT_TRUE(Lines("C").back().ends_with("Status: error\tError Type: Runtime.OutOfMemory"));
  const auto garbage = ended("D", [](auto& p) { p.SendBytes(std::string(8, '\xff')); });
  EXPECT_EQ(garbage->status(), InvocationStatus::kInitError);
  EXPECT_EQ(zygote.processes.size(), 8u);
  EXPECT_EQ(zygote.alive(), 0u);
}

TEST_F(DataInit, AMissingEntrypointIsTheFunctionsFault) {
  const auto call = Invoke(Function("F", {.runtime = "provided.al2023"}));
  process(0).LaunchFails("exec", ENOENT);
  Turn();
  ASSERT_EQ(zygote.processes.size(), 2u);
  process(1).LaunchFails("exec", ENOENT);
  Turn();
  EXPECT_EQ(call->answers, 1);
  EXPECT_EQ(call->status(), InvocationStatus::kInitError);
  EXPECT_EQ(call->result.payload,
            "{\"errorType\":\"Runtime.InvalidEntrypoint\",\"errorMessage\":\"RequestId: r1 Error: "
            "fork/exec /var/task/bootstrap: no such file or directory\"}");
  EXPECT_EQ(States(), "");
  EXPECT_TRUE(Lines("F").back().ends_with("Error Type: Runtime.InvalidEntrypoint"));
}

TEST_F(DataInit, AnyOtherLaunchFailureIsTheHostsFaultAndIsNotTriedAgain) {
  const auto call = Invoke(Function("F"));
  process(0).LaunchFails("mount /proc", EPERM);
  Turn();
  EXPECT_EQ(call->answers, 1);
  EXPECT_EQ(call->status(), InvocationStatus::kHostError);
  EXPECT_EQ(call->result.host_error, "mount /proc: Operation not permitted (EPERM)");
  EXPECT_TRUE(call->result.payload.empty());
  EXPECT_EQ(zygote.processes.size(), 1u);
  EXPECT_EQ(States(), "");
  EXPECT_EQ(Lines("F"), std::vector<std::string>{});  // Not the function's business.
}

TEST_F(DataInit, AMissingCodeFolderOrRuntimeIsAHostError) {
  options.code_folder = [](const std::string& digest) -> base::Result<std::string> {
    if (digest != "gone") return "/code/" + digest;
    return base::MakeError(base::ErrorKind::kNotFound, "find code", "code gone is not here");
  };
  const auto code = Invoke(Function("F", {.code_digest = "gone"}));
  const auto runtime = Invoke(Function("G", {.runtime = "java21"}));
  Turn();
  EXPECT_EQ(code->status(), InvocationStatus::kHostError);
  EXPECT_EQ(code->result.host_error, "find code: code gone is not here");
  EXPECT_EQ(runtime->status(), InvocationStatus::kHostError);
  EXPECT_EQ(runtime->result.host_error, "start G: the runtime java21 is not on this machine");
  EXPECT_TRUE(zygote.processes.empty());
  EXPECT_EQ(States(), "");
}

TEST_F(DataInit, LayersAreMountedAtOpt) {
  const UsedLayer layer{.arn = "arn:a", .code_digest = "aa"};
  const auto call = Invoke(Function("F", {.layers = {layer}}));
  const auto& mounts = process(0).spec.mounts;
  ASSERT_GE(mounts.size(), 2u);
  EXPECT_EQ(mounts[1].source, "/merged/aa+aa");
  EXPECT_EQ(mounts[1].target, "/opt");
}

TEST_F(DataInit, ATimeoutBeforeALaunchHasFailedIsAnsweredOnce) {
  bool gone = false;
  options.code_folder = [&](const std::string&) -> base::Result<std::string> {
    if (!gone) return "/code";
    return base::MakeError(base::ErrorKind::kNotFound, "find code", "gone");
  };
  const auto call = Invoke(Function("F", {.timeout = 1s}));
  process(0).Launched();
  Turn();
  gone = true;
  process(0).InitError("Runtime.X", "{}");
  // Exactly as many turns as it takes until the second init has begun, and not one more.
  for (int turn = 0; turn < 50 && Lines("F").size() < 3; ++turn) loop.RunOnce();
  clock.Advance(1s);
  loop.ClockMoved();
  Turn();
  EXPECT_EQ(call->answers, 1);
  EXPECT_EQ(States(), "");
}

TEST_F(DataInit, ATimeoutWhileTheSandboxIsStillMadeKillsItOnceItIs) {
  const auto call = Invoke(Function("F", {.timeout = 1s}));
  process(0).Launched();
  Turn();
  process(0).Exit(1);
  Turn();
  Pass(1s);  // The second one is still being made.
  EXPECT_EQ(call->answers, 1);
  EXPECT_EQ(call->status(), InvocationStatus::kTimeout);
  EXPECT_EQ(States(), "ending");
  process(1).Launched();
  Turn();
  EXPECT_EQ(process(1).kills, 1);
  EXPECT_EQ(States(), "");
}

TEST_F(DataInit, AFailedInitWhoseCallWasServedByAnotherHarmsNobody) {
  const auto function = Function("F");
  const auto first = Invoke(function);
  Start(0);
  const auto second = Invoke(function);
  Serve(0, first);
  Serve(0, second);
  process(1).Launched();
  Turn();
  process(1).Exit(1);
  Turn();
  EXPECT_EQ(second->answers, 1);
  EXPECT_EQ(zygote.processes.size(), 2u);
  EXPECT_EQ(States(), "idle");
}

TEST_F(DataInit, EachOfTwoCallsWithFailedInitsGetsItsOwnSecondInit) {
  const auto function = Function("F");
  const auto first = Invoke(function);
  const auto second = Invoke(function);
  for (size_t i = 0; i < 2; ++i) process(i).Launched();
  Turn();
  for (size_t i = 0; i < 2; ++i) process(i).InitError("Runtime.X", "{\"n\":1}");
  Turn();
  ASSERT_EQ(zygote.processes.size(), 4u);
  Start(2);
  Start(3);
  Serve(2, first);
  Serve(3, second);
}

TEST_F(DataInit, ATypeThatIsNotLambdasOwnIsReportedAsUnknown) {
  Invoke(Function("F"));
  process(0).Launched();
  Turn();
  process(0).InitError("a\tforged\nline", "{}");
  Turn();
  EXPECT_EQ(LinesWithoutStart("F")[0],
            "INIT_REPORT Init Duration: 0.00 ms\tPhase: init\tStatus: error\t"
            "Error Type: Runtime.Unknown");
}

TEST_F(DataInit, WhatInitPrintsIsKeptEvenWhereItsLineIsUnfinished) {
  Invoke(Function("F"));
  process(0).Launched();
  Turn();
  process(0).Print("one\ntwo");
  process(0).Exit(1);
  Turn();
  const auto lines = LinesWithoutStart("F");
  ASSERT_GE(lines.size(), 3u);
  EXPECT_EQ(lines[0], "one");
  EXPECT_EQ(lines[1], "two");
}

}  // namespace
}  // namespace hearth::invoker
