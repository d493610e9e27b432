// AWS::Lambda::Function in templates.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan_helper.h"
#include "stacks_server.h"

namespace hearth::stacks {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kPlain =
    "Resources:\n"
    "  Plain:\n"
    "    Type: AWS::Lambda::Function\n"
    "    Properties:\n"
    "      Role: arn:aws:iam::000000000000:role/r\n"
    "      Runtime: python3.12\n"
    "      Handler: index.handler\n";

TEST(PlannedLambdaFunction, SaysWhatASamFunctionSays) {
  const auto plan = PlanOf(kPlain +
                           "      Code: ./src\n"
                           "      FunctionName: plain\n"
                           "      MemorySize: 256\n"
                           "      Timeout: 9\n"
                           "      Environment: {Variables: {A: b}}\n"
                           "      Tags: [{Key: team, Value: x}, {Key: n, Value: 1}]\n"
                           "      TracingConfig: {Mode: PassThrough}\n"
                           "      ReservedConcurrentExecutions: 3\n"
                           "      RecursiveLoop: Allow\n"
                           "      SnapStart: {ApplyOn: PublishedVersions}\n"
                           "      RuntimeManagementConfig: {UpdateRuntimeOn: Auto}\n"
                           "      LoggingConfig: {LogFormat: JSON}\n"
                           "Outputs:\n"
                           "  Name: {Value: !Ref Plain}\n"
                           "  Arn: {Value: !GetAtt Plain.Arn}\n");
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  const auto& function = plan->functions.at(0);
  EXPECT_EQ(function.code_path, "./src");
  EXPECT_EQ(function.code.line, 8);
  EXPECT_EQ(function.settings.name, "plain");
  EXPECT_EQ(function.settings.role, "arn:aws:iam::000000000000:role/r");
  EXPECT_EQ(function.settings.memory_mib, 256);
  EXPECT_EQ(function.settings.tags,
            (std::map<std::string, std::string>{{"n", "1"}, {"team", "x"}}));
  EXPECT_EQ(function.settings.reserved, 3);
  EXPECT_TRUE(function.settings.allows_loops);
  EXPECT_TRUE(function.settings.snap_start);
  EXPECT_EQ(plan->outputs[0].value, "plain");
  EXPECT_EQ(plan->outputs[1].value, "arn:aws:lambda:us-east-1:000000000000:function:plain");
}

TEST(PlannedLambdaFunction, ZipFileIsTheFileIndex) {
  const auto plan = PlanOf(kPlain + "      Code: {ZipFile: 'def handler(e, c): pass'}\n");
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  EXPECT_EQ(plan->functions[0].inline_name, "index.py");
  EXPECT_EQ(plan->functions[0].inline_code, "def handler(e, c): pass");
  EXPECT_TRUE(plan->notices.empty());
  std::string node = kPlain + "      Code: {ZipFile: 'exports.h = 1'}\n";
  node.replace(node.find("python3.12"), 10, "nodejs22.x");
  node.replace(node.find("index.handler"), 13, "app.handler");
  const auto other = PlanOf(node);
  ASSERT_TRUE(other.has_value()) << ErrorsOf(other);
  EXPECT_EQ(other->functions[0].inline_name, "index.js");
  ASSERT_EQ(other->notices.size(), 1u);
  EXPECT_THAT(other->notices[0].message, HasSubstr("is the file index.js, and its handler is "
                                                   "'app.handler': it will not be found"));
}

TEST(PlannedLambdaFunction, WhatIsWrongIsSaidAtItsPlace) {
  const std::string code = "      Code: {ZipFile: x}\n";
  const std::pair<std::string, const char*> bad[] = {
      {"", "2:3: the function 'Plain' has no Code"},
      {"      Code: {S3Bucket: b, S3Key: k}\n",
       "8:14: 'Code.S3Bucket' is not served yet: give Code the path of a folder or a zip"},
      {"      Code: {ImageUri: i}\n", "8:14: 'Code.ImageUri' is not served yet"},
      {"      Code: {ZipFil: i}\n", "8:14: 'Code.ZipFil' is unknown"},
      {"      Code: s3://b/k\n", "8:13: 'CodeUri' 's3://b/k' is not served yet"},
      {code + "      CodeUri: src\n", "9:7: unknown property 'CodeUri' of AWS::Lambda::Function"},
      {code + "      AutoPublishAlias: a\n", "unknown property 'AutoPublishAlias'"},
      {code + "      DeadLetterConfig: {Type: SQS, TargetArn: x}\n",
       "9:26: unknown name 'Type' in 'DeadLetterConfig': it has only TargetArn"},
      {code + "      VpcConfig: {}\n", "'VpcConfig' of AWS::Lambda::Function is not served yet"},
      {code + "      Tags: {a: b}\n", "9:13: 'Tags' is a list of {Key, Value}"},
      {code + "      Tags: [{Key: a}]\n", "9:14: 'Tags' is a list of {Key, Value}"},
      {code + "      Tags: [{Key: a, Value: b}, {Key: a, Value: c}]\n",
       "the tag 'a' is given twice"},
      {code + "      TracingConfig: {Mode: Active}\n", "'Tracing' 'Active' is not served yet"},
      {code + "      TracingConfig: Active\n", "'TracingConfig' is a map with Mode"}};
  for (const auto& [lines, message] : bad) {
    EXPECT_THAT(ErrorsOf(PlanOf(kPlain + lines)), HasSubstr(message)) << lines;
  }
  std::string provided = kPlain + code;
  provided.replace(provided.find("python3.12"), 10, "provided.al2023");
  EXPECT_THAT(ErrorsOf(PlanOf(provided)), HasSubstr("'Code.ZipFile' is for python and node"));
  std::string roleless = kPlain + code;
  roleless.erase(roleless.find("      Role"),
                 std::string("      Role: arn:aws:iam::000000000000:role/r\n").size());
  EXPECT_THAT(ErrorsOf(PlanOf(roleless)), HasSubstr("the function 'Plain' has no Role"));
}

class DeployedLambdaFunction : public StacksServer {};

TEST_F(DeployedLambdaFunction, IsMadeOfAPathAndOfText) {
  const std::string text = kPlain + "      Code: src/\n" +
                           "  V:\n    Type: AWS::Lambda::Version\n"
                           "    Properties: {FunctionName: !Ref Plain}\n"
                           "  U:\n    Type: AWS::Lambda::Url\n"
                           "    Properties: {TargetFunctionArn: !GetAtt Plain.Arn, AuthType: "
                           "AWS_IAM}\n";
  const auto answer =
      Ask("POST", "/_hearth/stacks/shop/plan", base::ToJsonText({{"template", text}}));
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(MUST(base::ParseJson(answer.body))["artifacts"][0]["line"], 8);
  EXPECT_THAT(Deploy(text, "zip"), ElementsAre("create Plain done", "create Plain:1 done",
                                               "create Plain done", "succeeded"));
  EXPECT_THAT(Deploy(text, "zip"), ElementsAre("unchanged Plain done", "unchanged Plain:1 done",
                                               "unchanged Plain done", "succeeded"));
  EXPECT_THAT(Deploy(kPlain + "      Code: {ZipFile: y}\n", "zip"),
              ElementsAre("update Plain done", "delete Plain done", "succeeded"));
}

}  // namespace
}  // namespace hearth::stacks
