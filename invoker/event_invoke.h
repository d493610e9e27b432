// EventInvokeConfig: what becomes of the events of asynchronous invocations of a function, a
// version or an alias: how often and how long they are tried, and who hears of the end.
//
// A value; checks are pure and give AWS's own refusals. Source: Lambda API, shapes
// FunctionEventInvokeConfig and DestinationConfig; developer guide, "Capturing records of Lambda
// asynchronous invocations"; aws-facts 4.5.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "aws/gateway.h"
#include "base/json.h"
#include "base/result.h"
#include "invoker/destinations.h"
#include "invoker/function.h"
#include "invoker/invocation.h"

namespace hearth::invoker {

struct EventInvokeConfig {
  std::optional<int64_t> max_retries;  // After errors of the function: 0 to 2.
  std::optional<int64_t> max_age_s;    // 60 to 21,600.
  std::string on_success;              // ARNs; empty: nobody.
  std::string on_failure;
  int64_t last_modified_ms = 0;
  bool operator==(const EventInvokeConfig&) const = default;
};

constexpr int64_t kDefaultEventRetries = 2;
constexpr int64_t kDefaultEventAgeSeconds = 21'600;

// Why `arn` can be nobody's destination here; nothing: it can.
using CheckDestination = std::function<std::optional<aws::ApiError>(const std::string& arn)>;

// `current` with the members of a request's body.
std::expected<EventInvokeConfig, aws::ApiError> ApplyEventInvoke(EventInvokeConfig current,
                                                                 const base::Json& body,
                                                                 const CheckDestination& check);
// `arn`: of the function, with its qualifier.
base::Json EventInvokeJson(const std::string& arn, const EventInvokeConfig& config);

base::Json ToStored(const EventInvokeConfig& config);
base::Result<EventInvokeConfig> EventInvokeFromStored(const base::Json& stored);

// How an event ended, as its record says it.
struct EventEnd {
  std::string
      condition;  // "Success", "RetriesExhausted", "EventAgeExceeded", "ZeroReservedConcurrency"
  std::string request_id;
  std::string function_arn;  // With its qualifier; "$LATEST" where none was named.
  int64_t invoke_count = 0;
  std::string_view request_payload;          // JSON text.
  const InvocationResult* result = nullptr;  // Of the last call; nullptr: there was none.
};
// The record that goes to a destination: JSON text.
std::string MakeEventRecord(const EventEnd& end, base::WallTime now);
// What goes to a dead-letter queue beside the event itself: RequestID, ErrorCode, ErrorMessage.
// `result`: of the last call, whether or not it reached the function; nullptr: there was none.
// Source: developer guide, "Adding a dead-letter queue".
std::vector<Destinations::Attribute> DeadLetterAttributes(const EventEnd& end,
                                                          const InvocationResult* result);

}  // namespace hearth::invoker
