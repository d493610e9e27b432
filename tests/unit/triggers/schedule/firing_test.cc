#include "triggers/schedule/firing.h"

#include <gtest/gtest.h>

#include "triggers/schedule/context_attributes.h"
#include "triggers/schedule/firing_plan.h"

namespace hearth::schedule {
namespace {

using base::Json;

constexpr Occurrence kOccurrence{
    .schedule_id = 7, .at_ms = 1'795'867'200'000, .due_ms = 1'795'867'230'000};

ScheduleRecord Record(ScheduleTarget target) {
  return {.key = {.group = "g", .name = "s"},
          .expression = "rate(1 hour)",
          .target = std::move(target)};
}

invoker::TargetDelivery MakeDelivery(const ScheduleRecord& record, const Occurrence& occurrence) {
  auto deliveries = MakeDeliveries(record, occurrence, {});
  EXPECT_EQ(deliveries.size(), 1u);
  return std::move(deliveries.at(0));
}

TEST(Firing, TellsATargetWithoutInputOfTheSchedule) {
  const auto delivery = MakeDelivery(
      Record({.arn = "arn:aws:sqs:us-east-1:000000000000:q", .role_arn = {}}), kOccurrence);
  Json event = *base::ParseJson(delivery.to.record);
  EXPECT_EQ(event["id"].get<std::string>().size(), 36u);
  event.erase("id");
  EXPECT_EQ(event, (Json{{"version", "0"},
                         {"detail-type", "Scheduled Event"},
                         {"source", "aws.scheduler"},
                         {"account", "000000000000"},
                         {"time", "2026-11-28T12:00:00Z"},
                         {"region", "us-east-1"},
                         {"resources", {"arn:aws:scheduler:us-east-1:000000000000:schedule/g/s"}},
                         {"detail", "{}"}}));
  EXPECT_EQ(delivery.accepted_ms, kOccurrence.due_ms);
  EXPECT_EQ(delivery.max_retries, 185);
  EXPECT_FALSE(delivery.tells_attempt);
}

TEST(Firing, FillsInTheContextAndLeavesTheRest) {
  const auto delivery =
      MakeDelivery(Record({.arn = "arn:aws:sqs:us-east-1:000000000000:q.fifo",
                           .role_arn = {},
                           .input = "<aws.scheduler.schedule-arn> <aws.scheduler.scheduled-time> "
                                    "<aws.scheduler.attempt-number> <aws.scheduler.unknown> "
                                    "<aws.scheduler.<aws.scheduler.scheduled-time>",
                           .message_group_id = "m"}),
                   kOccurrence);
  EXPECT_EQ(delivery.to.record,
            "arn:aws:scheduler:us-east-1:000000000000:schedule/g/s 2026-11-28T12:00:00Z "
            "<aws.scheduler.attempt-number> <aws.scheduler.unknown> "
            "<aws.scheduler.2026-11-28T12:00:00Z");
  EXPECT_TRUE(delivery.tells_attempt);
  EXPECT_EQ(delivery.to.group_id, "m");
}

TEST(Firing, IsTheSameHoweverOftenItIsMade) {
  const ScheduleRecord record = Record({.arn = "arn:aws:sqs:us-east-1:000000000000:q",
                                        .role_arn = {},
                                        .input = "<aws.scheduler.execution-id>"});
  const auto one = MakeDelivery(record, kOccurrence);
  EXPECT_EQ(one.to.record.size(), 16u);
  EXPECT_EQ(one.to.record, MakeDelivery(record, kOccurrence).to.record);
  Occurrence next = kOccurrence;
  next.at_ms += 1;
  EXPECT_NE(one.to.record, MakeDelivery(record, next).to.record);
}

TEST(Firing, MakesAnEventForABus) {
  const auto delivery =
      MakeDelivery(Record({.arn = "arn:aws:events:us-east-1:000000000000:event-bus/b",
                           .role_arn = {},
                           .input = "{\"a\": 1}",
                           .bus = ScheduleTarget::BusParameters{"type", "shop"},
                           .dead_letter_arn = "arn:aws:sqs:us-east-1:000000000000:dead"}),
                   kOccurrence);
  ASSERT_TRUE(delivery.to.event.has_value());
  EXPECT_EQ(delivery.to.event->source, "shop");
  EXPECT_EQ(delivery.to.event->detail_type, "type");
  EXPECT_EQ(delivery.to.record, "{\"a\": 1}");
  EXPECT_EQ(*base::ParseJson(delivery.dead_letter_body),
            (Json{{"Entries", Json::array({{{"Detail", "{\"a\": 1}"},
                                            {"DetailType", "type"},
                                            {"Source", "shop"},
                                            {"EventBusName", delivery.to.arn}}})}}));
}

TEST(Firing, SaysInADeadLetterWhatTheTargetWouldHaveGot) {
  ScheduleTarget target{.arn = "arn:aws:lambda:us-east-1:000000000000:function:F",
                        .role_arn = {},
                        .input = "{\"a\": \"b\"}",
                        .dead_letter_arn = "arn:aws:sqs:us-east-1:000000000000:dead"};
  auto delivery = MakeDelivery(Record(target), kOccurrence);
  EXPECT_EQ(*base::ParseJson(delivery.dead_letter_body), (Json{{"FunctionName", target.arn},
                                                               {"InvocationType", "Event"},
                                                               {"Payload", "{\"a\": \"b\"}"}}));
  ASSERT_EQ(delivery.marks.size(), 5u);
  EXPECT_EQ(delivery.marks[0].name, "SCHEDULE_ARN");
  EXPECT_EQ(delivery.marks[1].value, "arn:aws:scheduler:::aws-sdk:lambda:invoke");
  EXPECT_EQ(delivery.marks[2].value, "2026-11-28T12:00:00Z");
  EXPECT_EQ(delivery.marks[3].value.size(), 16u);
  EXPECT_EQ(delivery.marks[4].value, "false");
  // One that would be too large for a message is cut, at a character's end.
  target.input = "\"";
  for (int i = 0; i < 80'000; ++i) {
    *target.input += "\u20ac";
  }
  *target.input += "\\\\\\\\\\\\\\\\\\\\" + std::string(20'000, 'x') + "\"";
  delivery = MakeDelivery(Record(target), kOccurrence);
  EXPECT_EQ(delivery.marks[4].value, "true");
  EXPECT_LE(delivery.dead_letter_body.size(), 248u * 1024);
  EXPECT_EQ(delivery.dead_letter_body.find("\xef\xbf\xbd"), std::string::npos);
}

TEST(Firing, CallsTheApiOfAUniversalTarget) {
  struct Case {
    std::string api;
    Json input;
    std::vector<std::string> arns;
    std::string record;
  };
  const std::vector<Case> cases = {
      {"sqs:sendMessage",
       {{"QueueUrl", "http://localhost:4566/000000000000/q.fifo"},
        {"MessageBody", "at <aws.scheduler.scheduled-time>"},
        {"MessageGroupId", "g"}},
       {"arn:aws:sqs:us-east-1:000000000000:q.fifo"},
       "at 2026-11-28T12:00:00Z"},
      {"lambda:invoke",
       {{"FunctionName", "F:live"}, {"InvocationType", "Event"}, {"Payload", "{\"a\": 1}"}},
       {"arn:aws:lambda:us-east-1:000000000000:function:F:live"},
       "{\"a\": 1}"},
      {"eventbridge:putEvents",
       {{"Entries",
         {{{"Detail", "{}"}, {"DetailType", "t"}, {"Source", "s"}},
          {{"Detail", "{}"}, {"DetailType", "t"}, {"Source", "s"}, {"EventBusName", "b"}}}}},
       {"arn:aws:events:us-east-1:000000000000:event-bus/default",
        "arn:aws:events:us-east-1:000000000000:event-bus/b"},
       "{}"}};
  for (const Case& c : cases) {
    const auto deliveries = MakeDeliveries(Record({.arn = "arn:aws:scheduler:::aws-sdk:" + c.api,
                                                   .role_arn = {},
                                                   .input = base::ToJsonText(c.input)}),
                                           kOccurrence, {});
    ASSERT_EQ(deliveries.size(), c.arns.size()) << c.api;
    for (size_t i = 0; i < deliveries.size(); ++i) {
      EXPECT_EQ(deliveries[i].to.arn, c.arns[i]);
      EXPECT_EQ(deliveries[i].to.record, c.record);
      EXPECT_EQ(deliveries[i].to.event.has_value(), c.api == "eventbridge:putEvents");
    }
  }
}

constexpr char kDead[] = "arn:aws:sqs:us-east-1:000000000000:dead";

// As an API of a universal target is called every minute; its making is refused where it must be.
std::expected<ScheduleRecord, ApiError> Calling(const std::string& api, const std::string& input) {
  return ReadSchedule({{"ScheduleExpression", "rate(1 minute)"},
                       {"FlexibleTimeWindow", {{"Mode", "OFF"}}},
                       {"Target",
                        {{"Arn", "arn:aws:scheduler:::aws-sdk:" + api},
                         {"RoleArn", "arn:aws:iam::000000000000:role/R"},
                         {"DeadLetterConfig", {{"Arn", kDead}}},
                         {"Input", input}}}},
                      "s", kOccurrence.at_ms);
}

TEST(Firing, LeavesTheAttemptsNumberInWhatAUniversalTargetsCallCarries) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"eventbridge:putEvents",
       R"({"Entries":[{"Detail":"{\"n\": <aws.scheduler.attempt-number>}","Source":"a",)"
       R"("DetailType":"b"}]})"},
      {"lambda:invoke",
       R"({"FunctionName":"F","Payload":"{\"n\": <aws.scheduler.attempt-number>}"})"},
      {"sqs:sendMessage", R"({"QueueUrl":"http://h/000000000000/q",)"
                          R"("MessageBody":"{\"n\": <aws.scheduler.attempt-number>}"})"}};
  for (const auto& [api, input] : cases) {
    const auto record = Calling(api, input);
    ASSERT_TRUE(record.has_value()) << api << record.error().message;
    const auto delivery = MakeDelivery(*record, kOccurrence);
    EXPECT_EQ(delivery.to.record, "{\"n\": <aws.scheduler.attempt-number>}") << api;
    EXPECT_NE(delivery.to.arn, record->target.arn) << api;
    EXPECT_TRUE(delivery.tells_attempt) << api;
  }
}

// Whose DetailType is too long with the schedule's real ARN in it.
ScheduleRecord NoCall() {
  auto record = Calling("eventbridge:putEvents",
                        R"({"Entries":[{"Detail":"{}","Source":"a","DetailType":")" +
                            std::string(100, 'x') + R"(<aws.scheduler.schedule-arn>"}]})");
  EXPECT_TRUE(record.has_value());
  return *std::move(record);
}

TEST(Firing, SendsWhatIsNoCallOfItsUniversalTargetToWhereItBecomesADeadLetter) {
  const ScheduleRecord record = NoCall();
  const auto delivery = MakeDelivery(record, kOccurrence);
  EXPECT_EQ(delivery.to.arn, "arn:aws:scheduler:::aws-sdk:eventbridge:putEvents");
  EXPECT_TRUE(delivery.to.record.contains(":schedule/default/s"));
  EXPECT_EQ(delivery.dead_letter_arn, kDead);
  EXPECT_EQ(*base::ParseJson(delivery.dead_letter_body), *base::ParseJson(delivery.to.record));
  EXPECT_EQ(delivery.marks.size(), 5u);
}

TEST(FiringPlan, IsBoundedWhateverBecomesOfItsOccurrences) {
  constexpr int64_t kMinute = 60'000;
  constexpr int64_t kYear = int64_t{365} * 24 * 60 * kMinute;
  ScheduleRecord record = NoCall();
  const auto plan = [&record] {
    const auto timetable = Timetable::Of(record, kOccurrence.at_ms, 7);
    EXPECT_TRUE(timetable.has_value());
    return PlanFiring(record, *timetable, kOccurrence, kOccurrence.at_ms + kYear, {});
  };
  const FiringPlan calls = plan();
  EXPECT_EQ(calls.deliveries.size(), kMaxPlannedOccurrences);
  EXPECT_EQ(calls.next->first, kOccurrence.at_ms + 64 * kMinute);
  // Too old each, but in its window it might be young enough: each is looked at.
  record.target.dead_letter_arn.clear();
  record.target.max_age_s = 60;
  record.window_minutes = 1440;
  const FiringPlan passed = plan();
  EXPECT_TRUE(passed.is_any_expired);
  EXPECT_GT(passed.next->first, kOccurrence.at_ms + kYear - 1442 * kMinute);
  EXPECT_LT(passed.next->first, kOccurrence.at_ms + kYear - (1440 - 64) * kMinute);
}

}  // namespace
}  // namespace hearth::schedule
