// What holds of a queue beyond its own settings: its address, its tags, its dead-letter queue, and
// what event source mappings of it may ask. For the wire API and for templates alike.
//
// Values; no state. Source: SQS API 2012-11-05; aws-facts 1.6, 4.6.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "aws/gateway.h"
#include "invoker/event_source_mapping.h"
#include "invoker/function.h"
#include "triggers/sqs/queue_settings.h"

namespace hearth::sqs {

std::string QueueArn(const invoker::Account& account, std::string_view name);
// The queue's name, where the ARN is one of this account's and region's.
std::optional<std::string> NameOfArn(const invoker::Account& account, std::string_view arn);
// `host`: as the client names it; empty: "localhost".
std::string QueueUrl(const invoker::Account& account, std::string_view host, std::string_view name);

// nullptr: there is no such queue.
using FindSettings = std::function<const QueueSettings*(const std::string& name)>;
// The refusal of a queue with these settings for the sake of its dead-letter queue.
std::optional<aws::ApiError> CheckRedrive(const invoker::Account& account, std::string_view name,
                                          const QueueSettings& settings, const FindSettings& find);
std::optional<aws::ApiError> CheckTags(const std::string& name,
                                       const std::map<std::string, std::string>& tags);
invoker::SourceRules MappingRules(const QueueSettings& settings);

}  // namespace hearth::sqs
