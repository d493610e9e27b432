// Refusals of Lambda's API that more than one operation gives, in AWS's words.
//
// Source: Lambda API, "Common Errors" and each operation's errors; aws-facts 1.1.
#pragma once

#include <string>
#include <string_view>

#include "aws/arn.h"
#include "aws/gateway.h"
#include "base/result.h"

namespace hearth::invoker {

using aws::ValidationError;
aws::ApiError InvalidParameter(std::string message);
// A member that must be there, named as AWS's model has it: "functionVersion".
aws::ApiError MissingMember(std::string_view member);
// `right`: "a string", "an object".
aws::ApiError WrongType(std::string_view member, std::string_view right);
aws::ApiError Conflict(std::string message);
// The RevisionId that a change expects is not the current one.
aws::ApiError StaleRevision();
// The host could not do it: 500.
aws::ApiError ServiceError(const base::Error& error);

}  // namespace hearth::invoker
