#include "triggers/s3/lifecycle.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/limits.h"
#include "triggers/s3/dates.h"
#include "triggers/s3/xml_input.h"
#include "triggers/s3/xml_writer.h"

namespace hearth::s3 {
namespace {

using aws::XmlElement;
using Checked = std::expected<void, ApiError>;

constexpr size_t kMaxRules = 1000;         // AWS.
constexpr size_t kMaxId = 255;             // AWS.
constexpr int64_t kMaxVersionsKept = 100;  // AWS.
constexpr int64_t kDayMs = 86'400'000;

std::unexpected<ApiError> Malformed() { return std::unexpected(Refusal("MalformedXML")); }
std::unexpected<ApiError> Invalid(std::string_view code, std::string message) {
  return std::unexpected(RefusalBecause(code, std::move(message)));
}

std::optional<int64_t> Number(const std::string& text) {
  int64_t out = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, out);
  return error == std::errc() && end == last ? std::optional(out) : std::nullopt;
}

// A count of days, of an action's element.
std::expected<int64_t, ApiError> Days(const XmlElement& element, std::string_view action) {
  const auto days = Number(element.text());
  if (!days) return Malformed();
  if (*days <= 0 || *days > INT32_MAX) {
    return Invalid("InvalidArgument", "'" + std::string(element.name()) + "' for " +
                                          std::string(action) +
                                          " action must be a positive integer");
  }
  return *days;
}

std::expected<uint64_t, ApiError> Size(const XmlElement& element) {
  const auto size = Number(element.text());
  if (!size) return Malformed();
  if (*size < 0 || static_cast<uint64_t>(*size) > limits::kMaxObject) {
    return Invalid("InvalidRequest", "'" + std::string(element.name()) +
                                         "' must be between 0 and the size of the largest object");
  }
  return static_cast<uint64_t>(*size);
}

// A Filter's children, or those of its And.
Checked ReadPredicates(const XmlElement& element, LifecycleRule& rule) {
  if (auto error =
          RefuseOthers(element, {"Prefix", "Tag", "ObjectSizeGreaterThan", "ObjectSizeLessThan"})) {
    return std::unexpected(*error);
  }
  for (const XmlElement& child : element.children()) {
    const std::string_view name = child.name();
    if (name == "Prefix") {
      rule.prefix = child.text();
    } else if (name == "Tag") {
      const std::string key = child.Child("Key").text();
      if (key.empty() || !child.Child("Value")) return Malformed();
      if (!rule.tags.emplace(key, child.Child("Value").text()).second) {
        return Invalid("InvalidRequest", "Duplicate Tag Keys are not allowed.");
      }
    } else {
      const auto size = Size(child);
      if (!size) return std::unexpected(size.error());
      (name == "ObjectSizeGreaterThan" ? rule.larger_than : rule.smaller_than) = *size;
    }
  }
  if (rule.prefix.size() > limits::kMaxObjectKey) {
    return Invalid("InvalidRequest", "The maximum size of a prefix is 1024.");
  }
  if (rule.larger_than && rule.smaller_than && *rule.larger_than + 1 >= *rule.smaller_than) {
    return Invalid("InvalidRequest",
                   "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.");
  }
  return {};
}

Checked ReadFilter(const XmlElement& filter, LifecycleRule& rule) {
  const auto children = filter.children();
  if (children.size() > 1) return Malformed();
  if (filter.Child("And")) {
    const XmlElement all = filter.Child("And");
    if (all.children().size() < 2) return Malformed();
    return ReadPredicates(all, rule);
  }
  return ReadPredicates(filter, rule);
}

Checked ReadExpiration(const XmlElement& element, LifecycleRule& rule) {
  if (auto error = RefuseOthers(element, {"Days", "Date", "ExpiredObjectDeleteMarker"})) {
    return std::unexpected(*error);
  }
  if (element.children().size() != 1) return Malformed();
  const XmlElement only = element.children().front();
  if (only.name() == "Days") {
    const auto days = Days(only, "Expiration");
    if (!days) return std::unexpected(days.error());
    rule.expiration_days = *days;
  } else if (only.name() == "Date") {
    rule.expiration_date_ms = ParseIsoTime(only.text());
    if (!rule.expiration_date_ms) return Malformed();
    // Before 1677 or after 2262: no clock here tells it.
    if (ParseIsoTime(IsoTime(*rule.expiration_date_ms)) != rule.expiration_date_ms) {
      return Malformed();
    }
    if (*rule.expiration_date_ms % kDayMs != 0) {
      return Invalid("InvalidArgument", "'Date' must be at midnight GMT");
    }
  } else {
    if (only.text() != "true" && only.text() != "false") return Malformed();
    rule.expires_delete_markers = only.text() == "true";
  }
  return {};
}

Checked ReadNoncurrent(const XmlElement& element, LifecycleRule& rule) {
  if (auto error = RefuseOthers(element, {"NoncurrentDays", "NewerNoncurrentVersions"})) {
    return std::unexpected(*error);
  }
  if (!element.Child("NoncurrentDays")) return Malformed();
  const auto days = Days(element.Child("NoncurrentDays"), "NoncurrentVersionExpiration");
  if (!days) return std::unexpected(days.error());
  rule.noncurrent_days = *days;
  if (!element.Child("NewerNoncurrentVersions")) return {};
  const auto kept = Number(element.Child("NewerNoncurrentVersions").text());
  if (!kept) return Malformed();
  if (*kept < 1 || *kept > kMaxVersionsKept) {
    return Invalid("InvalidArgument",
                   "'NewerNoncurrentVersions' for NoncurrentVersionExpiration action must be a "
                   "positive integer of at most 100");
  }
  rule.noncurrent_versions_kept = *kept;
  return {};
}

Checked ReadAbort(const XmlElement& element, LifecycleRule& rule) {
  if (auto error = RefuseOthers(element, {"DaysAfterInitiation"})) return std::unexpected(*error);
  if (!element.Child("DaysAfterInitiation")) return Malformed();
  const auto days = Days(element.Child("DaysAfterInitiation"), "AbortIncompleteMultipartUpload");
  if (!days) return std::unexpected(days.error());
  rule.abort_uploads_days = *days;
  return {};
}

// What a rule's parts must be to each other.
Checked CheckRule(const LifecycleRule& rule) {
  const bool acts = rule.expiration_days || rule.expiration_date_ms ||
                    rule.expires_delete_markers || rule.noncurrent_days || rule.abort_uploads_days;
  if (!acts) {
    return Invalid("InvalidRequest", "At least one action needs to be specified in a rule");
  }
  if (rule.id.size() > kMaxId) {
    return Invalid("InvalidArgument", "ID length should not exceed allowed limit of 255");
  }
  const std::string action = rule.abort_uploads_days       ? "AbortIncompleteMultipartUpload"
                             : rule.expires_delete_markers ? "ExpiredObjectDeleteMarker"
                                                           : "";
  if (action.empty()) return {};
  if (!rule.tags.empty()) {
    return Invalid("InvalidRequest", action + " cannot be specified with Tags.");
  }
  if (rule.larger_than || rule.smaller_than) {
    return Invalid("InvalidRequest", action + " cannot be specified with Object Size.");
  }
  return {};
}

std::expected<LifecycleRule, ApiError> ReadRule(const XmlElement& element) {
  if (auto error = RefuseOthers(
          element, {"ID", "Status", "Filter", "Prefix", "Expiration", "NoncurrentVersionExpiration",
                    "AbortIncompleteMultipartUpload"})) {
    return std::unexpected(*error);
  }
  const XmlElement filter = element.Child("Filter");
  const XmlElement prefix = element.Child("Prefix");
  if (static_cast<bool>(filter) == static_cast<bool>(prefix)) return Malformed();
  LifecycleRule rule{.id = element.Child("ID").text(),
                     .is_enabled = element.Child("Status").text() == "Enabled",
                     .has_filter = static_cast<bool>(filter),
                     .prefix = prefix.text()};
  if (!rule.is_enabled && element.Child("Status").text() != "Disabled") return Malformed();
  Checked checked;
  if (filter) checked = ReadFilter(filter, rule);
  for (const XmlElement& child : element.children()) {
    if (!checked) return std::unexpected(checked.error());
    if (child.name() == "Expiration") checked = ReadExpiration(child, rule);
    if (child.name() == "NoncurrentVersionExpiration") checked = ReadNoncurrent(child, rule);
    if (child.name() == "AbortIncompleteMultipartUpload") checked = ReadAbort(child, rule);
  }
  if (checked) checked = CheckRule(rule);
  if (!checked) return std::unexpected(checked.error());
  return rule;
}

// A rule's name where it has none: its place, or what comes behind it where that is taken.
void NameRules(LifecycleRules& rules, const std::set<std::string>& taken) {
  size_t number = 0;
  for (LifecycleRule& rule : rules) {
    if (!rule.id.empty()) continue;
    do {
      rule.id = "rule-" + std::to_string(++number);
    } while (taken.contains(rule.id));
  }
}

void WriteFilter(XmlWriter& xml, const LifecycleRule& rule) {
  if (!rule.has_filter) {
    xml.Element("Prefix", rule.prefix);
    return;
  }
  const size_t parts = (rule.prefix.empty() ? 0 : 1) + rule.tags.size() +
                       (rule.larger_than ? 1 : 0) + (rule.smaller_than ? 1 : 0);
  xml.Open("Filter");
  if (parts > 1) xml.Open("And");
  if (!rule.prefix.empty() || parts == 0) xml.Element("Prefix", rule.prefix);
  for (const auto& [key, value] : rule.tags) {
    xml.Open("Tag");
    xml.Element("Key", key);
    xml.Element("Value", value);
    xml.Close();
  }
  if (rule.larger_than) xml.Element("ObjectSizeGreaterThan", *rule.larger_than);
  if (rule.smaller_than) xml.Element("ObjectSizeLessThan", *rule.smaller_than);
  if (parts > 1) xml.Close();
  xml.Close();
}

}  // namespace

std::expected<LifecycleRules, ApiError> ReadLifecycle(std::string_view body) {
  const auto document = ReadXml(body, "LifecycleConfiguration");
  if (!document) return std::unexpected(document.error());
  if (auto error = RefuseOthers(document->root(), {"Rule"})) return std::unexpected(*error);
  LifecycleRules out;
  std::set<std::string> ids;
  for (const XmlElement& child : document->root().children()) {
    if (out.size() == kMaxRules) {
      return Invalid("InvalidRequest",
                     "The number of lifecycle rules must not exceed the allowed limit of 1000 "
                     "rules");
    }
    auto rule = ReadRule(child);
    if (!rule) return std::unexpected(rule.error());
    if (!rule->id.empty() && !ids.insert(rule->id).second) {
      return Invalid("InvalidArgument",
                     "Rule ID must be unique. Found same ID for more than one rule");
    }
    out.push_back(std::move(*rule));
  }
  if (out.empty()) return Malformed();
  NameRules(out, ids);
  return out;
}

std::string LifecycleXml(const LifecycleRules& rules) {
  XmlWriter xml;
  xml.Open("LifecycleConfiguration");
  for (const LifecycleRule& rule : rules) {
    xml.Open("Rule");
    xml.Element("ID", rule.id);
    WriteFilter(xml, rule);
    xml.Element("Status", rule.is_enabled ? "Enabled" : "Disabled");
    if (rule.expiration_days || rule.expiration_date_ms || rule.expires_delete_markers) {
      xml.Open("Expiration");
      if (rule.expiration_days) xml.Element("Days", *rule.expiration_days);
      if (rule.expiration_date_ms) xml.Element("Date", IsoTime(*rule.expiration_date_ms));
      if (rule.expires_delete_markers) xml.Element("ExpiredObjectDeleteMarker", true);
      xml.Close();
    }
    if (rule.noncurrent_days) {
      xml.Open("NoncurrentVersionExpiration");
      xml.Element("NoncurrentDays", *rule.noncurrent_days);
      if (rule.noncurrent_versions_kept) {
        xml.Element("NewerNoncurrentVersions", *rule.noncurrent_versions_kept);
      }
      xml.Close();
    }
    if (rule.abort_uploads_days) {
      xml.Open("AbortIncompleteMultipartUpload");
      xml.Element("DaysAfterInitiation", *rule.abort_uploads_days);
      xml.Close();
    }
    xml.Close();
  }
  return xml.Take();
}

}  // namespace hearth::s3
