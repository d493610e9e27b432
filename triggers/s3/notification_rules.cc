#include "triggers/s3/notification_rules.h"

#include <algorithm>
#include <set>

#include "base/log.h"

namespace hearth::s3 {
namespace {

bool Matches(const NotificationRule& rule, std::string_view event, std::string_view key) {
  return key.starts_with(rule.prefix) && key.ends_with(rule.suffix) &&
         std::ranges::any_of(rule.events,
                             [&](const std::string& one) { return NamesEvent(one, event); });
}

std::string NameOf(Change::Kind kind, const Occasion& occasion) {
  switch (kind) {
    case Change::Kind::kCreated:
      return occasion.created_by;
    case Change::Kind::kDeleted:
      return occasion.removed_by + ":Delete";
    case Change::Kind::kMarkerCreated:
      return occasion.removed_by + ":DeleteMarkerCreated";
    case Change::Kind::kTagged:
      return "ObjectTagging:Put";
    case Change::Kind::kUntagged:
      return "ObjectTagging:Delete";
  }
  return {};
}

}  // namespace

NotificationRules::NotificationRules(NotificationConfig config, std::string bucket,
                                     invoker::Account account)
    : config_(std::move(config)), bucket_(std::move(bucket)), account_(std::move(account)) {}

std::vector<OutgoingEvent> NotificationRules::Match(const ObjectEvent& event,
                                                    const Record& record) const {
  std::vector<OutgoingEvent> out;
  for (const NotificationRule& rule : config_.rules) {
    if (!Matches(rule, event.name, event.key)) continue;
    out.push_back({rule.arn, record ? record(rule.id) : RecordJson(event, rule.id, account_)});
  }
  if (config_.event_bridge) {
    out.push_back({"arn:aws:events:" + account_.region + ":" + account_.id + ":event-bus/default",
                   BridgeJson(event, account_)});
  }
  return out;
}

std::vector<OutgoingEvent> NotificationRules::Tests(int64_t time_ms,
                                                    const std::string& request_id) const {
  std::set<std::string> arns;
  std::vector<OutgoingEvent> out;
  for (const NotificationRule& rule : config_.rules) {
    if (rule.target == NotificationRule::Target::kFunction) continue;
    if (!arns.insert(rule.arn).second) continue;
    out.push_back({rule.arn, TestEventJson(bucket_, time_ms, request_id)});
  }
  return out;
}

NotificationRulesRef RulesOf(const BucketRecord& bucket, const invoker::Account& account) {
  NotificationConfig config;
  if (const auto text = bucket.texts.find("notification"); text != bucket.texts.end()) {
    if (auto read = NotificationOfText(text->second)) {
      config = *std::move(read);
    } else {
      HLOG_ERROR("notifications of bucket {}: {}", bucket.name, read.error().ToString());
    }
  }
  return std::make_shared<const NotificationRules>(std::move(config), bucket.name, account);
}

RulesCache::RulesCache(invoker::Account account)
    : TextCache("notification", [account = std::move(account)](const BucketRecord& bucket) {
        auto rules = RulesOf(bucket, account);
        return rules->empty() ? nullptr : rules;
      }) {}

Announce MakeAnnounce(NotificationRulesRef rules, Occasion occasion) {
  if (rules == nullptr || rules->empty()) return {};
  return [rules = std::move(rules), occasion = std::move(occasion)](const Change& change) {
    const ObjectRecord& object = change.object;
    // An object that was made before its bucket had versions has "null" for ever: no version.
    const bool has_version = object.version_id != "null";
    return rules->Match({.name = NameOf(change.kind, occasion),
                         .bucket = rules->bucket(),
                         .key = object.key,
                         .etag = object.etag,
                         .version_id = has_version ? object.version_id : "",
                         .sequencer = Sequencer(object.sequence),
                         .size = object.size,
                         .time_ms = occasion.time_ms,
                         .request_id = occasion.request_id,
                         .source_ip = occasion.source_ip,
                         .principal = occasion.principal});
  };
}

}  // namespace hearth::s3
