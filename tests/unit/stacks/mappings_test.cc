// Queues that call functions, and take what they give up, in templates.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan_helper.h"
#include "stacks/tokens.h"
#include "stacks_server.h"

namespace hearth::stacks {
namespace {

using base::Json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kTemplate = "Transform: AWS::Serverless-2016-10-31\nResources:\n" + kHello;
const std::string kEvent =
    "      Events: {Jobs: {Type: SQS, Properties: {Queue: !GetAtt Q.Arn, BatchSize: 5}}}\n";
const std::string kQueue = "  Q:\n    Type: AWS::SQS::Queue\n";
const std::string kOther =
    "  Other:\n    Type: AWS::Serverless::Function\n    DependsOn: Hello\n"
    "    Properties: {InlineCode: x, Handler: index.handler, Runtime: python3.12}\n";
constexpr char kArn[] = "arn:aws:sqs:us-east-1:000000000000:Q";

TEST(PlannedMappings, AreWhatSamMakesOfAFunctionsEvents) {
  const auto plan =
      PlanOf(kTemplate +
             "      AutoPublishAlias: live\n"
             "      Events:\n"
             "        Jobs:\n"
             "          Type: SQS\n"
             "          Properties:\n"
             "            Queue: !GetAtt Q.Arn\n"
             "            BatchSize: 5\n"
             "            Enabled: false\n"
             "            MaximumBatchingWindowInSeconds: 1\n"
             "            FunctionResponseTypes: [ReportBatchItemFailures]\n"
             "            ScalingConfig: {MaximumConcurrency: 2}\n"
             "            FilterCriteria: {Filters: [{Pattern: '{\"body\": {\"a\": [1]}}'}]}\n" +
             kQueue +
             "Outputs:\n  Id: {Value: !Ref HelloJobs}\n"
             "  Arn: {Value: !GetAtt HelloJobs.EventSourceMappingArn}\n");
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  ASSERT_EQ(plan->attachments.size(), 1u);
  const auto& one = plan->attachments[0];
  EXPECT_EQ(one.logical_id, "HelloJobs");
  EXPECT_EQ(one.function + ":" + one.qualifier, "Hello:live");
  const Json told{{"EventSourceArn", kArn},
                  {"BatchSize", 5},
                  {"Enabled", false},
                  {"MaximumBatchingWindowInSeconds", 1},
                  {"FunctionResponseTypes", {"ReportBatchItemFailures"}},
                  {"ScalingConfig", {{"MaximumConcurrency", 2}}},
                  {"FilterCriteria", {{"Filters", {{{"Pattern", R"({"body": {"a": [1]}})"}}}}}}};
  EXPECT_EQ(one.told, told);
  EXPECT_EQ(plan->order.front().kind, ResourceKind::kQueue);
  EXPECT_EQ(plan->outputs[0].value, MappingToken("HelloJobs"));
  EXPECT_THAT(plan->outputs[1].value, HasSubstr(":event-source-mapping:"));
}

TEST(PlannedMappings, MayBeResourcesOfTheirOwn) {
  const auto plan = PlanOf(kTemplate + kQueue +
                           "  M:\n    Type: AWS::Lambda::EventSourceMapping\n    Properties:\n"
                           "      FunctionName: !GetAtt Hello.Arn\n"
                           "      EventSourceArn: !GetAtt Q.Arn\n"
                           "      Tags: [{Key: a, Value: b}]\n");
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  const Json told{{"EventSourceArn", kArn}, {"Tags", {{"a", "b"}}}};
  EXPECT_EQ(plan->attachments[0].told, told);
}

TEST(PlannedDeadLetters, AreTheQueueThatIsNamedOrThatSamMakes) {
  auto plan =
      PlanOf(kTemplate + "      DeadLetterQueue: {Type: SQS, TargetArn: !GetAtt Q.Arn}\n" + kQueue);
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  EXPECT_EQ(plan->functions[0].settings.dead_letter_arn, kArn);
  plan = PlanOf(
      "Transform: AWS::Serverless-2016-10-31\n"
      "Globals: {Function: {DeadLetterQueue: {Type: SQS, TargetArn: !GetAtt Q.Arn}}}\n"
      "Resources:\n" +
      kHello + kQueue);
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  EXPECT_EQ(plan->functions[0].settings.dead_letter_arn, kArn);
  plan = PlanOf(
      "Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n"
      "      {Code: src, Handler: a.b, Runtime: python3.12, Role: r, DeadLetterConfig: "
      "{TargetArn: !GetAtt Q.Arn}}\n" +
      kQueue);
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  EXPECT_EQ(plan->functions[0].settings.dead_letter_arn, kArn);
  plan = PlanOf(kTemplate +
                "      EventInvokeConfig: {DestinationConfig: {OnFailure: {Type: SQS}, OnSuccess: "
                "{Type: SQS, Destination: !GetAtt Q.Arn}}}\n" +
                kQueue + "Outputs: {U: {Value: !Ref HelloEventInvokeConfigOnFailureQueue}}\n");
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  ASSERT_EQ(plan->queues.size(), 2u);
  EXPECT_EQ(plan->queues[1].name, "HelloEventInvokeConfigOnFailureQueue");
  const Json config = plan->attachments[0].told["DestinationConfig"];
  EXPECT_EQ(config["OnFailure"]["Destination"],
            "arn:aws:sqs:us-east-1:000000000000:HelloEventInvokeConfigOnFailureQueue");
  EXPECT_EQ(config["OnSuccess"]["Destination"], kArn);
  EXPECT_EQ(plan->outputs[0].value,
            "http://localhost/000000000000/HelloEventInvokeConfigOnFailureQueue");
}

TEST(PlannedMappings, HaveTheFunctionsTagsWhereItPropagatesThem) {
  const std::string tags =
      "      Tags: {a: b}\n      EventInvokeConfig: {DestinationConfig: {OnFailure: {Type: "
      "SQS}}}\n";
  for (const bool propagates : {false, true}) {
    const auto plan = PlanOf(kTemplate + kEvent + tags +
                             (propagates ? "      PropagateTags: true\n" : "") + kQueue);
    ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
    const Json wanted = propagates ? Json{{"a", "b"}} : Json();
    EXPECT_EQ(plan->attachments.back().told.value("Tags", Json()), wanted);
    EXPECT_EQ(plan->queues[1].told["Tags"].value("a", ""), propagates ? "b" : "");
  }
}

struct Bad {
  std::string lines;
  std::string message;
};

TEST(PlannedMappings, WhatIsWrongIsSaidAtItsPlace) {
  const std::string mapping = "  M:\n    Type: AWS::Lambda::EventSourceMapping\n    Properties: ";
  for (const Bad& bad : {
           Bad{"      Events: {A: {Type: Api}}\n",
               "9:26: the event type 'Api' of 'Events.A' is not served yet; served: "
               "CloudWatchEvent, "
               "EventBridgeRule, S3, SQS, Schedule, ScheduleV2"},
           Bad{"      Events: {A: SQS}\n", "'Events.A' is a map with Type and Properties"},
           Bad{"      Events: [A]\n", "9:15: 'Events' is a map, not a list"},
           Bad{"      Events: {a-b: {Type: SQS, Properties: {Queue: '" + std::string(kArn) +
                   "'}}}\n",
               "the event's name 'a-b' has other characters than letters and digits"},
           Bad{"      Events: {A: {Type: SQS}}\n",
               "'Events.A.Properties' is a map with Queue: !GetAtt MyQueue.Arn"},
           Bad{"      Events: {A: {Type: SQS, Properties: {BatchSize: 1}}}\n",
               "9:16: 'Events.A.Queue' is missing: the ARN of a queue"},
           Bad{"      Events: {A: {Type: SQS, Properties: {Queue: x}}}\n",
               "'Events.A.Queue' is the ARN of a queue (!GetAtt MyQueue.Arn), not 'x'"},
           Bad{"      Events: {A: {Type: SQS, Property: {}, Properties: {Queue: x}}}\n",
               "unknown name 'Property' in 'Events.A'"},
           Bad{"      Events: {A: {Type: SQS, Properties: {Queue: x, KmsKeyArn: k}}}\n",
               "the property 'KmsKeyArn' of Events.A is not served yet"},
           Bad{"      Events: {A: {Type: SQS, Properties: {Queue: x, BatchSiz: 1}}}\n",
               "(did you mean 'BatchSize'?)"},
           Bad{"      Events: {A: {Type: SQS, Properties: {Queue: x, BatchSize: few}}}\n",
               "'Events.A.BatchSize' is a whole number, not 'few'"},
           Bad{"      Events: {A: {Type: SQS, Properties: {Queue: x, FilterCriteria: {Filters: "
               "x}}}}\n",
               "'Events.A.FilterCriteria.Filters' is a list of maps, not 'x'"},
           Bad{"      Events: {A: {Type: SQS, Properties: {Queue: x, FilterCriteria: {Filters: "
               "[{Patern: x}]}}}}\n",
               "unknown property 'Events.A.FilterCriteria.Filters.Patern'"},
           Bad{kEvent + "  HelloJobs:\n    Type: AWS::SQS::Queue\n" + kQueue,
               "'Hello' brings 'HelloJobs' with it: nothing else can have that name"},
           Bad{mapping + "{FunctionName: !Ref Hello}\n", "'EventSourceArn' is missing"},
           Bad{mapping + "{FunctionName: x, EventSourceArn: '" + kArn + "'}\n",
               "'FunctionName' 'x' is no function of this template"},
           Bad{mapping + "{FunctionName: !Ref Hello, EventSourceArn: "
                         "'arn:aws:kinesis:us-east-1:000000000000:stream/s'}\n",
               "not 'arn:aws:kinesis:us-east-1:000000000000:stream/s': other sources are not "
               "served yet"},
           Bad{mapping + "{StartingPosition: LATEST}\n",
               "the property 'StartingPosition' of AWS::Lambda::EventSourceMapping is not served"},
           Bad{mapping + "{FunctionName: !Ref Hello, EventSourceArn: !GetAtt Q.Arn}\n" + kQueue +
                   "  N:\n    Type: AWS::Lambda::EventSourceMapping\n    Properties: "
                   "{FunctionName: !Ref Hello, EventSourceArn: !GetAtt Q.Arn}\n",
               "'N' is for Hello|arn:aws:sqs:us-east-1:000000000000:Q, for which 'M' is already"},
           Bad{"      DeadLetterQueue: {TargetArn: x}\n", "'DeadLetterQueue' has no Type"},
           Bad{"      DeadLetterQueue: {Type: SQS}\n", "'DeadLetterQueue' has no TargetArn"},
           Bad{"      DeadLetterQueue: {Type: SNS, TargetArn: x}\n",
               "9:24: 'DeadLetterQueue': topics (SNS) are not served yet"},
           Bad{"      DeadLetterQueue: {Type: SQS, Target: x}\n",
               "unknown name 'Target' in 'DeadLetterQueue'"},
           Bad{"      EventInvokeConfig: {DestinationConfig: {OnSuccess: {Type: SNS}}}\n",
               "'EventInvokeConfig.DestinationConfig.OnSuccess' of type SNS without a Destination "
               "would make one, which is not served yet"},
       }) {
    EXPECT_THAT(ErrorsOf(PlanOf(kTemplate + bad.lines)), HasSubstr(bad.message)) << bad.lines;
  }
}

class DeployedMappings : public StacksServer {
 protected:
  DeployedMappings() {
    destinations.Attach("sqs", [](const auto&, const auto&) {});
  }
  // "Hello:live 5 Enabled" of each.
  std::vector<std::string> Mappings() {
    std::vector<std::string> out;
    for (const auto& shown : mappings->List()) {
      const auto& one = *shown.mapping;
      out.push_back(one.function + (one.qualifier.empty() ? "" : ":" + one.qualifier) + " " +
                    std::to_string(one.batch_size) + " " + shown.state);
    }
    return out;
  }
  std::string Uuid() { return mappings->List().at(0).mapping->uuid; }
  // The first error of a refused deployment.
  std::string Refusal(const std::string& text) { return Deploy(text, "zip")[0]; }
};

TEST_F(DeployedMappings, AreMadeChangedAndTakenAwayBeforeTheirFunction) {
  const std::string outputs = "Outputs: {Id: {Value: !Ref HelloJobs}}\n";
  const std::string text = kTemplate + kEvent + kQueue + outputs;
  EXPECT_THAT(Deploy(text, "zip"),
              ElementsAre("create Q done", "create Hello done",
                          "create Hello|" + std::string(kArn) + " done", "succeeded"));
  EXPECT_THAT(Mappings(), ElementsAre("Hello 5 Enabled"));
  const std::string uuid = Uuid();
  EXPECT_EQ(last["outputs"]["Id"], uuid);
  EXPECT_EQ(source.running.size(), 1u);
  EXPECT_EQ(Deploy(text, "zip")[2], "unchanged Hello|" + std::string(kArn) + " done");
  EXPECT_EQ(last["outputs"]["Id"], uuid);

  std::string next = text;
  next.replace(next.find("BatchSize: 5"), 12, "Enabled: false");
  EXPECT_EQ(Deploy(next, "zip")[2], "update Hello|" + std::string(kArn) + " done");
  EXPECT_THAT(Mappings(), ElementsAre("Hello 10 Disabled"));
  EXPECT_EQ(Uuid(), uuid);
  EXPECT_THAT(source.running, IsEmpty());

  // On the alias, which is another mapping.
  EXPECT_EQ(Deploy(kTemplate + "      AutoPublishAlias: live\n" + kEvent + kQueue, "zip").back(),
            "succeeded");
  EXPECT_THAT(Mappings(), ElementsAre("Hello:live 5 Enabled"));
  EXPECT_THAT(Shown(Ask("DELETE", "/_hearth/stacks/shop")),
              ElementsAre("delete Hello:live|" + std::string(kArn) + " done", "delete Hello done",
                          "delete Q done", "succeeded"));
  EXPECT_THAT(Mappings(), IsEmpty());
  EXPECT_THAT(queues.queues, IsEmpty());
}

TEST_F(DeployedMappings, WaitForWhatTheirBatchesStillDo) {
  EXPECT_EQ(Deploy(kTemplate + kEvent + kQueue, "zip").back(), "succeeded");
  source.holds = true;
  const Json body = {{"template", kTemplate}, {"artifacts", {{"src/", code.Put("zip")->digest}}}};
  io::HttpClient client(loop, address);
  std::optional<io::HttpResponse> answer;
  client.Send({.method = "POST", .target = "/_hearth/stacks/shop", .body = base::ToJsonText(body)},
              [&](base::Result<io::HttpResponse> result) { answer = MUST(std::move(result)); });
  loop.RunUntil([&] { return !source.held.empty(); });
  EXPECT_THAT(Mappings(), ElementsAre("Hello 5 Deleting"));
  EXPECT_EQ(queues.queues.size(), 1u);
  EXPECT_FALSE(answer);
  for (auto& stopped : std::exchange(source.held, {})) loop.Post(std::move(stopped));
  loop.RunUntil([&] { return answer.has_value(); });
  EXPECT_EQ(Shown(*answer).back(), "succeeded");
  EXPECT_THAT(Mappings(), IsEmpty());
  EXPECT_THAT(queues.queues, IsEmpty());
}

TEST_F(DeployedMappings, AFailureBringsThemBackAsTheyWere) {
  EXPECT_EQ(Deploy(kTemplate + kEvent + kQueue, "zip").back(), "succeeded");
  const std::string uuid = Uuid();
  std::string changed = kEvent;
  changed.replace(changed.find("5"), 1, "7");
  control.failing = {"create Other"};
  EXPECT_EQ(Deploy(kTemplate + changed + kQueue + kOther, "zip").back(), "rolled back");
  EXPECT_THAT(Mappings(), ElementsAre("Hello 5 Enabled"));
  control.failing = {"delete Hello"};
  EXPECT_THAT(Shown(Ask("DELETE", "/_hearth/stacks/shop")), Contains("rolled back"));
  EXPECT_THAT(Mappings(), ElementsAre("Hello 5 Enabled"));
  EXPECT_EQ(Uuid(), uuid);
  EXPECT_EQ(source.running.count(uuid), 1u);
}

TEST_F(DeployedMappings, WhatAKillCutShortIsRolledBack) {
  EXPECT_EQ(Deploy(kTemplate, "zip").back(), "succeeded");
  control.dies_before = {"create Other"};
  DeployUntilItDies(kTemplate + kEvent + kQueue + kOther);
  EXPECT_THAT(Mappings(), ElementsAre("Hello 5 Enabled"));

  EXPECT_THAT(Reborn(), ElementsAre(HasSubstr("rolled back")));
  EXPECT_THAT(Mappings(), IsEmpty());
  EXPECT_THAT(queues.queues, IsEmpty());
  EXPECT_NE(registry.Find("Hello"), nullptr);
}

TEST_F(DeployedMappings, WhatSomebodyElseChangedIsBroughtBack) {
  const std::string text = kTemplate + kEvent + kQueue;
  EXPECT_EQ(Deploy(text, "zip").back(), "succeeded");
  auto next = *mappings->List().at(0).mapping;
  next.batch_size = 1;
  bool is_done = false;
  mappings->Update(next.uuid, next, [&](const auto&) { is_done = true; });
  loop.RunUntil([&] { return is_done; });
  // Also while that is still under way.
  EXPECT_EQ(Deploy(text, "zip").back(), "succeeded");
  EXPECT_THAT(Mappings(), ElementsAre("Hello 5 Enabled"));
  is_done = false;
  mappings->Delete(next.uuid, [&](const auto&) { is_done = true; });
  loop.RunUntil([&] { return is_done; });
  EXPECT_EQ(Deploy(text, "zip").back(), "succeeded");
  EXPECT_THAT(Mappings(), ElementsAre("Hello 5 Enabled"));
}

TEST_F(DeployedMappings, WhatTheApiWouldRefuseIsRefusedBeforeAnythingIsChanged) {
  const auto event = [](const std::string& more) {
    return "      Events: {J: {Type: SQS, Properties: {Queue: !GetAtt Q.Arn" + more + "}}}\n" +
           kQueue;
  };
  const std::string absent = "arn:aws:sqs:us-east-1:000000000000:absent";
  for (const Bad& bad : {
           Bad{event(", BatchSize: 10001"), "HelloJ: 1 validation error detected: Value '10001'"},
           Bad{event(", BatchSize: 11"), "Maximum batch window in seconds must be greater than 0"},
           Bad{event(", FunctionResponseTypes: [x]"), "ReportBatchItemFailures"},
           Bad{event(", ScalingConfig: {MaximumConcurrency: 1}"), "maximumConcurrency"},
           Bad{event(", FilterCriteria: {Filters: [{Pattern: x}]}"),
               "Invalid filter pattern definition."},
           Bad{event(", BatchSize: 11, MaximumBatchingWindowInSeconds: 1") +
                   "    Properties: {FifoQueue: true}\n",
               "Member must have value less than or equal to 10"},
           Bad{"      Timeout: 60\n" + event(""),
               "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds"},
           Bad{"      Events: {J: {Type: SQS, Properties: {Queue: '" + absent + "'}}}\n",
               "The specified queue does not exist"},
           Bad{"      DeadLetterQueue: {Type: SQS, TargetArn: '" + absent + "'}\n",
               "Hello: The ARN " + absent + " is invalid: there is no such queue."},
           Bad{"      EventInvokeConfig: {DestinationConfig: {OnFailure: {Type: SQS, Destination: "
               "'" +
                   absent + "'}}}\n",
               "there is no such queue"},
           Bad{"      EventInvokeConfig: {DestinationConfig: {OnFailure: {Type: SQS, Destination: "
               "!GetAtt Q.Arn}}}\n" +
                   kQueue + "    Properties: {FifoQueue: true}\n",
               "it is of a FIFO queue"},
       }) {
    EXPECT_THAT(Refusal(kTemplate + bad.lines), HasSubstr(bad.message)) << bad.lines;
  }
  EXPECT_TRUE(registry.functions.empty());
  EXPECT_TRUE(queues.queues.empty());
  EXPECT_TRUE(control.calls.empty());
}

TEST_F(DeployedMappings, DeadLettersAndDestinationsAreDeployedAndTakenAway) {
  const std::string dead =
      "      DeadLetterQueue: {Type: SQS, TargetArn: !GetAtt Q.Arn}\n"
      "      EventInvokeConfig: {DestinationConfig: {OnFailure: {Type: SQS}}}\n";
  EXPECT_EQ(Deploy(kTemplate + dead + kQueue, "zip").back(), "succeeded");
  EXPECT_EQ(registry.Find("Hello")->dead_letter_arn, kArn);
  EXPECT_EQ(queues.queues.count("HelloEventInvokeConfigOnFailureQueue"), 1u);
  EXPECT_EQ(Deploy(kTemplate + dead + kQueue, "zip")[1], "unchanged Hello done");
  control.failing = {"create Other"};
  EXPECT_EQ(Deploy(kTemplate + kOther, "zip").back(), "rolled back");
  EXPECT_EQ(registry.Find("Hello")->dead_letter_arn, kArn);
  EXPECT_EQ(queues.queues.size(), 2u);
  EXPECT_EQ(Deploy(kTemplate, "zip").back(), "succeeded");
  EXPECT_EQ(registry.Find("Hello")->dead_letter_arn, "");
  EXPECT_THAT(queues.queues, IsEmpty());
}

}  // namespace
}  // namespace hearth::stacks
