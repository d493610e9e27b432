// EventWebhook: takes the event notifications of another S3 store and routes them by the bucket of
// that name here, so that who outgrows one disk keeps their functions.
//
// Owns the path /_hearth/s3-events. POST with the JSON that MinIO and Ceph RGW send: {"Records":
// […]}, each a record in AWS's form; event names with or without "s3:". Rules, filters and targets
// are those of the bucket of the same name on this host, which must exist; its objects play no
// part. A record passes with what it says of its object; the source is said to be "aws:s3" and the
// configuration is the rule's, as functions expect them. 200 once all events are durable; nothing
// is taken of a body in which one record is refused. Owner: host; outlives the store. Source:
// MinIO, "Publish events to a webhook"; Ceph, "Bucket notifications".
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "aws/gateway.h"
#include "triggers/s3/notification_rules.h"

namespace hearth::s3 {

inline constexpr size_t kMaxWebhookBody = 1u << 20;  // Ours: one record is some 2 KB.

struct WebhookCounters {
  uint64_t records = 0;  // Taken.
  uint64_t events = 0;   // That came of them.
  uint64_t refused = 0;  // Requests.
};

class EventWebhook {
 public:
  static constexpr std::string_view kPath = "/_hearth/s3-events";

  struct Parts {
    // nullptr: there is no such bucket.
    std::function<NotificationRulesRef(const std::string& bucket)> rules;
    // ObjectStore::PutOutbox.
    std::function<void(std::vector<OutgoingEvent> events, Done<void> done)> put;
    std::string token;  // Of "Authorization: Bearer …"; empty: whoever reaches the port may post.
  };
  explicit EventWebhook(Parts parts) : parts_(std::move(parts)) {}

  void Handle(aws::Call call);
  WebhookCounters counters() const { return counters_; }

 private:
  using Read = std::expected<std::vector<OutgoingEvent>, ApiError>;
  Read ReadBody(const io::HttpRequest& request, size_t& records);
  void LogUnknown(const std::string& bucket);

  Parts parts_;
  WebhookCounters counters_;
  std::set<std::string> unknown_;  // Logged already; bounded.
};

}  // namespace hearth::s3
