// FunctionName: which function, and which of its versions, a request means: its name (read by
// aws/arn) and its qualifier, as far as they are this account's. Source: Lambda API, shapes
// FunctionName and Qualifier.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "aws/arn.h"
#include "aws/gateway.h"
#include "invoker/api_errors.h"
#include "invoker/function.h"

namespace hearth::invoker {

struct FunctionName {
  std::string name;
  std::string qualifier;  // Empty: none was given.
};

// `text` and `qualifier` decoded, as the path and the query carry them. The errors are AWS's: a
// malformed name (ValidationException), two qualifiers that differ, another account's or region's
// function.
std::expected<FunctionName, aws::ApiError> ParseFunctionName(const Account& account,
                                                             std::string_view text,
                                                             std::string_view qualifier);

// Under what a record keeps what a function, a version or an alias has: $LATEST where none is
// named.
std::string QualifierKey(const FunctionName& name);

// The refusal of an operation on a function as such, where a version or an alias is named.
std::optional<aws::ApiError> CheckUnqualified(const FunctionName& name);
aws::ApiError FunctionNotFound(const Account& account, const FunctionName& name);
// Of operations that ask for an alias; others say "Function not found".
aws::ApiError AliasNotFound(const Account& account, const FunctionName& name);

}  // namespace hearth::invoker
