#include "triggers/schedule/firing.h"

#include <fmt/format.h>

#include "aws/arn.h"
#include "base/clock.h"
#include "base/digest.h"
#include "triggers/schedule/context_attributes.h"
#include "triggers/schedule/schedule_target.h"

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
    case TargetKind::kOther:
      break;
  }
  return {{"Input", input}};
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

}  // namespace

invoker::TargetDelivery MakeDelivery(const ScheduleRecord& record, const Occurrence& occurrence,
                                     const invoker::Account& account) {
  const ScheduleTarget& target = record.target;
  const std::string arn = ScheduleArn(account, record.key);
  const std::string time = Seconds(occurrence.at_ms);
  const base::Sha256Digest digest = DigestOf(arn, occurrence);
  const std::string execution_id = base::ToHex(digest).substr(0, 16);

  invoker::TargetDelivery delivery;
  delivery.to.arn = target.arn;
  delivery.to.group_id = target.message_group_id;
  if (target.input) {
    delivery.to.record = FillContext(
        *target.input, {.schedule_arn = arn, .scheduled_time = time, .execution_id = execution_id});
    delivery.tells_attempt = delivery.to.record.contains(invoker::kAttemptMark);
  } else {
    delivery.to.record = target.bus ? "{}" : DefaultInput(arn, time, digest, account);
  }
  if (target.bus) {
    delivery.to.event = invoker::Destinations::BusEvent{
        .source = target.bus->source, .detail_type = target.bus->detail_type, .resources = {arn}};
  }
  delivery.accepted_ms = occurrence.due_ms;
  delivery.max_retries = target.max_retries;
  delivery.max_age_s = target.max_age_s;
  delivery.dead_letter_arn = target.dead_letter_arn;
  if (!target.dead_letter_arn.empty()) {
    std::string body = base::ToJsonText(CallOf(target, delivery.to.record));
    const bool is_cut = body.size() > kMaxDeadLetter;
    delivery.dead_letter_body = is_cut ? Truncated(std::move(body)) : std::move(body);
    delivery.marks = {{"SCHEDULE_ARN", "String", arn},
                      {"SCHEDULED_TIME", "String", time},
                      {"EXECUTION_ID", "String", execution_id},
                      {"IS_PAYLOAD_TRUNCATED", "String", is_cut ? "true" : "false"}};
  }
  return delivery;
}

}  // namespace hearth::schedule
