// A SAM function's events of rules and schedules: what SAM makes of them.
#include "stacks/function_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan_helper.h"

namespace hearth::stacks {
namespace {

using base::Json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;

const std::string kTop = "Transform: AWS::Serverless-2016-10-31\nResources:\n" + kHello;
constexpr char kHelloArn[] = "arn:aws:lambda:us-east-1:000000000000:function:Hello";

std::string Event(const std::string& type, const std::string& properties) {
  return "      Events: {E: {Type: " + type + ", Properties: {" + properties + "}}}\n";
}
std::expected<Plan, std::vector<Diagnostic>> PlanEvent(const std::string& type,
                                                       const std::string& properties,
                                                       const std::string& more = "") {
  return PlanOf(kTop + Event(type, properties) + more);
}
std::vector<std::string> Order(const Plan& plan) {
  std::vector<std::string> out;
  for (const PlannedStep& step : plan.order) {
    if (IsOfEvents(step.kind)) out.push_back(plan.events[step.index].logical_id);
    if (IsAttachment(step.kind)) out.push_back(plan.attachments[step.index].logical_id);
    if (step.kind == ResourceKind::kQueue) out.push_back(plan.queues[step.index].logical_id);
    if (step.kind == ResourceKind::kQueuePolicy) {
      out.push_back(plan.queue_policies[step.index].logical_id);
    }
  }
  return out;
}

TEST(ScheduleEvent, BecomesARuleThatMayCallTheFunction) {
  const auto plan = PlanEvent("Schedule",
                              "Schedule: rate(5 minutes), Description: d, Enabled: false, Input: "
                              "'{}', RetryPolicy: {MaximumRetryAttempts: 4}",
                              "      AutoPublishAlias: live\n"
                              "Outputs: {R: {Value: !GetAtt HelloE.Arn}}\n");
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  EXPECT_THAT(Order(*plan), ElementsAre("HelloEPermission", "HelloE"));
  const PlannedEventResource& rule = plan->events[0];
  EXPECT_EQ(rule.kind, ResourceKind::kRule);
  EXPECT_THAT(rule.name, MatchesRegex("shop-HelloE-[0-9A-F]{12}"));
  EXPECT_EQ(rule.told["State"], "DISABLED");
  EXPECT_EQ(rule.told["ScheduleExpression"], "rate(5 minutes)");
  EXPECT_EQ(rule.told["Targets"], Json::array({{{"Arn", std::string(kHelloArn) + ":live"},
                                                {"Id", "HelloELambdaTarget"},
                                                {"Input", "{}"},
                                                {"RetryPolicy", {{"MaximumRetryAttempts", 4}}}}}));
  const PlannedAttachment& permission = plan->attachments[0];
  EXPECT_EQ(permission.qualifier, "live");
  EXPECT_EQ(permission.told["Principal"], "events.amazonaws.com");
  EXPECT_EQ(permission.told["SourceArn"], plan->outputs[0].value);
}

TEST(EventBridgeRuleEvent, BecomesARuleOfItsBus) {
  for (const char* type : {"EventBridgeRule", "CloudWatchEvent"}) {
    const auto plan = PlanEvent(
        type,
        "EventBusName: !Ref Bus, RuleName: mine, State: ENABLED, Pattern: {source: [!Ref "
        "AWS::StackName]}, Target: {Id: t}, InputTransformer: {InputPathsMap: {a: $.detail.a}, "
        "InputTemplate: '\"<a>\"'}, DeadLetterConfig: {Type: SQS}",
        "  Bus:\n    Type: AWS::Events::EventBus\n    Properties: {Name: b}\n"
        "Outputs: {Q: {Value: !GetAtt HelloEQueue.Arn}}\n");
    ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
    EXPECT_THAT(Order(*plan), ElementsAre("Bus", "HelloEQueue", "HelloEQueuePolicy",
                                          "HelloEPermission", "HelloE"));
    const PlannedEventResource& rule = plan->events[1];
    EXPECT_EQ(rule.name, "b|mine");
    EXPECT_EQ(rule.told["EventPattern"], (Json{{"source", {"shop"}}}));
    EXPECT_EQ(rule.told["Targets"][0]["Id"], "t");
    EXPECT_EQ(rule.told["Targets"][0]["DeadLetterConfig"]["Arn"], plan->outputs[0].value);
    EXPECT_EQ(plan->attachments[0].told["SourceArn"],
              "arn:aws:events:us-east-1:000000000000:rule/b/mine");
    const auto policy = *base::ParseJson(plan->queue_policies[0].told["Policy"].get<std::string>());
    EXPECT_EQ(policy["Statement"][0]["Condition"]["ArnEquals"]["aws:SourceArn"],
              "arn:aws:events:us-east-1:000000000000:rule/b/mine");
    EXPECT_EQ(plan->queue_policies[0].queue, "HelloEQueue");
  }
}

TEST(ScheduleV2Event, BecomesAScheduleWithSamsNames) {
  const auto plan = PlanEvent(
      "ScheduleV2",
      "ScheduleExpression: 'cron(0 2 * * ? *)', ScheduleExpressionTimezone: Europe/Berlin, "
      "GroupName: "
      "default, Input: '1', StartDate: '2030-01-01T00:00:00Z', PermissionsBoundary: p, "
      "DeadLetterConfig: {Type: SQS, QueueLogicalId: Dead}, RetryPolicy: {MaximumRetryAttempts: 1}",
      "Outputs: {S: {Value: !Ref HelloE}, D: {Value: !Ref Dead}}\n");
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  EXPECT_THAT(Order(*plan), ElementsAre("Dead", "HelloE"));
  EXPECT_EQ(plan->outputs[0].value, "HelloE");
  const Json& told = plan->events[0].told;
  EXPECT_EQ(told["FlexibleTimeWindow"], (Json{{"Mode", "OFF"}}));
  EXPECT_EQ(told["StartDate"], 1893456000);
  EXPECT_EQ(told["Target"],
            (Json{{"Arn", kHelloArn},
                  {"RoleArn", "arn:aws:iam::000000000000:role/shop-HelloERole"},
                  {"Input", "1"},
                  {"DeadLetterConfig", {{"Arn", "arn:aws:sqs:us-east-1:000000000000:Dead"}}},
                  {"RetryPolicy", {{"MaximumRetryAttempts", 1}}}}));
  std::string notices;
  for (const auto& notice : plan->notices) notices += notice.message + "\n";
  EXPECT_THAT(notices, HasSubstr("the role 'HelloERole' that SAM would make is not made"));
  EXPECT_THAT(notices, HasSubstr("PermissionsBoundary of 'E' is not used"));

  const auto other = PlanEvent("ScheduleV2",
                               "ScheduleExpression: rate(1 minute), OmitName: true, RoleArn: "
                               "'arn:aws:iam::000000000000:role/r', State: DISABLED");
  ASSERT_TRUE(other.has_value()) << ErrorsOf(other);
  EXPECT_THAT(other->events[0].name, MatchesRegex("default/shop-HelloE-[0-9A-F]{12}"));
  EXPECT_THAT(other->notices, IsEmpty());
}

TEST(ScheduleEvent, OfAFunctionThatIsLeftOutBringsNothing) {
  const auto plan = PlanOf(
      "Transform: AWS::Serverless-2016-10-31\nConditions: {No: !Equals [a, b]}\nResources:\n" +
      kHello + Event("Schedule", "Schedule: rate(1 minute)") +
      "    Condition: No\n  Q:\n    Type: AWS::SQS::Queue\n");
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  EXPECT_THAT(plan->events, IsEmpty());
}

struct Bad {
  std::string type;
  std::string properties;
  std::string error;
};

TEST(RuleAndScheduleEvents, AreRefusedWhereTheyAreWrong) {
  const std::string rate = "Schedule: rate(1 minute), ";
  const std::string v2 = "ScheduleExpression: rate(1 minute), ";
  const std::string dead = "'arn:aws:sqs:us-east-1:000000000000:d'";
  for (const Bad& bad : {
           Bad{"Schedule", "Input: x", "'Events.E.Schedule' is missing: e.g. rate(5 minutes)"},
           Bad{"Schedule", "Schedule: rate(1 minutes)",
               "Parameter ScheduleExpression is not valid"},
           Bad{"Schedule", rate + "Colour: red", "unknown property 'Colour' of Events.E"},
           Bad{"Schedule", rate + "State: ENABLED, Enabled: true",
               "'Events.E.State' and Enabled cannot both be specified"},
           Bad{"Schedule", rate + "DeadLetterConfig: {}",
               "'Events.E.DeadLetterConfig' has no Arn: give one, or Type: SQS"},
           Bad{"Schedule", rate + "DeadLetterConfig: {Type: SNS}",
               "'Events.E.DeadLetterConfig' has no other Type than SQS"},
           Bad{"Schedule", rate + "DeadLetterConfig: {Type: SQS, Arn: " + dead + "}",
               "'Events.E.DeadLetterConfig' has either Arn or Type, not both"},
           Bad{"Schedule",
               rate + "DeadLetterConfig: {Type: SQS, QueueLogicalId: " + std::string(81, 'q') + "}",
               "has no name of a queue (too long, perhaps): give the ARN of one"},
           Bad{"EventBridgeRule", "RuleName: x", "'Events.E.Pattern' is missing"},
           Bad{"EventBridgeRule", "Pattern: [a]",
               "'Events.E.Pattern' is a pattern, a map: e.g. {source: [shop]}, not a list"},
           Bad{"EventBridgeRule", "Pattern: {a: b}", "HelloE: Event pattern is not valid."},
           Bad{"EventBridgeRule", "Pattern: {a: [b]}, Input: x, InputPath: $.a", "HelloE: "},
           Bad{"ScheduleV2", "Name: x", "'Events.E.ScheduleExpression' is missing"},
           Bad{"ScheduleV2", v2 + "KmsKeyArn: k", "'KmsKeyArn' of Events.E is not served yet"},
           Bad{"ScheduleV2", v2 + "OmitName: true, Name: x",
               "'Events.E.Name' cannot be set when OmitName is true"},
           Bad{"ScheduleV2", v2 + "EndDate: soon", "'Events.E.EndDate' is a time like"},
           Bad{"ScheduleV2", v2 + "FlexibleTimeWindow: {Mode: FLEXIBLE}",
               "MaximumWindowInMinutes must be set"},
           Bad{"Sched", "a: b", "the event type 'Sched' of 'Events.E' is not served yet"},
       }) {
    EXPECT_THAT(ErrorsOf(PlanEvent(bad.type, bad.properties)), HasSubstr(bad.error))
        << bad.type << " " << bad.properties.substr(0, 100);
  }
  EXPECT_THAT(ErrorsOf(PlanEvent("Schedule", rate + "DeadLetterConfig: {Type: SQS}",
                                 "  HelloEQueue:\n    Type: AWS::SQS::Queue\n")),
              HasSubstr("'Hello' brings 'HelloEQueue' with it"));
}

}  // namespace
}  // namespace hearth::stacks
