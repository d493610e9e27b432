#include "triggers/sqs/errors.h"

#include <array>

namespace hearth::sqs {
namespace {

struct Shape {
  std::string_view name;
  std::string_view code;
  int status;
};
constexpr std::array<Shape, 17> kShapes = {{
    {"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", 400},
    {"QueueDeletedRecently", "AWS.SimpleQueueService.QueueDeletedRecently", 400},
    {"QueueNameExists", "QueueAlreadyExists", 400},
    {"PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress", 403},
    {"MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", 400},
    {"BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", 400},
    {"BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong", 400},
    {"EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest", 400},
    {"InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId", 400},
    {"TooManyEntriesInBatchRequest", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", 400},
    {"UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation", 400},
    {"OverLimit", "OverLimit", 403},
    {"ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", 404},
    {"ResourceNotFoundException", "ResourceNotFoundException", 404},
    {"InvalidAddress", "InvalidAddress", 404},
    {"InvalidParameterValueException", "InvalidParameterValue", 400},
    {"MissingRequiredParameterException", "MissingParameter", 400},
}};

const Shape* Find(std::string_view name) {
  for (const Shape& shape : kShapes) {
    if (shape.name == name) return &shape;
  }
  return nullptr;
}

}  // namespace

std::string_view QueryCode(std::string_view shape) {
  const Shape* const found = Find(shape);
  return found == nullptr ? shape : found->code;
}

aws::ApiError ModelError(std::string_view shape, std::string message) {
  const Shape* const found = Find(shape);
  return {found == nullptr ? 400 : found->status, std::string(shape), std::move(message)};
}

aws::ApiError InvalidParameter(std::string message) {
  return ModelError("InvalidParameterValueException", std::move(message));
}

aws::ApiError InvalidValue(std::string_view value, std::string_view parameter,
                           std::string_view reason) {
  return InvalidParameter("Value " + std::string(value.substr(0, 2000)) + " for parameter " +
                          std::string(parameter) + " is invalid. Reason: " + std::string(reason));
}

aws::ApiError MissingParameter(std::string_view parameter) {
  return ModelError("MissingRequiredParameterException",
                    "The request must contain the parameter " + std::string(parameter) + ".");
}

aws::ApiError InvalidAttribute(std::string_view name) {
  return ModelError("InvalidAttributeName", "Unknown Attribute " + std::string(name) + ".");
}

aws::ApiError InvalidAttributeValue(std::string_view name) {
  return ModelError("InvalidAttributeValue",
                    "Invalid value for the parameter " + std::string(name) + ".");
}

aws::ApiError NoSuchQueue() {
  return ModelError("QueueDoesNotExist", "The specified queue does not exist.");
}

aws::ApiError NoSuchResource(std::string message) {
  return ModelError("ResourceNotFoundException", std::move(message));
}

aws::ApiError InvalidHandle(std::string_view handle) {
  return ModelError("ReceiptHandleIsInvalid", "The input receipt handle \"" +
                                                  std::string(handle.substr(0, 1024)) +
                                                  "\" is not a valid receipt handle.");
}

aws::ApiError OverLimit(std::string message) { return ModelError("OverLimit", std::move(message)); }

}  // namespace hearth::sqs
