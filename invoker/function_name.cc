#include "invoker/function_name.h"

#include <algorithm>
#include <vector>

#include "base/limits.h"

namespace hearth::invoker {
namespace {

constexpr std::string_view kNamePattern =
    "Member must satisfy regular expression pattern: "
    "(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?"
    "(function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?";

bool IsWord(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_';
  });
}

bool IsAccountId(std::string_view text) {
  return text.size() == 12 &&
         std::ranges::all_of(text, [](unsigned char c) { return c >= '0' && c <= '9'; });
}

bool IsQualifier(std::string_view text) { return text == "$LATEST" || IsWord(text); }

std::vector<std::string_view> Split(std::string_view text) {
  std::vector<std::string_view> out;
  for (size_t start = 0;;) {
    const size_t colon = text.find(':', start);
    out.push_back(text.substr(start, colon - start));
    if (colon == std::string_view::npos) {
      return out;
    }
    start = colon + 1;
  }
}

}  // namespace

aws::ApiError ValidationError(std::string_view value, std::string_view member,
                              std::string_view constraint) {
  return {.status = 400,
          .type = "ValidationException",
          .message = "1 validation error detected: Value '" + std::string(value) + "' at '" +
                     std::string(member) +
                     "' failed to satisfy constraint: " + std::string(constraint)};
}

aws::ApiError InvalidParameter(std::string message) {
  return {.status = 400, .type = "InvalidParameterValueException", .message = std::move(message)};
}

aws::ApiError FunctionNotFound(const Account& account, const FunctionName& name) {
  return {.status = 404,
          .type = "ResourceNotFoundException",
          .message = "Function not found: " + FunctionArn(account, name.name, name.qualifier)};
}

std::expected<FunctionName, aws::ApiError> ParseFunctionName(const Account& account,
                                                             std::string_view text,
                                                             std::string_view qualifier) {
  const auto malformed = [&] {
    return std::unexpected(ValidationError(text, "functionName", kNamePattern));
  };
  std::vector<std::string_view> parts = Split(text);
  std::string_view region = account.region;
  std::string_view id = account.id;
  size_t at = 0;
  if (parts[0] == "arn") {
    if (parts.size() < 7 || !parts[1].starts_with("aws") || parts[2] != "lambda" ||
        !IsAccountId(parts[4]) || parts[5] != "function") {
      return malformed();
    }
    region = parts[3];
    id = parts[4];
    at = 6;
  } else if (parts.size() >= 3 && parts[1] == "function" && IsAccountId(parts[0])) {
    id = parts[0];
    at = 2;
  } else if (parts.size() >= 2 && parts[0] == "function") {
    at = 1;
  }
  if (parts.size() - at > 2 || !IsWord(parts[at])) {
    return malformed();
  }
  FunctionName out{.name = std::string(parts[at]), .qualifier = std::string(qualifier)};
  if (out.name.size() > limits::kMaxFunctionName) {
    return std::unexpected(
        ValidationError(text, "functionName", "Member must have length less than or equal to 64"));
  }
  if (!qualifier.empty() && !IsQualifier(qualifier)) {
    return std::unexpected(ValidationError(
        qualifier, "qualifier",
        "Member must satisfy regular expression pattern: \\$(LATEST(\\.PUBLISHED)?)|"
        "[a-zA-Z0-9-_$]+"));
  }
  if (parts.size() - at == 2) {
    const std::string_view embedded = parts[at + 1];
    if (!IsQualifier(embedded)) {
      return malformed();
    }
    if (!qualifier.empty() && qualifier != embedded) {
      return std::unexpected(InvalidParameter(
          "The derived qualifier from the function name does not match the specified qualifier."));
    }
    out.qualifier = embedded;
  }
  if (region != account.region || id != account.id) {
    return std::unexpected(FunctionNotFound({std::string(region), std::string(id)}, out));
  }
  return out;
}

}  // namespace hearth::invoker
