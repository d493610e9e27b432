// NotificationBook: the notification rules of each bucket, and how they are put: as a whole, and
// only where their targets let the store in. Owner: host; on the loop.
#pragma once

#include <string>

#include "io/loop.h"
#include "triggers/s3/notification_rules.h"
#include "triggers/s3/notification_targets.h"
#include "triggers/s3/object_store.h"

namespace hearth::s3 {

class NotificationBook {
 public:
  NotificationBook(io::Loop& loop, ObjectStore& store, NotificationTargets targets)
      : loop_(loop), store_(store), targets_(std::move(targets)), cache_(targets_.account) {}

  // nullptr: the bucket tells nobody, or does not exist.
  NotificationRulesRef Of(const std::string& bucket);
  // Replaces the bucket's configuration as a whole. Its targets must be there and let the store in;
  // each queue and topic gets an s3:TestEvent.
  void Put(const std::string& bucket, NotificationConfig config,
           NotificationTargets::Validation validation, const std::string& request_id,
           Done<void> done);

 private:
  io::Loop& loop_;
  ObjectStore& store_;
  const NotificationTargets targets_;
  RulesCache cache_;
};

}  // namespace hearth::s3
