// ARNs, and the ways in which a Lambda function may be named.
//
// Source: AWS General Reference (ARN format); Lambda API, FunctionName's pattern.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "aws/gateway.h"
#include "base/result.h"

namespace hearth::aws {

// arn:partition:service:region:account:resource; the resource may hold ':' and '/'.
struct Arn {
  std::string partition = "aws";
  std::string service;
  std::string region;
  std::string account;
  std::string resource;

  std::string ToString() const;
};

base::Result<Arn> ParseArn(std::string_view text);
// [a-zA-Z0-9-_]+, of which AWS makes names, regions and ids.
bool IsNameWord(std::string_view text);
// Twelve digits.
bool IsAccountId(std::string_view text);

// `name`, `function:name`, `account:function:name`, or the full ARN; each also with `:qualifier`.
struct FunctionName {
  std::string name;
  std::string qualifier;  // Empty: none was given.
  std::string region;     // Only from a full ARN.
  std::string account;    // Only from a partial or full ARN.
};

// A name outside Lambda's pattern is AWS's ValidationException.
std::expected<FunctionName, ApiError> ParseFunctionName(std::string_view text);

// True where `text` may name a new function: [a-zA-Z0-9-_]+, at most 64 characters.
bool IsFunctionName(std::string_view text);
// True for $LATEST, a version number, or an alias's name; at most 128 characters.
bool IsQualifier(std::string_view text);

// "1 validation error detected: Value 'x' at 'member' failed to satisfy constraint: <constraint>"
ApiError ValidationError(std::string_view value, std::string_view member,
                         std::string_view constraint);

}  // namespace hearth::aws
