// When a bucket's lifecycle rules let something go: a midnight of UTC, as all of them are counted
// from a moment in whole days and rounded up to the next one. Of several rules the earliest counts.
//
// Pure values, any thread. Source: S3 User Guide, "Lifecycle configuration elements" and "Expiring
// objects"; API reference, x-amz-expiration of GetObject.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "triggers/s3/lifecycle.h"
#include "triggers/s3/object_record.h"
#include "triggers/s3/text_cache.h"

namespace hearth::s3 {

using LifecycleRulesRef = std::shared_ptr<const LifecycleRules>;

// Those of a bucket that are enabled; nullptr: none. A text that cannot be read is none, after a
// line in the log: it was written by us.
LifecycleRulesRef EnabledRules(const BucketRecord& bucket);

struct Due {
  int64_t at_ms = 0;
  const LifecycleRule* rule = nullptr;
};
// Of a current object: in a bucket with versions it gets a delete marker.
std::optional<Due> CurrentDue(const LifecycleRules& rules, const ObjectRecord& object);
// Of a version or a marker that has not been the newest since `since_ms`; `newer` of its key's
// others have not either, and are newer.
std::optional<Due> NoncurrentDue(const LifecycleRules& rules, const ObjectRecord& version,
                                 int64_t since_ms, int64_t newer);
// Of a delete marker that is all that is left of its key.
std::optional<Due> MarkerDue(const LifecycleRules& rules, const ObjectRecord& marker);
std::optional<Due> UploadDue(const LifecycleRules& rules, const UploadRecord& upload);

// The midnights of UTC at or before this moment, and at or after it.
int64_t MidnightBefore(int64_t time_ms);
int64_t MidnightAfter(int64_t time_ms);

// What all keys begin with that the rules are about.
std::string SharedPrefix(const LifecycleRules& rules);
// `expiry-date="...", rule-id="..."`
std::string ExpirationHeader(const Due& due);

// The enabled rules of buckets.
class LifecycleCache : public TextCache<LifecycleRules> {
 public:
  LifecycleCache() : TextCache("lifecycle", EnabledRules) {}
};

}  // namespace hearth::s3
