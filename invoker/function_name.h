// FunctionName: how callers name a function: "Name", "000000000000:function:Name", the whole ARN,
// each with or without ":qualifier". Source: Lambda API, shapes FunctionName and Qualifier.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "aws/gateway.h"
#include "invoker/function.h"

namespace hearth::invoker {

struct FunctionName {
  std::string name;
  std::string qualifier;  // Empty: none was given.
};

// `text` and `qualifier` decoded, as the path and the query carry them. The errors are AWS's: a
// malformed name (ValidationException), two qualifiers that differ, another account's function.
std::expected<FunctionName, aws::ApiError> ParseFunctionName(const Account& account,
                                                             std::string_view text,
                                                             std::string_view qualifier);

// "1 validation error detected: Value 'VALUE' at 'MEMBER' failed to satisfy constraint: CONSTRAINT"
aws::ApiError ValidationError(std::string_view value, std::string_view member,
                              std::string_view constraint);
aws::ApiError InvalidParameter(std::string message);
aws::ApiError FunctionNotFound(const Account& account, const FunctionName& name);

}  // namespace hearth::invoker
