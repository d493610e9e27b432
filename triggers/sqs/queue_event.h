// The event that a function gets of a queue: {"Records": [RECORD, ...]}. Source: developer guide,
// "Using Lambda with Amazon SQS"; aws-facts 4.7.
#pragma once

#include <string>
#include <string_view>

#include "triggers/sqs/queue_engine.h"

namespace hearth::sqs {

struct EventOrigin {
  std::string arn;  // The queue's.
  std::string region;
  std::string account;
  bool is_fifo = false;
};

constexpr std::string_view kEventHead = R"({"Records":[)";
constexpr std::string_view kEventTail = "]}";
// A record has at least so many bytes, beside its body and attributes.
constexpr size_t kLeastRecord = 500;

// One record, as JSON text.
std::string RecordText(const ReceivedMessage& message, const EventOrigin& origin);

}  // namespace hearth::sqs
