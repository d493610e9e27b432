// A bucket's policy, checked as S3 checks it. It is kept and shown; nobody is kept out by it:
// authorisation is off. Source: S3 User Guide, "Policies and permissions in Amazon S3".
#pragma once

#include <optional>
#include <string_view>

#include "triggers/s3/errors.h"

namespace hearth::s3 {

// MalformedPolicy, with what is wrong.
std::optional<ApiError> CheckBucketPolicy(std::string_view text, std::string_view bucket);

}  // namespace hearth::s3
