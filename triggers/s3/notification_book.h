// NotificationBook: the notification rules of each bucket, made of its stored configuration once;
// and how a configuration is put. Owner: host; on the loop. The rules themselves are shared with
// the store's threads.
#pragma once

#include <map>
#include <string>

#include "io/loop.h"
#include "triggers/s3/notification_rules.h"
#include "triggers/s3/notification_targets.h"
#include "triggers/s3/object_store.h"

namespace hearth::s3 {

class NotificationBook {
 public:
  NotificationBook(io::Loop& loop, ObjectStore& store, NotificationTargets targets)
      : loop_(loop), store_(store), targets_(std::move(targets)) {}

  // nullptr: the bucket does not exist.
  NotificationRulesRef Of(const std::string& bucket);
  // Replaces the bucket's configuration as a whole. Its targets must be there and let the store in;
  // each queue and topic gets an s3:TestEvent.
  void Put(const std::string& bucket, NotificationConfig config,
           NotificationTargets::Validation validation, const std::string& request_id,
           Done<void> done);

 private:
  struct Entry {
    std::string text;  // The rules are made of this.
    NotificationRulesRef rules;
  };
  io::Loop& loop_;
  ObjectStore& store_;
  const NotificationTargets targets_;
  std::map<std::string, Entry, std::less<>> entries_;  // Of buckets that have been asked for.
};

}  // namespace hearth::s3
