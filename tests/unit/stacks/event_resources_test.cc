// Rules, buses, archives and schedules in templates: from their properties to what their APIs are
// told.
#include "stacks/event_resource.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan_helper.h"
#include "stacks/event_told.h"

namespace hearth::stacks {
namespace {

using base::Json;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

const std::string kBus =
    "  Orders:\n    Type: AWS::Events::EventBus\n    Properties: {Name: orders}\n";
const std::string kQueue = "  Q:\n    Type: AWS::SQS::Queue\n";

std::string One(const std::string& type, const std::string& properties) {
  return "  One:\n    Type: " + type + "\n    Properties: {" + properties + "}\n";
}
std::expected<Plan, std::vector<Diagnostic>> PlanOne(const std::string& type,
                                                     const std::string& properties) {
  return PlanOf("Resources:\n" + One(type, properties) + kBus + kQueue +
                "Outputs: {Ref: {Value: !Ref One}}\n");
}
// The one that is called One.
const PlannedEventResource& TheOne(const Plan& plan) {
  return *std::ranges::find(plan.events, "One", &PlannedEventResource::logical_id);
}

TEST(RuleInATemplate, IsWhatPutRuleAndPutTargetsAreTold) {
  const auto plan = PlanOne(
      kRuleType,
      "Name: big, EventBusName: !Ref Orders, Description: large ones, State: DISABLED, RoleArn: "
      "'arn:aws:iam::000000000000:role/r', EventPattern: {detail: {total: [{numeric: ['>', 10]}]}, "
      "source: [shop]}, Tags: [{Key: a, Value: b}], Targets: [{Id: q, Arn: !GetAtt Q.Arn, "
      "InputTransformer: {InputPathsMap: {id: $.detail.id}, InputTemplate: '\"<id>\"'}, "
      "RetryPolicy: {MaximumRetryAttempts: 3, MaximumEventAgeInSeconds: 60}, DeadLetterConfig: "
      "{Arn: !GetAtt Q.Arn}}, {Id: r, Arn: !GetAtt Q.Arn, SqsParameters: {MessageGroupId: g}, "
      "InputPath: $.detail}]");
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  EXPECT_EQ(plan->events[0].kind, ResourceKind::kEventBus) << "what others use comes first";
  const PlannedEventResource& rule = TheOne(*plan);
  EXPECT_EQ(rule.name, "orders|big");
  EXPECT_EQ(plan->outputs[0].value, "orders|big");
  EXPECT_EQ(rule.told["EventBusName"], "orders");
  EXPECT_EQ(rule.told["Tags"], (Json{{"a", "b"}}));
  const auto read = ReadToldRule({}, rule.told);
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(read->rule.pattern, R"({"detail":{"total":[{"numeric":[">",10]}]},"source":["shop"]})");
  EXPECT_EQ(read->rule.state, events::RuleState::kDisabled);
  ASSERT_EQ(read->targets.size(), 2u);
  EXPECT_EQ(read->targets[0].transformer->paths.at("id"), "$.detail.id");
  EXPECT_EQ(read->targets[0].max_retries, 3);
  EXPECT_EQ(read->targets[0].dead_letter_arn, "arn:aws:sqs:us-east-1:000000000000:Q");
  EXPECT_EQ(read->targets[1].group_id, "g");
}

TEST(RuleInATemplate, HasANameThatIsMadeAndABusThatMayBeAnArn) {
  auto plan = PlanOne(kRuleType, "ScheduleExpression: rate(5 minutes)");
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  EXPECT_THAT(TheOne(*plan).name, MatchesRegex("shop-One-[0-9A-F]{12}"));
  plan =
      PlanOne(kRuleType, "Name: x, EventBusName: !GetAtt Orders.Arn, EventPattern: '{\"a\": [1]}'");
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  EXPECT_EQ(TheOne(*plan).name, "orders|x");
  EXPECT_EQ(EventArn({}, ResourceKind::kRule, "orders|x"),
            "arn:aws:events:us-east-1:000000000000:rule/orders/x");
  EXPECT_EQ(EventArn({}, ResourceKind::kRule, "x"), "arn:aws:events:us-east-1:000000000000:rule/x");
}

TEST(EventsInATemplate, HaveTheirNameAgainFromTheirArn) {
  for (const auto& [kind, name] :
       {std::pair{ResourceKind::kRule, "x"}, std::pair{ResourceKind::kRule, "bus|x"},
        std::pair{ResourceKind::kEventBus, "bus"}, std::pair{ResourceKind::kBusPolicy, "bus|Sid"},
        std::pair{ResourceKind::kArchive, "a"}, std::pair{ResourceKind::kSchedule, "default/s"},
        std::pair{ResourceKind::kScheduleGroup, "g"}}) {
    EXPECT_EQ(EventNameOfArn(kind, EventArn({}, kind, name)), name);
    EXPECT_EQ(EventKindOf(EventTypeOf(kind)), kind);
  }
}

TEST(ScheduleInATemplate, IsWhatCreateScheduleIsTold) {
  const auto plan = PlanOne(
      kScheduleType,
      "Name: night, GroupName: mine, Description: d, State: DISABLED, ScheduleExpression: 'cron(0 "
      "2 "
      "* * ? *)', ScheduleExpressionTimezone: Europe/Berlin, StartDate: '2030-01-01T00:00:00Z', "
      "EndDate: '2031-01-01T01:00:00+01:00', FlexibleTimeWindow: {Mode: FLEXIBLE, "
      "MaximumWindowInMinutes: 5}, Target: {Arn: !GetAtt Q.Arn, RoleArn: "
      "'arn:aws:iam::000000000000:role/r', Input: '{}', RetryPolicy: {MaximumRetryAttempts: 1, "
      "MaximumEventAgeInSeconds: 60}, DeadLetterConfig: {Arn: !GetAtt Q.Arn}}");
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  const PlannedEventResource& planned = TheOne(*plan);
  EXPECT_EQ(planned.name, "mine/night");
  EXPECT_EQ(plan->outputs[0].value, "night");
  const auto record = ReadToldSchedule(planned.told, std::nullopt);
  ASSERT_TRUE(record.has_value()) << record.error().message;
  EXPECT_EQ(record->key, (schedule::ScheduleKey{"mine", "night"}));
  EXPECT_EQ(record->timezone, "Europe/Berlin");
  EXPECT_EQ(record->start_ms, 1893456000000);
  EXPECT_EQ(record->end_ms, 1924992000000);
  EXPECT_EQ(record->window_minutes, 5);
  EXPECT_FALSE(record->is_enabled);
  EXPECT_EQ(record->target.max_retries, 1);
}

TEST(EventBusInATemplate, HasAPolicyAndStatementsOfOthers) {
  const auto plan = PlanOf(
      "Resources:\n" + kBus +
      One(kBusPolicyType,
          "EventBusName: !Ref Orders, StatementId: Them, Action: 'events:PutEvents', Principal: "
          "'111111111111', Condition: {Type: StringEquals, Key: 'aws:PrincipalOrgID', Value: o}") +
      "  Two:\n    Type: AWS::Events::EventBusPolicy\n    Properties: {StatementId: All, "
      "Statement: "
      "{Effect: Allow, Principal: '*', Action: 'events:PutEvents', Resource: !GetAtt "
      "Orders.Arn}}\nOutputs: {A: {Value: !Ref One}, B: {Value: !GetAtt Orders.Name}}\n");
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  EXPECT_EQ(plan->outputs[0].value, "orders|Them");
  EXPECT_EQ(plan->outputs[1].value, "orders");
  const auto told = InOneForm({}, ResourceKind::kBusPolicy, TheOne(*plan).told);
  EXPECT_EQ((*told)["Statement"],
            (Json{{"Sid", "Them"},
                  {"Effect", "Allow"},
                  {"Principal", {{"AWS", "arn:aws:iam::111111111111:root"}}},
                  {"Action", "events:PutEvents"},
                  {"Resource", "arn:aws:events:us-east-1:000000000000:event-bus/orders"},
                  {"Condition", {{"StringEquals", {{"aws:PrincipalOrgID", "o"}}}}}}));
  std::string policy = WithStatement("", "Them", (*told)["Statement"]);
  policy = WithStatement(policy, "All", Json{{"Sid", "All"}});
  EXPECT_EQ(StatementOf(policy, "Them"), (*told)["Statement"]);
  policy = WithStatement(WithStatement(policy, "Them", nullptr), "All", nullptr);
  EXPECT_EQ(policy, "") << "the last statement takes the policy along";
}

struct Bad {
  const char* type;
  std::string properties;
  std::string error;
};

TEST(EventsInATemplate, AreRefusedWhereTheyAreWrong) {
  const std::string target = "Target: {Arn: !GetAtt Q.Arn, RoleArn: 'arn:aws:iam::0:role/r'}";
  for (const Bad& bad : {
           Bad{kRuleType, "Colour: red", ":4:18: unknown property 'Colour' of AWS::Events::Rule"},
           Bad{kRuleType, "Name: x",
               "One: Parameter(s) EventPattern or ScheduleExpression must be specified."},
           Bad{kRuleType, "EventPattern: {a: 1}", ":4:18: One: Event pattern is not valid."},
           Bad{kRuleType, "EventPattern: {a: [{numric: ['=', 1]}]}", "Event pattern is not valid."},
           Bad{kRuleType, "EventPattern: x", ":4:32: 'EventPattern' is a pattern, a map"},
           Bad{kRuleType, "ScheduleExpression: rate(1 minutes)",
               ":4:18: One: Parameter ScheduleExpression is not valid."},
           Bad{kRuleType, "EventBusName: orders, ScheduleExpression: rate(1 minute)",
               "ScheduleExpression is supported only on the default event bus."},
           Bad{kRuleType, "ScheduleExpression: rate(1 minute), Targets: [{Id: a}]", "One: "},
           Bad{kRuleType,
               "ScheduleExpression: rate(1 minute), Targets: [{Id: a, Arn: !GetAtt Q.Arn, "
               "EcsParameters: {}}]",
               "the property 'EcsParameters' of AWS::Events::Rule.Targets is not served yet"},
           Bad{kRuleType,
               "ScheduleExpression: rate(1 minute), Targets: [{Id: a, Arn: !GetAtt Q.Arn, Colour: "
               "red}]",
               "unknown property 'Targets.Colour'"},
           Bad{kRuleType, "ScheduleExpression: rate(1 minute), Targets: {Id: a}",
               "'Targets' is a list of maps, not a map"},
           Bad{kRuleType, "ScheduleExpression: rate(1 minute), State: On", "One: "},
           Bad{kRuleType, "ScheduleExpression: rate(1 minute), Name: a b", ":4:"},
           Bad{kRuleType, "ScheduleExpression: rate(1 minute), Tags: {a: b}",
               "'Tags' is a list of {Key, Value}"},
           Bad{kRuleType, "ScheduleExpression: rate(1 minute), Tags: [{Key: 'aws:x', Value: y}]",
               ":4:54: One: "},
           Bad{kEventBusType, "Description: x", ":2:3: 'One' has no Name"},
           Bad{kEventBusType, "Name: a/b", "One: "},
           Bad{kEventBusType, "Name: a, KmsKeyIdentifier: k",
               "the property 'KmsKeyIdentifier' of AWS::Events::EventBus is not served yet"},
           Bad{kEventBusType, "Name: a, DeadLetterConfig: {}",
               "the property 'DeadLetterConfig' of AWS::Events::EventBus is not served yet"},
           Bad{kEventBusType, "Name: a, Policy: x", "'Policy' is a map, not 'x'"},
           Bad{kEventBusType, "Name: orders",
               "the name 'orders' of 'Orders' is also that of 'One'"},
           Bad{kBusPolicyType, "Action: x", ":2:3: 'One' has no StatementId"},
           Bad{kArchiveType, "ArchiveName: a", ":2:3: 'One' has no SourceArn"},
           Bad{kArchiveType, "SourceArn: x", "One: "},
           Bad{kArchiveType, "SourceArn: !GetAtt Orders.Arn, RetentionDays: x",
               "'RetentionDays' is a whole number, not 'x'"},
           Bad{kScheduleType, "Name: a", ":2:3: 'One' has no ScheduleExpression"},
           Bad{kScheduleType, "ScheduleExpression: x, " + target,
               "One: Invalid Schedule Expression x."},
           Bad{kScheduleType, "ScheduleExpression: rate(1 minute)", "One: "},
           Bad{kScheduleType, "ScheduleExpression: rate(1 minute), StartDate: soon, " + target,
               "'StartDate' is a time like '2026-11-28T13:00:00Z', not 'soon'"},
           Bad{kScheduleType, "ScheduleExpression: rate(1 minute), KmsKeyArn: k, " + target,
               "the property 'KmsKeyArn' of AWS::Scheduler::Schedule is not served yet"},
           Bad{kScheduleType,
               "ScheduleExpression: rate(1 minute), ScheduleExpressionTimezone: Mars/Base, " +
                   target,
               "Invalid Schedule Expression Timezone Mars/Base."},
           Bad{kScheduleGroupType, "Name: 'a b'", ":4:18: One: "},
       }) {
    EXPECT_THAT(ErrorsOf(PlanOne(bad.type, bad.properties)), HasSubstr(bad.error))
        << bad.type << " " << bad.properties;
  }
}

}  // namespace
}  // namespace hearth::stacks
