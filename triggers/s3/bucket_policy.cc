#include "triggers/s3/bucket_policy.h"

#include <algorithm>
#include <array>

#include "base/json.h"
#include "base/limits.h"

namespace hearth::s3 {
namespace {

using base::Json;

ApiError Malformed(std::string what) { return RefusalBecause("MalformedPolicy", std::move(what)); }

// A text, or an array of texts that is not empty, each of which is good.
bool AreTexts(const Json& value, const auto& is_good) {
  if (value.is_string()) return is_good(value.get_ref<const std::string&>());
  return value.is_array() && !value.empty() && std::ranges::all_of(value, [&](const Json& each) {
           return each.is_string() && is_good(each.get_ref<const std::string&>());
         });
}

bool IsAnything(const std::string& text) { return !text.empty(); }

// "*", {"AWS": "*"}, {"Service": ["s3.amazonaws.com", …]}.
bool IsPrincipal(const Json& value) {
  constexpr std::array<std::string_view, 4> kKinds = {"AWS", "Service", "Federated",
                                                      "CanonicalUser"};
  if (value.is_string()) return value.get_ref<const std::string&>() == "*";
  if (!value.is_object() || value.empty()) return false;
  for (const auto& [kind, who] : value.items()) {
    if (std::ranges::find(kKinds, kind) == kKinds.end() || !AreTexts(who, IsAnything)) return false;
  }
  return true;
}

bool IsAction(const std::string& text) {
  return text == "*" || (text.starts_with("s3:") && text.size() > 3);
}

// "arn:aws:s3:::BUCKET", or something in it; wildcards may stand in the bucket's name too.
bool IsResource(std::string_view text, std::string_view bucket) {
  for (const std::string_view partition : {"arn:aws:", "arn:aws-cn:", "arn:aws-us-gov:"}) {
    if (!text.starts_with(partition)) continue;
    text.remove_prefix(partition.size());
    constexpr std::string_view kService = "s3:::";
    if (!text.starts_with(kService)) return false;
    const std::string_view name = text.substr(kService.size(), text.find('/') - kService.size());
    const size_t wildcard = name.find_first_of("*?");
    if (wildcard == std::string_view::npos) return name == bucket;
    return wildcard > 0 && bucket.starts_with(name.substr(0, wildcard));
  }
  return false;
}

std::optional<ApiError> CheckStatement(const Json& statement, std::string_view bucket) {
  constexpr std::array<std::string_view, 9> kFields = {"Sid",          "Effect",      "Principal",
                                                       "NotPrincipal", "Action",      "NotAction",
                                                       "Resource",     "NotResource", "Condition"};
  if (!statement.is_object()) return Malformed("Invalid policy syntax.");
  for (const auto& [name, value] : statement.items()) {
    if (std::ranges::find(kFields, name) == kFields.end()) {
      return Malformed("Unknown field " + name);
    }
  }
  // A field, or its opposite; not both.
  const auto either = [&](const char* name, const char* opposite) -> const Json* {
    const auto found = statement.find(name);
    const auto other = statement.find(opposite);
    if (found != statement.end() && other != statement.end()) return nullptr;
    return found != statement.end() ? &*found : other != statement.end() ? &*other : nullptr;
  };
  const auto effect = statement.find("Effect");
  if (effect == statement.end()) return Malformed("Missing required field Effect");
  if (*effect != "Allow" && *effect != "Deny") {
    return Malformed("Invalid effect: " + (effect->is_string() ? effect->get<std::string>()
                                                               : base::ToJsonText(*effect)));
  }
  const Json* const principal = either("Principal", "NotPrincipal");
  if (principal == nullptr) return Malformed("Missing required field Principal");
  if (!IsPrincipal(*principal)) return Malformed("Invalid principal in policy");
  const Json* const action = either("Action", "NotAction");
  if (action == nullptr) return Malformed("Missing required field Action");
  if (!AreTexts(*action, IsAction)) return Malformed("Policy has invalid action");
  const Json* const resource = either("Resource", "NotResource");
  if (resource == nullptr) return Malformed("Missing required field Resource");
  if (!AreTexts(*resource, [&](const std::string& text) { return IsResource(text, bucket); })) {
    return Malformed("Policy has invalid resource");
  }
  const auto condition = statement.find("Condition");
  if (condition != statement.end() &&
      (!condition->is_object() ||
       !std::ranges::all_of(*condition, [](const Json& each) { return each.is_object(); }))) {
    return Malformed("Policy has an invalid condition key");
  }
  return std::nullopt;
}

}  // namespace

std::optional<ApiError> CheckBucketPolicy(std::string_view text, std::string_view bucket) {
  const auto policy = base::ParseJson(text);
  if (!text.starts_with('{') || !policy) {
    return Malformed("Policies must be valid JSON and the first byte must be '{'");
  }
  if (base::ToJsonText(*policy).size() > limits::kMaxPolicy) {
    return Malformed("Normalized policy document exceeds the maximum allowed size of 20480 bytes.");
  }
  for (const auto& [name, value] : policy->items()) {
    if (name != "Version" && name != "Id" && name != "Statement") {
      return Malformed("Unknown field " + name);
    }
  }
  const auto version = policy->find("Version");
  if (version != policy->end() && *version != "2012-10-17" && *version != "2008-10-17") {
    return Malformed("The policy must contain a valid version string");
  }
  const auto statements = policy->find("Statement");
  if (statements == policy->end()) return Malformed("Missing required field Statement");
  if (statements->is_object()) return CheckStatement(*statements, bucket);
  if (!statements->is_array()) return Malformed("Invalid policy syntax.");
  if (statements->empty()) return Malformed("Could not parse the policy: Statement is empty!");
  for (const Json& statement : *statements) {
    if (auto error = CheckStatement(statement, bucket)) return error;
  }
  return std::nullopt;
}

}  // namespace hearth::s3
