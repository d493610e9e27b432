#include "invoker/function_name.h"

#include <algorithm>

namespace hearth::invoker {
namespace {

constexpr size_t kMaxQualifier = 128;  // AWS.

// Wider than what may name anything: "$other" is well-formed and found nowhere.
bool IsWellFormed(std::string_view qualifier) {
  return std::ranges::all_of(qualifier, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '$';
  });
}

}  // namespace

std::string QualifierKey(const FunctionName& name) {
  return name.qualifier.empty() ? "$LATEST" : name.qualifier;
}

std::optional<aws::ApiError> CheckUnqualified(const FunctionName& name) {
  if (name.qualifier.empty()) return std::nullopt;
  return InvalidParameter(
      "This operation is permitted on Lambda functions only. Aliases and versions do not support "
      "this operation. Please specify either a function name or an unqualified function ARN.");
}

aws::ApiError FunctionNotFound(const Account& account, const FunctionName& name) {
  return {.status = 404,
          .type = "ResourceNotFoundException",
          .message = "Function not found: " + FunctionArn(account, name.name, name.qualifier)};
}

aws::ApiError AliasNotFound(const Account& account, const FunctionName& name) {
  return {.status = 404,
          .type = "ResourceNotFoundException",
          .message = "Cannot find alias arn: " + FunctionArn(account, name.name, name.qualifier)};
}

std::expected<FunctionName, aws::ApiError> ParseFunctionName(const Account& account,
                                                             std::string_view text,
                                                             std::string_view qualifier) {
  auto parsed = aws::ParseFunctionName(text);
  if (!parsed) return std::unexpected(std::move(parsed).error());
  if (qualifier.size() > kMaxQualifier) {
    return std::unexpected(ValidationError(qualifier, "qualifier",
                                           "Member must have length less than or equal to 128"));
  }
  if (!IsWellFormed(qualifier)) {
    return std::unexpected(ValidationError(
        qualifier, "qualifier",
        "Member must satisfy regular expression pattern: \\$(LATEST(\\.PUBLISHED)?)|"
        "[a-zA-Z0-9-_$]+"));
  }
  if (!qualifier.empty() && !parsed->qualifier.empty() && qualifier != parsed->qualifier) {
    return std::unexpected(InvalidParameter(
        "The derived qualifier from the function name does not match the specified qualifier."));
  }
  FunctionName out{
      .name = std::move(parsed->name),
      .qualifier = qualifier.empty() ? std::move(parsed->qualifier) : std::string(qualifier)};
  if (!parsed->region.empty() && parsed->region != account.region) {
    return std::unexpected(aws::ApiError{.status = 404,
                                         .type = "ResourceNotFoundException",
                                         .message = "Functions from '" + parsed->region +
                                                    "' are not reachable in this region ('" +
                                                    account.region + "')"});
  }
  if (!parsed->account.empty() && parsed->account != account.id) {
    return std::unexpected(FunctionNotFound({account.region, parsed->account}, out));
  }
  return out;
}

}  // namespace hearth::invoker
