// Published versions and aliases in templates: planned, deployed, changed and rolled back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan_helper.h"
#include "stacks/version_resources.h"
#include "stacks_server.h"

namespace hearth::stacks {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kTemplate = "Transform: AWS::Serverless-2016-10-31\nResources:\n" + kHello;
constexpr char kArn[] = "arn:aws:lambda:us-east-1:000000000000:function:Hello";

TEST(PlannedVersions, AFunctionBringsItsVersionAndAliasBehindIt) {
  const auto plan = PlanOf(kTemplate +
                           "      AutoPublishAlias: live\n"
                           "      SnapStart: {ApplyOn: PublishedVersions}\n"
                           "  Other:\n"
                           "    Type: AWS::Serverless::Function\n"
                           "    Properties:\n"
                           "      InlineCode: x\n"
                           "      Handler: index.handler\n"
                           "      Runtime: python3.12\n"
                           "      Environment: {Variables: {LIVE: !Ref Hello.Alias}}\n"
                           "Outputs:\n"
                           "  Alias: {Value: !Ref Hello.Alias}\n"
                           "  Version: {Value: !Sub 'v${Hello.Version.Version}'}\n");
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  EXPECT_TRUE(plan->functions[0].settings.snap_start);
  ASSERT_EQ(plan->order.size(), 4u);
  EXPECT_EQ(plan->order[0].kind, ResourceKind::kFunction);
  EXPECT_EQ(plan->order[1].kind, ResourceKind::kVersion);
  EXPECT_EQ(plan->order[2].kind, ResourceKind::kAlias);
  EXPECT_EQ(plan->order[3].kind, ResourceKind::kFunction);
  EXPECT_EQ(plan->aliases[0].logical_id, "HelloAliaslive");
  EXPECT_EQ(plan->functions[1].settings.environment.at("LIVE"), std::string(kArn) + ":live");
  EXPECT_EQ(plan->outputs[0].value, std::string(kArn) + ":live");
  EXPECT_EQ(WithMade(plan->outputs[1].value, {{plan->versions[0].wanted.token, "7"}}), "v7");
}

TEST(PlannedVersions, AVersionGetsAnotherNameWhereWhatItPublishesHasChanged) {
  const auto plan = PlanOf(kTemplate + "      AutoPublishAlias: live\n");
  ASSERT_TRUE(plan.has_value());
  PlannedVersion version = plan->versions[0];
  FunctionState one{plan->functions[0].settings, "digest 1"};
  FunctionState slower = one;
  slower.settings.timeout_s = 9;
  FunctionState two = one;
  two.code_digest = "digest 2";
  const auto id = [&version](const FunctionState& state) {
    return VersionLogicalId(version, state);
  };
  EXPECT_THAT(id(one), HasSubstr("HelloVersion"));
  EXPECT_EQ(id(one), id(slower));  // Its code alone counts.
  EXPECT_NE(id(one), id(two));
  version.publication->all_properties = true;
  EXPECT_NE(id(one), id(slower));
  version.publication->all_properties = false;
  version.publication->code_sha256 = "mine";
  EXPECT_EQ(id(one), id(two));
}

struct Bad {
  const char* lines;
  const char* message;
};

TEST(PlannedVersions, WhatIsWrongIsSaidAtItsPlace) {
  const std::string alias =
      "  A:\n    Type: AWS::Lambda::Alias\n    Properties:\n      FunctionName: !Ref Hello\n";
  const std::string version = "  V:\n    Type: AWS::Lambda::Version\n    Properties:\n";
  for (const Bad& bad :
       {Bad{"      AutoPublishAlias: '1'\n", "9:25: 'AutoPublishAlias' is a name"},
        Bad{"      AutoPublishCodeSha256: x\n", "9:30: 'AutoPublishCodeSha256' needs"},
        Bad{"      ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 2}\n",
            "9:37: 'ProvisionedConcurrencyConfig' needs AutoPublishAlias"},
        Bad{"      SnapStart: {ApplyOn: Always}\n", "9:28: 'SnapStart.ApplyOn' is None or"},
        Bad{"      SnapStart: {On: 1}\n", "9:19: unknown name 'On' in 'SnapStart'"},
        Bad{"      AutoPublishAlias: a\n      ProvisionedConcurrencyConfig: "
            "{ProvisionedConcurrentExecutions: 0}\n",
            "is a whole number from 1"},
        Bad{"      AutoPublishAlias: a\n      AutoPublishAliasAllProperties: yes\n",
            "is true or false, not"}}) {
    EXPECT_THAT(ErrorsOf(PlanOf(kTemplate + bad.lines)), HasSubstr(bad.message)) << bad.lines;
  }
  const auto errors = [&](const std::string& lines) { return ErrorsOf(PlanOf(kTemplate + lines)); };
  EXPECT_THAT(errors(version + "      FunctionName: absent\n"), HasSubstr("12:21: 'FunctionName'"));
  EXPECT_THAT(errors(version + "      Description: x\n"), HasSubstr("'V' has no FunctionName"));
  EXPECT_THAT(errors(version + "      FunctionName: !Ref Hello\n      RuntimePolicy: {}\n"),
              HasSubstr("13:7: the property 'RuntimePolicy' of AWS::Lambda::Version is unknown"));
  EXPECT_THAT(errors(alias + "      Name: '7'\n      FunctionVersion: 1\n"),
              HasSubstr("'Name' of the alias 'A'"));
  EXPECT_THAT(errors(alias + "      Name: a\n      FunctionVersion: PROD\n"),
              HasSubstr("'FunctionVersion' of the alias 'A'"));
  EXPECT_THAT(errors(alias + "      Name: a\n      FunctionVersion: 1\n"
                             "      RoutingConfig: {AdditionalVersionWeights: "
                             "[{FunctionVersion: 2, FunctionWeight: 1.5}]}\n"),
              HasSubstr("is a number from 0 to 1"));
  EXPECT_THAT(
      errors("      AutoPublishAlias: a\n" + alias + "      Name: a\n      FunctionVersion: 1\n"),
      HasSubstr("is also that of 'HelloAliasa'"));
  EXPECT_THAT(errors("    DeletionPolicy: Retain\n"), HasSubstr("only Delete is"));
  EXPECT_EQ(errors(version + "      FunctionName: !GetAtt Hello.Arn\n    DeletionPolicy: Retain\n"),
            "");
}

class DeployedVersions : public StacksServer {
 protected:
  const invoker::FunctionRecord& Hello() {
    held = registry.Record("Hello");
    return *held;
  }

  invoker::RecordRef held;
};

TEST_F(DeployedVersions, ChangedCodeIsPublishedAndTheAliasMoves) {
  const std::string text = kTemplate +
                           "      AutoPublishAlias: live\n"
                           "Outputs: {V: {Value: !Ref Hello.Version}}\n";
  EXPECT_THAT(Deploy(text, "zip 1"), ElementsAre("create Hello done", "create Hello:1 done",
                                                 "create Hello:live done", "succeeded"));
  EXPECT_EQ(last["outputs"]["V"], std::string(kArn) + ":1");
  EXPECT_EQ(Hello().aliases.at("live").version, "1");
  EXPECT_THAT(Deploy(text, "zip 1"), ElementsAre("unchanged Hello done", "unchanged Hello:1 done",
                                                 "unchanged Hello:live done", "succeeded"));
  // The settings alone: the function changes, nothing is published.
  std::string slower = text;
  slower.insert(slower.find("Outputs"), "      Timeout: 9\n");
  EXPECT_THAT(Deploy(slower, "zip 1"), ElementsAre("update Hello done", "unchanged Hello:1 done",
                                                   "unchanged Hello:live done", "succeeded"));
  EXPECT_THAT(Deploy(slower, "zip 2"), ElementsAre("update Hello done", "create Hello:2 done",
                                                   "update Hello:live done", "succeeded"));
  EXPECT_EQ(last["outputs"]["V"], std::string(kArn) + ":2");
  EXPECT_EQ(Hello().aliases.at("live").version, "2");
  EXPECT_EQ(Hello().versions.size(), 2u);  // The first is kept, as SAM keeps it.
  EXPECT_THAT(database.intents, IsEmpty());
  // Without the alias: it goes, the versions stay.
  EXPECT_THAT(Deploy(kTemplate + "      Timeout: 9\n", "zip 2"),
              ElementsAre("unchanged Hello done", "delete Hello:live done", "succeeded"));
  EXPECT_EQ(Hello().versions.size(), 2u);
}

TEST_F(DeployedVersions, VersionsAndAliasesAreResourcesOfTheirOwn) {
  const std::string text = kTemplate +
                           "  One:\n"
                           "    Type: AWS::Lambda::Version\n"
                           "    Properties: {FunctionName: !Ref Hello, Description: one}\n"
                           "  Live:\n"
                           "    Type: AWS::Lambda::Alias\n"
                           "    Properties:\n"
                           "      FunctionName: !Ref Hello\n"
                           "      FunctionVersion: !GetAtt One.Version\n"
                           "      Name: live\n";
  EXPECT_THAT(Deploy(text, "zip 1"), ElementsAre("create Hello done", "create Hello:1 done",
                                                 "create Hello:live done", "succeeded"));
  EXPECT_EQ(Hello().versions.at(1)->description, "one");
  // A version is published once, whatever becomes of the function.
  EXPECT_THAT(Deploy(text, "zip 2"), ElementsAre("update Hello done", "unchanged Hello:1 done",
                                                 "unchanged Hello:live done", "succeeded"));
  const std::string shifting = text +
                               "      RoutingConfig:\n"
                               "        AdditionalVersionWeights:\n"
                               "          - FunctionVersion: !GetAtt Two.Version\n"
                               "            FunctionWeight: 0.1\n"
                               "      ProvisionedConcurrencyConfig: "
                               "{ProvisionedConcurrentExecutions: 10}\n"
                               "  Two:\n"
                               "    Type: AWS::Lambda::Version\n"
                               "    Properties: {FunctionName: !GetAtt Hello.Arn}\n";
  EXPECT_THAT(Deploy(shifting, "zip 2"),
              ElementsAre("unchanged Hello done", "unchanged Hello:1 done", "create Hello:2 done",
                          "update Hello:live done", "succeeded"));
  EXPECT_EQ(Hello().aliases.at("live").extra, (invoker::ExtraVersion{"2", 0.1}));
  EXPECT_EQ(control.data_plane.provisioned["1"], 9u);
  EXPECT_EQ(control.data_plane.provisioned["2"], 1u);
  EXPECT_THAT(Deploy(text, "zip 2"), ElementsAre("unchanged Hello done", "unchanged Hello:1 done",
                                                 "update Hello:live done", "succeeded"));
  EXPECT_EQ(Hello().aliases.at("live").extra, std::nullopt);
  EXPECT_THAT(Hello().provisioned, IsEmpty());
}

TEST_F(DeployedVersions, AFailureMovesTheAliasBack) {
  const std::string text = kTemplate + "      AutoPublishAlias: live\n";
  Deploy(text, "zip 1");
  const std::string with_bad = text +
                               "  Bad:\n"
                               "    Type: AWS::Lambda::Alias\n"
                               "    Properties: {FunctionName: !Ref Hello, Name: bad, "
                               "FunctionVersion: 77}\n";
  EXPECT_THAT(Deploy(with_bad, "zip 2"),
              ElementsAre("update Hello done", "create Hello:2 done", "update Hello:live done",
                          "create Hello:bad failed", "update Hello:live done", "update Hello done",
                          "rolled back"));
  EXPECT_THAT(last["reason"].get<std::string>(), HasSubstr("Function not found"));
  EXPECT_EQ(Hello().aliases.at("live").version, "1");
  EXPECT_EQ(Hello().latest->code_digest, Hello().versions.at(1)->code_digest);
}

TEST_F(DeployedVersions, AKillAfterTheAliasHasMovedIsRolledBack) {
  const std::string text = kTemplate + "      AutoPublishAlias: live\n";
  Deploy(text, "zip 1");
  control.dies_before = {"create Other"};
  const std::string two = text +
                          "  Other:\n"
                          "    Type: AWS::Serverless::Function\n"
                          "    Properties:\n"
                          "      {InlineCode: x, Handler: index.h, Runtime: python3.12}\n";
  DeployUntilItDies(two, "zip 2");
  EXPECT_EQ(Hello().aliases.at("live").version, "2");

  EXPECT_THAT(Reborn(), ElementsAre(HasSubstr("rolled back")));
  EXPECT_EQ(Hello().aliases.at("live").version, "1");
  EXPECT_EQ(Hello().latest->code_digest, code.Put("zip 1")->digest);
  EXPECT_THAT(database.intents, IsEmpty());
}

TEST_F(DeployedVersions, AVersionWhoseSnapshotFailsIsRolledBackWithItsReason) {
  const std::string text = kTemplate +
                           "      AutoPublishAlias: live\n"
                           "      SnapStart: {ApplyOn: PublishedVersions}\n";
  EXPECT_THAT(Deploy(text, "zip 1"), ElementsAre("create Hello done", "create Hello:1 done",
                                                 "create Hello:live done", "succeeded"));
  EXPECT_EQ(Hello().versions.at(1)->state, invoker::VersionState::kActive);
  control.data_plane.preparation =
      base::MakeError(base::ErrorKind::kInvalid, "init", "no module named app");
  const auto events = Deploy(text, "zip 2");
  EXPECT_EQ(events.back(), "rolled back");
  EXPECT_THAT(last["reason"].get<std::string>(),
              HasSubstr("the version 2 failed: no module named app"));
  EXPECT_EQ(Hello().aliases.at("live").version, "1");
}

}  // namespace
}  // namespace hearth::stacks
