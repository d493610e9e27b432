// Universal targets: arn:aws:scheduler:::aws-sdk:SERVICE:API, whose Input is that API's request:
// SendMessage of queues, Invoke of functions, PutEvents of buses. Other APIs, and members of these
// that this host does not deliver with, are refused by name.
//
// Source: EventBridge Scheduler User Guide, "Using universal targets".
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "invoker/destinations.h"
#include "invoker/function.h"
#include "triggers/schedule/errors.h"

namespace hearth::schedule {

// "sqs:sendMessage" of a universal target's ARN; nullopt: it is none.
std::optional<std::string_view> UniversalApiOf(std::string_view arn);

// What is sent for an Input whose context attributes are filled in, but for the attempt's number:
// its keyword may stand in what a call carries, for each attempt to fill in. PutEvents: one for
// each entry.
std::expected<std::vector<invoker::Destinations::Delivery>, ApiError> ReadUniversalCall(
    std::string_view api, std::string_view input, const invoker::Account& account);

}  // namespace hearth::schedule
