#include "invoker/instance_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "base/id.h"
#include "base/limits.h"

namespace hearth::invoker {
namespace {

// "2026/11/24/[$LATEST]<32 hex>"
std::string StreamName(const std::string& version, base::WallTime now) {
  std::string day = base::FormatIso8601(now).substr(0, 10);
  day[4] = day[7] = '/';
  return day + "/[" + version + "]" + base::NewHexId(32);
}

void AppendNumber(std::string& to, uint64_t number) {
  char digits[24];
  to.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

void AppendMillis(std::string& to, base::Duration duration) {
  const int64_t ns = std::max<int64_t>(duration.count(), 0);
  const auto hundredths = static_cast<uint64_t>((ns + 5000) / 10000);
  AppendNumber(to, hundredths / 100);
  to.push_back('.');
  to.push_back(static_cast<char>('0' + hundredths / 10 % 10));
  to.push_back(static_cast<char>('0' + hundredths % 10));
  to.append(" ms");
}

PhaseStatus StatusOf(const CallReport& report) {
  if (!report.status.empty()) return {report.status, report.error_type};
  if (report.handler_failed) return {"error", "Function.Unknown"};
  return {};
}

}  // namespace

uint64_t CeilMillis(base::Duration duration) {
  return static_cast<uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

std::string FormatMillis(base::Duration duration) {
  std::string out;
  AppendMillis(out, duration);
  return out;
}

InstanceLog::InstanceLog(LogStore& logs, const FunctionVersion& function, const base::Clock& clock)
    : logs_(logs),
      function_(function),
      clock_(clock),
      group_(LogGroupName(function)),
      stream_(StreamName(function.version, clock.WallNow())) {}

void InstanceLog::Line(std::string_view line) {
  logs_.Append(group_, stream_, line);
  if (!keep_tail_) return;
  tail_ += line;
  tail_ += '\n';
  if (tail_.size() > 4 * limits::kLogTail) tail_.erase(0, tail_.size() - limits::kLogTail);
}

void InstanceLog::Output(std::string_view type, std::string_view line) {
  Line(line);
  if (telemetry_ != nullptr) telemetry_->Output(type, line, function_.logging.is_json);
}

void InstanceLog::Event(const PlatformEvent& event, unsigned audience) {
  if (Shows(event.level)) Line(event.text);
  if (telemetry_ != nullptr) telemetry_->Platform(audience, event.text);
}

void InstanceLog::InitStart(std::string_view runtime_version, std::string_view type) {
  initialization_type_ = type;
  if (Wants(LogLevel::kError)) {
    Event(InitStartEvent(clock_.WallNow(), {.initialization_type = type,
                                            .runtime_version = runtime_version,
                                            .function_name = function_.name,
                                            .function_version = function_.version}));
  }
  if (!function_.logging.is_json && !runtime_version.empty()) {
    Line(fmt::format("INIT_START Runtime Version: {}", runtime_version));
  }
}

void InstanceLog::InitDone(base::Duration took) {
  if (!Wants(LogLevel::kError)) return;
  const InitDoneRecord record{.initialization_type = initialization_type_};
  Event(InitRuntimeDoneEvent(clock_.WallNow(), record));
  Event(InitReportEvent(clock_.WallNow(), record, took));
}

void InstanceLog::RestoreStart(std::string_view runtime_version) {
  if (Wants(LogLevel::kError)) {
    Event(RestoreStartEvent(clock_.WallNow(), {.runtime_version = runtime_version,
                                               .function_name = function_.name,
                                               .function_version = function_.version}));
  }
  if (function_.logging.is_json) return;
  Line(fmt::format("RESTORE_START Runtime Version: {}", runtime_version));
}

void InstanceLog::RestoreReport(base::Duration took) {
  if (Wants(LogLevel::kError)) {
    Event(RestoreRuntimeDoneEvent(clock_.WallNow(), {}));
    Event(RestoreReportEvent(clock_.WallNow(), {}, took));
  }
  if (function_.logging.is_json) return;
  Line(fmt::format("RESTORE_REPORT Restore Duration: {}", FormatMillis(took)));
}

void InstanceLog::InitReport(base::Duration took, std::string_view phase, std::string_view status,
                             std::string_view error_type) {
  if (Wants(LogLevel::kError)) {
    const InitDoneRecord record{.initialization_type = initialization_type_,
                                .phase = phase,
                                .status = {status, error_type}};
    Event(InitRuntimeDoneEvent(clock_.WallNow(), record));
    Event(InitReportEvent(clock_.WallNow(), record, took));
  }
  if (function_.logging.is_json) return;
  std::string line = fmt::format("INIT_REPORT Init Duration: {}\tPhase: {}\tStatus: {}",
                                 FormatMillis(took), phase, status);
  if (!error_type.empty()) line += fmt::format("\tError Type: {}", error_type);
  Line(line);
}

void InstanceLog::Extension(std::string_view name, std::string_view state, std::string_view events,
                            std::string_view error_type) {
  if (Wants(LogLevel::kError)) {
    std::vector<std::string_view> list;
    for (const std::string_view one : {"INVOKE", "SHUTDOWN"}) {
      if (events.find(one) != std::string_view::npos) list.push_back(one);
    }
    Event(ExtensionEvent(clock_.WallNow(), name, state, list), InstanceTelemetry::kEverybody);
  }
  if (function_.logging.is_json) return;
  std::string line = fmt::format("EXTENSION\tName: {}\tState: {}\tEvents: {}", name, state, events);
  if (!error_type.empty()) line += fmt::format("\tError Type: {}", error_type);
  Line(line);
}

void InstanceLog::Start(const std::string& request_id, bool keep_tail) {
  keep_tail_ = keep_tail;
  runtime_done_ = false;
  tail_.clear();
  if (Wants(LogLevel::kInfo)) {
    Event(StartEvent(clock_.WallNow(), request_id, function_.version, {}),
          InstanceTelemetry::kEverybody);
  }
  if (function_.logging.is_json) return;
  line_.assign("START RequestId: ").append(request_id).append(" Version: ");
  Line(line_.append(function_.version));
}

std::string InstanceLog::End(const std::string& request_id, const CallReport& report) {
  RuntimeDone(request_id, report);
  if (!function_.logging.is_json) EndAsText(request_id, report);
  Report(request_id, report);
  return TakeTail();
}

std::string InstanceLog::TakeTail() {
  keep_tail_ = false;
  std::string tail = std::exchange(tail_, {});
  if (tail.size() > limits::kLogTail) tail.erase(0, tail.size() - limits::kLogTail);
  return tail;
}

void InstanceLog::RuntimeDone(const std::string& request_id, const CallReport& report) {
  if (std::exchange(runtime_done_, true)) return;
  const PhaseStatus status = StatusOf(report);
  if (Wants(status.status == "success" ? LogLevel::kDebug : LogLevel::kWarn)) {
    Event(RuntimeDoneEvent(clock_.WallNow(), {.request_id = request_id,
                                              .status = status,
                                              .duration = report.duration,
                                              .produced_bytes = report.produced_bytes}));
  }
  if (telemetry_ == nullptr) return;
  const auto now = clock_.WallNow();
  const bool failed = status.status == "error";
  telemetry_->Platform(
      InstanceTelemetry::kLogsOfRuntime,
      LogsRuntimeDoneEvent(now, request_id, failed ? "failure" : status.status).text);
  if (!report.status.empty()) {
    telemetry_->Platform(InstanceTelemetry::kEveryLogs,
                         LogsFaultEvent(now, request_id, status).text);
  }
}

void InstanceLog::Report(const std::string& request_id, const CallReport& report) {
  const PhaseStatus status = StatusOf(report);
  if (!Wants(status.status == "success" ? LogLevel::kInfo : LogLevel::kWarn)) return;
  ReportRecord record{.request_id = request_id,
                      .status = status,
                      .duration = report.duration,
                      .billed_ms = report.billed_ms,
                      .memory_mib = report.memory_mib,
                      .max_memory_mib = report.max_memory_mib,
                      .init_duration = report.init_duration,
                      .restore_duration = report.restore_duration};
  const auto now = clock_.WallNow();
  Event(ReportEvent(now, record));
  if (telemetry_ == nullptr) return;
  telemetry_->Platform(InstanceTelemetry::kEveryLogs, LogsEndEvent(now, request_id).text);
  record.status = {{}, {}};  // The Logs API has none.
  telemetry_->Platform(InstanceTelemetry::kEveryLogs, ReportEvent(now, record).text);
}

void InstanceLog::EndAsText(const std::string& request_id, const CallReport& report) {
  line_.assign("END RequestId: ").append(request_id);
  Line(line_);
  line_.assign("REPORT RequestId: ").append(request_id).append("\tDuration: ");
  AppendMillis(line_, report.duration);
  AppendNumber(line_.append("\tBilled Duration: "), report.billed_ms);
  AppendNumber(line_.append(" ms\tMemory Size: "), report.memory_mib);
  AppendNumber(line_.append(" MB\tMax Memory Used: "), report.max_memory_mib);
  line_.append(" MB\t");
  if (report.init_duration) {
    AppendMillis(line_.append("Init Duration: "), *report.init_duration);
    line_.push_back('\t');
  }
  if (report.restore_duration) {
    AppendMillis(line_.append("Restore Duration: "), *report.restore_duration);
    AppendNumber(line_.append("\tBilled Restore Duration: "), CeilMillis(*report.restore_duration));
    line_.append(" ms\t");
  }
  if (!report.status.empty()) line_.append("Status: ").append(report.status);
  if (!report.error_type.empty()) line_.append("\tError Type: ").append(report.error_type);
  Line(line_);
}

}  // namespace hearth::invoker
