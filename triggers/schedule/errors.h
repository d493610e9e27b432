// The scheduler's refusals, in AWS's words. Source: EventBridge Scheduler API 2021-06-30; recorded
// answers of AWS ("Invalid Schedule Expression rate(10 seconds).").
#pragma once

#include <string>
#include <string_view>

#include "aws/gateway.h"
#include "base/result.h"

namespace hearth::schedule {

using aws::ApiError;

// 400 ValidationException.
ApiError Invalid(std::string message);
// "1 validation error detected: Value '…' at 'target.arn' failed to satisfy constraint: …"
ApiError Violates(std::string_view value, std::string_view member, std::string_view constraint);
ApiError Missing(std::string_view member);
ApiError WrongType(std::string_view member, std::string_view wanted);
// A part that this host does not serve, by its name.
ApiError NotServed(std::string_view member);

ApiError Conflict(std::string message);       // 409
ApiError NotFound(std::string message);       // 404
ApiError QuotaExceeded(std::string message);  // 402
ApiError ScheduleNotFound(std::string_view name);
ApiError GroupNotFound(std::string_view name);

// What the host could not do: 429 for a limit or a full disk, else 500.
ApiError HostFailure(const base::Error& error);

}  // namespace hearth::schedule
