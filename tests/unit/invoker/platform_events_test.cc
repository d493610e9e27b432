// Platform events, held against lines that AWS has written and its schema's examples.
#include "invoker/platform_events.h"

#include <gmock/gmock.h>

#include "base/json.h"

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;

constexpr base::WallTime kTime{std::chrono::milliseconds(1716222584833)};

TEST(PlatformEvents, HaveTheirMembersInAwsOrder) {
  EXPECT_EQ(InitStartEvent(kTime, {.initialization_type = "on-demand",
                                   .runtime_version = "nodejs:18.v28",
                                   .function_name = "F",
                                   .function_version = "$LATEST"})
                .text,
            R"({"time":"2024-05-20T16:29:44.833Z","type":"platform.initStart","record":)"
            R"({"initializationType":"on-demand","phase":"init","runtimeVersion":"nodejs:18.v28",)"
            R"("functionName":"F","functionVersion":"$LATEST"}})");
  EXPECT_EQ(InitRuntimeDoneEvent(kTime, {.initialization_type = "on-demand"}).text,
            R"({"time":"2024-05-20T16:29:44.833Z","type":"platform.initRuntimeDone","record":)"
            R"({"initializationType":"on-demand","phase":"init","status":"success"}})");
  EXPECT_EQ(InitReportEvent(kTime, {.initialization_type = "on-demand"}, 173778us).text,
            R"({"time":"2024-05-20T16:29:44.833Z","type":"platform.initReport","record":)"
            R"({"initializationType":"on-demand","phase":"init","status":"success",)"
            R"("metrics":{"durationMs":173.778}}})");
  EXPECT_EQ(StartEvent(kTime, "id", "$LATEST", {}).text,
            R"({"time":"2024-05-20T16:29:44.833Z","type":"platform.start","record":)"
            R"({"requestId":"id","version":"$LATEST"}})");
  const EventSpan span{"responseLatency", kTime, 2215us};
  EXPECT_EQ(
      RuntimeDoneEvent(
          kTime,
          {.request_id = "id", .spans = {&span, 1}, .duration = 17120us, .produced_bytes = 50})
          .text,
      R"({"time":"2024-05-20T16:29:44.833Z","type":"platform.runtimeDone","record":)"
      R"({"requestId":"id","status":"success","spans":[{"name":"responseLatency",)"
      R"("start":"2024-05-20T16:29:44.833Z","durationMs":2.215}],)"
      R"("metrics":{"durationMs":17.12,"producedBytes":50}}})");
  EXPECT_EQ(ReportEvent(kTime, {.request_id = "id",
                                .trace_id = "Root=1-2;Sampled=1",
                                .duration = 2599400us,
                                .billed_ms = 2600,
                                .memory_mib = 128,
                                .max_memory_mib = 94,
                                .init_duration = 549040us})
                .text,
            R"({"time":"2024-05-20T16:29:44.833Z","type":"platform.report","record":)"
            R"({"requestId":"id","metrics":{"durationMs":2599.4,"billedDurationMs":2600,)"
            R"("memorySizeMB":128,"maxMemoryUsedMB":94,"initDurationMs":549.04},)"
            R"("tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1-2;Sampled=1"},)"
            R"("status":"success"}})");
}

TEST(PlatformEvents, SayHowAPhaseFailed) {
  EXPECT_THAT(
      ReportEvent(kTime,
                  {.request_id = "id", .status = {"error", "Runtime.ExitError"}, .duration = 5s})
          .text,
      ::testing::AllOf(
          ::testing::HasSubstr(R"("durationMs":5000.0,)"),
          ::testing::HasSubstr(R"("status":"error","errorType":"Runtime.ExitError"}})")));
}

TEST(PlatformEvents, TheLogsApiHasItsOwn) {
  const std::string_view types[] = {"function"};
  const auto record = [](const PlatformEvent& event) {
    const auto parsed = MUST(base::ParseJson(event.text));
    return std::string(parsed["type"]) + " " + parsed["record"].dump();
  };
  EXPECT_EQ(record(LogsSubscriptionEvent(kTime, "e", "Subscribed", types)),
            R"(platform.logsSubscription {"name":"e","state":"Subscribed","types":["function"]})");
  EXPECT_EQ(record(LogsRuntimeDoneEvent(kTime, "id", "failure")),
            R"(platform.runtimeDone {"requestId":"id","status":"failure"})");
  EXPECT_EQ(record(LogsEndEvent(kTime, "id")), R"(platform.end {"requestId":"id"})");
  EXPECT_EQ(record(LogsFaultEvent(kTime, "id", {"error", "Runtime.ExitError"})),
            R"(platform.fault "RequestId: id Status: error\tErrorType: Runtime.ExitError")");
  EXPECT_EQ(record(LogsFaultEvent(kTime, "id", {"timeout", {}})),
            R"(platform.fault "RequestId: id Status: timeout")");
}

TEST(PlatformEvents, AreJsonWhateverTheNamesInThemHold) {
  const std::string_view types[] = {"platform", "a\"b\n"};
  for (const std::string& text :
       {TelemetrySubscriptionEvent(kTime, "n\\\"\xff", "Subscribed", types).text,
        ExtensionEvent(kTime, "\"", "Ready", types).text, ExtensionEvent(kTime, "e", "x", {}).text,
        LogsDroppedEvent(kTime, 1, 2, "}").text, RestoreStartEvent(kTime, {}).text,
        RestoreRuntimeDoneEvent(kTime, {}).text, RestoreReportEvent(kTime, {}, 1ms).text,
        StartEvent(kTime, "\"", "\\", "\x01").text,
        OutputEvent(kTime, "function", "a\"\xff", false),
        OutputEvent(kTime, "function", R"({"level":"INFO"})", true)}) {
    EXPECT_TRUE(base::ParseJson(text).has_value()) << text;
  }
}

TEST(PlatformEvents, HaveTheLevelsOfTheSystemLogLevelEventMapping) {
  const PhaseStatus bad{"timeout", {}};
  const InitDoneRecord on_demand{.initialization_type = "on-demand"};
  const InitDoneRecord provisioned{.initialization_type = "provisioned-concurrency"};
  const InitDoneRecord failed{.initialization_type = "on-demand", .status = bad};
  EXPECT_EQ(InitStartEvent(kTime, {.runtime_version = "python:3.12"}).level, LogLevel::kInfo);
  EXPECT_EQ(InitStartEvent(kTime, {}).level, LogLevel::kDebug);
  EXPECT_EQ(InitRuntimeDoneEvent(kTime, on_demand).level, LogLevel::kDebug);
  EXPECT_EQ(InitRuntimeDoneEvent(kTime, failed).level, LogLevel::kWarn);
  EXPECT_EQ(InitReportEvent(kTime, on_demand, 1ms).level, LogLevel::kDebug);
  EXPECT_EQ(InitReportEvent(kTime, provisioned, 1ms).level, LogLevel::kInfo);
  EXPECT_EQ(InitReportEvent(kTime, failed, 1ms).level, LogLevel::kWarn);
  EXPECT_EQ(RestoreReportEvent(kTime, {}, 1ms).level, LogLevel::kInfo);
  EXPECT_EQ(RestoreReportEvent(kTime, bad, 1ms).level, LogLevel::kWarn);
  EXPECT_EQ(StartEvent(kTime, "id", "1", {}).level, LogLevel::kInfo);
  EXPECT_EQ(RuntimeDoneEvent(kTime, {}).level, LogLevel::kDebug);
  EXPECT_EQ(RuntimeDoneEvent(kTime, {.status = bad}).level, LogLevel::kWarn);
  EXPECT_EQ(ReportEvent(kTime, {}).level, LogLevel::kInfo);
  EXPECT_EQ(ReportEvent(kTime, {.status = bad}).level, LogLevel::kWarn);
  EXPECT_EQ(ExtensionEvent(kTime, "e", "Ready", {}).level, LogLevel::kInfo);
  EXPECT_EQ(ExtensionEvent(kTime, "e", "ExitError", {}).level, LogLevel::kWarn);
  EXPECT_EQ(LogsDroppedEvent(kTime, 1, 1, "slow").level, LogLevel::kWarn);
}

}  // namespace
}  // namespace hearth::invoker
