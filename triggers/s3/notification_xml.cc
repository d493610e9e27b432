// NotificationConfig as XML: PutBucketNotificationConfiguration's body, and Get's answer.
#include <algorithm>
#include <array>
#include <set>

#include "triggers/s3/notification_config.h"
#include "triggers/s3/xml_input.h"
#include "triggers/s3/xml_writer.h"

namespace hearth::s3 {
namespace {

using Target = NotificationRule::Target;

struct RuleWords {
  Target target;
  std::string_view configuration;
};
// In the order in which AWS's schema has them.
constexpr std::array<RuleWords, 3> kRules = {{
    {Target::kTopic, "TopicConfiguration"},
    {Target::kQueue, "QueueConfiguration"},
    {Target::kFunction, "CloudFunctionConfiguration"},
}};

std::optional<ApiError> ReadFilter(const aws::XmlElement& filter, NotificationRule& rule) {
  if (auto refusal = RefuseOthers(filter, {"S3Key"})) return refusal;
  const aws::XmlElement key = filter.Child("S3Key");
  if (!key) return std::nullopt;
  if (auto refusal = RefuseOthers(key, {"FilterRule"})) return refusal;
  std::set<std::string*> seen;
  for (const aws::XmlElement& one : key.children()) {
    if (auto refusal = RefuseOthers(one, {"Name", "Value"})) return refusal;
    if (!one.Child("Name")) return Refusal("MalformedXML");
    const std::string name = one.Child("Name").text();
    const bool is_prefix = io::SameName(name, "prefix");
    if (!is_prefix && !io::SameName(name, "suffix")) {
      return BadArgument("filter rule name must be either prefix or suffix", "FilterRule.Name",
                         name);
    }
    std::string& into = is_prefix ? rule.prefix : rule.suffix;
    if (!seen.insert(&into).second) {
      return BadArgument(std::string("Cannot specify more than one ") +
                             (is_prefix ? "prefix" : "suffix") + " rule in a filter.",
                         "FilterRule.Name", name);
    }
    into = one.Child("Value").text();
  }
  return std::nullopt;
}

std::expected<NotificationRule, ApiError> ReadRule(const aws::XmlElement& element, Target target) {
  const std::string_view arn_element = TargetElement(target);
  if (auto refusal = RefuseOthers(element, {"Id", arn_element, "Event", "Filter"})) {
    return std::unexpected(*std::move(refusal));
  }
  NotificationRule rule{.target = target};
  const aws::XmlElement arn = element.Child(arn_element);
  if (!arn) return std::unexpected(Refusal("MalformedXML"));
  rule.arn = arn.text();
  if (const aws::XmlElement id = element.Child("Id")) rule.id = id.text();
  for (const aws::XmlElement& child : element.children()) {
    if (child.name() == "Event") rule.events.push_back(child.text());
  }
  if (rule.events.empty()) return std::unexpected(Refusal("MalformedXML"));
  if (const aws::XmlElement filter = element.Child("Filter")) {
    if (auto refusal = ReadFilter(filter, rule)) return std::unexpected(*std::move(refusal));
  }
  return rule;
}

}  // namespace

std::expected<NotificationConfig, ApiError> ReadNotificationXml(std::string_view body) {
  auto document = ReadXml(body, "NotificationConfiguration");
  if (!document) return std::unexpected(std::move(document.error()));
  const aws::XmlElement root = document->root();
  if (auto refusal = RefuseOthers(root, {kRules[0].configuration, kRules[1].configuration,
                                         kRules[2].configuration, "EventBridgeConfiguration"})) {
    return std::unexpected(*std::move(refusal));
  }
  NotificationConfig config;
  for (const aws::XmlElement& child : root.children()) {
    if (child.name() == "EventBridgeConfiguration") {
      config.event_bridge = true;
      continue;
    }
    auto rule =
        ReadRule(child, std::ranges::find(kRules, child.name(), &RuleWords::configuration)->target);
    if (!rule) return std::unexpected(std::move(rule.error()));
    config.rules.push_back(*std::move(rule));
  }
  if (auto refusal = CheckNotifications(config)) return std::unexpected(*std::move(refusal));
  return config;
}

std::string NotificationXml(const NotificationConfig& config) {
  XmlWriter xml;
  xml.Open("NotificationConfiguration");
  for (const RuleWords& words : kRules) {
    for (const NotificationRule& rule : config.rules) {
      if (rule.target != words.target) continue;
      xml.Open(words.configuration);
      xml.Element("Id", rule.id);
      xml.Element(TargetElement(rule.target), rule.arn);
      for (const std::string& event : rule.events) xml.Element("Event", event);
      if (!rule.prefix.empty() || !rule.suffix.empty()) {
        xml.Open("Filter");
        xml.Open("S3Key");
        for (const auto& [name, value] :
             {std::pair("Prefix", &rule.prefix), std::pair("Suffix", &rule.suffix)}) {
          if (value->empty()) continue;
          xml.Open("FilterRule");
          xml.Element("Name", std::string_view(name));
          xml.Element("Value", *value);
          xml.Close();
        }
        xml.Close();
        xml.Close();
      }
      xml.Close();
    }
  }
  if (config.event_bridge) {
    xml.Open("EventBridgeConfiguration");
    xml.Close();
  }
  return xml.Take();
}

}  // namespace hearth::s3
