#include "triggers/schedule/errors.h"

#include <fmt/format.h>

#include "aws/arn.h"
#include "base/log.h"

namespace hearth::schedule {

ApiError Invalid(std::string message) {
  return {.status = 400, .type = "ValidationException", .message = std::move(message)};
}

ApiError Violates(std::string_view value, std::string_view member, std::string_view constraint) {
  constexpr size_t kMostOfValue = 300;
  return aws::ValidationError(value.substr(0, kMostOfValue), member, constraint);
}

ApiError Missing(std::string_view member) {
  return Invalid(
      fmt::format("1 validation error detected: Value null at '{}' failed to satisfy constraint: "
                  "Member must not be null",
                  member));
}

ApiError WrongType(std::string_view member, std::string_view wanted) {
  return {.status = 400,
          .type = "SerializationException",
          .message = fmt::format("'{}' must be {}.", member, wanted)};
}

ApiError NotServed(std::string_view member) {
  return Invalid(fmt::format("Hearth does not serve {}.", member));
}

ApiError Conflict(std::string message) {
  return {.status = 409, .type = "ConflictException", .message = std::move(message)};
}

ApiError NotFound(std::string message) {
  return {.status = 404, .type = "ResourceNotFoundException", .message = std::move(message)};
}

ApiError QuotaExceeded(std::string message) {
  return {.status = 402, .type = "ServiceQuotaExceededException", .message = std::move(message)};
}

ApiError ScheduleNotFound(std::string_view name) {
  return NotFound(fmt::format("Schedule {} does not exist.", name));
}

ApiError GroupNotFound(std::string_view name) {
  return NotFound(fmt::format("Schedule group {} does not exist.", name));
}

ApiError HostFailure(const base::Error& error) {
  HLOG_ERROR("scheduler: {}", error.ToString());
  if (error.kind == base::ErrorKind::kLimit) {
    return {.status = 429, .type = "ThrottlingException", .message = error.ToString()};
  }
  return {.status = 500, .type = "InternalServerException", .message = error.ToString()};
}

}  // namespace hearth::schedule
