// The lifecycle configuration of a bucket, read and checked; lifecycle_sweep.h does what it asks.
// Source: S3 API reference, PutBucketLifecycleConfiguration; S3 User Guide, "Lifecycle
// configuration elements".
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "triggers/s3/errors.h"
#include "triggers/s3/tags.h"

namespace hearth::s3 {

struct LifecycleRule {
  std::string id;  // Made where the client gives none.
  bool is_enabled = false;
  bool has_filter = true;  // False: the older form, a prefix of its own.

  // Which objects: all of these.
  std::string prefix;
  Tags tags;
  std::optional<uint64_t> larger_than;  // Bytes.
  std::optional<uint64_t> smaller_than;

  // What is done, at least one.
  std::optional<int64_t> expiration_days;
  std::optional<int64_t> expiration_date_ms;  // Midnight, UTC.
  bool expires_delete_markers = false;        // Of which no version is left.
  std::optional<int64_t> noncurrent_days;
  std::optional<int64_t> noncurrent_versions_kept;
  std::optional<int64_t> abort_uploads_days;
};
using LifecycleRules = std::vector<LifecycleRule>;

// Transitions to other storage classes are NotImplemented.
std::expected<LifecycleRules, ApiError> ReadLifecycle(std::string_view body);
std::string LifecycleXml(const LifecycleRules& rules);

}  // namespace hearth::s3
