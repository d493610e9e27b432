// What a deployment does to buckets and their policies (bucket_resource.h).
//
// A bucket is only ever removed empty: its removal has a way back. Versioning has none, as at AWS:
// what was versioned is suspended, never "never". Each step's callback runs once, never inside the
// call. Owner: none; the host outlives it.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/json.h"
#include "io/offload.h"
#include "stacks/stack_store.h"
#include "triggers/s3/notification_targets.h"
#include "triggers/s3/object_store.h"

namespace hearth::stacks {

struct BucketHost {
  s3::ObjectStore& objects;
  s3::NotificationTargets targets;
  io::Offload& disk;  // For answers on a later turn.
  const base::Clock& clock;
};

// kBucket or kBucketPolicy, of the bucket called `name`.
struct BucketKey {
  ResourceKind kind;
  std::string name;
};
bool IsOfBucket(ResourceKind kind);

// As it is now, in the form in which it is told; nothing where there is none.
std::optional<base::Json> CurrentBucket(const s3::ObjectStore& objects, const BucketKey& key);
// Whether it is as `told` would make it; nothing told: whether it is not there.
bool IsBucket(const s3::ObjectStore& objects, const BucketKey& key,
              const std::optional<base::Json>& told);
// The stack that the bucket's tag names; empty: none, or no such bucket.
std::string StackOfBucket(const s3::ObjectStore& objects, const std::string& name);
// `told` without what it sends to others.
base::Json WithoutNotifications(base::Json told);

// kApply refuses what the API would, as targets that are not there or do not let the store send,
// and tells queues of it (s3:TestEvent).
enum class BucketStep { kApply, kRestore };
// Makes it what `told` says, whatever was there before; nothing: it is taken away, unless it is not
// empty. A bucket's policy is none of the bucket's own, and stays.
void BringBucket(const BucketHost& host, const BucketKey& key,
                 const std::optional<base::Json>& told, BucketStep step,
                 std::function<void(std::expected<void, std::string>)> done);

}  // namespace hearth::stacks
