// InstanceLog: one instance's log stream, and the lines that Lambda itself writes to it: as text,
// or, where the function's log format is JSON, as platform events of its system level and above.
// Whoever listens to the instance's telemetry is told the same, of every level.
//
// Source of the lines: aws-facts 4.4 (tabs literal, as recorded on AWS); platform_events.h. Owner:
// an Instance.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "invoker/function.h"
#include "invoker/instance_telemetry.h"
#include "invoker/log_store.h"
#include "invoker/platform_events.h"

namespace hearth::invoker {

struct CallReport {
  base::Duration duration{};
  uint64_t billed_ms = 0;
  uint32_t memory_mib = 0;
  uint32_t max_memory_mib = 0;
  std::optional<base::Duration> init_duration;     // Cold only.
  std::optional<base::Duration> restore_duration;  // Instead of it, from a snapshot.
  std::string_view status;                         // Empty, "timeout" or "error".
  std::string_view error_type;                     // With "error": "Runtime.OutOfMemory".
  bool handler_failed = false;                     // It raised: JSON says so, text does not.
  uint64_t produced_bytes = 0;
};

class InstanceLog {
 public:
  // `function` and the others outlive it.
  InstanceLog(LogStore& logs, const FunctionVersion& function, const base::Clock& clock);
  const std::string& stream() const { return stream_; }

  // From now on; nullptr: nobody listens. Outlives it, or is taken back.
  void Feed(InstanceTelemetry* telemetry) { telemetry_ = telemetry; }
  // One line of ours.
  void Line(std::string_view line);
  // One line that the "function" or an "extension" wrote.
  void Output(std::string_view type, std::string_view line);
  // `type` is the initialization type; `runtime_version` may be empty.
  void InitStart(std::string_view runtime_version, std::string_view type);
  void InitDone(base::Duration took);
  void RestoreStart(std::string_view runtime_version);
  void RestoreReport(base::Duration took);
  // `phase` is "init" or "invoke"; written where an init did not succeed.
  void InitReport(base::Duration took, std::string_view phase, std::string_view status,
                  std::string_view error_type);

  // One of its extensions, where its init ends.
  void Extension(std::string_view name, std::string_view state, std::string_view events,
                 std::string_view error_type);

  // From Start to End the lines are one call's. With `keep_tail`, End returns the last 4 KB of
  // them, or TakeTail, for a caller that is answered before.
  void Start(const std::string& request_id, bool keep_tail);
  std::string TakeTail();
  // The runtime is through with the call, which may go on; said by End where it does not.
  void RuntimeDone(const std::string& request_id, const CallReport& report);
  std::string End(const std::string& request_id, const CallReport& report);

 private:
  // Of a level that is left out, nothing is made.
  bool Shows(LogLevel level) const {
    return function_.logging.is_json && level >= function_.logging.system;
  }
  bool Wants(LogLevel level) const { return telemetry_ != nullptr || Shows(level); }
  void Event(const PlatformEvent& event, unsigned audience = InstanceTelemetry::kEveryTelemetry);
  void EndAsText(const std::string& request_id, const CallReport& report);
  void Report(const std::string& request_id, const CallReport& report);

  LogStore& logs_;
  const FunctionVersion& function_;
  const base::Clock& clock_;
  const std::string group_;
  const std::string stream_;
  std::string initialization_type_;
  InstanceTelemetry* telemetry_ = nullptr;
  bool runtime_done_ = false;  // Of this call, it has been said.
  bool keep_tail_ = false;
  std::string tail_;
  std::string line_;  // The one that is being made; kept for its memory.
};

// Begun milliseconds, as they are billed.
uint64_t CeilMillis(base::Duration duration);
// "1.22 ms", as Lambda writes durations.
std::string FormatMillis(base::Duration duration);

}  // namespace hearth::invoker
