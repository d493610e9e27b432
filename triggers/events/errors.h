// The event bus's refusals, in AWS's words. Source: EventBridge API 2015-10-07; recorded answers.
#pragma once

#include <string>
#include <string_view>

#include "aws/gateway.h"
#include "base/result.h"

namespace hearth::events {

aws::ApiError Invalid(std::string message);  // ValidationException
// "Parameter Source is not valid. Reason: …"
aws::ApiError InvalidParameter(std::string_view parameter, std::string_view reason);
aws::ApiError NotFound(std::string message);
aws::ApiError NoSuchBus(std::string_view name);
aws::ApiError NoSuchRule(std::string_view bus, std::string_view name);
aws::ApiError AlreadyExists(std::string_view kind, std::string_view name);  // "Event bus"
aws::ApiError InvalidPattern(std::string_view reason);
aws::ApiError LimitExceeded(std::string message = {});  // AWS's own words, where there are none.
aws::ApiError ManagedRule(std::string_view name);
aws::ApiError NotServed(std::string_view what);
// What the host could not do; of a refusal that has no better words too.
aws::ApiError HostFailure(const base::Error& error);

}  // namespace hearth::events
