#include "triggers/s3/lifecycle_sweep.h"

#include "base/id.h"
#include "base/log.h"
#include "triggers/s3/dates.h"

namespace hearth::s3 {
namespace {

constexpr std::chrono::hours kAgain(1);
constexpr char kItself[] = "s3.amazonaws.com";  // AWS: who asked, and from where.

bool HasRunAt(const BucketRecord& bucket, const std::string& midnight) {
  return bucket.Text(kLifecycleRun) == midnight;
}

}  // namespace

LifecycleSweep::LifecycleSweep(io::Loop& loop, ObjectStore& store, Rules rules)
    : loop_(loop), store_(store), rules_(std::move(rules)), timer_(loop, io::Time::kService) {
  Later([this] { Run(); });
}

int64_t LifecycleSweep::NowMs() const { return base::EpochMillis(loop_.service_clock().WallNow()); }

void LifecycleSweep::Later(std::function<void()> task) {
  loop_.Post([task = std::move(task), alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) task();
  });
}

void LifecycleSweep::Run() {
  is_running_ = true;
  has_failed_ = false;
  midnight_ms_ = MidnightBefore(NowMs());
  const std::string midnight = IsoTime(midnight_ms_);
  for (const BucketRecord* const bucket : store_.Buckets()) {
    if (bucket->texts.contains("lifecycle") && !HasRunAt(*bucket, midnight)) {
      buckets_.push_back(bucket->name);
    }
  }
  Next();
}

void LifecycleSweep::Next() {
  while (!buckets_.empty()) {
    const std::string name = buckets_.front();
    const BucketRecord* const bucket = store_.Find(name);
    const LifecycleRulesRef rules = bucket == nullptr ? nullptr : EnabledRules(*bucket);
    if (rules == nullptr) {
      buckets_.pop_front();
      continue;
    }
    walk_ = std::make_unique<LifecycleWalk>(
        LifecycleWalk::Parts{.store = store_,
                             .bucket = name,
                             .midnight_ms = midnight_ms_,
                             .announce = [this, name] { return Announcer(name); }},
        rules, [this, name](LifecycleWalk::End end, const LifecycleCounts& counts) {
          OnEnd(name, end, counts);
        });
    return walk_->Start();
  }
  Finish();
}

void LifecycleSweep::OnEnd(const std::string& bucket, LifecycleWalk::End end,
                           const LifecycleCounts& counts) {
  if (counts.all() > 0) {
    HLOG_INFO("lifecycle of bucket {}: {} objects, {} versions, {} markers, {} uploads are gone",
              bucket, counts.objects, counts.versions, counts.markers, counts.uploads);
  }
  counts_.objects += counts.objects;
  counts_.versions += counts.versions;
  counts_.markers += counts.markers;
  counts_.uploads += counts.uploads;
  switch (end) {
    case LifecycleWalk::End::kDone:
      return Remember(bucket);
    case LifecycleWalk::End::kChanged:
      return Later([this] { Next(); });  // The same one, by its new rules.
    case LifecycleWalk::End::kFailed:
      has_failed_ = true;
      buckets_.pop_front();
      return Later([this] { Next(); });
  }
}

void LifecycleSweep::Remember(const std::string& bucket) {
  buckets_.pop_front();
  store_.ChangeBucket(
      bucket,
      [midnight = IsoTime(midnight_ms_)](BucketRecord& record) {
        record.texts[kLifecycleRun] = midnight;
      },
      [this, alive = std::weak_ptr<bool>(alive_)](Answer<void> changed) {
        if (alive.expired()) return;
        if (!changed && changed.error().type != "NoSuchBucket") has_failed_ = true;
        Next();
      });
}

void LifecycleSweep::Finish() {
  walk_.reset();
  const int64_t now = NowMs();
  if (MidnightBefore(now) != midnight_ms_) return Later([this] { Run(); });
  is_running_ = false;
  base::Duration wait = std::chrono::milliseconds(MidnightAfter(now + 1) - now);
  if (has_failed_) wait = std::min<base::Duration>(wait, kAgain);
  timer_.Start(wait, [this] { Run(); });
}

Announce LifecycleSweep::Announcer(const std::string& bucket) const {
  return MakeAnnounce(rules_(bucket), {.removed_by = "LifecycleExpiration",
                                       .request_id = base::NewUuid(),
                                       .source_ip = kItself,
                                       .principal = kItself,
                                       .time_ms = NowMs()});
}

}  // namespace hearth::s3
