// The configurations of a bucket that are kept as texts and given back: each is read, checked, and
// written as its Get operation answers it. Source: S3 API reference, PutBucket… and GetBucket….
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "triggers/s3/errors.h"

namespace hearth::s3 {

enum class BucketText {
  kCors,               // cors.h
  kLifecycle,          // lifecycle.h
  kPolicy,             // JSON, kept as it was sent.
  kPublicAccessBlock,  // Kept; nobody is kept out by it: authorisation is off.
  kOwnershipControls,
  kEncryption,  // AES256; keys of KMS are NotImplemented.
};

// The text that its Get answers. At most limits::kMaxBucketText, else MaxMessageLengthExceeded.
// `bucket` is what a policy's resources must be of.
std::expected<std::string, ApiError> ReadBucketText(BucketText kind, std::string_view body,
                                                    std::string_view bucket);

}  // namespace hearth::s3
