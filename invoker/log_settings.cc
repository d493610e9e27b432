#include "invoker/log_settings.h"

#include <array>

#include "aws/arn.h"
#include "base/limits.h"
#include "invoker/api_errors.h"
#include "invoker/log_group.h"

namespace hearth::invoker {
namespace {

using base::Json;

constexpr std::array<std::string_view, 6> kLevels = {"TRACE", "DEBUG", "INFO",
                                                     "WARN",  "ERROR", "FATAL"};

std::optional<LogLevel> LevelFrom(std::string_view text) {
  for (size_t i = 0; i < kLevels.size(); ++i) {
    if (kLevels[i] == text) return static_cast<LogLevel>(i);
  }
  return std::nullopt;
}

constexpr char kLevelWithText[] =
    "LogLevel is not supported when LogFormat is set to \"Text\". Remove LogLevel from your "
    "request "
    "or change the LogFormat to \"JSON\" and try again.";

}  // namespace

std::string_view ToText(LogLevel level) { return kLevels[static_cast<size_t>(level)]; }

std::expected<LogSettings, aws::ApiError> ApplyLoggingConfig(LogSettings settings,
                                                             const Json& value) {
  if (!value.is_object()) return std::unexpected(WrongType("LoggingConfig", "an object"));
  bool has_level = false;
  for (const auto& [member, one] : value.items()) {
    if (one.is_null()) continue;
    if (!one.is_string()) return std::unexpected(WrongType("LoggingConfig." + member, "a string"));
    const auto& text = one.get_ref<const std::string&>();
    const auto refuse = [&](const char* name, const char* values) {
      return std::unexpected(
          aws::ValidationError(text.substr(0, 300), std::string("loggingConfig.") + name,
                               std::string("Member must satisfy enum value set: ") + values));
    };
    const auto level = LevelFrom(text);
    if (member == "LogFormat") {
      if (text != "JSON" && text != "Text") return refuse("logFormat", "[JSON, Text]");
      settings.is_json = text == "JSON";
    } else if (member == "ApplicationLogLevel") {
      if (!level) {
        return refuse("applicationLogLevel", "[TRACE, DEBUG, INFO, WARN, ERROR, FATAL]");
      }
      settings.application = *level;
      has_level = true;
    } else if (member == "SystemLogLevel") {
      if (!level || *level < LogLevel::kDebug || *level > LogLevel::kWarn) {
        return refuse("systemLogLevel", "[DEBUG, INFO, WARN]");
      }
      settings.system = *level;
      has_level = true;
    } else if (member == "LogGroup") {
      if (!IsLogGroupName(text)) {
        return std::unexpected(aws::ValidationError(
            text.substr(0, 600), "loggingConfig.logGroup",
            text.size() > limits::kMaxLogGroupName
                ? "Member must have length less than or equal to 512"
                : R"(Member must satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+)"));
      }
      settings.group = text;
    } else {
      return std::unexpected(
          InvalidParameter("Hearth does not serve LoggingConfig." + member.substr(0, 100) + "."));
    }
  }
  if (!settings.is_json) {
    if (has_level) return std::unexpected(InvalidParameter(kLevelWithText));
    settings.application = settings.system = LogLevel::kInfo;
  }
  return settings;
}

Json LoggingConfigJson(const LogSettings& settings, const std::string& group) {
  Json out{{"LogFormat", settings.is_json ? "JSON" : "Text"}, {"LogGroup", group}};
  if (settings.is_json) {
    out["ApplicationLogLevel"] = ToText(settings.application);
    out["SystemLogLevel"] = ToText(settings.system);
  }
  return out;
}

Json ToStored(const LogSettings& settings) {
  return {{"json", settings.is_json},
          {"application", ToText(settings.application)},
          {"system", ToText(settings.system)},
          {"group", settings.group}};
}

LogSettings LogSettingsFrom(const Json& stored) {
  // Functions stored before there was such a thing have none.
  if (!stored.is_object()) return {};
  return {.is_json = stored.at("json"),
          .application =
              LevelFrom(stored.at("application").get<std::string>()).value_or(LogLevel::kInfo),
          .system = LevelFrom(stored.at("system").get<std::string>()).value_or(LogLevel::kInfo),
          .group = stored.at("group")};
}

}  // namespace hearth::invoker
