// What buckets and keys may be called. Source: S3 User Guide, "General purpose bucket naming rules"
// and "Naming Amazon S3 objects".
#pragma once

#include <optional>
#include <string_view>

#include "triggers/s3/errors.h"

namespace hearth::s3 {

// InvalidBucketName, with the name.
std::optional<ApiError> CheckBucketName(std::string_view name);

// `key` is decoded. Empty: InvalidRequest; longer than limits::kMaxObjectKey: KeyTooLongError; not
// UTF-8, with a NUL, or with more ".." than segments before them: InvalidURI.
std::optional<ApiError> CheckKey(std::string_view key);

}  // namespace hearth::s3
