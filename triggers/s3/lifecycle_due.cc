#include "triggers/s3/lifecycle_due.h"

#include <algorithm>

#include "base/log.h"
#include "triggers/s3/dates.h"
#include "triggers/s3/event_record.h"

namespace hearth::s3 {
namespace {

constexpr int64_t kDayMs = 86'400'000;

int64_t DaysAfter(int64_t since_ms, int64_t days) {
  return MidnightAfter(since_ms + days * kDayMs);
}

void Earliest(std::optional<Due>& due, int64_t at_ms, const LifecycleRule& rule) {
  if (!due || at_ms < due->at_ms) due = Due{at_ms, &rule};
}

// A delete marker has neither tags nor a size.
bool IsAbout(const LifecycleRule& rule, const ObjectRecord& object) {
  if (!object.key.starts_with(rule.prefix)) return false;
  const bool asks_more = !rule.tags.empty() || rule.larger_than || rule.smaller_than;
  if (object.is_delete_marker) return !asks_more;
  if (rule.larger_than && object.size <= *rule.larger_than) return false;
  if (rule.smaller_than && object.size >= *rule.smaller_than) return false;
  return std::ranges::all_of(rule.tags, [&](const auto& tag) {
    const auto found = object.tags.find(tag.first);
    return found != object.tags.end() && found->second == tag.second;
  });
}

void AddExpiration(std::optional<Due>& due, const LifecycleRule& rule, int64_t made_ms) {
  if (rule.expiration_days) Earliest(due, DaysAfter(made_ms, *rule.expiration_days), rule);
  // What is put when the date has passed goes with the next midnight.
  if (rule.expiration_date_ms) {
    Earliest(due, std::max(*rule.expiration_date_ms, MidnightAfter(made_ms)), rule);
  }
}

}  // namespace

LifecycleRulesRef EnabledRules(const BucketRecord& bucket) {
  const auto text = bucket.texts.find("lifecycle");
  if (text == bucket.texts.end()) return nullptr;
  auto rules = ReadLifecycle(text->second);
  if (!rules) {
    HLOG_ERROR("lifecycle of bucket {}: {}", bucket.name, rules.error().message);
    return nullptr;
  }
  std::erase_if(*rules, [](const LifecycleRule& rule) { return !rule.is_enabled; });
  if (rules->empty()) return nullptr;
  return std::make_shared<const LifecycleRules>(std::move(*rules));
}

std::optional<Due> CurrentDue(const LifecycleRules& rules, const ObjectRecord& object) {
  std::optional<Due> due;
  if (object.is_delete_marker) return due;
  for (const LifecycleRule& rule : rules) {
    if (IsAbout(rule, object)) AddExpiration(due, rule, object.modified_ms);
  }
  return due;
}

std::optional<Due> NoncurrentDue(const LifecycleRules& rules, const ObjectRecord& version,
                                 int64_t since_ms, int64_t newer) {
  std::optional<Due> due;
  for (const LifecycleRule& rule : rules) {
    if (!rule.noncurrent_days || newer < rule.noncurrent_versions_kept.value_or(0)) continue;
    if (IsAbout(rule, version)) Earliest(due, DaysAfter(since_ms, *rule.noncurrent_days), rule);
  }
  return due;
}

std::optional<Due> MarkerDue(const LifecycleRules& rules, const ObjectRecord& marker) {
  std::optional<Due> due;
  for (const LifecycleRule& rule : rules) {
    if (!IsAbout(rule, marker)) continue;
    AddExpiration(due, rule, marker.modified_ms);
    if (rule.expires_delete_markers) Earliest(due, MidnightAfter(marker.modified_ms), rule);
  }
  return due;
}

std::optional<Due> UploadDue(const LifecycleRules& rules, const UploadRecord& upload) {
  std::optional<Due> due;
  for (const LifecycleRule& rule : rules) {
    if (!rule.abort_uploads_days || !upload.key.starts_with(rule.prefix)) continue;
    Earliest(due, DaysAfter(upload.started_ms, *rule.abort_uploads_days), rule);
  }
  return due;
}

int64_t MidnightBefore(int64_t time_ms) { return time_ms / kDayMs * kDayMs; }
int64_t MidnightAfter(int64_t time_ms) { return MidnightBefore(time_ms + kDayMs - 1); }

std::string SharedPrefix(const LifecycleRules& rules) {
  if (rules.empty()) return {};
  std::string out = rules.front().prefix;
  for (const LifecycleRule& rule : rules) {
    out.resize(static_cast<size_t>(std::ranges::mismatch(out, rule.prefix).in1 - out.begin()));
  }
  return out;
}

std::string ExpirationHeader(const Due& due) {
  return "expiry-date=\"" + HttpDate(due.at_ms / 1000) + "\", rule-id=\"" +
         EncodeEventKey(due.rule->id) + "\"";
}

}  // namespace hearth::s3
