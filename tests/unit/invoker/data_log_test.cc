// What a function's settings become, and the lines that Lambda writes about its calls.
#include <gmock/gmock.h>

#include "base/json.h"
#include "invoker/instance_log.h"
#include "invoker/instance_spec.h"
#include "tests/unit/invoker/data_plane.h"

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;
using base::Bytes;
using test::CallPtr;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

std::string ValueOf(const sandbox::Spec& spec, const std::string& name) {
  for (const auto& entry : spec.environment) {
    if (entry.starts_with(name + "=")) return entry.substr(name.size() + 1);
  }
  return "(none)";
}

class DataLog : public test::DataPlane {
 protected:
  std::string Stream(const std::string& name) {
    return logs->Read("/aws/lambda/" + name, 0, 1).at(0).stream;
  }
};

TEST(CpuShare, IsOneCpuAt1769Megabytes) {
  EXPECT_EQ(CpuPermille(128), 72u);
  EXPECT_EQ(CpuPermille(1769), 1000u);
  EXPECT_EQ(CpuPermille(3072), 1736u);
  EXPECT_EQ(CpuPermille(1), 1u);
}

TEST_F(DataLog, SettingsBecomeALimitEach) {
  Invoke(Function("Name", {.memory_mib = 192, .tmp_mib = 1024, .code_digest = "abc"}));
  const auto& spec = process(0).spec;
  EXPECT_EQ(spec.name, "Name");
  EXPECT_EQ(spec.memory, Bytes::MiB(192));
  EXPECT_EQ(spec.tmp, Bytes::MiB(1024));
  EXPECT_EQ(spec.tmp_inodes, 65536u);
  EXPECT_EQ(spec.pids, 1024u);
  ASSERT_EQ(spec.mounts.size(), 2u);
  EXPECT_EQ(spec.mounts[0].source, "/code/abc");
  EXPECT_EQ(spec.mounts[0].target, "/var/task");
  EXPECT_EQ(spec.mounts[1].source, "/share/runtime/python");
  EXPECT_EQ(spec.mounts[1].target, "/var/runtime");
  EXPECT_EQ(spec.executable, "/usr/bin/python3");
  EXPECT_TRUE(spec.listen_ports.empty());
  EXPECT_EQ(spec.working_directory, "/var/task");
}

TEST_F(DataLog, ACustomRuntimeGetsAListenerAndNoBootstrapOfOurs) {
  Invoke(Function("F", {.runtime = "provided.al2023"}));
  const auto& spec = process(0).spec;
  EXPECT_EQ(spec.executable, "/var/task/bootstrap");
  EXPECT_THAT(spec.listen_ports, ElementsAre(9001));
  EXPECT_EQ(spec.mounts.size(), 1u);
  EXPECT_EQ(ValueOf(spec, "AWS_LAMBDA_RUNTIME_API"), "127.0.0.1:9001");
}

TEST_F(DataLog, TheEnvironmentIsTheFunctionsAndReservedNamesCannotBeTaken) {
  options.account.region = "eu-west-1";
  Invoke(Function("F", {.handler = "a.b",
                        .memory_mib = 256,
                        .environment = {{"COLOR", "red"},
                                        {"AWS_REGION", "moon"},
                                        {"AWS_LAMBDA_LOG_STREAM_NAME", "mine"}}}));
  process(0).Launched();
  Turn();
  const auto& spec = process(0).spec;
  EXPECT_EQ(ValueOf(spec, "COLOR"), "red");
  EXPECT_EQ(ValueOf(spec, "AWS_REGION"), "eu-west-1");
  EXPECT_EQ(ValueOf(spec, "_HANDLER"), "a.b");
  EXPECT_EQ(ValueOf(spec, "AWS_LAMBDA_FUNCTION_NAME"), "F");
  EXPECT_EQ(ValueOf(spec, "AWS_LAMBDA_FUNCTION_VERSION"), "$LATEST");
  EXPECT_EQ(ValueOf(spec, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"), "256");
  EXPECT_EQ(ValueOf(spec, "AWS_LAMBDA_LOG_GROUP_NAME"), "/aws/lambda/F");
  EXPECT_EQ(ValueOf(spec, "AWS_LAMBDA_LOG_STREAM_NAME"), Stream("F"));
  EXPECT_THAT(ValueOf(spec, "AWS_ACCESS_KEY_ID"), MatchesRegex("ASIA[0-9A-Za-z]{16}"));
}

TEST_F(DataLog, AStreamIsNamedByDayAndVersionAndIsTheInstancesOwn) {
  const auto function = Function("F");
  Invoke(function);
  Invoke(function);
  for (size_t i = 0; i < 2; ++i) process(i).Launched();
  Turn();
  const auto events = logs->Read("/aws/lambda/F", 0, 10);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_THAT(events[0].stream, MatchesRegex("2026/11/24/\\[\\$LATEST\\][0-9a-f]{32}"));
  EXPECT_NE(events[0].stream, events[1].stream);
}

TEST_F(DataLog, AColdCallWritesItsLinesAsLambdaDoes) {
  const auto call = Invoke(Function("F"));
  process(0).Launched();
  Turn();
  process(0).Print("importing\n");
  Pass(250ms);
  process(0).Ready();
  Pass(12ms + 250us);
  process(0).memory.peak = Bytes(40 * 1024 * 1024 + 1);
  process(0).Print("hello\n");
  Serve(0, call);
  const auto lines = Lines("F");
  ASSERT_EQ(lines.size(), 6u);
  EXPECT_THAT(lines[0], StartsWith("INIT_START Runtime Version: python:3."));
  EXPECT_EQ(lines[1], "importing");
  EXPECT_EQ(lines[2], "START RequestId: r1 Version: $LATEST");
  EXPECT_EQ(lines[3], "hello");
  EXPECT_EQ(lines[4], "END RequestId: r1");
  EXPECT_EQ(lines[5],
            "REPORT RequestId: r1\tDuration: 12.25 ms\tBilled Duration: 263 ms\t"
            "Memory Size: 128 MB\tMax Memory Used: 41 MB\tInit Duration: 250.00 ms\t");
  EXPECT_EQ(call->result.billed_ms, 263u);
  EXPECT_EQ(call->result.duration, 12250us);
}

TEST_F(DataLog, AWarmCallIsBilledForItselfRoundedUp) {
  const auto function = Function("F");
  const auto cold = Invoke(function);
  Start(0);
  Serve(0, cold);
  const auto warm = Invoke(function);
  Pass(1ms + 1ns);
  Serve(0, warm);
  EXPECT_EQ(warm->result.billed_ms, 2u);
  EXPECT_EQ(Lines("F").back(),
            "REPORT RequestId: r2\tDuration: 1.00 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\t"
            "Max Memory Used: 40 MB\t");
}

TEST_F(DataLog, AReportStandsBeforeTheLinesOfACallThatFollowsAtOnce) {
  const auto function = Function("F");
  const auto first = Invoke(function);
  const auto second = Invoke(function);  // Its own instance never comes up.
  Start(0);
  process(0).Print("of the first\n");
  Serve(0, first);
  process(0).Print("of the second\n");
  Serve(0, second);
  const auto lines = Lines("F");
  ASSERT_EQ(lines.size(), 9u);
  EXPECT_EQ(lines[2], "of the first");
  EXPECT_EQ(lines[3], "END RequestId: r1");
  EXPECT_THAT(lines[4], StartsWith("REPORT RequestId: r1\t"));
  EXPECT_EQ(lines[5], "START RequestId: r2 Version: $LATEST");
  EXPECT_EQ(lines[6], "of the second");
}

TEST_F(DataLog, OnlyACallOfUnderAMillisecondMayReportAPeakThatIsTenMillisecondsOld) {
  const auto function = Function("F");
  uint64_t mib = 40;
  const auto peak_after = [&](base::Duration pause, base::Duration took) {
    process(0).memory.peak = Bytes::MiB(++mib);
    Pass(pause);
    const auto call = Invoke(function);
    Pass(took);
    Serve(0, call);
    const std::string last = Lines("F").back();
    return last.substr(last.find("Max"));
  };
  const auto cold = Invoke(function);
  Start(0);
  Serve(0, cold);
  EXPECT_EQ(peak_after(0s, 1ms), "Max Memory Used: 41 MB\t");
  EXPECT_EQ(peak_after(0s, 1ms - 1ns), "Max Memory Used: 41 MB\t");
  EXPECT_EQ(peak_after(0s, 1ms), "Max Memory Used: 43 MB\t");
  EXPECT_EQ(peak_after(9ms, 0s), "Max Memory Used: 43 MB\t");
  EXPECT_EQ(peak_after(1ms, 0s), "Max Memory Used: 45 MB\t");
}

TEST_F(DataLog, ATimeoutIsWrittenInTheFunctionsLogAndInTheReport) {
  Invoke(Function("F", {.timeout = 2s}));
  Start(0);
  process(0).Print("unfinished");
  Pass(2s);
  const auto lines = Lines("F");
  ASSERT_EQ(lines.size(), 6u);
  EXPECT_EQ(lines[2], "unfinished");
  EXPECT_EQ(lines[3], "2026-11-24T13:00:02.000Z r1 Task timed out after 2.00 seconds");
  EXPECT_EQ(lines[4], "END RequestId: r1");
  EXPECT_EQ(lines[5],
            "REPORT RequestId: r1\tDuration: 2000.00 ms\tBilled Duration: 2000 ms\t"
            "Memory Size: 128 MB\tMax Memory Used: 40 MB\tInit Duration: 0.00 ms\tStatus: timeout");
}

TEST_F(DataLog, AnExitAndAnOutOfMemoryAreNamedInTheReport) {
  Invoke(Function("F"));
  Start(0);
  process(0).Exit(1);
  Turn();
  EXPECT_TRUE(Lines("F").back().ends_with("\tStatus: error\tError Type: Runtime.ExitError"));
  Invoke(Function("G"));
  Start(1);
  process(1).Signal(9, true);
  Turn();
  EXPECT_TRUE(Lines("G").back().ends_with("\tStatus: error\tError Type: Runtime.OutOfMemory"));
}

TEST_F(DataLog, AHandlersErrorIsNoErrorOfTheReport) {
  const auto call = Invoke(Function("F"));
  Start(0);
  process(0).Fail(call->id, "ValueError", "{}");
  Turn();
  EXPECT_TRUE(Lines("F").back().ends_with("Init Duration: 0.00 ms\t"));
}

TEST_F(DataLog, WhatIsWrittenBetweenCallsBelongsToNoTail) {
  const auto function = Function("F");
  const auto first = Invoke(function, {.want_log_tail = true});
  Start(0);
  process(0).Print("first\n");
  Serve(0, first);
  process(0).Print("between\n");
  Turn();
  const auto second = Invoke(function, {.want_log_tail = true});
  Turn();
  process(0).Print("second\n");
  Serve(0, second);
  EXPECT_THAT(first->result.log_tail,
              AllOf(StartsWith("START RequestId: r1 Version: $LATEST\nfirst\nEND RequestId: r1\n"
                               "REPORT RequestId: r1\t"),
                    testing::EndsWith("\t\n")));
  EXPECT_THAT(second->result.log_tail,
              StartsWith("START RequestId: r2 Version: $LATEST\nsecond\n"));
  EXPECT_THAT(Lines("F"), testing::Contains("between"));
}

TEST_F(DataLog, ATailIsGivenOnlyWhereAskedFor) {
  const auto function = Function("F");
  const auto without = Invoke(function);
  Start(0);
  process(0).Print("x\n");
  Serve(0, without);
  EXPECT_EQ(without->result.log_tail, "");
  const auto with = Invoke(function, {.want_log_tail = true});
  Serve(0, with);
  EXPECT_NE(with->result.log_tail, "");
  const auto after = Invoke(function);
  Serve(0, after);
  EXPECT_EQ(after->result.log_tail, "");
}

TEST_F(DataLog, ATailIsTheLast4096Bytes) {
  const auto call = Invoke(Function("F", {.timeout = 900s}), {.want_log_tail = true});
  Start(0);
  for (int i = 0; i < 300; ++i) {
    process(0).Print(std::string(99, static_cast<char>('a' + i % 26)) + "\n");
    if (i % 50 == 0) Turn();
  }
  Serve(0, call);
  const std::string& tail = call->result.log_tail;
  EXPECT_EQ(tail.size(), 4096u);
  std::string whole;
  for (const auto& line : Lines("F")) whole += line + "\n";
  EXPECT_TRUE(whole.ends_with(tail));
}

TEST_F(DataLog, ATailComesWithAFailureToo) {
  const auto call = Invoke(Function("F"), {.want_log_tail = true});
  Start(0);
  process(0).Print("last words");
  process(0).Exit(1);
  Turn();
  EXPECT_THAT(call->result.log_tail, HasSubstr("\nlast words\nEND RequestId: r1\nREPORT"));
  const auto timed_out = Invoke(Function("F"), {.want_log_tail = true});
  Start(1);
  Pass(3s);
  EXPECT_THAT(timed_out->result.log_tail, HasSubstr("Task timed out after 3.00 seconds\nEND"));
}

TEST_F(DataLog, PsShowsWhatAnInstanceIsAndUses) {
  Invoke(Function("F"));
  EXPECT_EQ(States(), "starting");
  process(0).Launched();
  Turn();
  EXPECT_EQ(States(), "init");
  process(0).Ready();
  Pass(2s);
  const auto info = invoker().Instances().at(0);
  EXPECT_EQ(info.function, "F");
  EXPECT_EQ(info.version, "$LATEST");
  EXPECT_EQ(info.state, "busy");
  EXPECT_EQ(info.pid, 1001);
  EXPECT_EQ(info.memory_now, Bytes::MiB(128));
  EXPECT_EQ(info.memory_peak, Bytes::MiB(40));
  EXPECT_EQ(info.memory_limit, Bytes::MiB(128));
  EXPECT_EQ(info.age, 2s);
  EXPECT_EQ(info.invocations, 0u);
}

TEST_F(DataLog, AFunctionWhoseFormatIsJsonGetsPlatformEventsOfItsLevel) {
  FunctionVersion json{.logging = {.is_json = true}};
  Invoke(Function("F", json));
  Start(0);
  Turn();
  std::vector<std::string> types;
  for (const auto& line : Lines("F")) {
    types.push_back(MUST(base::ParseJson(line)).at("type").get<std::string>());
  }
  EXPECT_THAT(types, ElementsAre("platform.initStart", "platform.start"));
  EXPECT_EQ(ValueOf(process(0).spec, "AWS_LAMBDA_LOG_FORMAT"), "JSON");
  EXPECT_EQ(ValueOf(process(0).spec, "AWS_LAMBDA_LOG_LEVEL"), "INFO");

  json.logging.system = LogLevel::kDebug;
  json.logging.group = "/own";
  Invoke(Function("G", json));
  Start(1);
  Turn();
  types.clear();
  for (const auto& event : logs->Read("/own", 0, 100)) {
    types.push_back(MUST(base::ParseJson(event.message)).at("type").get<std::string>());
  }
  EXPECT_THAT(types, ElementsAre("platform.initStart", "platform.initRuntimeDone",
                                 "platform.initReport", "platform.start"));
  EXPECT_EQ(ValueOf(process(1).spec, "AWS_LAMBDA_LOG_GROUP_NAME"), "/own");
}

}  // namespace
}  // namespace hearth::invoker
