#include "triggers/schedule/schedule_target.h"

#include <fmt/format.h>

#include <algorithm>

#include "aws/arn.h"
#include "triggers/schedule/context_attributes.h"
#include "triggers/schedule/fields.h"
#include "triggers/schedule/universal_target.h"

namespace hearth::schedule {
namespace {

using base::Json;

constexpr Fields::TextRule kArn{.most = 1600};
// A universal target's calls are read with the attempt's keyword in them.
const Context kUniversalSample{.schedule_arn = kSampleContext.schedule_arn,
                               .scheduled_time = kSampleContext.scheduled_time,
                               .execution_id = kSampleContext.execution_id};

bool IsRoleArn(std::string_view text) {
  const auto arn = aws::ParseArn(text);
  return arn && arn->service == "iam" && arn->partition.starts_with("aws") && arn->region.empty() &&
         aws::IsAccountId(arn->account) && arn->resource.starts_with("role/") &&
         arn->resource.size() > 5;
}
constexpr Fields::TextRule kRoleArn{
    .most = 1600,
    .allows = IsRoleArn,
    .pattern = "^arn:aws(-[a-z]+)?:iam::\\d{12}:role\\/[\\w+=,.@\\/-]+$"};

bool IsQueueArn(std::string_view text) {
  const auto arn = aws::ParseArn(text);
  return arn && arn->service == "sqs" && arn->partition.starts_with("aws") &&
         aws::IsNameWord(arn->region) && aws::IsAccountId(arn->account) &&
         aws::IsNameWord(arn->resource);  // No dot: no FIFO queue.
}
constexpr Fields::TextRule kDeadLetterArn{
    .most = 1600,
    .allows = IsQueueArn,
    .pattern = "^arn:aws(-[a-z]+)?:sqs:[a-z0-9\\-]+:\\d{12}:[a-zA-Z0-9\\-_]+$"};

bool IsSource(std::string_view text) {
  return !text.starts_with("aws.") && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("/.-_").contains(c);
  });
}
constexpr Fields::TextRule kSource{
    .most = 256,
    .allows = IsSource,
    .pattern = "^(?=[/\\.\\-_A-Za-z0-9]+)((?!aws\\.).*)|(\\$(\\.[\\w_-]+(\\[(\\d+|\\*)\\])*)*)$"};

void ReadRetries(Fields& target, ScheduleTarget& into) {
  if (const Json* const object = target.Object("RetryPolicy")) {
    Fields in(*object, "target.retryPolicy");
    into.max_retries = in.Number("MaximumRetryAttempts", 0, invoker::kMaxDeliveryRetries)
                           .value_or(into.max_retries);
    into.max_age_s =
        in.Number("MaximumEventAgeInSeconds", invoker::kMinDeliveryAgeS, invoker::kMaxDeliveryAgeS)
            .value_or(into.max_age_s);
    target.Refuse(in.Finish());
  }
  if (const Json* const object = target.Object("DeadLetterConfig")) {
    Fields in(*object, "target.deadLetterConfig");
    into.dead_letter_arn = in.Text("Arn", kDeadLetterArn).value_or("");
    target.Refuse(in.Finish());
  }
}

void ReadParameters(Fields& target, ScheduleTarget& into) {
  if (const Json* const object = target.Object("SqsParameters")) {
    Fields in(*object, "target.sqsParameters");
    into.message_group_id = in.Text("MessageGroupId", {.most = 128}).value_or("");
    target.Refuse(in.Finish());
  }
  if (const Json* const object = target.Object("EventBridgeParameters")) {
    Fields in(*object, "target.eventBridgeParameters");
    into.bus =
        ScheduleTarget::BusParameters{.detail_type = in.RequiredText("DetailType", {.most = 128}),
                                      .source = in.RequiredText("Source", kSource)};
    target.Refuse(in.Finish());
  }
  for (const auto name : {"EcsParameters", "KinesisParameters", "SageMakerPipelineParameters"}) {
    target.MustBeAbsent(name);
  }
}

// What belongs together: a target's kind and its parameters.
std::optional<ApiError> CheckParts(const ScheduleTarget& target) {
  const auto arn = aws::ParseArn(target.arn);
  if (!arn || !arn->partition.starts_with("aws") || arn->service.empty()) {
    return Invalid("Provided Arn is not in correct format.");
  }
  const TargetKind kind = KindOf(target);
  const bool is_fifo = kind == TargetKind::kQueue && arn->resource.ends_with(".fifo");
  if (!target.message_group_id.empty() && !is_fifo) {
    return Invalid("SqsParameters.MessageGroupId may be set for an Amazon SQS FIFO queue only.");
  }
  if (is_fifo && target.message_group_id.empty()) {
    return Invalid("SqsParameters.MessageGroupId must be set for an Amazon SQS FIFO queue.");
  }
  if (target.bus.has_value() != (kind == TargetKind::kBus)) {
    return Invalid(target.bus ? "EventBridgeParameters may be set for an event bus only."
                              : "EventBridgeParameters must be set for an event bus.");
  }
  if (kind == TargetKind::kUniversal && !target.input) {
    return Invalid("You must provide an input to set this target for your schedule.");
  }
  return std::nullopt;
}

// Of a target whose parts belong together.
std::optional<ApiError> CheckInput(const ScheduleTarget& target) {
  const TargetKind kind = KindOf(target);
  if (!target.input) {
    return std::nullopt;
  }
  if (target.input->size() > kMaxInput) {
    return Invalid(fmt::format("Input must be at most {} bytes.", kMaxInput));
  }
  if (kind == TargetKind::kUniversal) {
    const auto calls = ReadUniversalCall(*UniversalApiOf(target.arn),
                                         FillContext(*target.input, kUniversalSample), {});
    return calls ? std::nullopt : std::optional(calls.error());
  }
  if (kind != TargetKind::kQueue) {
    const auto json = base::ParseJson(FillContext(*target.input, kSampleContext));
    if (!json || (kind == TargetKind::kBus && !json->is_object())) {
      return Invalid(fmt::format("Input of a target of {} must be well-formed JSON{}.",
                                 aws::ParseArn(target.arn)->service,
                                 kind == TargetKind::kBus ? ", an object" : ""));
    }
  }
  return std::nullopt;
}

}  // namespace

TargetKind KindOf(const ScheduleTarget& target) {
  if (UniversalApiOf(target.arn)) {
    return TargetKind::kUniversal;
  }
  const auto arn = aws::ParseArn(target.arn);
  if (!arn || arn->region.empty() || !aws::IsAccountId(arn->account)) {
    return TargetKind::kOther;
  }
  if (arn->service == "lambda" && arn->resource.starts_with("function:")) {
    return TargetKind::kFunction;
  }
  if (arn->service == "sqs") {
    return TargetKind::kQueue;
  }
  if (arn->service == "events" && arn->resource.starts_with("event-bus/")) {
    return TargetKind::kBus;
  }
  return TargetKind::kOther;
}

std::expected<ScheduleTarget, ApiError> ReadTarget(const Json& target, bool is_stored) {
  Fields in(target, "target");
  ScheduleTarget out;
  out.arn = in.RequiredText("Arn", kArn);
  out.role_arn = in.RequiredText("RoleArn", kRoleArn);
  out.input = in.Text("Input", {.most = kMaxInput});
  ReadRetries(in, out);
  ReadParameters(in, out);
  if (auto error = in.Finish()) {
    return std::unexpected(*std::move(error));
  }
  if (auto error = CheckParts(out)) {
    return std::unexpected(*std::move(error));
  }
  if (is_stored) {
    return out;
  }
  if (auto error = CheckInput(out)) {
    return std::unexpected(*std::move(error));
  }
  return out;
}

Json TargetToJson(const ScheduleTarget& target) {
  Json out = {{"Arn", target.arn},
              {"RoleArn", target.role_arn},
              {"RetryPolicy",
               {{"MaximumRetryAttempts", target.max_retries},
                {"MaximumEventAgeInSeconds", target.max_age_s}}}};
  if (target.input) {
    out["Input"] = *target.input;
  }
  if (!target.dead_letter_arn.empty()) {
    out["DeadLetterConfig"] = {{"Arn", target.dead_letter_arn}};
  }
  if (!target.message_group_id.empty()) {
    out["SqsParameters"] = {{"MessageGroupId", target.message_group_id}};
  }
  if (target.bus) {
    out["EventBridgeParameters"] = {{"DetailType", target.bus->detail_type},
                                    {"Source", target.bus->source}};
  }
  return out;
}

std::optional<ApiError> CheckServed(const ScheduleTarget& target,
                                    const invoker::Destinations& destinations) {
  const auto arn = aws::ParseArn(target.arn);
  std::string service = arn ? arn->service : "";
  std::string sent_to = target.arn;
  switch (KindOf(target)) {
    case TargetKind::kFunction:
      return std::nullopt;
    case TargetKind::kUniversal: {
      // Whatever it is sent to has the same service: that of the first is asked.
      const auto calls =
          ReadUniversalCall(*UniversalApiOf(target.arn),
                            FillContext(target.input.value_or(""), kUniversalSample), {});
      if (!calls) {
        return calls.error();
      }
      sent_to = calls->front().arn;
      service = aws::ParseArn(sent_to).value_or(aws::Arn()).service;
      break;
    }
    case TargetKind::kQueue:
    case TargetKind::kBus:
      break;
    case TargetKind::kOther:
      sent_to.clear();
      break;
  }
  if (service == "lambda" && !sent_to.empty()) {
    return std::nullopt;
  }
  if (!destinations.Serves(sent_to)) {
    return Invalid(fmt::format("{} is not a supported service for a target.", service));
  }
  return std::nullopt;
}

}  // namespace hearth::schedule
