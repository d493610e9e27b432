// The queue service's refusals, in AWS's words. Of two protocols: json names a shape, query a code.
// Source: SQS's service model (errors and their query codes), recorded answers (aws-facts).
#pragma once

#include <string>
#include <string_view>

#include "aws/gateway.h"

namespace hearth::sqs {

// "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: …"
aws::ApiError InvalidValue(std::string_view value, std::string_view parameter,
                           std::string_view reason);
aws::ApiError InvalidParameter(std::string message);
aws::ApiError MissingParameter(std::string_view parameter);
aws::ApiError InvalidAttribute(std::string_view name);
aws::ApiError InvalidAttributeValue(std::string_view name);
aws::ApiError NoSuchQueue();
aws::ApiError NoSuchResource(std::string message);
aws::ApiError InvalidHandle(std::string_view handle);
aws::ApiError OverLimit(std::string message);
// One of the model's: status 400, or what the model says.
aws::ApiError ModelError(std::string_view shape, std::string message);

// "QueueDoesNotExist" -> "AWS.SimpleQueueService.NonExistentQueue"
std::string_view QueryCode(std::string_view shape);

}  // namespace hearth::sqs
