// The policy of a browser's upload: what its form may hold and how large its file may be. It is
// read and obeyed; its signature is not verified: this host knows no secret keys. Source: S3 API
// reference, "Creating a POST policy".
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "triggers/s3/errors.h"
#include "triggers/s3/post_form.h"

namespace hearth::s3 {

struct PostSizes {
  uint64_t least = 0;
  uint64_t most = limits::kMaxObjectPut;
};

// What the form's `policy` allows a file to have; all of it where there is none. AccessDenied:
// expired, a condition that does not hold, or a field that no condition is about.
std::expected<PostSizes, ApiError> ReadPostPolicy(const PostFields& fields, std::string_view bucket,
                                                  int64_t now_ms);
// EntityTooSmall, EntityTooLarge.
std::optional<ApiError> CheckPostSize(const PostSizes& sizes, uint64_t size);
// Both at once.
std::optional<ApiError> CheckPostPolicy(const PostFields& fields, std::string_view bucket,
                                        uint64_t size, int64_t now_ms);

}  // namespace hearth::s3
