// LoggingConfig: what may be asked, and AWS's refusals.
#include "invoker/log_settings.h"

#include <gmock/gmock.h>

#include "aws/gateway.h"

namespace hearth::invoker {
namespace {

using base::Json;

std::string Shown(const char* config, const LogSettings& before = {}) {
  const auto settings = ApplyLoggingConfig(before, Json::parse(config));
  if (!settings) return settings.error().type + ": " + settings.error().message;
  return base::ToJsonText(LoggingConfigJson(
      *settings, settings->group.empty() ? std::string("/aws/lambda/F") : settings->group));
}

TEST(LogSettings, AreShownAsTheyAreAsked) {
  const std::string invalid = "InvalidParameterValueException: ";
  const std::string at = "ValidationException: 1 validation error detected: Value ";
  const std::pair<const char*, std::string> cases[] = {
      {"{}", R"({"LogFormat":"Text","LogGroup":"/aws/lambda/F"})"},
      {R"({"LogFormat":"JSON"})",
       R"({"ApplicationLogLevel":"INFO","LogFormat":"JSON","LogGroup":"/aws/lambda/F",)"
       R"("SystemLogLevel":"INFO"})"},
      {R"({"LogFormat":"JSON","ApplicationLogLevel":"TRACE","SystemLogLevel":"WARN",)"
       R"("LogGroup":"/a"})",
       R"({"ApplicationLogLevel":"TRACE","LogFormat":"JSON","LogGroup":"/a",)"
       R"("SystemLogLevel":"WARN"})"},
      {R"({"LogFormat":null,"LogGroup":"x"})", R"({"LogFormat":"Text","LogGroup":"x"})"},
      {R"({"LogFormat":"json"})",
       at + "'json' at 'loggingConfig.logFormat' failed to satisfy "
            "constraint: Member must satisfy enum value set: [JSON, Text]"},
      {R"({"LogFormat":"JSON","ApplicationLogLevel":"ALL"})",
       at +
           "'ALL' at 'loggingConfig.applicationLogLevel' failed to satisfy constraint: Member must "
           "satisfy enum value set: [TRACE, DEBUG, INFO, WARN, ERROR, FATAL]"},
      {R"({"LogFormat":"JSON","SystemLogLevel":"ERROR"})",
       at + "'ERROR' at 'loggingConfig.systemLogLevel' failed to satisfy constraint: Member must "
            "satisfy enum value set: [DEBUG, INFO, WARN]"},
      {R"({"LogGroup":"a b"})",
       at + "'a b' at 'loggingConfig.logGroup' failed to satisfy constraint: Member must satisfy "
            R"(regular expression pattern: [\.\-_/#A-Za-z0-9]+)"},
      {R"({"ApplicationLogLevel":"INFO"})",
       invalid +
           "LogLevel is not supported when LogFormat is set to \"Text\". Remove LogLevel from "
           "your request or change the LogFormat to \"JSON\" and try again."},
      {R"({"Unheard":"x"})", invalid + "Hearth does not serve LoggingConfig.Unheard."},
  };
  for (const auto& [config, shown] : cases) EXPECT_EQ(Shown(config), shown) << config;
  EXPECT_FALSE(ApplyLoggingConfig({}, Json::array()));
  EXPECT_FALSE(ApplyLoggingConfig({}, Json{{"LogFormat", 1}}));
}

TEST(LogSettings, KeepWhatAnUpdateDoesNotNameButForLevelsOfText) {
  const LogSettings before{true, LogLevel::kDebug, LogLevel::kWarn, "/a"};
  EXPECT_EQ(ApplyLoggingConfig(before, Json{{"LogGroup", "/b"}})->application, LogLevel::kDebug);
  EXPECT_EQ(Shown(R"({"LogFormat":"Text"})", before), R"({"LogFormat":"Text","LogGroup":"/a"})");
  EXPECT_EQ(ApplyLoggingConfig(before, Json{{"LogFormat", "Text"}})->application, LogLevel::kInfo);
}

TEST(LogSettings, ComeBackFromTheirStoredForm) {
  const LogSettings settings{true, LogLevel::kTrace, LogLevel::kDebug, "/a"};
  EXPECT_EQ(LogSettingsFrom(ToStored(settings)), settings);
  EXPECT_EQ(LogSettingsFrom(Json()), LogSettings());
}

}  // namespace
}  // namespace hearth::invoker
