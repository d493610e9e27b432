#include "invoker/instance_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

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

}  // namespace

uint64_t CeilMillis(base::Duration duration) {
  return static_cast<uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

std::string FormatMillis(base::Duration duration) {
  std::string out;
  AppendMillis(out, duration);
  return out;
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

void InstanceLog::RestoreStart(std::string_view runtime_version) {
  Line(fmt::format("RESTORE_START Runtime Version: {}", runtime_version));
}

void InstanceLog::RestoreReport(base::Duration took) {
  Line(fmt::format("RESTORE_REPORT Restore Duration: {}", FormatMillis(took)));
}

void InstanceLog::InitReport(base::Duration took, std::string_view phase, std::string_view status,
                             std::string_view error_type) {
  std::string line = fmt::format("INIT_REPORT Init Duration: {}\tPhase: {}\tStatus: {}",
                                 FormatMillis(took), phase, status);
  if (!error_type.empty()) line += fmt::format("\tError Type: {}", error_type);
  Line(line);
}

void InstanceLog::Start(const std::string& request_id, const std::string& version, bool keep_tail) {
  keep_tail_ = keep_tail;
  tail_.clear();
  line_.assign("START RequestId: ").append(request_id).append(" Version: ").append(version);
  Line(line_);
}

std::string InstanceLog::End(const std::string& request_id, const CallReport& report) {
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
  keep_tail_ = false;
  std::string tail = std::exchange(tail_, {});
  if (tail.size() > limits::kLogTail) tail.erase(0, tail.size() - limits::kLogTail);
  return tail;
}

}  // namespace hearth::invoker
