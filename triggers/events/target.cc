// Targets of rules: rule.h.
#include <set>

#include "aws/arn.h"
#include "expressions/input_template.h"
#include "invoker/retry_policy.h"
#include "triggers/events/errors.h"
#include "triggers/events/members.h"
#include "triggers/events/rule.h"

namespace hearth::events {
namespace {

using base::Json;

constexpr size_t kMaxInput = 8192;      // AWS.
constexpr size_t kMaxPutTargets = 100;  // AWS.

void ReadTransformer(Members& in, TargetRecord& target) {
  const Json* const given = in.Object("InputTransformer");
  if (given == nullptr) return;
  Faults& faults = in.faults();
  Members members(*given, faults, in.PathOf("InputTransformer") + ".");
  TargetRecord::Transformer transformer;
  transformer.text = members.RequiredText("InputTemplate", {1, kMaxInput});
  if (const Json* const paths = members.Object("InputPathsMap")) {
    for (const auto& [name, path] : paths->items()) {
      if (path.is_string())
        transformer.paths.emplace(name, path.get<std::string>());
      else
        faults.Refuse({400, "SerializationException", "InputPathsMap is to have paths as texts"});
    }
  }
  members.Done();
  target.transformer = std::move(transformer);
}

void ReadDelivery(Members& in, TargetRecord& target) {
  Faults& faults = in.faults();
  if (const Json* const policy = in.Object("RetryPolicy")) {
    Members members(*policy, faults, in.PathOf("RetryPolicy") + ".");
    target.max_retries = members.Number("MaximumRetryAttempts", 0, invoker::kMaxDeliveryRetries);
    target.max_age_s = members.Number("MaximumEventAgeInSeconds", invoker::kMinDeliveryAgeS,
                                      invoker::kMaxDeliveryAgeS);
    members.Done();
  }
  if (const Json* const dead = in.Object("DeadLetterConfig")) {
    Members members(*dead, faults, in.PathOf("DeadLetterConfig") + ".");
    target.dead_letter_arn = members.Text("Arn", kArn).value_or("");
    members.Done();
  }
  if (const Json* const sqs = in.Object("SqsParameters")) {
    Members members(*sqs, faults, in.PathOf("SqsParameters") + ".");
    target.group_id = members.Text("MessageGroupId", {0, 100}).value_or("");
    members.Done();
  }
  if (const Json* const kinesis = in.Object("KinesisParameters")) {
    Members members(*kinesis, faults, in.PathOf("KinesisParameters") + ".");
    target.partition_key_path = members.RequiredText("PartitionKeyPath", {0, 256});
    members.Done();
  }
  for (const char* unserved :
       {"AppSyncParameters", "BatchParameters", "EcsParameters", "HttpParameters",
        "RedshiftDataParameters", "RunCommandParameters", "SageMakerPipelineParameters"}) {
    in.RefuseMember(unserved);
  }
}

// What is beyond the model.
std::optional<aws::ApiError> Check(const TargetRecord& target) {
  const auto arn = aws::ParseArn(target.arn);
  if (!arn) return InvalidParameter(target.arn, "Provided Arn is not in correct format.");
  const int inputs =
      target.input.has_value() + target.input_path.has_value() + target.transformer.has_value();
  if (inputs > 1) {
    return Invalid(
        "Only one of Input, InputPath, or InputTransformer must be provided for target " +
        target.id + ".");
  }
  if (target.input && !base::ParseJson(*target.input)) {
    return Invalid("JSON syntax error in input for target " + target.id + ".");
  }
  if (target.input_path) {
    const auto path = expressions::JsonPath::Parse(*target.input_path);
    if (!path) {
      return Invalid("InputPath for target " + target.id + " is invalid: " + path.error() + ".");
    }
  }
  if (target.transformer) {
    const auto transformer =
        expressions::InputTransformer::Create(target.transformer->paths, target.transformer->text);
    if (!transformer) {
      return Invalid("InputTemplate for target " + target.id + " " + transformer.error());
    }
  }
  if (arn->service == "events" && inputs > 0) {
    return Invalid("An event bus gets events as they are: target " + target.id +
                   " has no Input, InputPath or InputTransformer.");
  }
  const bool is_fifo = arn->service == "sqs" && arn->resource.ends_with(".fifo");
  if (is_fifo && target.group_id.empty()) {
    return Invalid("Parameter(s) SqsParameters must be specified for target: " + target.id + ".");
  }
  if (target.dead_letter_arn.empty()) return std::nullopt;
  const auto dead = aws::ParseArn(target.dead_letter_arn);
  if (!dead || dead->service != "sqs" || dead->resource.ends_with(".fifo")) {
    return InvalidParameter("DeadLetterConfig.Arn",
                            "It is to be the ARN of a standard queue: " + target.dead_letter_arn);
  }
  return std::nullopt;
}

}  // namespace

Read<std::vector<TargetRecord>> ReadTargets(const Json& targets) {
  Faults faults;
  std::vector<TargetRecord> out;
  std::set<std::string> ids;
  const Json wrapped = {{"Targets", targets}};
  Members in(wrapped, faults);
  in.Require("Targets");
  const Json* const list = in.List("Targets", 1, kMaxPutTargets);
  for (size_t i = 0; list != nullptr && i < list->size(); ++i) {
    Members members((*list)[i], faults, "targets." + std::to_string(i + 1) + ".member.");
    TargetRecord target;
    target.id = members.RequiredText("Id", kRuleName);
    target.arn = members.RequiredText("Arn", kArn);
    target.role_arn = members.Text("RoleArn", kArn).value_or("");
    target.input = members.Text("Input", {0, kMaxInput});
    target.input_path = members.Text("InputPath", {0, 256});
    ReadTransformer(members, target);
    ReadDelivery(members, target);
    members.Done();
    if (faults.constraints.empty()) {
      if (auto wrong = Check(target)) faults.Refuse(std::move(*wrong));
    }
    if (!ids.insert(target.id).second) {
      faults.Refuse(Invalid("Target id " + target.id + " is there more than once."));
    }
    out.push_back(std::move(target));
  }
  if (auto fault = faults.Take()) return std::unexpected(std::move(*fault));
  return out;
}

std::optional<aws::ApiError> CheckServed(const std::vector<TargetRecord>& targets,
                                         const invoker::Destinations& destinations) {
  for (const TargetRecord& target : targets) {
    for (const std::string& arn : {target.arn, target.dead_letter_arn}) {
      if (arn.empty() || destinations.Serves(arn)) continue;
      const auto parsed = aws::ParseArn(arn);
      return NotServed("targets of the service '" + (parsed ? parsed->service : arn) +
                       "' (target " + target.id + ": " + arn + ")");
    }
  }
  return std::nullopt;
}

Json ToJson(const TargetRecord& target) {
  Json out = {{"Id", target.id}, {"Arn", target.arn}};
  const auto put = [&out](const char* name, const std::string& text) {
    if (!text.empty()) out[name] = text;
  };
  put("RoleArn", target.role_arn);
  if (target.input) out["Input"] = *target.input;
  if (target.input_path) out["InputPath"] = *target.input_path;
  if (target.transformer) {
    Json& transformer = out["InputTransformer"];
    transformer["InputTemplate"] = target.transformer->text;
    if (!target.transformer->paths.empty()) {
      transformer["InputPathsMap"] = target.transformer->paths;
    }
  }
  if (target.max_retries) out["RetryPolicy"]["MaximumRetryAttempts"] = *target.max_retries;
  if (target.max_age_s) out["RetryPolicy"]["MaximumEventAgeInSeconds"] = *target.max_age_s;
  if (!target.dead_letter_arn.empty()) out["DeadLetterConfig"]["Arn"] = target.dead_letter_arn;
  if (!target.group_id.empty()) out["SqsParameters"]["MessageGroupId"] = target.group_id;
  if (!target.partition_key_path.empty()) {
    out["KinesisParameters"]["PartitionKeyPath"] = target.partition_key_path;
  }
  return out;
}

}  // namespace hearth::events
