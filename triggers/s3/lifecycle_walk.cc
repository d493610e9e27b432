#include "triggers/s3/lifecycle_walk.h"

#include <algorithm>
#include <array>

#include "base/log.h"

namespace hearth::s3 {
namespace {

std::string TextOf(const BucketRecord* bucket) {
  return bucket == nullptr ? std::string() : bucket->Text("lifecycle");
}

// It is no longer what was seen: nothing failed.
bool IsOvertaken(const ApiError& error) {
  constexpr std::array<std::string_view, 5> kGone = {
      "PreconditionFailed", "NoSuchKey", "NoSuchVersion", "NoSuchUpload", "NoSuchBucket"};
  return std::ranges::find(kGone, error.type) != kGone.end();
}

}  // namespace

LifecycleWalk::LifecycleWalk(Parts parts, LifecycleRulesRef rules, Ended ended)
    : parts_(std::move(parts)),
      rules_(std::move(rules)),
      text_(TextOf(parts_.store.Find(parts_.bucket))),
      ended_(std::move(ended)),
      prefix_(SharedPrefix(*rules_)),
      next_({.bucket = parts_.bucket, .prefix = prefix_, .most = kLifecyclePage}) {
  next_.with_tags =
      std::ranges::any_of(*rules_, [](const LifecycleRule& rule) { return !rule.tags.empty(); });
}

template <typename T>
Done<T> LifecycleWalk::Mine(std::function<void(Answer<T>)> then) {
  return [alive = std::weak_ptr<bool>(alive_), then = std::move(then)](Answer<T> answer) {
    if (!alive.expired()) then(std::move(answer));
  };
}

bool LifecycleWalk::HasChanged() const { return TextOf(parts_.store.Find(parts_.bucket)) != text_; }

// --- Versions, the newest of each key first

void LifecycleWalk::ReadVersions() {
  announce_ = parts_.announce();
  parts_.store.ListVersions(
      next_, Mine<ListPage>([this](Answer<ListPage> page) { OnVersions(std::move(page)); }));
}

void LifecycleWalk::OnVersions(Answer<ListPage> page) {
  if (HasChanged()) return Finish(End::kChanged);
  if (!page) {
    Fail(page.error());
    return Finish(End::kFailed);
  }
  for (const ObjectRecord& version : page->objects) Consider(version);
  has_more_ = page->is_truncated && !page->objects.empty();
  if (has_more_) {
    next_.after = page->objects.back().key;
    next_.after_sequence = page->objects.back().sequence;
  } else {
    EndKey();
  }
  GoOn();
}

void LifecycleWalk::Consider(const ObjectRecord& version) {
  if (!key_ || version.key != key_->name) {
    EndKey();
    key_ = Key{.name = version.key, .newer_ms = version.modified_ms};
    if (version.is_delete_marker) {
      key_->lone_marker = version;
    } else if (IsPast(CurrentDue(*rules_, version))) {
      Remove(version, "", &LifecycleCounts::objects,
             [rules = rules_, midnight = midnight()](const ObjectRecord& now) {
               const auto due = CurrentDue(*rules, now);
               return now.is_latest && due && due->at_ms <= midnight;
             });
    }
    return;
  }
  key_->lone_marker.reset();
  const int64_t since = std::exchange(key_->newer_ms, version.modified_ms);
  const int64_t newer = key_->noncurrent++;
  if (!IsPast(NoncurrentDue(*rules_, version, since, newer))) return;
  Remove(version, version.version_id, &LifecycleCounts::versions,
         [rules = rules_, midnight = midnight(), since, newer](const ObjectRecord& now) {
           const auto due = NoncurrentDue(*rules, now, since, newer);
           return !now.is_latest && due && due->at_ms <= midnight;
         });
}

// Its versions have all been seen.
void LifecycleWalk::EndKey() {
  if (!key_) return;
  const auto marker = std::exchange(key_->lone_marker, std::nullopt);
  if (!marker || !IsPast(MarkerDue(*rules_, *marker))) return;
  // Whatever came since is newer, so that the marker is the newest no more.
  Remove(*marker, marker->version_id, &LifecycleCounts::markers,
         [](const ObjectRecord& now) { return now.is_latest && now.is_delete_marker; });
}

void LifecycleWalk::Remove(const ObjectRecord& seen, std::string version_id,
                           uint64_t LifecycleCounts::* count, OnlyIf only_if) {
  ++left_;
  parts_.store.Delete(
      {.bucket = parts_.bucket,
       .key = seen.key,
       .version_id = std::move(version_id),
       .only_if = [sequence = seen.sequence, only_if = std::move(only_if)](
                      const ObjectRecord& now) { return now.sequence == sequence && only_if(now); },
       .marked_ms = midnight(),
       .announce = announce_},
      Mine<Deleted>([this, count](Answer<Deleted> deleted) {
        OnRemoved(deleted ? nullptr : &deleted.error(), count);
      }));
}

// --- Uploads

void LifecycleWalk::ReadUploads() {
  parts_.store.ListUploads(
      next_, Mine<UploadsPage>([this](Answer<UploadsPage> page) { OnUploads(std::move(page)); }));
}

void LifecycleWalk::OnUploads(Answer<UploadsPage> page) {
  if (HasChanged()) return Finish(End::kChanged);
  if (!page) {
    Fail(page.error());
    return Finish(End::kFailed);
  }
  for (const UploadRecord& upload : page->uploads) {
    if (!IsPast(UploadDue(*rules_, upload))) continue;
    ++left_;
    parts_.store.Abort(parts_.bucket, upload.key, upload.id,
                       Mine<void>([this](Answer<void> aborted) {
                         OnRemoved(aborted ? nullptr : &aborted.error(), &LifecycleCounts::uploads);
                       }));
  }
  has_more_ = page->is_truncated && !page->uploads.empty();
  if (has_more_) {
    next_.after = page->next_key;
    next_.after_version = page->next_id;
  }
  GoOn();
}

// --- Steps

void LifecycleWalk::OnRemoved(const ApiError* refusal, uint64_t LifecycleCounts::* count) {
  if (refusal == nullptr) {
    ++(counts_.*count);
  } else if (!IsOvertaken(*refusal)) {
    Fail(*refusal);
  }
  --left_;
  GoOn();
}

void LifecycleWalk::Fail(const ApiError& error) {
  if (std::exchange(has_failed_, true)) return;
  HLOG_ERROR("lifecycle of bucket {}: {}: {}", parts_.bucket, error.type, error.message);
}

void LifecycleWalk::GoOn() {
  if (left_ > 0) return;
  if (has_more_) return is_at_uploads_ ? ReadUploads() : ReadVersions();
  const bool aborts = std::ranges::any_of(
      *rules_, [](const LifecycleRule& rule) { return rule.abort_uploads_days.has_value(); });
  if (is_at_uploads_ || !aborts) return Finish(has_failed_ ? End::kFailed : End::kDone);
  is_at_uploads_ = true;
  has_more_ = true;
  next_ = {.bucket = parts_.bucket, .prefix = prefix_, .most = kLifecyclePage};
  ReadUploads();
}

void LifecycleWalk::Finish(End end) { ended_(end, counts_); }

}  // namespace hearth::s3
