#include <gtest/gtest.h>

#include "invoker/function_name.h"
#include "invoker/function_settings.h"

namespace hearth::invoker {
namespace {

using base::Json;

const Account kAccount;
constexpr const char* kRole = "arn:aws:iam::000000000000:role/any";

FunctionSettings Good() {
  return {.name = "Hello", .runtime = "provided.al2023", .handler = "app.handler", .role = kRole,
          .description = {}, .environment = {}, .layers = {}, .tags = {}};
}

// "" where the settings are accepted, else "type: message".
std::string RefusalOf(const FunctionSettings& settings, MemoryStep step = MemoryStep::kRoundUp) {
  const auto checked = CheckSettings(settings, runtime::Catalog::Probe(), step);
  return checked ? "" : checked.error().type + ": " + checked.error().message;
}

TEST(FunctionSettings, AcceptsTheEndsOfEveryRangeAndRefusesOneBeyond) {
  struct Case { int64_t FunctionSettings::*member; int64_t least, most; };
  for (const Case& c : {Case{&FunctionSettings::timeout_s, 1, 900},
                        Case{&FunctionSettings::memory_mib, 128, 3072},
                        Case{&FunctionSettings::tmp_mib, 512, 10240}}) {
    for (const auto& [value, good] : {std::pair{c.least, true}, {c.most, true},
                                      {c.least - 1, false}, {c.most + 1, false}}) {
      FunctionSettings settings = Good();
      settings.*c.member = value;
      EXPECT_EQ(RefusalOf(settings).empty(), good) << value << " " << RefusalOf(settings);
    }
  }
}

TEST(FunctionSettings, RefusesWithTheTextsOfAws) {
  FunctionSettings settings = Good();
  settings.memory_mib = 64;
  EXPECT_EQ(RefusalOf(settings),
            "ValidationException: 1 validation error detected: Value '64' at 'memorySize' failed "
            "to satisfy constraint: Member must have value greater than or equal to 128");
  settings = Good();
  settings.environment = {{"AWS_REGION", "x"}};
  EXPECT_TRUE(RefusalOf(settings).ends_with("Reserved keys used in this request: AWS_REGION"));
  settings.environment = {{"BIG", std::string(4096, 'x')}};
  EXPECT_NE(RefusalOf(settings).find("exceeded the 4KB limit"), std::string::npos);
  settings = Good();
  settings.runtime = "cobol";
  EXPECT_TRUE(RefusalOf(settings).ends_with("or be a valid ARN"));
  settings = Good();
  settings.role = "worker";
  EXPECT_NE(RefusalOf(settings).find("'role' failed"), std::string::npos);
}

TEST(FunctionSettings, RoundsMemoryUpWithANoticeOrRefusesIt) {
  FunctionSettings settings = Good();
  settings.memory_mib = 200;
  const auto checked =
      CheckSettings(settings, runtime::Catalog::Probe(), MemoryStep::kRoundUp);
  ASSERT_TRUE(checked);
  EXPECT_EQ(checked->function.memory_mib, 256u);
  EXPECT_EQ(checked->notices.at(0), "memory 200 MB rounded up to 256 MB");
  EXPECT_FALSE(RefusalOf(settings, MemoryStep::kReject).empty());
}

TEST(FunctionSettings, SendDeadLettersToAQueue) {
  const auto told = [](const char* config) {
    return ApplyMembers({.dead_letter_arn = "arn:old"}, Json::parse(config),
                        SettingsMembers::kUpdate);
  };
  EXPECT_EQ(told(R"({"DeadLetterConfig":{"TargetArn":"arn:aws:sqs:r:a:q"}})")->dead_letter_arn,
            "arn:aws:sqs:r:a:q");
  EXPECT_EQ(told("{}")->dead_letter_arn, "arn:old");
  for (const char* none : {R"({"DeadLetterConfig":{}})", R"({"DeadLetterConfig":{"TargetArn":""}})",
                           R"({"DeadLetterConfig":{"TargetArn":null}})"}) {
    EXPECT_EQ(told(none)->dead_letter_arn, "") << none;
  }
  for (const char* wrong : {R"({"DeadLetterConfig":"arn"})", R"({"DeadLetterConfig":{"Arn":"x"}})",
                            R"({"DeadLetterConfig":{"TargetArn":1}})"}) {
    EXPECT_FALSE(told(wrong)) << wrong;
  }
  const auto refusal = [](const std::string& arn) {
    FunctionSettings settings = Good();
    settings.dead_letter_arn = arn;
    return RefusalOf(settings);
  };
  EXPECT_EQ(refusal("arn:aws:sqs:us-east-1:000000000000:q"), "");
  EXPECT_EQ(refusal("q"),
            "InvalidParameterValueException: Invalid dead letter queue ARN: ARNs must start with "
            "'arn:'");
  EXPECT_NE(refusal("arn:aws:sqs:us-east-1:000000000000:q.fifo").find("FIFO"), std::string::npos);
  EXPECT_NE(refusal("arn:aws:sns:us-east-1:000000000000:t").find("does not serve sns"),
            std::string::npos);
  EXPECT_NE(refusal("arn:aws:lambda:us-east-1:000000000000:function:f").find("neither"),
            std::string::npos);
}

TEST(SettingsMembers, AreNeverSilentlyIgnored) {
  for (const char* text : {R"({"Layers":"arn"})", R"({"VpcConfig":{"SubnetIds":["s"]}})",
                           R"({"Publish":1})", R"({"PackageType":"Image"})",
                           R"({"SnapStart":{"ApplyOn":"Always"}})",
                           R"({"TracingConfig":{"Mode":"Active"}})", R"({"Unheard":1})"}) {
    EXPECT_FALSE(ApplyMembers({}, Json::parse(text), SettingsMembers::kCreate)) << text;
  }
  for (const char* text : {R"({"Layers":[]})", R"({"VpcConfig":{"SubnetIds":[]}})",
                           R"({"Publish":true})", R"({"PackageType":"Zip"})",
                           R"({"SnapStart":{"ApplyOn":"PublishedVersions"}})",
                           R"({"TracingConfig":{"Mode":"PassThrough"}})"}) {
    EXPECT_TRUE(ApplyMembers({}, Json::parse(text), SettingsMembers::kCreate)) << text;
  }
  for (const char* text : {R"({"Timeout":"3"})", R"({"Timeout":18446744073709551615})",
                           R"({"Environment":[]})", R"({"Tags":{"a":1}})", R"([])",
                           R"({"LoggingConfig":"x"})"}) {
    EXPECT_FALSE(ApplyMembers({}, Json::parse(text), SettingsMembers::kCreate)) << text;
  }
}

TEST(FunctionName, IsReadFromEveryFormThatAwsTakes) {
  for (const char* text : {"Hello:$LATEST", "000000000000:function:Hello:$LATEST",
                           "arn:aws:lambda:us-east-1:000000000000:function:Hello:$LATEST"}) {
    const auto name = ParseFunctionName(kAccount, text, "");
    ASSERT_TRUE(name) << text;
    EXPECT_EQ(name->name, "Hello");
    EXPECT_EQ(name->qualifier, "$LATEST");
  }
  for (const char* text : {"", ":", "a b", "a:b:c", "arn:", "arn:aws:lambda", "a/../b",
                           "arn:aws:lambda:eu-west-1:000000000000:function:Hello"}) {
    EXPECT_FALSE(ParseFunctionName(kAccount, text, "")) << text;
  }
  EXPECT_FALSE(ParseFunctionName(kAccount, "Hello:1", "2"));
  EXPECT_FALSE(ParseFunctionName(kAccount, "Hello", "a b"));
  EXPECT_FALSE(ParseFunctionName(kAccount, "Hello", std::string(129, 'a')));
  EXPECT_EQ(ParseFunctionName(kAccount, "function:Hello:1", "1")->qualifier, "1");
}

TEST(FunctionVersion, ComesBackFromItsStoredForm) {
  FunctionVersion function{.name = "Hello", .environment = {{"A", "b"}}, .tags = {{"t", "v"}}};
  const auto back = FromStored(ToStored(function));
  ASSERT_TRUE(back);
  EXPECT_EQ(ToStored(*back), ToStored(function));
  EXPECT_FALSE(FromStored(Json{{"name", 1}}));
}

}  // namespace
}  // namespace hearth::invoker
