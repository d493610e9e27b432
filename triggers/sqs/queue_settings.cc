#include "triggers/sqs/queue_settings.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "aws/arn.h"
#include "base/json.h"
#include "triggers/sqs/errors.h"

namespace hearth::sqs {
namespace {

using aws::ApiError;
using base::Json;
using Outcome = std::optional<ApiError>;

constexpr size_t kMaxPolicyText = limits::kMaxPolicy;
constexpr size_t kMaxKeyId = 2048;        // AWS, KMS: a KeyId.
constexpr size_t kMaxRedriveText = 4096;  // Ours: an ARN and a number, or ten ARNs.

struct NumberRule {
  std::string_view name;
  int64_t QueueSettings::* member;
  int64_t least;
  int64_t most;
};
constexpr std::array<NumberRule, 5> kNumbers = {{
    {"DelaySeconds", &QueueSettings::delay_s, 0, 900},
    {"MaximumMessageSize", &QueueSettings::max_message, 1024,
     static_cast<int64_t>(limits::kMaxMessage)},
    {"MessageRetentionPeriod", &QueueSettings::retention_s, 60, 1209600},
    {"ReceiveMessageWaitTimeSeconds", &QueueSettings::wait_s, 0, 20},
    {"VisibilityTimeout", &QueueSettings::visibility_s, 0, 43200},
}};
constexpr std::array<std::string_view, 11> kOthers = {"FifoQueue",
                                                      "ContentBasedDeduplication",
                                                      "DeduplicationScope",
                                                      "FifoThroughputLimit",
                                                      "RedrivePolicy",
                                                      "RedriveAllowPolicy",
                                                      "Policy",
                                                      "SqsManagedSseEnabled",
                                                      "KmsMasterKeyId",
                                                      "KmsDataKeyReusePeriodSeconds",
                                                      "QueueArn"};
constexpr std::array<std::string_view, 6> kComputed = {"ApproximateNumberOfMessages",
                                                       "ApproximateNumberOfMessagesNotVisible",
                                                       "ApproximateNumberOfMessagesDelayed",
                                                       "CreatedTimestamp",
                                                       "LastModifiedTimestamp",
                                                       "All"};

bool IsWord(std::string_view text, size_t most) {
  return !text.empty() && text.size() <= most && aws::IsNameWord(text);
}

std::optional<int64_t> ToNumber(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

ApiError BadPolicy(std::string_view text, std::string_view parameter, std::string_view reason) {
  return InvalidValue(text, parameter, reason);
}

Outcome ReadRedrive(const std::string& text, QueueSettings& out) {
  const auto json = base::ParseJson(text);
  constexpr std::string_view kName = "RedrivePolicy";
  if (text.size() > kMaxRedriveText || !json || !json->is_object()) {
    return BadPolicy(text, kName, "Redrive policy is not a valid JSON map.");
  }
  for (const auto& [name, value] : json->items()) {
    if (name != "deadLetterTargetArn" && name != "maxReceiveCount") {
      return BadPolicy(text, kName,
                       "Only following attributes are supported: [deadLetterTargetArn, "
                       "maxReceiveCount].");
    }
  }
  RedrivePolicy policy;
  const auto target = json->find("deadLetterTargetArn");
  if (target == json->end() || !target->is_string()) {
    return BadPolicy(text, kName,
                     "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.");
  }
  policy.target_arn = target->get<std::string>();
  const auto arn = aws::ParseArn(policy.target_arn);
  if (!arn || arn->service != "sqs" || arn->resource.empty()) {
    return BadPolicy(text, kName, "Invalid value for deadLetterTargetArn.");
  }
  const auto count = json->find("maxReceiveCount");
  if (count == json->end()) {
    return BadPolicy(text, kName,
                     "Redrive policy does not contain mandatory attribute: maxReceiveCount.");
  }
  // Templates and consoles write it as a text.
  std::optional<int64_t> number;
  if (count->is_string()) number = ToNumber(count->get_ref<const std::string&>());
  if (count->is_number_integer()) number = count->get<int64_t>();
  if (!number || *number < 1 || *number > 1000) {
    return BadPolicy(text, kName,
                     "Invalid value for maxReceiveCount: " + base::ToJsonText(*count) +
                         ", valid values are from 1 to 1000 both inclusive.");
  }
  policy.max_receives = *number;
  out.redrive = std::move(policy);
  return std::nullopt;
}

Outcome ReadRedriveAllow(const std::string& text, QueueSettings& out) {
  static constexpr std::string_view kName = "RedriveAllowPolicy";
  const auto json = base::ParseJson(text);
  const auto bad = [&text](std::string_view reason) { return BadPolicy(text, kName, reason); };
  if (text.size() > kMaxRedriveText || !json || !json->is_object())
    return bad("Amazon SQS can't create the redrive allow policy.");
  const std::string who = json->value("redrivePermission", Json()).is_string()
                              ? json->at("redrivePermission").get<std::string>()
                              : "";
  RedriveAllowPolicy policy;
  if (who == "allowAll") {
    policy.who = RedriveAllowPolicy::Who::kAll;
  } else if (who == "denyAll") {
    policy.who = RedriveAllowPolicy::Who::kNone;
  } else if (who == "byQueue") {
    policy.who = RedriveAllowPolicy::Who::kByQueue;
  } else {
    return bad("redrivePermission must be one of [allowAll, denyAll, byQueue].");
  }
  const auto sources = json->find("sourceQueueArns");
  const bool is_by_queue = policy.who == RedriveAllowPolicy::Who::kByQueue;
  if (is_by_queue != (sources != json->end())) {
    return bad("sourceQueueArns must be given with byQueue, and only then.");
  }
  if (is_by_queue) {
    if (!sources->is_array() || sources->empty() || sources->size() > 10) {
      return bad("sourceQueueArns must be a list of 1 to 10 queue ARNs.");
    }
    for (const Json& each : *sources) {
      if (!each.is_string()) return bad("sourceQueueArns must be a list of 1 to 10 queue ARNs.");
      policy.sources.push_back(each.get<std::string>());
    }
  }
  out.redrive_allow = std::move(policy);
  return std::nullopt;
}

Outcome ReadFlag(std::string_view name, const std::string& text, bool& out) {
  if (text != "true" && text != "false") return InvalidAttributeValue(name);
  out = text == "true";
  return std::nullopt;
}

Outcome ReadOne(const std::string& name, const std::string& text, QueueSettings& out) {
  for (const NumberRule& rule : kNumbers) {
    if (name != rule.name) continue;
    const auto number = ToNumber(text);
    if (!number || *number < rule.least || *number > rule.most) return InvalidAttributeValue(name);
    out.*rule.member = *number;
    return std::nullopt;
  }
  if (name == "FifoQueue") return ReadFlag(name, text, out.is_fifo);
  if (name == "ContentBasedDeduplication") {
    return ReadFlag(name, text, out.deduplicates_by_content);
  }
  if (name == "DeduplicationScope") {
    if (text != "queue" && text != "messageGroup") return InvalidAttributeValue(name);
    out.deduplicates_by_group = text == "messageGroup";
    return std::nullopt;
  }
  if (name == "FifoThroughputLimit") {
    if (text != "perQueue" && text != "perMessageGroupId") return InvalidAttributeValue(name);
    return std::nullopt;
  }
  if (name == "RedrivePolicy") return ReadRedrive(text, out);
  if (name == "RedriveAllowPolicy") return ReadRedriveAllow(text, out);
  if (name == "Policy") {
    const auto json = base::ParseJson(text);
    if (!json || !json->is_object() || text.size() > kMaxPolicyText) {
      return InvalidAttributeValue(name);
    }
    return std::nullopt;
  }
  bool ignored = false;
  if (name == "SqsManagedSseEnabled") return ReadFlag(name, text, ignored);
  if (name == "KmsMasterKeyId") {
    return text.size() > kMaxKeyId ? Outcome(InvalidAttributeValue(name)) : std::nullopt;
  }
  if (name == "KmsDataKeyReusePeriodSeconds") {
    const auto number = ToNumber(text);
    if (!number || *number < 60 || *number > 86400) return InvalidAttributeValue(name);
    return std::nullopt;
  }
  return InvalidAttribute(name);
}

// What holds between attributes.
Outcome CheckTogether(const QueueSettings& settings) {
  const Attributes& set = settings.set;
  if (!settings.is_fifo) {
    for (const char* name :
         {"ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"}) {
      if (set.contains(name)) return InvalidAttribute(name);
    }
    if (set.contains("FifoQueue")) return InvalidAttribute("FifoQueue");
  }
  const auto throughput = set.find("FifoThroughputLimit");
  if (throughput != set.end() && throughput->second == "perMessageGroupId" &&
      !settings.deduplicates_by_group) {
    return ModelError("InvalidAttributeValue",
                      "The perMessageGroupId value is allowed only when the value for "
                      "DeduplicationScope is messageGroup.");
  }
  const auto managed = set.find("SqsManagedSseEnabled");
  const auto key = set.find("KmsMasterKeyId");
  if (managed != set.end() && managed->second == "true" && key != set.end()) {
    return ModelError("InvalidAttributeName",
                      "You can use one type of server-side encryption (SSE) at one time. You can "
                      "either enable KMS SSE or SQS SSE.");
  }
  return std::nullopt;
}

}  // namespace

bool RedriveAllowPolicy::Allows(const std::string& source_arn) const {
  if (who == Who::kByQueue) return std::ranges::find(sources, source_arn) != sources.end();
  return who == Who::kAll;
}

bool IsQueueName(std::string_view name, bool is_fifo) {
  if (name.size() > limits::kMaxQueueName) return false;
  if (is_fifo) {
    if (!name.ends_with(".fifo")) return false;
    name.remove_suffix(5);
  }
  return IsWord(name, limits::kMaxQueueName);
}

std::expected<QueueSettings, ApiError> ReadSettings(const Attributes& attributes) {
  QueueSettings out;
  for (const auto& [name, text] : attributes) {
    if (text.empty() && (name == "Policy" || name == "RedrivePolicy" ||
                         name == "RedriveAllowPolicy" || name == "KmsMasterKeyId")) {
      continue;
    }
    if (auto wrong = ReadOne(name, text, out)) return std::unexpected(std::move(*wrong));
    out.set[name] = text;
  }
  if (auto wrong = CheckTogether(out)) return std::unexpected(std::move(*wrong));
  return out;
}

std::expected<QueueSettings, ApiError> ChangeSettings(const QueueSettings& before,
                                                      const Attributes& changes) {
  Attributes all = before.set;
  for (const auto& [name, text] : changes) {
    if (name == "FifoQueue" && text != (before.is_fifo ? "true" : "false")) {
      return std::unexpected(InvalidAttributeValue(name));
    }
    if (name == "FifoQueue" && !before.is_fifo) continue;
    // The other kind of encryption makes room.
    if (name == "KmsMasterKeyId" && !text.empty() && !changes.contains("SqsManagedSseEnabled")) {
      all.erase("SqsManagedSseEnabled");
    }
    all[name] = text;
  }
  return ReadSettings(all);
}

Attributes ShownSettings(const QueueSettings& settings) {
  Attributes out = settings.set;
  for (const NumberRule& rule : kNumbers) {
    out[std::string(rule.name)] = std::to_string(settings.*rule.member);
  }
  if (!out.contains("SqsManagedSseEnabled")) {
    out["SqsManagedSseEnabled"] = out.contains("KmsMasterKeyId") ? "false" : "true";
  }
  if (out.contains("KmsMasterKeyId")) out.emplace("KmsDataKeyReusePeriodSeconds", "300");
  if (settings.is_fifo) {
    out.emplace("ContentBasedDeduplication", "false");
    out.emplace("DeduplicationScope", "queue");
    out.emplace("FifoThroughputLimit", "perQueue");
  }
  return out;
}

bool IsAttributeName(std::string_view name) {
  return std::ranges::find(kNumbers, name, &NumberRule::name) != kNumbers.end() ||
         std::ranges::find(kOthers, name) != kOthers.end() ||
         std::ranges::find(kComputed, name) != kComputed.end();
}

}  // namespace hearth::sqs
