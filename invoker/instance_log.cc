#include "invoker/instance_log.h"

#include <fmt/format.h>

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

double Millis(base::Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

}  // namespace

std::string FormatMillis(base::Duration duration) {
  return fmt::format("{:.2f} ms", Millis(duration));
}

InstanceLog::InstanceLog(LogStore& logs, std::string group, const std::string& version,
                         base::WallTime now)
    : logs_(logs), group_(std::move(group)), stream_(StreamName(version, now)) {}

void InstanceLog::Line(std::string_view line) {
  logs_.Append(group_, stream_, line);
  if (!keep_tail_) return;
  tail_ += line;
  tail_ += '\n';
  if (tail_.size() > 4 * limits::kLogTail) tail_.erase(0, tail_.size() - limits::kLogTail);
}

void InstanceLog::InitStart(std::string_view runtime_version) {
  Line(fmt::format("INIT_START Runtime Version: {}", runtime_version));
}

void InstanceLog::InitReport(base::Duration took, std::string_view phase, std::string_view status,
                             std::string_view error_type) {
  std::string line = fmt::format("INIT_REPORT Init Duration: {:.2f} ms\tPhase: {}\tStatus: {}",
                                 Millis(took), phase, status);
  if (!error_type.empty()) line += fmt::format("\tError Type: {}", error_type);
  Line(line);
}

void InstanceLog::Start(const std::string& request_id, const std::string& version, bool keep_tail) {
  keep_tail_ = keep_tail;
  tail_.clear();
  Line("START RequestId: " + request_id + " Version: " + version);
}

std::string InstanceLog::End(const std::string& request_id, const CallReport& report) {
  Line("END RequestId: " + request_id);
  std::string line = fmt::format(
      "REPORT RequestId: {}\tDuration: {:.2f} ms\tBilled Duration: {} ms\tMemory Size: {} MB\t"
      "Max Memory Used: {} MB\t",
      request_id, Millis(report.duration), report.billed_ms, report.memory_mib,
      report.max_memory_mib);
  if (report.init_duration) {
    line += fmt::format("Init Duration: {:.2f} ms\t", Millis(*report.init_duration));
  }
  if (!report.status.empty()) line += fmt::format("Status: {}", report.status);
  if (!report.error_type.empty()) line += fmt::format("\tError Type: {}", report.error_type);
  Line(line);
  keep_tail_ = false;
  std::string tail = std::exchange(tail_, {});
  if (tail.size() > limits::kLogTail) tail.erase(0, tail.size() - limits::kLogTail);
  return tail;
}

}  // namespace hearth::invoker
