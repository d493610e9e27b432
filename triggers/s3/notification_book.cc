#include "triggers/s3/notification_book.h"

namespace hearth::s3 {

NotificationRulesRef NotificationBook::Of(const std::string& bucket) {
  const BucketRecord* const record = store_.Find(bucket);
  return record == nullptr ? nullptr : cache_.Of(*record);
}

void NotificationBook::Put(const std::string& bucket, NotificationConfig config,
                           NotificationTargets::Validation validation,
                           const std::string& request_id, Done<void> done) {
  if (auto error = targets_.Check(config, bucket, validation)) {
    return loop_.Post(
        [done = std::move(done), error = std::move(*error)] { done(std::unexpected(error)); });
  }
  const NotificationRules rules(config, bucket, targets_.account);
  auto tests = rules.Tests(base::EpochMillis(loop_.service_clock().WallNow()), request_id);
  auto change = [this, bucket, text = NotificationText(config),
                 done = std::move(done)](Answer<void> tested) {
    if (!tested) return done(std::move(tested));
    store_.ChangeBucket(
        bucket, [&text](BucketRecord& record) { record.texts["notification"] = text; }, done);
  };
  // Tests go first: a configuration that is in force has been tested.
  if (tests.empty()) return change({});
  store_.PutOutbox(std::move(tests), std::move(change));
}

}  // namespace hearth::s3
