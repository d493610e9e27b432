// LogSettings: how a function's log is written, and into which log group (LoggingConfig).
//
// Source: Lambda API, shape LoggingConfig; developer guide, "Configuring advanced logging
// controls".
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "base/json.h"

namespace hearth::aws {
struct ApiError;
}

namespace hearth::invoker {

enum class LogLevel { kTrace, kDebug, kInfo, kWarn, kError, kFatal };
std::string_view ToText(LogLevel level);  // "INFO"

struct LogSettings {
  bool is_json = false;
  // With JSON only: what the runtime, and what Lambda itself, leaves out.
  LogLevel application = LogLevel::kInfo;
  LogLevel system = LogLevel::kInfo;
  std::string group;  // Empty: /aws/lambda/NAME
  bool operator==(const LogSettings&) const = default;
};

// `settings` with what `value` names changed. A level asks for JSON.
std::expected<LogSettings, aws::ApiError> ApplyLoggingConfig(LogSettings settings,
                                                             const base::Json& value);
// As the API shows it; `group` is the function's log group.
base::Json LoggingConfigJson(const LogSettings& settings, const std::string& group);

base::Json ToStored(const LogSettings& settings);
// Throws as nlohmann does.
LogSettings LogSettingsFrom(const base::Json& stored);

}  // namespace hearth::invoker
