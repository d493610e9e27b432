#include "invoker/api_errors.h"

namespace hearth::invoker {

aws::ApiError InvalidParameter(std::string message) {
  return {.status = 400, .type = "InvalidParameterValueException", .message = std::move(message)};
}

aws::ApiError MissingMember(std::string_view member) {
  return {.status = 400,
          .type = "ValidationException",
          .message = "1 validation error detected: Value null at '" + std::string(member) +
                     "' failed to satisfy constraint: Member must not be null"};
}

aws::ApiError WrongType(std::string_view member, std::string_view right) {
  return {.status = 400,
          .type = "SerializationException",
          .message = "'" + std::string(member) + "' must be " + std::string(right)};
}

aws::ApiError Conflict(std::string message) {
  return {.status = 409, .type = "ResourceConflictException", .message = std::move(message)};
}

aws::ApiError StaleRevision() {
  return {.status = 412,
          .type = "PreconditionFailedException",
          .message =
              "The Revision Id provided does not match the latest Revision Id. Call the "
              "GetFunction/GetAlias API to retrieve the latest Revision Id"};
}

aws::ApiError ServiceError(const base::Error& error) {
  return {.status = 500, .type = "ServiceException", .message = error.ToString()};
}

}  // namespace hearth::invoker
