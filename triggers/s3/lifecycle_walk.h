// LifecycleWalk: goes once through one bucket and removes what its lifecycle rules let go by a
// midnight of UTC: objects, versions, delete markers that are alone, uploads.
//
// Page by page: all deletes of a page have ended before the next page is read, so no more than a
// page of records and of deletes is held. Each delete is decided on again inside its transaction,
// by what is there then: what was replaced, tagged anew or made current meanwhile stays. A bucket
// whose rules change, or that goes, ends the walk at the next page. Nothing is remembered: a walk
// that a kill cut short is done again from its beginning. On the loop; one call back, not inside
// Start, and none after its destruction. Owner: LifecycleSweep.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "triggers/s3/lifecycle_due.h"
#include "triggers/s3/object_store.h"

namespace hearth::s3 {

struct LifecycleCounts {
  uint64_t objects = 0;  // Removed, or hidden by a marker.
  uint64_t versions = 0;
  uint64_t markers = 0;  // That were alone.
  uint64_t uploads = 0;
  uint64_t all() const { return objects + versions + markers + uploads; }
};

class LifecycleWalk {
 public:
  struct Parts {
    ObjectStore& store;
    std::string bucket;
    int64_t midnight_ms = 0;
    std::function<Announce()> announce;  // Asked for each page.
  };
  enum class End {
    kDone,
    kChanged,  // The rules are others now, or the bucket is gone.
    kFailed,   // Something could not be read or removed.
  };
  using Ended = std::function<void(End, const LifecycleCounts&)>;

  // `rules` are the bucket's that are enabled.
  LifecycleWalk(Parts parts, LifecycleRulesRef rules, Ended ended);
  LifecycleWalk(const LifecycleWalk&) = delete;
  LifecycleWalk& operator=(const LifecycleWalk&) = delete;
  void Start() { ReadVersions(); }

 private:
  // Of the key that is being gone through.
  struct Key {
    std::string name;
    int64_t newer_ms = 0;  // When the version was made that was seen last.
    int64_t noncurrent = 0;
    std::optional<ObjectRecord> lone_marker;  // As far as is known.
  };
  using OnlyIf = std::function<bool(const ObjectRecord&)>;

  bool HasChanged() const;
  void ReadVersions();
  void OnVersions(Answer<ListPage> page);
  void Consider(const ObjectRecord& version);
  void EndKey();
  bool IsPast(const std::optional<Due>& due) const { return due && due->at_ms <= midnight(); }
  int64_t midnight() const { return parts_.midnight_ms; }
  void Remove(const ObjectRecord& seen, std::string version_id, uint64_t LifecycleCounts::* count,
              OnlyIf only_if);
  void ReadUploads();
  void OnUploads(Answer<UploadsPage> page);
  void OnRemoved(const ApiError* refusal, uint64_t LifecycleCounts::* count);
  void Fail(const ApiError& error);
  void GoOn();
  void Finish(End end);
  // `then`, unless this is gone.
  template <typename T>
  Done<T> Mine(std::function<void(Answer<T>)> then);

  const Parts parts_;
  const LifecycleRulesRef rules_;
  const std::string text_;  // Theirs.
  const Ended ended_;
  const std::string prefix_;
  Announce announce_;
  std::optional<Key> key_;
  ListRequest next_;
  bool has_more_ = true;  // Of what is being read.
  bool is_at_uploads_ = false;
  size_t left_ = 0;  // Deletes on their way.
  bool has_failed_ = false;
  LifecycleCounts counts_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// Ours: of records that are held, and of deletes on their way; a fraction of a commit's.
inline constexpr int kLifecyclePage = 256;

}  // namespace hearth::s3
