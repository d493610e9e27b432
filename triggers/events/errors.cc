#include "triggers/events/errors.h"

#include <cerrno>

namespace hearth::events {

using aws::ApiError;

ApiError Invalid(std::string message) { return {400, "ValidationException", std::move(message)}; }

ApiError InvalidParameter(std::string_view parameter, std::string_view reason) {
  return Invalid("Parameter " + std::string(parameter) +
                 " is not valid. Reason: " + std::string(reason));
}

ApiError NotFound(std::string message) {
  return {400, "ResourceNotFoundException", std::move(message)};
}

ApiError NoSuchBus(std::string_view name) {
  return NotFound("Event bus " + std::string(name) + " does not exist.");
}

ApiError NoSuchRule(std::string_view bus, std::string_view name) {
  return NotFound("Rule " + std::string(name) + " does not exist on EventBus " + std::string(bus) +
                  ".");
}

ApiError AlreadyExists(std::string_view kind, std::string_view name) {
  return {400, "ResourceAlreadyExistsException",
          std::string(kind) + " " + std::string(name) + " already exists."};
}

ApiError InvalidPattern(std::string_view reason) {
  return {400, "InvalidEventPatternException",
          "Event pattern is not valid. Reason: " + std::string(reason)};
}

ApiError LimitExceeded(std::string message) {
  if (message.empty()) message = "The requested resource exceeds the maximum number allowed.";
  return {400, "LimitExceededException", std::move(message)};
}

ApiError ManagedRule(std::string_view name) {
  return {400, "ManagedRuleException",
          "Rule " + std::string(name) +
              " is managed by another service; it can be deleted with Force, and not changed."};
}

ApiError NotServed(std::string_view what) {
  return Invalid("Hearth does not serve " + std::string(what) + ".");
}

ApiError HostFailure(const base::Error& error) {
  if (error.kind == base::ErrorKind::kLimit || error.error_number == ENOSPC) {
    return {503, "ServiceUnavailable", "Hearth cannot take this: " + error.text};
  }
  return {500, "InternalException", "Hearth failed: " + error.ToString()};
}

}  // namespace hearth::events
