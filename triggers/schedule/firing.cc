#include "triggers/schedule/firing.h"

#include <fmt/format.h>

#include "aws/arn.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "triggers/schedule/context_attributes.h"
#include "triggers/schedule/schedule_target.h"
#include "triggers/schedule/universal_target.h"

namespace hearth::schedule {
namespace {

using base::Json;

// A message has 256 KB; its attributes are part of it.
constexpr size_t kMaxDeadLetter = 256 * 1024 - 8 * 1024;

// 2026-11-28T12:00:00Z
std::string Seconds(int64_t millis) {
  std::string text = base::FormatIso8601(base::WallTime(std::chrono::milliseconds(millis)));
  return text.substr(0, 19) + "Z";
}

base::Sha256Digest DigestOf(const std::string& arn, const Occurrence& occurrence) {
  return base::Sha256Of(fmt::format("{} {} {}", arn, occurrence.schedule_id, occurrence.at_ms));
}

// Of the shape of a UUID of version 4.
std::string UuidOf(const base::Sha256Digest& digest) {
  std::string hex = base::ToHex(digest).substr(0, 32);
  hex[12] = '4';
  hex[16] = "89ab"[digest[8] & 3];
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                     hex.substr(16, 4), hex.substr(20));
}

// What a target without an Input is given.
std::string DefaultInput(const std::string& arn, const std::string& time,
                         const base::Sha256Digest& digest, const invoker::Account& account) {
  return base::ToJsonText({{"version", "0"},
                           {"id", UuidOf(digest)},
                           {"detail-type", "Scheduled Event"},
                           {"source", "aws.scheduler"},
                           {"account", account.id},
                           {"time", time},
                           {"region", account.region},
                           {"resources", {arn}},
                           {"detail", "{}"}});
}

// The call that the target's service would have got.
Json CallOf(const ScheduleTarget& target, const std::string& input) {
  const auto arn = aws::ParseArn(target.arn);
  switch (KindOf(target)) {
    case TargetKind::kFunction:
      return {{"FunctionName", target.arn}, {"InvocationType", "Event"}, {"Payload", input}};
    case TargetKind::kQueue: {
      Json call = {{"QueueUrl", fmt::format("https://sqs.{}.amazonaws.com/{}/{}", arn->region,
                                            arn->account, arn->resource)},
                   {"MessageBody", input}};
      if (!target.message_group_id.empty()) {
        call["MessageGroupId"] = target.message_group_id;
      }
      return call;
    }
    case TargetKind::kBus:
      return {{"Entries",
               {{{"Detail", input},
                 {"DetailType", target.bus->detail_type},
                 {"Source", target.bus->source},
                 {"EventBusName", target.arn}}}}};
    case TargetKind::kUniversal:
    case TargetKind::kOther:
      break;
  }
  return base::ParseJson(input).value_or(Json{{"Input", input}});
}

// The API that is called: what a dead letter says of its target.
std::string CalledArn(const ScheduleTarget& target) {
  switch (KindOf(target)) {
    case TargetKind::kFunction:
      return "arn:aws:scheduler:::aws-sdk:lambda:invoke";
    case TargetKind::kQueue:
      return "arn:aws:scheduler:::aws-sdk:sqs:sendMessage";
    case TargetKind::kBus:
      return "arn:aws:scheduler:::aws-sdk:eventbridge:putEvents";
    case TargetKind::kUniversal:
    case TargetKind::kOther:
      break;
  }
  return target.arn;
}

// Cut at a character's end.
std::string Truncated(std::string text) {
  size_t end = kMaxDeadLetter;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) {
    --end;
  }
  text.resize(end);
  return text;
}

// What is sent to a target of one kind.
invoker::Destinations::Delivery CallTarget(const ScheduleTarget& target, std::string input,
                                           const std::string& schedule_arn) {
  invoker::Destinations::Delivery call;
  call.arn = target.arn;
  call.record = std::move(input);
  call.group_id = target.message_group_id;
  if (target.bus) {
    call.event = invoker::Destinations::BusEvent{.source = target.bus->source,
                                                 .detail_type = target.bus->detail_type,
                                                 .resources = {schedule_arn}};
  }
  return call;
}

}  // namespace

std::vector<invoker::TargetDelivery> MakeDeliveries(const ScheduleRecord& record,
                                                    const Occurrence& occurrence,
                                                    const invoker::Account& account) {
  const ScheduleTarget& target = record.target;
  const std::string arn = ScheduleArn(account, record.key);
  const std::string time = Seconds(occurrence.at_ms);
  const base::Sha256Digest digest = DigestOf(arn, occurrence);
  const std::string execution_id = base::ToHex(digest).substr(0, 16);

  std::string input = target.bus ? "{}" : "";
  if (target.input) {
    input = FillContext(
        *target.input, {.schedule_arn = arn, .scheduled_time = time, .execution_id = execution_id});
  } else if (!target.bus) {
    input = DefaultInput(arn, time, digest, account);
  }
  invoker::TargetDelivery delivery{.accepted_ms = occurrence.due_ms,
                                   .max_retries = target.max_retries,
                                   .max_age_s = target.max_age_s,
                                   .dead_letter_arn = target.dead_letter_arn,
                                   .tells_attempt = input.contains(invoker::kAttemptMark)};
  if (!target.dead_letter_arn.empty()) {
    std::string body = base::ToJsonText(CallOf(target, input));
    const bool is_cut = body.size() > kMaxDeadLetter;
    delivery.dead_letter_body = is_cut ? Truncated(std::move(body)) : std::move(body);
    delivery.marks = {{"SCHEDULE_ARN", "String", arn},
                      {"TARGET_ARN", "String", CalledArn(target)},
                      {"SCHEDULED_TIME", "String", time},
                      {"EXECUTION_ID", "String", execution_id},
                      {"IS_PAYLOAD_TRUNCATED", "String", is_cut ? "true" : "false"}};
  }
  std::vector<invoker::Destinations::Delivery> calls;
  if (const auto api = UniversalApiOf(target.arn)) {
    auto read = ReadUniversalCall(*api, input, account);
    if (!read) {
      HLOG_ERROR("{} cannot call its target: {}", arn, read.error().message);
    }
    calls = std::move(read).value_or(decltype(calls)());
  }
  if (calls.empty()) {
    calls.push_back(CallTarget(target, std::move(input), arn));
  }
  std::vector<invoker::TargetDelivery> deliveries;
  for (auto& call : calls) {
    deliveries.push_back(delivery);
    deliveries.back().to = std::move(call);
  }
  return deliveries;
}

}  // namespace hearth::schedule
