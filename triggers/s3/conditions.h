// Ranges and conditions of requests. Source: RFC 9110, 13 and 14; S3 API reference, GetObject,
// CopyObject and PutObject.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "io/http_message.h"
#include "triggers/s3/dates.h"
#include "triggers/s3/errors.h"

namespace hearth::s3 {

struct ByteRange {
  uint64_t first = 0;
  uint64_t last = 0;  // Inclusive.
  uint64_t size() const { return last - first + 1; }
};

// nullopt: all of it is asked for: no range, a malformed one, or several. InvalidRange: nothing of
// it lies within `size`.
std::expected<std::optional<ByteRange>, ApiError> ReadRange(std::string_view header, uint64_t size);
// x-amz-copy-source-range: one whole range within `size`, else InvalidArgument or InvalidRange.
std::expected<std::optional<ByteRange>, ApiError> ReadCopyRange(std::string_view header,
                                                                uint64_t size);

struct Conditions {
  enum class Use { kRead, kCopy };  // A copy of what has not changed is PreconditionFailed.

  std::string if_match;  // As sent; empty: none.
  std::string if_none_match;
  std::optional<int64_t> if_modified_since_s;
  std::optional<int64_t> if_unmodified_since_s;

  // `prefix` is "x-amz-copy-source-" for the source of a copy. A date that cannot be read is none.
  static Conditions Of(const io::HttpHeaders& headers, std::string_view prefix = "");
  bool any() const;

  // What an existing object's `etag` (with quotes or without) and time say to them.
  std::optional<ApiError> CheckRead(const std::string& etag, int64_t modified_ms,
                                    Use use = Use::kRead) const;
};

}  // namespace hearth::s3
