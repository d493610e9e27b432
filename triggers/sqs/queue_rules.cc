#include "triggers/sqs/queue_rules.h"

#include "aws/arn.h"
#include "base/limits.h"
#include "triggers/sqs/errors.h"

namespace hearth::sqs {

std::string QueueArn(const invoker::Account& account, std::string_view name) {
  return aws::Arn{.service = "sqs",
                  .region = account.region,
                  .account = account.id,
                  .resource = std::string(name)}
      .ToString();
}

std::optional<std::string> NameOfArn(const invoker::Account& account, std::string_view text) {
  const auto arn = aws::ParseArn(text);
  if (!arn || arn->service != "sqs" || arn->account != account.id ||
      arn->region != account.region) {
    return std::nullopt;
  }
  return arn->resource;
}

std::string QueueUrl(const invoker::Account& account, std::string_view host,
                     std::string_view name) {
  return "http://" + std::string(host.empty() ? "localhost" : host) + "/" + account.id + "/" +
         std::string(name);
}

std::optional<aws::ApiError> CheckRedrive(const invoker::Account& account, std::string_view name,
                                          const QueueSettings& settings, const FindSettings& find) {
  if (!settings.redrive) return std::nullopt;
  const std::string& text = settings.set.at("RedrivePolicy");
  const auto wrong = [&text](std::string_view reason) {
    return InvalidValue(text, "RedrivePolicy", reason);
  };
  const auto target_name = NameOfArn(account, settings.redrive->target_arn);
  const QueueSettings* const target = target_name ? find(*target_name) : nullptr;
  if (target == nullptr) return wrong("Dead letter target does not exist.");
  if (target->is_fifo != settings.is_fifo) {
    return wrong("Dead-letter queue must be same type of queue as the source.");
  }
  if (!target->redrive_allow.Allows(QueueArn(account, name))) {
    return wrong("The dead-letter queue's redrive allow policy does not allow this queue.");
  }
  return std::nullopt;
}

std::optional<aws::ApiError> CheckTags(const std::string& name,
                                       const std::map<std::string, std::string>& tags) {
  if (tags.size() > limits::kMaxTags) {
    return InvalidParameter("Too many tags added for queue " + name + ".");
  }
  for (const auto& [key, value] : tags) {
    if (key.empty() || key.size() > limits::kMaxTagKey || value.size() > limits::kMaxTagValue) {
      return InvalidParameter("A tag's key has 1 to 128 characters, its value at most 256.");
    }
  }
  return std::nullopt;
}

invoker::SourceRules MappingRules(const QueueSettings& settings) {
  invoker::SourceRules rules;
  rules.visibility_s = settings.visibility_s;
  if (settings.is_fifo) {
    rules.max_batch = limits::kMaxMessageBatch;
    rules.has_window = false;
  }
  return rules;
}

}  // namespace hearth::sqs
