// Whether a resource's policy, in IAM's language, lets a service act on it. Pure.
//
// A condition on what is not known of who asks does not hold: a statement that has one neither
// allows nor denies. Source: IAM User Guide, "Policy evaluation logic" and "JSON policy elements".
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace hearth::aws {

// A service's wish, on behalf of one of its resources.
struct PolicyRequest {
  std::string service;   // "s3.amazonaws.com"
  std::string action;    // "sqs:SendMessage"
  std::string resource;  // The ARN that the policy is of.
  std::string source_arn;
  std::string source_account;
};
// Some statement allows it and none denies it. What is no policy allows nothing.
bool PolicyAllows(const base::Json& policy, const PolicyRequest& request);

// '*' in the pattern stands for any text, '?' for one character. In time proportional to the
// product of the sizes.
bool IsLike(std::string_view pattern, std::string_view text);

}  // namespace hearth::aws
