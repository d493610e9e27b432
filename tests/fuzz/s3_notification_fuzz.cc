// A bucket's notification configuration from anybody: read or refused; what is read is kept, shown
// and asked without loss.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "aws/policy_document.h"
#include "base/check.h"
#include "base/json.h"
#include "triggers/s3/notification_rules.h"

namespace {

using hearth::s3::NotificationConfig;

// The XML has the rules of one kind together.
NotificationConfig Sorted(NotificationConfig config) {
  std::ranges::stable_sort(config.rules, {}, &hearth::s3::NotificationRule::id);
  return config;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  // As a queue's policy, which is anybody's too.
  if (const auto policy = hearth::base::ParseJson(text)) {
    (void)hearth::aws::PolicyAllows(*policy, {.service = "s3.amazonaws.com",
                                              .action = "sqs:SendMessage",
                                              .resource = text,
                                              .source_arn = "arn:aws:s3:::b",
                                              .source_account = "000000000000"});
  }
  // As what a store could hold after another's hand.
  (void)hearth::s3::NotificationOfText(text);

  const auto config = hearth::s3::ReadNotificationXml(text);
  if (!config) {
    CHECK(!config.error().type.empty() && !config.error().message.empty());
    return 0;
  }
  const auto kept = hearth::s3::NotificationOfText(NotificationText(*config));
  CHECK(kept.has_value());
  const auto shown = hearth::s3::ReadNotificationXml(NotificationXml(*config));
  CHECK(shown.has_value());
  // Bytes that no JSON text can hold are kept as U+FFFD: of those, both say the same.
  if (Sorted(*kept) == Sorted(*config)) CHECK(Sorted(*shown) == Sorted(*config));
  const hearth::s3::NotificationRules rules(*config, "b", {});
  for (const auto& rule : config->rules) {
    const std::string event = rule.events.front().substr(3);
    const std::string name = event.ends_with('*') ? event.substr(0, event.size() - 1) + "X" : event;
    const auto told = rules.Match({.name = name, .bucket = "b", .key = rule.prefix + rule.suffix});
    CHECK(std::ranges::any_of(told, [&](const auto& one) { return one.arn == rule.arn; }));
    for (const auto& one : told) CHECK(hearth::base::ParseJson(one.payload).has_value());
  }
  return 0;
}
