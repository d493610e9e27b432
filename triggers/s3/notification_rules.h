// NotificationRules: a bucket's configuration made ready to be asked, for each event, who hears of
// it.
//
// Immutable, and shared between threads: the store asks it inside a commit (MakeAnnounce), the
// webhook on the loop. A change of the configuration makes another one. Cheap where it is empty.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "triggers/s3/event_record.h"
#include "triggers/s3/notification_config.h"
#include "triggers/s3/object_record.h"
#include "triggers/s3/text_cache.h"

namespace hearth::s3 {

class NotificationRules {
 public:
  NotificationRules(NotificationConfig config, std::string bucket, invoker::Account account);

  bool empty() const { return config_.rules.empty() && !config_.event_bridge; }
  // `record`, of a rule's id: what its target gets; empty: RecordJson.
  using Record = std::function<std::string(const std::string& rule_id)>;
  std::vector<OutgoingEvent> Match(const ObjectEvent& event, const Record& record = {}) const;
  // For the targets that get one: queues and topics, each once.
  std::vector<OutgoingEvent> Tests(int64_t time_ms, const std::string& request_id) const;

  const std::string& bucket() const { return bucket_; }
  const NotificationConfig& config() const { return config_; }
  const invoker::Account& account() const { return account_; }

 private:
  const NotificationConfig config_;
  const std::string bucket_;
  const invoker::Account account_;
};
using NotificationRulesRef = std::shared_ptr<const NotificationRules>;

// Of a bucket as it is kept; RulesCache spares the reading. A text that cannot be read is none,
// after a line in the log: it was written by us.
NotificationRulesRef RulesOf(const BucketRecord& bucket, const invoker::Account& account);

// The rules of the buckets that tell somebody. Loop's thread only.
class RulesCache : public TextCache<NotificationRules> {
 public:
  explicit RulesCache(invoker::Account account);
};

// What a request brings to its event.
struct Occasion {
  std::string created_by{};  // "ObjectCreated:Put"; for requests that make an object.
  std::string removed_by = "ObjectRemoved";
  std::string request_id;
  std::string source_ip;
  std::string principal;
  int64_t time_ms = 0;
};
// What a PutRequest and its like carry. Empty where `rules` are: the store then asks nobody.
Announce MakeAnnounce(NotificationRulesRef rules, Occasion occasion);

}  // namespace hearth::s3
