#include "invoker/platform_events.h"

#include <algorithm>
#include <charconv>

#include "base/json.h"

namespace hearth::invoker {
namespace {

// Writes an object's members in the order of the calls.
class Writer {
 public:
  Writer(base::WallTime time, std::string_view type) {
    text_.reserve(256);
    text_.append("{\"time\":\"").append(base::FormatIso8601(time)).append("\",\"type\":\"");
    text_.append(type).append("\",\"record\":{");
  }

  void Name(std::string_view name) {
    if (text_.back() != '{') text_.push_back(',');
    text_.append("\"").append(name).append("\":");
  }
  void Text(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    Name(name);
    text_.append(base::JsonQuote(value));
  }
  void Number(std::string_view name, uint64_t value) {
    Name(name);
    char digits[24];
    text_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  }
  // With up to three decimals, and at least one.
  void Millis(std::string_view name, base::Duration value) {
    Name(name);
    const auto us = static_cast<uint64_t>(std::max<int64_t>(value.count(), 0) + 500) / 1000;
    char digits[24];
    text_.append(digits, std::to_chars(digits, digits + sizeof digits, us / 1000).ptr);
    text_.push_back('.');
    const uint64_t rest = us % 1000;
    text_.push_back(static_cast<char>('0' + rest / 100));
    if (rest % 100 != 0) text_.push_back(static_cast<char>('0' + rest / 10 % 10));
    if (rest % 10 != 0) text_.push_back(static_cast<char>('0' + rest % 10));
  }
  void Status(const PhaseStatus& status) {
    Text("status", status.status);
    Text("errorType", status.error_type);
  }
  void Tracing(std::string_view trace_id) {
    if (trace_id.empty()) return;
    Open("tracing");
    Text("type", "X-Amzn-Trace-Id");
    Text("value", trace_id);
    Close();
  }
  void Texts(std::string_view name, std::span<const std::string_view> values) {
    Name(name);
    text_.push_back('[');
    for (const std::string_view value : values) {
      if (text_.back() != '[') text_.push_back(',');
      text_.append(base::JsonQuote(value));
    }
    text_.push_back(']');
  }
  void Spans(std::span<const EventSpan> spans) {
    if (spans.empty()) return;
    Name("spans");
    text_.push_back('[');
    for (const EventSpan& span : spans) {
      if (text_.back() != '[') text_.push_back(',');
      text_.push_back('{');
      Text("name", span.name);
      Text("start", base::FormatIso8601(span.start));
      Millis("durationMs", span.duration);
      text_.push_back('}');
    }
    text_.push_back(']');
  }
  void Open(std::string_view name) {
    Name(name);
    text_.push_back('{');
  }
  void Close() { text_.push_back('}'); }

  PlatformEvent Done(LogLevel level) {
    text_.append("}}");
    return {level, std::move(text_)};
  }

 private:
  std::string text_;
};

LogLevel LevelOf(const PhaseStatus& status, LogLevel on_success) {
  return status.status == "success" ? on_success : LogLevel::kWarn;
}

PlatformEvent Begin(base::WallTime time, std::string_view type, const InitStartRecord& record) {
  Writer writer(time, type);
  writer.Text("initializationType", record.initialization_type);
  writer.Text("phase", record.phase);
  writer.Text("runtimeVersion", record.runtime_version);
  writer.Text("runtimeVersionArn", record.runtime_version_arn);
  writer.Text("functionName", record.function_name);
  writer.Text("functionVersion", record.function_version);
  return writer.Done(record.runtime_version.empty() ? LogLevel::kDebug : LogLevel::kInfo);
}

PlatformEvent Subscription(base::WallTime time, std::string_view type, std::string_view name,
                           std::string_view state, std::span<const std::string_view> types) {
  Writer writer(time, type);
  writer.Text("name", name);
  writer.Text("state", state);
  writer.Texts("types", types);
  return writer.Done(LogLevel::kInfo);
}

}  // namespace

PlatformEvent InitStartEvent(base::WallTime time, const InitStartRecord& record) {
  return Begin(time, "platform.initStart", record);
}

PlatformEvent RestoreStartEvent(base::WallTime time, const InitStartRecord& record) {
  InitStartRecord restore = record;
  restore.initialization_type = restore.phase = {};
  return Begin(time, "platform.restoreStart", restore);
}

PlatformEvent InitRuntimeDoneEvent(base::WallTime time, const InitDoneRecord& record) {
  Writer writer(time, "platform.initRuntimeDone");
  writer.Text("initializationType", record.initialization_type);
  writer.Text("phase", record.phase);
  writer.Status(record.status);
  return writer.Done(LevelOf(record.status, LogLevel::kDebug));
}

PlatformEvent InitReportEvent(base::WallTime time, const InitDoneRecord& record,
                              base::Duration duration) {
  Writer writer(time, "platform.initReport");
  writer.Text("initializationType", record.initialization_type);
  writer.Text("phase", record.phase);
  writer.Status(record.status);
  writer.Open("metrics");
  writer.Millis("durationMs", duration);
  writer.Close();
  const bool on_demand = record.initialization_type == "on-demand";
  return writer.Done(LevelOf(record.status, on_demand ? LogLevel::kDebug : LogLevel::kInfo));
}

PlatformEvent RestoreRuntimeDoneEvent(base::WallTime time, const PhaseStatus& status) {
  Writer writer(time, "platform.restoreRuntimeDone");
  writer.Status(status);
  return writer.Done(LevelOf(status, LogLevel::kDebug));
}

PlatformEvent RestoreReportEvent(base::WallTime time, const PhaseStatus& status,
                                 base::Duration duration) {
  Writer writer(time, "platform.restoreReport");
  writer.Status(status);
  writer.Open("metrics");
  writer.Millis("durationMs", duration);
  writer.Close();
  return writer.Done(LevelOf(status, LogLevel::kInfo));
}

PlatformEvent StartEvent(base::WallTime time, std::string_view request_id, std::string_view version,
                         std::string_view trace_id) {
  Writer writer(time, "platform.start");
  writer.Text("requestId", request_id);
  writer.Text("version", version);
  writer.Tracing(trace_id);
  return writer.Done(LogLevel::kInfo);
}

PlatformEvent RuntimeDoneEvent(base::WallTime time, const RuntimeDoneRecord& record) {
  Writer writer(time, "platform.runtimeDone");
  writer.Text("requestId", record.request_id);
  writer.Status(record.status);
  writer.Tracing(record.trace_id);
  writer.Spans(record.spans);
  writer.Open("metrics");
  writer.Millis("durationMs", record.duration);
  if (record.produced_bytes) writer.Number("producedBytes", *record.produced_bytes);
  writer.Close();
  return writer.Done(LevelOf(record.status, LogLevel::kDebug));
}

PlatformEvent ReportEvent(base::WallTime time, const ReportRecord& record) {
  Writer writer(time, "platform.report");
  writer.Text("requestId", record.request_id);
  writer.Open("metrics");
  writer.Millis("durationMs", record.duration);
  writer.Number("billedDurationMs", record.billed_ms);
  writer.Number("memorySizeMB", record.memory_mib);
  writer.Number("maxMemoryUsedMB", record.max_memory_mib);
  if (record.init_duration) writer.Millis("initDurationMs", *record.init_duration);
  if (record.restore_duration) {
    writer.Millis("restoreDurationMs", *record.restore_duration);
    const auto billed = std::chrono::ceil<std::chrono::milliseconds>(*record.restore_duration);
    writer.Number("billedRestoreDurationMs", static_cast<uint64_t>(billed.count()));
  }
  writer.Close();
  writer.Tracing(record.trace_id);
  writer.Status(record.status);
  return writer.Done(LevelOf(record.status, LogLevel::kInfo));
}

PlatformEvent ExtensionEvent(base::WallTime time, std::string_view name, std::string_view state,
                             std::span<const std::string_view> events) {
  Writer writer(time, "platform.extension");
  writer.Text("name", name);
  writer.Text("state", state);
  writer.Texts("events", events);
  const bool failed = state == "LaunchError" || state == "InitError" || state == "ExitError";
  return writer.Done(failed ? LogLevel::kWarn : LogLevel::kInfo);
}

PlatformEvent TelemetrySubscriptionEvent(base::WallTime time, std::string_view name,
                                         std::string_view state,
                                         std::span<const std::string_view> types) {
  return Subscription(time, "platform.telemetrySubscription", name, state, types);
}

PlatformEvent LogsSubscriptionEvent(base::WallTime time, std::string_view name,
                                    std::string_view state,
                                    std::span<const std::string_view> types) {
  return Subscription(time, "platform.logsSubscription", name, state, types);
}

PlatformEvent LogsRuntimeDoneEvent(base::WallTime time, std::string_view request_id,
                                   std::string_view status) {
  Writer writer(time, "platform.runtimeDone");
  writer.Text("requestId", request_id);
  writer.Text("status", status);
  return writer.Done(LogLevel::kInfo);
}

PlatformEvent LogsEndEvent(base::WallTime time, std::string_view request_id) {
  Writer writer(time, "platform.end");
  writer.Text("requestId", request_id);
  return writer.Done(LogLevel::kInfo);
}

PlatformEvent LogsFaultEvent(base::WallTime time, std::string_view request_id,
                             const PhaseStatus& status) {
  std::string what = "RequestId: ";
  what.append(request_id).append(" Status: ").append(status.status);
  if (!status.error_type.empty()) what.append("\tErrorType: ").append(status.error_type);
  return {LogLevel::kWarn, OutputEvent(time, "platform.fault", what, false)};
}

PlatformEvent LogsDroppedEvent(base::WallTime time, uint64_t records, uint64_t bytes,
                               std::string_view reason) {
  Writer writer(time, "platform.logsDropped");
  writer.Text("reason", reason);
  writer.Number("droppedRecords", records);
  writer.Number("droppedBytes", bytes);
  return writer.Done(LogLevel::kWarn);
}

std::string OutputEvent(base::WallTime time, std::string_view type, std::string_view line,
                        bool is_json) {
  std::string out = "{\"time\":\"" + base::FormatIso8601(time) + "\",\"type\":\"";
  out.append(type).append("\",\"record\":");
  out += is_json ? std::string(line) : base::JsonQuote(line);
  out += '}';
  return out;
}

}  // namespace hearth::invoker
