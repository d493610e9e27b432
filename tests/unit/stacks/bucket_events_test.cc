// Buckets that tell functions and queues of their objects, in templates; what else a bucket has.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "invoker/target_sender.h"
#include "plan_helper.h"
#include "stacks/bucket_resource.h"
#include "stacks/bucket_steps.h"
#include "stacks_server.h"

namespace hearth::stacks {
namespace {

using base::Json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kTop = "Transform: AWS::Serverless-2016-10-31\nResources:\n" + kHello;
const std::string kEvent =
    "      Events: {Up: {Type: S3, Properties: {Bucket: !Ref Photos, Events: "
    "'s3:ObjectCreated:*'}}}\n";
const std::string kBucket =
    "  Photos:\n    Type: AWS::S3::Bucket\n    Properties:\n      BucketName: photos\n";
const std::string kQueue = "  Q:\n    Type: AWS::SQS::Queue\n";
constexpr char kHelloArn[] = "arn:aws:lambda:us-east-1:000000000000:function:Hello";
constexpr char kQueueArn[] = "arn:aws:sqs:us-east-1:000000000000:Q";

std::string Notify(const std::string& configuration) {
  return kBucket + "      NotificationConfiguration: {" + configuration + "}\n";
}

// "s3:ObjectRemoved:* a/-.png Hello" of each rule.
std::vector<std::string> RulesOf(const s3::NotificationConfig& config) {
  std::vector<std::string> out;
  for (const auto& rule : config.rules) {
    out.push_back(rule.events.at(0) + " " + rule.prefix + "-" + rule.suffix + " " + rule.arn);
  }
  return out;
}

TEST(PlannedBucketEvents, AreWhatSamMakesOfAFunctionsEvents) {
  const auto plan = PlanOf(
      kTop +
      "      AutoPublishAlias: live\n"
      "      Events:\n"
      "        Up:\n"
      "          Type: S3\n"
      "          Properties:\n"
      "            Bucket: !Ref Photos\n"
      "            Events: [!Sub 's3:ObjectCreated:Put', 's3:ObjectRemoved:*']\n"
      "            Filter: {S3Key: {Rules: [{Name: prefix, Value: !Ref AWS::StackName}, {Name: "
      "Suffix, Value: .png}]}}\n" +
      Notify("QueueConfigurations: [{Event: 's3:ObjectCreated:Copy', Queue: !GetAtt Q.Arn}]") +
      kQueue + "Outputs: {P: {Value: !Ref HelloUpPermission}, B: {Value: !Ref Photos}}\n");
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  ASSERT_EQ(plan->attachments.size(), 1u);
  const auto& permission = plan->attachments[0];
  EXPECT_EQ(permission.logical_id, "HelloUpPermission");
  EXPECT_EQ(permission.kind, ResourceKind::kPermission);
  EXPECT_EQ(permission.function + ":" + permission.qualifier, "Hello:live");
  const Json told{{"Action", "lambda:InvokeFunction"},
                  {"Principal", "s3.amazonaws.com"},
                  {"SourceAccount", "000000000000"},
                  {"StatementId", "shop-HelloUpPermission"}};
  EXPECT_EQ(permission.told, told);
  EXPECT_EQ(plan->outputs[0].value, "shop-HelloUpPermission");
  const auto& photos = plan->buckets.at(0);
  const std::string live = std::string(kHelloArn) + ":live";
  EXPECT_THAT(RulesOf(photos.notifications),
              ElementsAre(std::string("s3:ObjectCreated:Copy - ") + kQueueArn,
                          "s3:ObjectCreated:Put shop-.png " + live,
                          "s3:ObjectRemoved:* shop-.png " + live));
  EXPECT_EQ(plan->order.back().kind, ResourceKind::kBucket) << "it comes after whom it calls";
  // Another plan of the same is the same.
  const auto rules = photos.told.at("Notification").at("rules");
  ASSERT_EQ(rules.size(), 3u);
  EXPECT_EQ(rules[1].at("id").get<std::string>().size(), 36u);
  EXPECT_NE(rules[1].at("id"), rules[2].at("id"));
}

TEST(PlannedBucketEvents, MayNameAVersionThatIsNotPublishedYet) {
  const auto plan = PlanOf(
      kTop + Notify("LambdaConfigurations: [{Event: 's3:ObjectCreated:*', Function: !Ref V}]") +
      "  V:\n    Type: AWS::Lambda::Version\n    Properties: {FunctionName: !Ref Hello}\n");
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  EXPECT_THAT(WithPlaceholders(plan->buckets[0].notifications.rules[0].arn),
              std::string(kHelloArn) + ":1");
}

struct Bad {
  std::string lines;
  std::string message;
};

TEST(PlannedBucketEvents, WhatIsWrongIsSaidAtItsPlace) {
  const auto event = [](const std::string& properties) {
    return "      Events: {Up: {Type: S3, Properties: {" + properties + "}}}\n" + kBucket;
  };
  const std::string good = "Bucket: !Ref Photos, Events: 's3:ObjectCreated:*'";
  const auto to_hello = [](const std::string& more) {
    return "{Event: 's3:ObjectCreated:*', Function: !GetAtt Hello.Arn" + more + "}";
  };
  for (const Bad& bad : {
           Bad{event("Bucket: photos, Events: x"),
               "9:52: 'Events.Up.Bucket' is !Ref of a bucket of this template: S3 events must "
               "reference an S3 bucket in the same template"},
           Bad{event("Bucket: !Ref Hello, Events: x"),
               "'Events.Up.Bucket': 'Hello' is no bucket of this template"},
           Bad{event("Bucket: !Ref Pictures, Events: x"),
               "'Events.Up.Bucket': 'Pictures' is no bucket of this template"},
           Bad{event("Events: x"), "9:16: 'Events.Up.Bucket' is missing: !Ref MyBucket"},
           Bad{event("Bucket: !Ref Photos"), "9:16: 'Events.Up.Events' is missing"},
           Bad{event("Bucket: !Ref Photos, Events: {}"), "'Events.Up.Events' is a list of texts"},
           Bad{event("Bucket: !Ref Photos, Event: x"), "(did you mean 'Events'?)"},
           Bad{event("Bucket: !Ref Photos, Events: 's3:ObjectMade:*'"),
               "9:16: Photos: The event 's3:ObjectMade:*' is not supported for notifications"},
           Bad{event("Bucket: !Ref Photos, Events: 's3:ObjectRestore:*'"),
               "does not make the event 's3:ObjectRestore:*' yet"},
           Bad{event(good + ", Filter: {S3Key: {Rules: [{Name: infix, Value: x}]}}"),
               "'Events.Up.Filter': filter rule name must be either prefix or suffix"},
           Bad{event(good + ", Filter: {S3Key: {Rules: [{Name: prefix, Value: x}, {Name: Prefix, "
                            "Value: y}]}}"),
               "Cannot specify more than one prefix rule in a filter."},
           Bad{event(good + ", Filter: {S3Key: x}"), "'Events.Up.Filter.S3Key' is a map, not 'x'"},
           Bad{event(good + ", Filter: {}"), "'Events.Up.Filter': it has S3Key with Rules"},
           Bad{"      Events: {Up: {Type: S3}}\n" + kBucket,
               "'Events.Up.Properties' is a map with Bucket: !Ref MyBucket"},
           Bad{kEvent + Notify("LambdaConfigurations: [" + to_hello("") + "]"),
               "9:16: Photos: Configurations overlap."},
           Bad{Notify("LambdaConfigurations: [" + to_hello("") + ", " +
                      to_hello(", Filter: {S3Key: {Rules: [{Name: prefix, Value: a}]}}") + "]"),
               "Photos: Configuration is ambiguously defined."},
           Bad{Notify("LambdaConfigurations: [{Event: 's3:ObjectCreated:*', Function: x}]"),
               "Photos: The ARN could not be parsed: 'x'"},
           Bad{Notify("LambdaConfigurations: [{Function: !GetAtt Hello.Arn}]"),
               "'NotificationConfiguration.LambdaConfigurations.Event' is missing"},
           Bad{Notify("QueueConfigurations: [{Event: x, Function: !GetAtt Hello.Arn}]"),
               "unknown property 'NotificationConfiguration.QueueConfigurations.Function'"},
           Bad{kEvent + kBucket + "  HelloUpPermission:\n    Type: AWS::SQS::Queue\n",
               "'Hello' brings 'HelloUpPermission' with it: nothing else can have that name"},
           // As at AWS: the bucket needs the function, which may not need the bucket.
           Bad{"      Environment: {Variables: {B: !Ref Photos}}\n" + kEvent + kBucket,
               "resources depend on each other in a circle: Hello -> Photos -> Hello"},
       }) {
    EXPECT_THAT(ErrorsOf(PlanOf(kTop + bad.lines)), HasSubstr(bad.message)) << bad.lines;
  }
}

class DeployedBucketEvents : public StacksServer {
 protected:
  DeployedBucketEvents() {
    destinations.Attach(
        "lambda", [](const auto&, const auto&) {}, invoker::MakeFunctionAdmission(registry));
    destinations.Attach("sqs", [](const auto&, const auto&) {});
  }
  std::vector<std::string> Rules(const std::string& bucket) {
    return RulesOf(*s3::NotificationOfText(objects.buckets.at(bucket).texts["notification"]));
  }
};

TEST_F(DeployedBucketEvents, AreThereOnceTheirFunctionLetsTheStoreIn) {
  EXPECT_THAT(Deploy(kTop + kEvent + kBucket, "zip"),
              ElementsAre("create Hello done", "create Hello|shop-HelloUpPermission done",
                          "create photos done", "succeeded"));
  EXPECT_THAT(Rules("photos"), ElementsAre(std::string("s3:ObjectCreated:* - ") + kHelloArn));
  EXPECT_THAT(Deploy(kTop + kEvent + kBucket, "zip"), Contains("unchanged photos done"));
  // Both go: the bucket stops calling before the function goes, and is removed at the end.
  EXPECT_THAT(
      Deploy("Resources:\n" + kQueue, "zip"),
      ElementsAre("create Q done", "update photos done", "delete Hello|shop-HelloUpPermission done",
                  "delete Hello done", "delete photos done", "succeeded"));
  EXPECT_THAT(objects.buckets, IsEmpty());
  // The bucket alone stays, and calls nobody.
  EXPECT_EQ(Deploy(kTop + kEvent + kBucket, "zip").back(), "succeeded");
  EXPECT_THAT(Deploy("Resources:\n" + kBucket, "zip"), Contains("delete Hello done"));
  EXPECT_EQ(objects.buckets["photos"].texts.count("notification"), 0u);
}

TEST_F(DeployedBucketEvents, AFailureBringsThemBack) {
  EXPECT_EQ(Deploy(kTop + kEvent + kBucket, "zip").back(), "succeeded");
  const auto before = objects.buckets["photos"].texts;
  control.failing = {"delete Hello"};
  EXPECT_EQ(Deploy("Resources:\n" + kQueue, "zip").back(), "rolled back");
  EXPECT_EQ(objects.buckets["photos"].texts, before);
  EXPECT_EQ(Shown(Ask("DELETE", "/_hearth/stacks/shop")).back(), "rolled back");
  EXPECT_EQ(objects.buckets["photos"].texts, before);
}

TEST_F(DeployedBucketEvents, AFunctionThatDoesNotLetTheStoreInIsRefused) {
  const std::string bucket =
      Notify("LambdaConfigurations: [{Event: 's3:ObjectCreated:*', Function: !GetAtt Hello.Arn}]");
  const auto permission = [](const std::string& source) {
    return "  P:\n    Type: AWS::Lambda::Permission\n    Properties: {FunctionName: !Ref Hello, "
           "Action: lambda:InvokeFunction, Principal: s3.amazonaws.com, SourceArn: "
           "'arn:aws:s3:::" +
           source + "'}\n";
  };
  const std::string depends = "    DependsOn: P\n";
  EXPECT_EQ(Deploy(kTop + bucket + depends + permission("other"), "zip").back(), "rolled back");
  EXPECT_THAT(last["reason"],
              HasSubstr("Photos: Unable to validate the following destination configurations"));
  EXPECT_THAT(last["reason"],
              HasSubstr("Not authorized to invoke function [" + std::string(kHelloArn) + "]"));
  EXPECT_THAT(objects.buckets, IsEmpty());
  EXPECT_EQ(Deploy(kTop + bucket + depends + permission("photos"), "zip").back(), "succeeded");
}

TEST_F(DeployedBucketEvents, AVersionHasItsNumberOnceItIsPublished) {
  const std::string text =
      kTop + Notify("LambdaConfigurations: [{Event: 's3:ObjectCreated:*', Function: !Ref V}]") +
      "  V:\n    Type: AWS::Lambda::Version\n    Properties: {FunctionName: !Ref Hello}\n";
  EXPECT_EQ(Deploy(text, "zip").back(), "succeeded") << last;
  EXPECT_THAT(Rules("photos"),
              ElementsAre(std::string("s3:ObjectCreated:* - ") + kHelloArn + ":1"));
  EXPECT_THAT(Deploy(text, "zip"), Contains("unchanged photos done"));
}

TEST_F(DeployedBucketEvents, AQueueIsToldOfThemOnce) {
  const std::string text =
      "Resources:\n" +
      Notify("QueueConfigurations: [{Event: 's3:ObjectCreated:*', Queue: !GetAtt Q.Arn}]") + kQueue;
  EXPECT_EQ(Deploy(text, "zip").back(), "succeeded");
  ASSERT_EQ(objects.told.size(), 1u);
  EXPECT_EQ(objects.told[0].first, kQueueArn);
  EXPECT_THAT(objects.told[0].second, HasSubstr("s3:TestEvent"));
  EXPECT_EQ(Deploy(text + "Description: x\n", "zip").back(), "succeeded");
  EXPECT_EQ(objects.told.size(), 1u);
}

TEST_F(DeployedBucketEvents, GoToTheDefaultBusWhereItIsServedAndTheBucketSaysSo) {
  const auto to_bus = [](const std::string& config) {
    return "Resources:\n" + Notify("EventBridgeConfiguration: " + config);
  };
  EXPECT_THAT(Deploy(to_bus("{}"), "zip")[0],
              HasSubstr("Photos: Hearth does not serve EventBridge (events) yet"));
  destinations.Attach("events", [](const auto&, const auto&) {});
  for (const char* config : {"{}", "{EventBridgeEnabled: true}"}) {
    EXPECT_EQ(Deploy(to_bus(config), "zip").back(), "succeeded");
    EXPECT_TRUE(
        s3::NotificationOfText(objects.buckets["photos"].texts["notification"])->event_bridge)
        << config;
    EXPECT_THAT(Deploy(to_bus(config), "zip"), Contains("unchanged photos done"));
  }
  EXPECT_EQ(Deploy(to_bus("{EventBridgeEnabled: false}"), "zip").back(), "succeeded");
  EXPECT_EQ(objects.buckets["photos"].texts.count("notification"), 0u);
}

TEST_F(DeployedBucketEvents, WhoIsNotThereIsRefusedAtItsLine) {
  const auto queue = [](const std::string& arn) {
    return Notify("QueueConfigurations: [{Event: 's3:ObjectCreated:*', Queue: " + arn + "}]");
  };
  EXPECT_THAT(Deploy("Resources:\n" + queue("'arn:aws:sqs:us-east-1:000000000000:none'"), "zip")[0],
              HasSubstr("Photos: Unable to validate the following destination configurations: "
                        "arn:aws:sqs:us-east-1:000000000000:none: The destination queue does not "
                        "exist"));
  EXPECT_THAT(Deploy("Resources:\n" + queue("!GetAtt Q.Arn") + kQueue +
                         "    Properties: {FifoQueue: true}\n",
                     "zip")[0],
              HasSubstr("FIFO SQS queues are not supported"));
  EXPECT_THAT(Deploy("Resources:\n" +
                         Notify("LambdaConfigurations: [{Event: 's3:ObjectCreated:*', Function: "
                                "'arn:aws:lambda:us-east-1:000000000000:function:none'}]"),
                     "zip")[0],
              HasSubstr("there is no such function"));
  EXPECT_THAT(objects.calls, IsEmpty());
}

}  // namespace
}  // namespace hearth::stacks
