// Platform events: what Lambda itself says about an instance and its calls, as JSON text.
//
// Each is {"time":…,"type":"platform.…","record":{…}}, members in the order in which AWS writes
// them: a line of the log of a function whose LogFormat is JSON, and an element of what the
// Telemetry API delivers. Pure functions of values. What is empty is left out. Each event has a
// level, against which a function's SystemLogLevel is held; telemetry gets every event.
// Source: "Lambda Telemetry API Event schema reference", "System log level event mapping".
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "invoker/log_settings.h"

namespace hearth::invoker {

struct PlatformEvent {
  LogLevel level = LogLevel::kInfo;
  std::string text;
};

// How a phase ended.
struct PhaseStatus {
  std::string_view status = "success";  // "success", "failure", "error" or "timeout"
  std::string_view error_type;          // "Runtime.ExitError"
};

struct InitStartRecord {
  std::string_view initialization_type;  // "on-demand", "provisioned-concurrency", "snap-start"
  std::string_view phase = "init";       // "init" or "invoke"
  std::string_view runtime_version;      // "python:3.12"
  std::string_view runtime_version_arn;
  std::string_view function_name;
  std::string_view function_version;
};
PlatformEvent InitStartEvent(base::WallTime time, const InitStartRecord& record);

struct InitDoneRecord {
  std::string_view initialization_type;
  std::string_view phase = "init";
  PhaseStatus status;
};
PlatformEvent InitRuntimeDoneEvent(base::WallTime time, const InitDoneRecord& record);
PlatformEvent InitReportEvent(base::WallTime time, const InitDoneRecord& record,
                              base::Duration duration);

PlatformEvent RestoreStartEvent(base::WallTime time, const InitStartRecord& record);
PlatformEvent RestoreRuntimeDoneEvent(base::WallTime time, const PhaseStatus& status);
PlatformEvent RestoreReportEvent(base::WallTime time, const PhaseStatus& status,
                                 base::Duration duration);

// `trace_id` is the value of X-Amzn-Trace-Id; empty: the event says nothing of tracing.
PlatformEvent StartEvent(base::WallTime time, std::string_view request_id, std::string_view version,
                         std::string_view trace_id);

struct EventSpan {
  std::string_view name;  // "responseLatency", "responseDuration", "runtimeOverhead"
  base::WallTime start;
  base::Duration duration{};
};
struct RuntimeDoneRecord {
  std::string_view request_id;
  PhaseStatus status;
  std::string_view trace_id;
  std::span<const EventSpan> spans;
  base::Duration duration{};
  std::optional<uint64_t> produced_bytes;
};
PlatformEvent RuntimeDoneEvent(base::WallTime time, const RuntimeDoneRecord& record);

struct ReportRecord {
  std::string_view request_id;
  PhaseStatus status;
  std::string_view trace_id;
  base::Duration duration{};
  uint64_t billed_ms = 0;
  uint32_t memory_mib = 0;
  uint32_t max_memory_mib = 0;
  std::optional<base::Duration> init_duration;
  std::optional<base::Duration> restore_duration;  // With its own billed milliseconds.
};
PlatformEvent ReportEvent(base::WallTime time, const ReportRecord& record);

PlatformEvent ExtensionEvent(base::WallTime time, std::string_view name, std::string_view state,
                             std::span<const std::string_view> events);
PlatformEvent TelemetrySubscriptionEvent(base::WallTime time, std::string_view name,
                                         std::string_view state,
                                         std::span<const std::string_view> types);
// What the Logs API has instead, or beside.
PlatformEvent LogsSubscriptionEvent(base::WallTime time, std::string_view name,
                                    std::string_view state,
                                    std::span<const std::string_view> types);
PlatformEvent LogsRuntimeDoneEvent(base::WallTime time, std::string_view request_id,
                                   std::string_view status);
PlatformEvent LogsEndEvent(base::WallTime time, std::string_view request_id);
PlatformEvent LogsFaultEvent(base::WallTime time, std::string_view request_id,
                             const PhaseStatus& status);
PlatformEvent LogsDroppedEvent(base::WallTime time, uint64_t records, uint64_t bytes,
                               std::string_view reason);

// A line that a function or an extension wrote, as telemetry delivers it. `type` is "function" or
// "extension". `is_json`: the line is a JSON object and becomes the record itself, as it does for
// functions whose LogFormat is JSON under schema 2022-12-13 and later.
std::string OutputEvent(base::WallTime time, std::string_view type, std::string_view line,
                        bool is_json);

}  // namespace hearth::invoker
