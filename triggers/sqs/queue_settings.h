// What a queue's attributes say, checked as AWS checks them. Source: SQS API, SetQueueAttributes.
//
// Kept as the texts that were set; what was not set has AWS's default.
#pragma once

#include <expected>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "aws/gateway.h"
#include "base/limits.h"

namespace hearth::sqs {

using Attributes = std::map<std::string, std::string>;

struct RedrivePolicy {
  std::string target_arn;
  int64_t max_receives = 10;
};

// Whose dead letters the queue takes.
struct RedriveAllowPolicy {
  enum class Who { kAll, kNone, kByQueue };
  Who who = Who::kAll;
  std::vector<std::string> sources;  // ARNs; kByQueue.
  bool Allows(const std::string& source_arn) const;
};

struct QueueSettings {
  Attributes set;
  bool is_fifo = false;
  int64_t delay_s = 0;
  int64_t max_message = limits::kMaxMessage;
  int64_t retention_s = 345600;
  int64_t wait_s = 0;
  int64_t visibility_s = 30;
  bool deduplicates_by_content = false;
  bool deduplicates_by_group = false;
  std::optional<RedrivePolicy> redrive;
  RedriveAllowPolicy redrive_allow;
};

// True where a queue may be called so; `is_fifo` names end in ".fifo".
bool IsQueueName(std::string_view name, bool is_fifo);

// Of CreateQueue, or of what the store has.
std::expected<QueueSettings, aws::ApiError> ReadSettings(const Attributes& attributes);
// Of SetQueueAttributes: `before` with what `changes` says; an empty text takes a policy away.
std::expected<QueueSettings, aws::ApiError> ChangeSettings(const QueueSettings& before,
                                                           const Attributes& changes);

// Every attribute that GetQueueAttributes shows of the settings alone.
Attributes ShownSettings(const QueueSettings& settings);
// True for a name that GetQueueAttributes knows.
bool IsAttributeName(std::string_view name);

}  // namespace hearth::sqs
