// What hangs on a function in templates: its URL, its permissions, the settings of its events.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "invoker/function_url_api.h"
#include "plan_helper.h"
#include "stacks/tokens.h"
#include "stacks_server.h"

namespace hearth::stacks {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kTemplate = "Transform: AWS::Serverless-2016-10-31\nResources:\n" + kHello;
constexpr char kArn[] = "arn:aws:lambda:us-east-1:000000000000:function:Hello";
const std::string kUrl = "      FunctionUrlConfig: {AuthType: NONE, Cors: {AllowOrigins: ['*']}}\n";
const std::string kOther =
    "  Other:\n"
    "    Type: AWS::Serverless::Function\n"
    "    Properties:\n"
    "      InlineCode: x\n"
    "      Handler: index.handler\n"
    "      Runtime: python3.12\n";

TEST(PlannedAttachments, AreWhatSamMakesOfAFunction) {
  const auto plan = PlanOf(kTemplate + kUrl +
                           "      AutoPublishAlias: live\n"
                           "      EventInvokeConfig:\n"
                           "        MaximumRetryAttempts: 1\n"
                           "        DestinationConfig:\n"
                           "          OnFailure: {Type: Lambda, Destination: !GetAtt Other.Arn}\n" +
                           kOther +
                           "Outputs:\n"
                           "  Url: {Value: !GetAtt HelloUrl.FunctionUrl}\n"
                           "  Of: {Value: !GetAtt HelloUrl.FunctionArn}\n"
                           "  Sid: {Value: !Ref HelloUrlPublicPermissions}\n");
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  std::vector<std::string> ids;
  for (const auto& one : plan->attachments) {
    ids.push_back(one.logical_id);
    EXPECT_EQ(one.function, "Hello");
    EXPECT_EQ(one.qualifier, "live");
  }
  EXPECT_THAT(ids, ElementsAre("HelloUrl", "HelloUrlPublicPermissions",
                               "HelloURLInvokeAllowPublicAccess", "HelloEventInvokeConfig"));
  const base::Json url{{"AuthType", "NONE"}, {"Cors", {{"AllowOrigins", {"*"}}}}};
  EXPECT_EQ(plan->attachments[0].told, url);
  const base::Json events{
      {"MaximumRetryAttempts", 1},
      {"DestinationConfig",
       {{"OnFailure", {{"Destination", "arn:aws:lambda:us-east-1:000000000000:function:Other"}}}}}};
  EXPECT_EQ(plan->attachments[3].told, events);
  EXPECT_EQ(plan->outputs[0].value, UrlToken("HelloUrl"));
  EXPECT_EQ(plan->outputs[1].value, std::string(kArn) + ":live");
  EXPECT_EQ(plan->outputs[2].value, "shop-HelloUrlPublicPermissions");
  EXPECT_EQ(plan->functions[0].settings.name, "Other") << "a destination comes first";
}

TEST(PlannedAttachments, OnlyAPublicUrlHasPermissions) {
  const auto plan = PlanOf(kTemplate + "      FunctionUrlConfig: {AuthType: AWS_IAM}\n");
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  EXPECT_EQ(plan->attachments.size(), 1u);
}

TEST(PlannedAttachments, GlobalsGiveEveryFunctionItsOwn) {
  const auto plan = PlanOf(
      "Transform: AWS::Serverless-2016-10-31\n"
      "Globals: {Function: {FunctionUrlConfig: {AuthType: AWS_IAM}, "
      "EventInvokeConfig: {MaximumRetryAttempts: 0}, RecursiveLoop: Allow, "
      "RuntimeManagementConfig: {UpdateRuntimeOn: FunctionUpdate}, PropagateTags: true}}\n"
      "Resources:\n" +
      kHello + "      FunctionUrlConfig: {InvokeMode: RESPONSE_STREAM}\n" + kOther);
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  ASSERT_EQ(plan->attachments.size(), 4u);
  const base::Json merged{{"AuthType", "AWS_IAM"}, {"InvokeMode", "RESPONSE_STREAM"}};
  EXPECT_EQ(plan->attachments[0].told, merged);
  EXPECT_EQ(plan->attachments[2].logical_id, "OtherUrl");
  EXPECT_TRUE(plan->functions[0].settings.allows_loops);
  EXPECT_EQ(plan->functions[1].settings.update_runtime_on, "FunctionUpdate");
}

TEST(PlannedAttachments, AConditionMayLeaveTheUrlAway) {
  const std::string conditional =
      "Conditions: {No: !Equals [a, b]}\n" + kTemplate +
      "      FunctionUrlConfig: !If [No, {AuthType: NONE}, !Ref AWS::NoValue]\n";
  const auto plan = PlanOf(conditional);
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  EXPECT_THAT(plan->attachments, IsEmpty());
  EXPECT_THAT(ErrorsOf(PlanOf(conditional + "Outputs: {U: {Value: !GetAtt "
                                            "HelloUrl.FunctionUrl}}\n")),
              HasSubstr("'HelloUrl' is no parameter and no resource"));
}

struct Bad {
  const char* lines;
  const char* message;
};

TEST(PlannedAttachments, WhatIsWrongIsSaidAtItsPlace) {
  for (const Bad& bad :
       {Bad{"      FunctionUrlConfig: NONE\n", "9:26: 'FunctionUrlConfig' is a map, not 'NONE'"},
        Bad{"      FunctionUrlConfig: {InvokeMode: BUFFERED}\n",
            "9:26: 'FunctionUrlConfig' has no AuthType: NONE or AWS_IAM"},
        Bad{"      FunctionUrlConfig: {AuthTipe: NONE, AuthType: NONE}\n",
            "9:27: unknown property 'FunctionUrlConfig.AuthTipe' (did you mean 'AuthType'?)"},
        Bad{"      FunctionUrlConfig: {AuthType: NONE, Cors: {AllowOrigin: ['*']}}\n",
            "unknown property 'FunctionUrlConfig.Cors.AllowOrigin'"},
        Bad{"      FunctionUrlConfig: {AuthType: NONE, Cors: {MaxAge: long}}\n",
            "'FunctionUrlConfig.Cors.MaxAge' is a whole number, not 'long'"},
        Bad{"      FunctionUrlConfig: {AuthType: NONE, Cors: true}\n",
            "'FunctionUrlConfig.Cors' is a map, not 'true'"},
        Bad{"      EventInvokeConfig: {MaxRetries: 1}\n",
            "9:27: unknown property 'EventInvokeConfig.MaxRetries'"},
        Bad{"      EventInvokeConfig: {DestinationConfig: {OnSuccess: {Destination: x}}}\n",
            "'EventInvokeConfig.DestinationConfig.OnSuccess.Type' is SQS, SNS, Lambda"},
        Bad{"      EventInvokeConfig: {DestinationConfig: {OnFailure: {Type: Lambda}}}\n",
            "of type Lambda has no Destination: give its ARN"},
        Bad{"      RecursiveLoop: Perhaps\n",
            "9:22: 'RecursiveLoop' is Terminate or Allow, not 'Perhaps'"},
        Bad{"      RuntimeManagementConfig: {RuntimeVersionArn: x}\n",
            "9:32: 'RuntimeManagementConfig' has no UpdateRuntimeOn"},
        Bad{"      Environment: {Variables: {ME: !GetAtt HelloUrl.FunctionUrl}}\n"
            "      FunctionUrlConfig: {AuthType: NONE}\n",
            "resources depend on each other in a circle: Hello -> Hello"},
        Bad{"      FunctionUrlConfig: {AuthType: AWS_IAM}\n"
            "  U:\n    Type: AWS::Lambda::Url\n"
            "    Properties: {TargetFunctionArn: !Ref Hello, AuthType: NONE}\n",
            "10:3: 'U' is for Hello, for which 'HelloUrl' is already"},
        Bad{"      FunctionUrlConfig: {AuthType: AWS_IAM}\n"
            "  HelloUrl:\n    Type: AWS::Lambda::Url\n"
            "    Properties: {TargetFunctionArn: !Ref Hello, AuthType: NONE}\n",
            "3:3: 'Hello' brings 'HelloUrl' with it: nothing else can have that name"},
        Bad{"  U:\n    Type: AWS::Lambda::Url\n    Properties: {AuthType: NONE}\n",
            "9:3: 'U' has no TargetFunctionArn: e.g. TargetFunctionArn: !Ref MyFunction"},
        Bad{"  U:\n    Type: AWS::Lambda::Url\n"
            "    Properties: {TargetFunctionArn: absent, AuthType: NONE}\n",
            "'TargetFunctionArn' 'absent' is no function of this template"},
        Bad{"  E:\n    Type: AWS::Lambda::EventInvokeConfig\n"
            "    Properties: {FunctionName: !Ref Hello, MaximumRetryAttempts: 1}\n",
            "9:3: 'E' has no Qualifier: $LATEST, a version or an alias"},
        Bad{"  E:\n    Type: AWS::Lambda::EventInvokeConfig\n"
            "    Properties: {FunctionName: 'Hello:a', Qualifier: b, MaximumRetryAttempts: 1}\n",
            "'Qualifier' is 'b', and 'FunctionName' names 'a'"},
        Bad{"  P:\n    Type: AWS::Lambda::Permission\n"
            "    Properties: {FunctionName: !Ref Hello, Actions: x}\n",
            "unknown property 'AWS::Lambda::Permission.Actions' (did you mean 'Action'?)"}}) {
    EXPECT_THAT(ErrorsOf(PlanOf(kTemplate + bad.lines)), HasSubstr(bad.message)) << bad.lines;
  }
}

class DeployedAttachments : public StacksServer {
 protected:
  DeployedAttachments() {
    destinations.Attach("lambda", [](const auto&, const auto&) {});
  }
  const invoker::FunctionRecord& Hello() {
    held = registry.Record("Hello");
    return *held;
  }
  // The ids of the statements of the function's own policy, or of its alias's.
  std::vector<std::string> Statements(const std::string& qualifier = "") {
    std::vector<std::string> out;
    const auto& policies = Hello().policies;
    const auto found = policies.find(qualifier);
    if (found == policies.end()) return out;
    for (const auto& statement : found->second) out.push_back(statement.id);
    return out;
  }
  std::string Refusal(const std::string& lines) { return Deploy(kTemplate + lines, "zip")[0]; }

  invoker::RecordRef held;
};

TEST_F(DeployedAttachments, AUrlIsMadeKeptChangedAndTakenAway) {
  const std::string outputs = "Outputs: {Url: {Value: !GetAtt HelloUrl.FunctionUrl}}\n";
  EXPECT_THAT(Deploy(kTemplate + kUrl + outputs, "zip"),
              ElementsAre("create Hello done", "create Hello done",
                          "create Hello|shop-HelloUrlPublicPermissions done",
                          "create Hello|shop-HelloURLInvokeAllowPublicAccess done", "succeeded"));
  const invoker::FunctionUrl url = Hello().urls.at("$LATEST");
  EXPECT_EQ(url.id.size(), 32u);
  EXPECT_FALSE(url.needs_iam);
  EXPECT_EQ(url.cors->allow_origins, std::vector<std::string>{"*"});
  EXPECT_EQ(last["outputs"]["Url"], invoker::UrlText(url, {}, address));
  EXPECT_THAT(Statements(), ElementsAre("shop-HelloUrlPublicPermissions",
                                        "shop-HelloURLInvokeAllowPublicAccess"));
  EXPECT_EQ(Hello().policies.at("")[0].url_auth_type, "NONE");
  EXPECT_TRUE(Hello().policies.at("")[1].via_url);

  EXPECT_THAT(
      Deploy(kTemplate + kUrl + outputs, "zip"),
      ElementsAre("unchanged Hello done", "unchanged Hello done",
                  "unchanged Hello|shop-HelloUrlPublicPermissions done",
                  "unchanged Hello|shop-HelloURLInvokeAllowPublicAccess done", "succeeded"));
  EXPECT_EQ(last["outputs"]["Url"], invoker::UrlText(url, {}, address));

  EXPECT_THAT(Deploy(kTemplate + "      FunctionUrlConfig: {AuthType: AWS_IAM}\n", "zip"),
              ElementsAre("unchanged Hello done", "update Hello done",
                          "delete Hello|shop-HelloURLInvokeAllowPublicAccess done",
                          "delete Hello|shop-HelloUrlPublicPermissions done", "succeeded"));
  EXPECT_EQ(Hello().urls.at("$LATEST").id, url.id) << "its address stays";
  EXPECT_TRUE(Hello().urls.at("$LATEST").needs_iam);
  EXPECT_EQ(Hello().urls.at("$LATEST").cors, std::nullopt);
  EXPECT_THAT(Statements(), IsEmpty());

  EXPECT_THAT(Deploy(kTemplate, "zip"),
              ElementsAre("unchanged Hello done", "delete Hello done", "succeeded"));
  EXPECT_THAT(Hello().urls, IsEmpty());
}

TEST_F(DeployedAttachments, AnAliasHasTheUrlAndTheSettingsOfAFunctionThatPublishes) {
  const std::string text = kTemplate + kUrl +
                           "      AutoPublishAlias: live\n"
                           "      EventInvokeConfig: {MaximumRetryAttempts: 0}\n";
  EXPECT_EQ(Deploy(text, "zip 1").back(), "succeeded");
  EXPECT_TRUE(Hello().urls.contains("live"));
  EXPECT_FALSE(Hello().urls.contains("$LATEST"));
  EXPECT_EQ(Hello().event_invoke.at("live").max_retries, 0);
  EXPECT_EQ(Statements("live").size(), 2u);
  const std::string id = Hello().urls.at("live").id;
  EXPECT_EQ(Deploy(text, "zip 2").back(), "succeeded");
  EXPECT_EQ(Hello().urls.at("live").id, id);
  // Another alias: what hung on the one goes with it, and the other has its own.
  std::string renamed = text;
  renamed.replace(renamed.find("live"), 4, "next");
  EXPECT_EQ(Deploy(renamed, "zip 2").back(), "succeeded");
  EXPECT_FALSE(Hello().urls.contains("live"));
  EXPECT_NE(Hello().urls.at("next").id, id);
}

TEST_F(DeployedAttachments, AnotherFunctionHearsOfTheAddress) {
  const std::string text =
      kTemplate + "      FunctionUrlConfig: {AuthType: AWS_IAM}\n" + kOther +
      "      Environment: {Variables: {HELLO: !GetAtt HelloUrl.FunctionUrl}}\n";
  EXPECT_EQ(Deploy(text, "zip").back(), "succeeded");
  EXPECT_EQ(registry.Find("Other")->environment.at("HELLO"),
            invoker::UrlText(Hello().urls.at("$LATEST"), {}, address));
  EXPECT_THAT(Deploy(text, "zip"), ElementsAre("unchanged Hello done", "unchanged Hello done",
                                               "unchanged Other done", "succeeded"));
}

TEST_F(DeployedAttachments, ResourcesOfTheirOwnDoTheSame) {
  const std::string text =
      kTemplate +
      "  V:\n    Type: AWS::Lambda::Version\n    Properties: {FunctionName: !Ref Hello}\n"
      "  A:\n    Type: AWS::Lambda::Alias\n    Properties:\n"
      "      {FunctionName: !Ref Hello, Name: live, FunctionVersion: !GetAtt V.Version}\n"
      "  U:\n    Type: AWS::Lambda::Url\n    Properties:\n"
      "      {TargetFunctionArn: !Ref A, AuthType: NONE, InvokeMode: RESPONSE_STREAM}\n"
      "  P:\n    Type: AWS::Lambda::Permission\n    Properties:\n"
      "      {FunctionName: !Ref V, Action: 'lambda:InvokeFunction',\n"
      "       Principal: s3.amazonaws.com, SourceArn: 'arn:aws:s3:::b', SourceAccount: "
      "'123456789012'}\n"
      "  E:\n    Type: AWS::Lambda::EventInvokeConfig\n    Properties:\n"
      "      {FunctionName: !Ref Hello, Qualifier: $LATEST, MaximumEventAgeInSeconds: 60}\n"
      "Outputs: {Url: {Value: !GetAtt U.FunctionUrl}, P: {Value: !Ref P}}\n";
  EXPECT_THAT(Deploy(text, "zip 1"),
              ElementsAre("create Hello done", "create Hello:1 done", "create Hello:live done",
                          "create Hello:live done", "create Hello:1|shop-P done",
                          "create Hello done", "succeeded"));
  EXPECT_TRUE(Hello().urls.at("live").streams);
  EXPECT_EQ(Hello().event_invoke.at("$LATEST").max_age_s, 60);
  ASSERT_EQ(Statements("1").size(), 1u);
  EXPECT_EQ(Hello().policies.at("1")[0].source_arn, "arn:aws:s3:::b");
  EXPECT_EQ(last["outputs"]["P"], "shop-P");
  EXPECT_THAT(last["outputs"]["Url"].get<std::string>(), HasSubstr(Hello().urls.at("live").id));
  // The version has its number already: what hangs on it is found again.
  const auto again = Deploy(text, "zip 2");
  EXPECT_THAT(
      again, ElementsAre("update Hello done", "unchanged Hello:1 done", "unchanged Hello:live done",
                         "unchanged Hello:live done", "unchanged Hello:1|shop-P done",
                         "unchanged Hello done", "succeeded"));
  EXPECT_EQ(Deploy(kTemplate, "zip 2").back(), "succeeded");
  EXPECT_THAT(Hello().urls, IsEmpty());
  EXPECT_THAT(Hello().policies, IsEmpty());
  EXPECT_THAT(Hello().event_invoke, IsEmpty());
}

TEST_F(DeployedAttachments, WhatTheApiWouldRefuseIsRefusedBeforeAnythingIsChanged) {
  const std::string permission = "  P:\n    Type: AWS::Lambda::Permission\n    Properties:\n";
  for (
      const Bad& bad :
      {Bad{"      FunctionUrlConfig: {AuthType: OPEN}\n",
           R"("column":27,"line":9,"message":"HelloUrl: 1 validation error detected: Value 'OPEN)"},
       Bad{"      FunctionUrlConfig: {AuthType: NONE, Cors: {MaxAge: 86401}}\n",
           "Value '86401' at 'cors.maxAge' failed to satisfy constraint"},
       Bad{"      EventInvokeConfig: {MaximumRetryAttempts: 3}\n",
           "HelloEventInvokeConfig: 1 validation error detected: Value '3' at "
           "'maximumRetryAttempts'"},
       Bad{"      EventInvokeConfig: {}\n",
           "You must specify at least one of error handling or destination setting."},
       Bad{"      EventInvokeConfig: {DestinationConfig: {OnFailure: {Type: SQS, Destination: "
           "'arn:aws:sqs:us-east-1:000000000000:q'}}}\n",
           "Hearth does not serve sqs as a destination yet"},
       Bad{"      EventInvokeConfig: {DestinationConfig: {OnFailure: {Type: Lambda, Destination: "
           "'arn:aws:lambda:us-east-1:000000000000:function:Hello'}}}\n",
           "You can't specify the function as a destination for itself."},
       Bad{"      EventInvokeConfig: {DestinationConfig: {OnFailure: {Type: Lambda, Destination: "
           "'arn:aws:lambda:us-east-1:000000000000:function:absent'}}}\n",
           "there is no such function"}}) {
    EXPECT_THAT(Refusal(bad.lines), HasSubstr(bad.message)) << bad.lines;
  }
  for (const Bad& bad :
       {Bad{"      {FunctionName: !Ref Hello, Principal: '*'}\n",
            "P: 1 validation error detected: Value null at 'action'"},
        Bad{"      {FunctionName: !Ref Hello, Action: 'lambda:InvokeFunction', Principal: me}\n",
            "The provided principal was invalid"},
        Bad{"      {FunctionName: 'Hello:$LATEST', Action: 'lambda:InvokeFunction', Principal: "
            "'*'}\n",
            "We currently do not support adding policies for $LATEST."}}) {
    EXPECT_THAT(Refusal(permission + bad.lines), HasSubstr(bad.message)) << bad.lines;
  }
  EXPECT_TRUE(registry.functions.empty());
  EXPECT_TRUE(control.calls.empty());
}

TEST_F(DeployedAttachments, AFailureBringsThemBackAsTheyWere) {
  const std::string before =
      kTemplate + kUrl + "      EventInvokeConfig: {MaximumRetryAttempts: 0}\n";
  EXPECT_EQ(Deploy(before, "zip").back(), "succeeded");
  const auto was = Hello();
  control.failing = {"create Other"};
  const std::string without = kTemplate + "      EventInvokeConfig: {MaximumRetryAttempts: 2}\n";
  EXPECT_EQ(Deploy(without + kOther, "zip").back(), "rolled back");
  EXPECT_EQ(Hello().event_invoke.at("$LATEST").max_retries, 0);
  // An alias of a version that is not there: it fails after all else but what is taken away.
  control.failing.clear();
  EXPECT_EQ(Deploy(without + kOther, "zip").back(), "succeeded");
  EXPECT_THAT(Hello().urls, IsEmpty());
  EXPECT_EQ(Deploy(before, "zip").back(), "succeeded");
  const std::string id = Hello().urls.at("$LATEST").id;
  control.failing = {"delete Hello"};
  EXPECT_EQ(Shown(Ask("DELETE", "/_hearth/stacks/shop")).back(), "rolled back");
  EXPECT_EQ(Hello().urls.at("$LATEST").id, id) << "the address it had";
  EXPECT_EQ(Hello().policies, was.policies);
  EXPECT_EQ(Hello().event_invoke.at("$LATEST").max_retries, 0);
}

TEST_F(DeployedAttachments, WhatAKillCutShortIsRolledBack) {
  EXPECT_EQ(Deploy(kTemplate, "zip").back(), "succeeded");
  control.dies_before = {"create Other"};
  DeployUntilItDies(kTemplate + kUrl + kOther);
  EXPECT_EQ(Hello().urls.size(), 1u);
  EXPECT_EQ(Statements().size(), 2u);

  EXPECT_THAT(Reborn(), ElementsAre(HasSubstr("rolled back")));
  EXPECT_THAT(Hello().urls, IsEmpty());
  EXPECT_THAT(Statements(), IsEmpty());
  EXPECT_THAT(database.intents, IsEmpty());
}

TEST_F(DeployedAttachments, WhatSomebodyElseTookAwayIsNoReasonToFail) {
  EXPECT_EQ(Deploy(kTemplate + kUrl, "zip").back(), "succeeded");
  const std::string id = Hello().urls.at("$LATEST").id;
  std::optional<bool> gone;
  invoker::DeleteFunctionUrl(registry, {"Hello", ""},
                             [&](const auto& result) { gone = result.has_value(); });
  loop.RunUntil([&] { return gone.has_value(); });
  EXPECT_THAT(Deploy(kTemplate + kUrl, "zip"), Contains("create Hello done"));
  EXPECT_NE(Hello().urls.at("$LATEST").id, id);
  invoker::DeleteFunctionUrl(registry, {"Hello", ""}, [&](const auto&) { gone.reset(); });
  loop.RunUntil([&] { return !gone.has_value(); });
  EXPECT_EQ(Deploy(kTemplate, "zip").back(), "succeeded");
  EXPECT_EQ(Shown(Ask("DELETE", "/_hearth/stacks/shop")).back(), "succeeded");
}

}  // namespace
}  // namespace hearth::stacks
