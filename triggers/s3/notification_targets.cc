#include "triggers/s3/notification_targets.h"

#include <algorithm>
#include <functional>

#include "aws/arn.h"

namespace hearth::s3 {
namespace {

using base::Json;
using Target = NotificationRule::Target;

constexpr std::string_view kPrincipal = "s3.amazonaws.com";

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// '*' stands for any text, '?' for one character. In time proportional to the product of the sizes.
bool Like(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t]) && pattern[p] != '*') {
      ++p;
      ++t;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

// A policy writes one value as itself, several as an array.
bool AnyOf(const Json& value, const std::function<bool(const std::string&)>& test) {
  if (value.is_string()) return test(value.get_ref<const std::string&>());
  if (value.is_boolean()) return test(value.get<bool>() ? "true" : "false");
  if (!value.is_array()) return false;
  return std::ranges::any_of(value, [&](const Json& one) {
    return one.is_string() && test(one.get_ref<const std::string&>());
  });
}

bool IsPrincipal(const Json& principal) {
  if (principal.is_string()) return principal == "*";
  if (!principal.is_object()) return false;
  const auto is_all = [](const std::string& one) { return one == "*"; };
  const auto is_s3 = [](const std::string& one) { return one == "*" || one == kPrincipal; };
  return (principal.contains("Service") && AnyOf(principal["Service"], is_s3)) ||
         (principal.contains("AWS") && AnyOf(principal["AWS"], is_all));
}

bool HoldsFor(std::string_view test, std::string_view key, const Json& values,
              const Sender& sender) {
  std::string_view actual;
  if (io::SameName(key, "aws:SourceArn")) {
    actual = sender.bucket_arn;
  } else if (io::SameName(key, "aws:SourceAccount")) {
    actual = sender.account;
  } else if (io::SameName(key, "aws:SecureTransport")) {
    actual = "true";  // Nothing leaves the host.
  } else {
    return false;
  }
  if (test.ends_with("IfExists")) test.remove_suffix(8);
  if (test == "StringEquals") {
    return AnyOf(values, [&](const std::string& one) { return one == actual; });
  }
  if (test == "StringEqualsIgnoreCase" || test == "Bool") {
    return AnyOf(values, [&](const std::string& one) { return io::SameName(one, actual); });
  }
  if (test == "ArnLike" || test == "ArnEquals" || test == "StringLike") {
    return AnyOf(values, [&](const std::string& one) { return Like(one, actual); });
  }
  return false;
}

bool ConditionHolds(const Json& condition, const Sender& sender) {
  if (!condition.is_object()) return false;
  for (const auto& [test, keys] : condition.items()) {
    if (!keys.is_object()) return false;
    for (const auto& [key, values] : keys.items()) {
      if (!HoldsFor(test, key, values, sender)) return false;
    }
  }
  return true;
}

bool StatementApplies(const Json& statement, std::string_view action, std::string_view resource,
                      const Sender& sender) {
  const auto member = [&](const char* name) {
    return statement.contains(name) ? statement[name] : Json();
  };
  const auto is_action = [&](const std::string& one) {
    std::string pattern = one, wanted(action);
    std::ranges::transform(pattern, pattern.begin(), Lower);
    std::ranges::transform(wanted, wanted.begin(), Lower);
    return Like(pattern, wanted);
  };
  const auto is_resource = [&](const std::string& one) { return Like(one, resource); };
  return IsPrincipal(member("Principal")) && AnyOf(member("Action"), is_action) &&
         (!statement.contains("Resource") || AnyOf(member("Resource"), is_resource)) &&
         (!statement.contains("Condition") || ConditionHolds(member("Condition"), sender));
}

}  // namespace

bool PolicyAllows(const Json& policy, std::string_view action, std::string_view resource,
                  const Sender& sender) {
  if (!policy.is_object() || !policy.contains("Statement")) return false;
  const Json& statements = policy["Statement"];
  bool is_allowed = false;
  const auto look = [&](const Json& statement) {
    if (!statement.is_object() || !StatementApplies(statement, action, resource, sender)) {
      return true;
    }
    if (statement.value("Effect", Json()) != "Allow") return false;
    is_allowed = true;
    return true;
  };
  if (!statements.is_array()) return look(statements) && is_allowed;
  return std::ranges::all_of(statements, look) && is_allowed;
}

bool PolicyAllows(const invoker::PolicyStatements& policy, const Sender& sender) {
  return std::ranges::any_of(policy, [&](const invoker::PolicyStatement& one) {
    return (one.principal == kPrincipal || one.principal == "*") &&
           (one.action == "*" || one.action == "lambda:*" ||
            one.action == "lambda:InvokeFunction") &&
           one.organization.empty() && one.event_source_token.empty() &&
           one.url_auth_type.empty() && !one.via_url &&
           (one.source_account.empty() || one.source_account == sender.account) &&
           (one.source_arn.empty() || Like(one.source_arn, sender.bucket_arn));
  });
}

std::string NotificationTargets::Wrong(const NotificationRule& rule,
                                       const std::string& bucket) const {
  const Sender sender{"arn:aws:s3:::" + bucket, account.id};
  const auto arn = aws::ParseArn(rule.arn);
  const bool is_here = arn && arn->region == account.region && arn->account == account.id;
  switch (rule.target) {
    case Target::kFunction: {
      const std::string refused = "Not authorized to invoke function [" + rule.arn + "]";
      const auto name = aws::ParseFunctionName(rule.arn);
      const invoker::RecordRef record =
          is_here && name ? registry.Record(name->name) : invoker::RecordRef();
      if (record == nullptr || ResolveForReading(*record, name->qualifier) == nullptr) {
        return refused;
      }
      const auto policy = record->policies.find(name->qualifier);
      if (policy == record->policies.end() || policy->second.empty()) return {};
      return PolicyAllows(policy->second, sender) ? "" : refused;
    }
    case Target::kQueue: {
      const sqs::QueueRecord* queue = is_here ? queues.Find(arn->resource) : nullptr;
      if (queue == nullptr) return "The destination queue does not exist";
      if (queue->settings.is_fifo) return "FIFO SQS queues are not supported";
      const auto text = queue->settings.set.find("Policy");
      if (text == queue->settings.set.end() || text->second.empty()) return {};
      const auto policy = base::ParseJson(text->second);
      if (policy && PolicyAllows(*policy, "sqs:SendMessage", rule.arn, sender)) return {};
      return "Permissions on the destination queue do not allow S3 to publish notifications from "
             "this bucket";
    }
    case Target::kTopic:  // Whoever serves topics will say.
      return {};
  }
  return {};
}

std::optional<ApiError> NotificationTargets::Check(const NotificationConfig& config,
                                                   const std::string& bucket,
                                                   Validation validation) const {
  const std::string bus = "arn:aws:events:" + account.region + ":" + account.id + ":event-bus/x";
  if (config.event_bridge && !destinations.Serves(bus)) {
    return RefusalBecause("NotImplemented", "Hearth does not serve EventBridge (events) yet",
                          {{"ArgumentName", "EventBridgeConfiguration"}});
  }
  for (const NotificationRule& rule : config.rules) {
    if (destinations.Serves(rule.arn)) continue;
    const std::string_view element = TargetElement(rule.target);
    return RefusalBecause(
        "NotImplemented",
        "Hearth does not serve targets of the kind " + std::string(element) + " yet",
        {{"ArgumentName", element}, {"ArgumentValue", rule.arn}});
  }
  if (validation == Validation::kSkip) return std::nullopt;
  Json bad = Json::object();
  for (const NotificationRule& rule : config.rules) {
    std::string wrong = Wrong(rule, bucket);
    if (wrong.empty()) continue;
    const std::string number = std::to_string(bad.size() / 2 + 1);
    // AWS shows the function's role too, which there is none of.
    bad["ArgumentName" + number] =
        rule.target == Target::kFunction ? rule.arn + ", null" : rule.arn;
    bad["ArgumentValue" + number] = std::move(wrong);
  }
  if (bad.empty()) return std::nullopt;
  return RefusalBecause("InvalidArgument",
                        "Unable to validate the following destination configurations",
                        std::move(bad));
}

}  // namespace hearth::s3
