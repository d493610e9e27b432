// LifecycleSweep: has the lifecycle rules of all buckets done: at each midnight of UTC, and when it
// is made, where a midnight has passed that a bucket has not been gone through for.
//
// Which midnight that was is the bucket's text kLifecycleRun, which the API does not show; it is
// written when the walk has ended, so one that a kill cut short is done again. What could not be
// removed is tried again an hour later. One bucket at a time (lifecycle_walk.h); what was due at
// midnight goes by then, however late it is. In the service's time. Owner: host; destroyed before
// the store, the book and the loop. Source: S3 User Guide, "Setting a lifecycle configuration on a
// bucket", "Configuring S3 Lifecycle event notifications".
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "io/loop.h"
#include "io/timer.h"
#include "triggers/s3/lifecycle_walk.h"
#include "triggers/s3/notification_book.h"
#include "triggers/s3/object_store.h"

namespace hearth::s3 {

class LifecycleSweep {
 public:
  // Tells of what goes by the rules that `rules` gives of a bucket, NotificationBook's.
  using Rules = std::function<NotificationRulesRef(const std::string& bucket)>;
  LifecycleSweep(io::Loop& loop, ObjectStore& store, Rules rules);
  LifecycleSweep(const LifecycleSweep&) = delete;
  LifecycleSweep& operator=(const LifecycleSweep&) = delete;

  // All that is left waits for a later time.
  bool IsQuiet() const { return !is_running_; }
  const LifecycleCounts& counts() const { return counts_; }

 private:
  void Run();
  void Next();
  void OnEnd(const std::string& bucket, LifecycleWalk::End end, const LifecycleCounts& counts);
  void Remember(const std::string& bucket);
  void Finish();
  Announce Announcer(const std::string& bucket) const;
  int64_t NowMs() const;
  // `task` on the loop's next turn.
  void Later(std::function<void()> task);

  io::Loop& loop_;
  ObjectStore& store_;
  const Rules rules_;
  io::Timer timer_;
  bool is_running_ = true;  // From the beginning.
  bool has_failed_ = false;
  int64_t midnight_ms_ = 0;  // That of this run.
  std::deque<std::string> buckets_;
  std::unique_ptr<LifecycleWalk> walk_;
  LifecycleCounts counts_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

inline constexpr char kLifecycleRun[] = "lifecycle-run";

}  // namespace hearth::s3
