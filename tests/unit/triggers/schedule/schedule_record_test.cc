#include "triggers/schedule/schedule_record.h"

#include <gtest/gtest.h>

#include "triggers/schedule/group_record.h"

namespace hearth::schedule {
namespace {

using base::Json;

// 2026-11-28T12:00:00Z
constexpr int64_t kNow = 1'795'867'200'000;

Json Body() {
  return {{"ScheduleExpression", "rate(5 minutes)"},
          {"FlexibleTimeWindow", {{"Mode", "OFF"}}},
          {"Target",
           {{"Arn", "arn:aws:lambda:us-east-1:000000000000:function:F"},
            {"RoleArn", "arn:aws:iam::000000000000:role/R"}}}};
}

TEST(ScheduleRecord, HasDefaultsAsAwsTellsThem) {
  const auto record = ReadSchedule(Body(), "s", kNow);
  ASSERT_TRUE(record.has_value());
  const Json expected = {
      {"Name", "s"},
      {"GroupName", "default"},
      {"ScheduleExpression", "rate(5 minutes)"},
      {"ScheduleExpressionTimezone", "UTC"},
      {"FlexibleTimeWindow", {{"Mode", "OFF"}}},
      {"State", "ENABLED"},
      {"ActionAfterCompletion", "NONE"},
      {"Target",
       {{"Arn", "arn:aws:lambda:us-east-1:000000000000:function:F"},
        {"RoleArn", "arn:aws:iam::000000000000:role/R"},
        {"RetryPolicy", {{"MaximumEventAgeInSeconds", 86400}, {"MaximumRetryAttempts", 185}}}}}};
  EXPECT_EQ(ToJson(*record), expected);
}

TEST(ScheduleRecord, IsReadAgainAsItWasWritten) {
  Json body = Body();
  body["Name"] = "s";
  body["GroupName"] = "g";
  body["Description"] = "d";
  body["ScheduleExpressionTimezone"] = "America/New_York";
  body["StartDate"] = "2026-11-28T12:00:01.250Z";
  body["EndDate"] = 1'900'000'000;
  body["FlexibleTimeWindow"] = {{"Mode", "FLEXIBLE"}, {"MaximumWindowInMinutes", 1440}};
  body["State"] = "DISABLED";
  body["ActionAfterCompletion"] = "DELETE";
  body["Target"] = {
      {"Arn", "arn:aws:events:us-east-1:000000000000:event-bus/b"},
      {"RoleArn", "arn:aws:iam::000000000000:role/service-role/R"},
      {"Input", "{\"n\": <aws.scheduler.attempt-number>}"},
      {"RetryPolicy", {{"MaximumEventAgeInSeconds", 60}, {"MaximumRetryAttempts", 0}}},
      {"DeadLetterConfig", {{"Arn", "arn:aws:sqs:us-east-1:000000000000:dead"}}},
      {"EventBridgeParameters", {{"DetailType", "t"}, {"Source", "shop"}}}};
  const auto record = ReadSchedule(body, {}, kNow);
  ASSERT_TRUE(record.has_value()) << record.error().message;
  EXPECT_EQ(record->start_ms, 1'795'867'201'250);
  const auto again = ReadSchedule(ToJson(*record), {}, std::nullopt);
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_TRUE(again->SaysTheSame(*record));
}

struct Refusal {
  Json change;  // Merged into Body(); null takes a member away.
  std::string message;
};

TEST(ScheduleRecord, IsRefusedInAwsWords) {
  const std::string detected = "1 validation error detected: Value ";
  const std::string constraint = " failed to satisfy constraint: Member must ";
  const std::string fifo = "arn:aws:sqs:us-east-1:000000000000:q.fifo";
  const std::string bus = "arn:aws:events:us-east-1:000000000000:event-bus/b";
  const std::string universal = "arn:aws:scheduler:::aws-sdk:";
  const std::vector<Refusal> refusals = {
      {{{"ScheduleExpression", "rate(10 seconds)"}},
       "Invalid Schedule Expression rate(10 seconds). (rate: 'seconds' is not one of minute, "
       "minutes, hour, hours, day, days)"},
      {{{"ScheduleExpression", "cron(71 8 1 * ? *)"}},
       "Invalid Schedule Expression cron(71 8 1 * ? *). (field 'minutes': 71 is not between 0 and "
       "59)"},
      {{{"ScheduleExpression", nullptr}},
       detected + "null at 'scheduleExpression'" + constraint + "not be null"},
      {{{"ScheduleExpression", ""}},
       detected + "'' at 'scheduleExpression'" + constraint +
           "have length greater than or equal to 1"},
      {{{"ScheduleExpressionTimezone", "Mars/Base"}},
       "Invalid Schedule Expression Timezone Mars/Base."},
      {{{"ScheduleExpressionTimezone", "../../etc/passwd"}},
       "Invalid Schedule Expression Timezone ../../etc/passwd."},
      {{{"StartDate", 1'795'866'899}},
       "The StartDate you specify cannot be earlier than 5 minutes ago."},
      {{{"EndDate", 1'795'867'200}}, "The EndDate you specify must be in the future."},
      {{{"StartDate", 1'795'868'000}, {"EndDate", 1'795'868'000}},
       "The StartDate you specify must come before the EndDate."},
      {{{"EndDate", 1e300}},
       "'endDate' must be a moment of the years 1970 to 2199, in seconds since 1970."},
      {{{"EndDate", "tomorrow"}},
       "'endDate' must be a moment of the years 1970 to 2199, in seconds since 1970."},
      {{{"EndDate", "2030-02-30T00:00:00Z"}},
       "'endDate' must be a moment of the years 1970 to 2199, in seconds since 1970."},
      {{{"GroupName", "a/b"}},
       detected + "'a/b' at 'groupName'" + constraint +
           "satisfy regular expression pattern: ^[0-9a-zA-Z-_.]+$"},
      {{{"Description", std::string(513, 'x')}},
       detected + "'" + std::string(300, 'x') + "' at 'description'" + constraint +
           "have length less than or equal to 512"},
      {{{"State", "ON"}},
       detected + "'ON' at 'state'" + constraint + "satisfy enum value set: [ENABLED, DISABLED]"},
      {{{"KmsKeyArn", "arn:aws:kms:us-east-1:000000000000:key/k"}},
       "Hearth does not serve KmsKeyArn."},
      {{{"Colour", "red"}}, "Hearth does not serve the member 'colour'."},
      {{{"FlexibleTimeWindow", nullptr}},
       detected + "null at 'flexibleTimeWindow'" + constraint + "not be null"},
      {{{"FlexibleTimeWindow", {{"Mode", "SOMETIMES"}}}},
       detected + "'SOMETIMES' at 'flexibleTimeWindow.mode'" + constraint +
           "satisfy enum value set: [OFF, FLEXIBLE]"},
      {{{"FlexibleTimeWindow", {{"Mode", "FLEXIBLE"}}}},
       "MaximumWindowInMinutes must be set when the FlexibleTimeWindow Mode is FLEXIBLE."},
      {{{"FlexibleTimeWindow", {{"Mode", "FLEXIBLE"}, {"MaximumWindowInMinutes", 1441}}}},
       detected + "'1441' at 'flexibleTimeWindow.maximumWindowInMinutes'" + constraint +
           "have value less than or equal to 1440"},
      {{{"FlexibleTimeWindow", {{"MaximumWindowInMinutes", 5}}}},
       "MaximumWindowInMinutes must not be set when the FlexibleTimeWindow Mode is OFF."},
      {{{"FlexibleTimeWindow", "OFF"}}, "'flexibleTimeWindow' must be an object."},
      {{{"Target", nullptr}}, detected + "null at 'target'" + constraint + "not be null"},
      {{{"Target", {{"RoleArn", nullptr}}}},
       detected + "null at 'target.roleArn'" + constraint + "not be null"},
      {{{"Target", {{"RoleArn", "R"}}}},
       detected + "'R' at 'target.roleArn'" + constraint +
           "satisfy regular expression pattern: "
           "^arn:aws(-[a-z]+)?:iam::\\d{12}:role\\/[\\w+=,.@\\/-]+$"},
      {{{"Target", {{"Arn", "nothing"}}}}, "Provided Arn is not in correct format."},
      {{{"Target", {{"Input", "{"}}}}, "Input of a target of lambda must be well-formed JSON."},
      {{{"Target", {{"RetryPolicy", {{"MaximumRetryAttempts", 186}}}}}},
       detected + "'186' at 'target.retryPolicy.maximumRetryAttempts'" + constraint +
           "have value less than or equal to 185"},
      {{{"Target", {{"RetryPolicy", {{"MaximumEventAgeInSeconds", 59}}}}}},
       detected + "'59' at 'target.retryPolicy.maximumEventAgeInSeconds'" + constraint +
           "have value greater than or equal to 60"},
      {{{"Target", {{"RetryPolicy", {{"MaximumRetryAttempts", 1.5}}}}}},
       "'target.retryPolicy.maximumRetryAttempts' must be a whole number."},
      {{{"Target", {{"DeadLetterConfig", {{"Arn", fifo}}}}}},
       detected + "'" + fifo + "' at 'target.deadLetterConfig.arn'" + constraint +
           "satisfy regular expression pattern: "
           "^arn:aws(-[a-z]+)?:sqs:[a-z0-9\\-]+:\\d{12}:[a-zA-Z0-9\\-_]+$"},
      {{{"Target", {{"EcsParameters", Json::object()}}}},
       "Hearth does not serve EcsParameters of target."},
      {{{"Target", {{"SqsParameters", {{"MessageGroupId", "g"}}}}}},
       "SqsParameters.MessageGroupId may be set for an Amazon SQS FIFO queue only."},
      {{{"Target", {{"Arn", fifo}}}},
       "SqsParameters.MessageGroupId must be set for an Amazon SQS FIFO queue."},
      {{{"Target", {{"Arn", bus}}}}, "EventBridgeParameters must be set for an event bus."},
      {{{"Target", {{"EventBridgeParameters", {{"DetailType", "t"}, {"Source", "shop"}}}}}},
       "EventBridgeParameters may be set for an event bus only."},
      {{{"Target",
         {{"Arn", bus}, {"EventBridgeParameters", {{"DetailType", "t"}, {"Source", "aws.ec2"}}}}}},
       detected + "'aws.ec2' at 'target.eventBridgeParameters.source'" + constraint +
           "satisfy regular expression pattern: "
           "^(?=[/\\.\\-_A-Za-z0-9]+)((?!aws\\.).*)|(\\$(\\.[\\w_-]+(\\[(\\d+|\\*)\\])*)*)$"},
      {{{"Target",
         {{"Arn", bus},
          {"Input", "[]"},
          {"EventBridgeParameters", {{"DetailType", "t"}, {"Source", "shop"}}}}}},
       "Input of a target of events must be well-formed JSON, an object."},
      {{{"Target", {{"Arn", universal + "sqs:sendMessage"}}}},
       "You must provide an input to set this target for your schedule."},
      {{{"Target", {{"Arn", universal + "ec2:startInstances"}, {"Input", "{}"}}}},
       "Hearth does not serve the universal target ec2:startInstances."},
      {{{"Target", {{"Arn", universal + "sqs:sendMessage"}, {"Input", "["}}}},
       "Input of a universal target must be well-formed JSON."},
      {{{"Target", {{"Arn", universal + "sqs:sendMessage"}, {"Input", "{}"}}}},
       detected + "null at 'input.queueUrl'" + constraint + "not be null"},
      {{{"Target",
         {{"Arn", universal + "sqs:sendMessage"},
          {"Input",
           "{\"QueueUrl\": \"http://h/000000000000/q\", \"MessageBody\": \"b\", "
           "\"DelaySeconds\": 5}"}}}},
       "Hearth does not serve the member 'input.delaySeconds'."},
      {{{"Target",
         {{"Arn", universal + "lambda:invoke"},
          {"Input", "{\"FunctionName\": \"F\", \"Payload\": \"x\"}"}}}},
       "Payload of a call of a function must be well-formed JSON."},
      {{{"Target",
         {{"Arn", universal + "sqs:sendMessage"},
          {"Input",
           "{\"QueueUrl\": \"http://h/000000000000/q<aws.scheduler.attempt-number>\", "
           "\"MessageBody\": \"b\"}"}}}},
       "Hearth does not serve <aws.scheduler.attempt-number> outside of what a call carries."},
      {{{"Target",
         {{"Arn", universal + "eventbridge:putEvents"},
          {"Input",
           "{\"Entries\": [{\"Detail\": \"{}\", \"DetailType\": \"t\", "
           "\"Source\": \"<aws.scheduler.attempt-number>\"}]}"}}}},
       "Hearth does not serve <aws.scheduler.attempt-number> outside of what a call carries."},
      {{{"Target", {{"Input", "{\"id\": <aws.scheduler.execution-id>}"}}}},
       "Input of a target of lambda must be well-formed JSON."},
      {{{"Target", {{"Arn", universal + "eventbridge:putEvents"}, {"Input", "{\"Entries\": []}"}}}},
       "Entries must be a list of 1 to 10 events."},
      {{{"Target", {{"Input", std::string(256 * 1024 + 1, '1')}}}},
       detected + "'" + std::string(300, '1') + "' at 'target.input'" + constraint +
           "have length less than or equal to 262144"},
  };
  for (const Refusal& refusal : refusals) {
    Json body = Body();
    body.merge_patch(refusal.change);
    const auto record = ReadSchedule(body, "s", kNow);
    ASSERT_FALSE(record.has_value()) << refusal.message;
    EXPECT_EQ(record.error().message, refusal.message);
    EXPECT_EQ(record.error().status, 400);
  }
}

TEST(ScheduleRecord, IsReadAgainWithoutAnotherLookAtItsInput) {
  Json body = Body();
  body["Target"]["Input"] = "{";
  EXPECT_FALSE(ReadSchedule(body, "s", kNow).has_value());
  EXPECT_TRUE(ReadSchedule(body, "s", std::nullopt).has_value());
}

TEST(ScheduleRecord, TakesNamesByTheirPattern) {
  for (const std::string& name : std::vector<std::string>{"a", "-_.", "0", std::string(64, 'x')}) {
    EXPECT_TRUE(ReadSchedule(Body(), name, kNow).has_value()) << name;
  }
  for (const std::string& name :
       std::vector<std::string>{"a b", "a/b", "\xc3\xa9", std::string(65, 'x')}) {
    EXPECT_FALSE(ReadSchedule(Body(), name, kNow).has_value()) << name;
  }
  EXPECT_EQ(ReadSchedule(Body(), "", kNow).error().message,
            "1 validation error detected: Value null at 'name' failed to satisfy constraint: "
            "Member must not be null");
}

TEST(ScheduleRecord, IsRefusedWhereItsTargetHasNoServiceHere) {
  invoker::Destinations destinations;
  destinations.Attach("sqs", {});
  const auto check = [&destinations](const std::string& arn) -> std::string {
    const auto refusal = CheckServed({.arn = arn, .role_arn = {}}, destinations);
    return refusal ? refusal->message : "";
  };
  EXPECT_EQ(check("arn:aws:lambda:us-east-1:000000000000:function:F:live"), "");
  EXPECT_EQ(check("arn:aws:sqs:us-east-1:000000000000:q"), "");
  EXPECT_EQ(check("arn:aws:events:us-east-1:000000000000:event-bus/b"),
            "events is not a supported service for a target.");
}

TEST(GroupRecord, HasTagsOfItsOwn) {
  const auto group = ReadGroup({{"Tags", {{{"Key", "k"}, {"Value", "v"}}}}}, "g");
  ASSERT_TRUE(group.has_value()) << group.error().message;
  EXPECT_EQ(group->tags, (Tags{{"k", "v"}}));
  EXPECT_EQ(TagsToJson(group->tags), (Json{{{"Key", "k"}, {"Value", "v"}}}));
  EXPECT_FALSE(ReadGroup({{"Tags", {{{"Key", "aws:k"}, {"Value", "v"}}}}}, "g").has_value());
  EXPECT_FALSE(ReadGroup({{"Tags", {{{"Key", "k"}}}}}, "g").has_value());
  EXPECT_FALSE(ReadGroup({{"Tags", "k=v"}}, "g").has_value());
  EXPECT_FALSE(ReadGroup(Json::object(), "a/b").has_value());
  Tags many;
  for (int i = 0; i < 51; ++i) {
    many["k" + std::to_string(i)] = "v";
  }
  Tags none;
  EXPECT_EQ(AddTags(many, none)->type, "ServiceQuotaExceededException");
}

}  // namespace
}  // namespace hearth::schedule
