#include "aws/policy_document.h"

#include <algorithm>
#include <functional>

#include "io/http_message.h"

namespace hearth::aws {
namespace {

using base::Json;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// A policy writes one value as itself, several as an array.
bool AnyOf(const Json& value, const std::function<bool(const std::string&)>& test) {
  if (value.is_string()) return test(value.get_ref<const std::string&>());
  if (value.is_boolean()) return test(value.get<bool>() ? "true" : "false");
  if (!value.is_array()) return false;
  return std::ranges::any_of(value, [&](const Json& one) {
    return one.is_string() && test(one.get_ref<const std::string&>());
  });
}

bool IsPrincipal(const Json& principal, const PolicyRequest& request) {
  if (principal.is_string()) return principal == "*";
  if (!principal.is_object()) return false;
  const auto is_all = [](const std::string& one) { return one == "*"; };
  const auto is_service = [&](const std::string& one) {
    return one == "*" || one == request.service;
  };
  return (principal.contains("Service") && AnyOf(principal["Service"], is_service)) ||
         (principal.contains("AWS") && AnyOf(principal["AWS"], is_all));
}

bool HoldsFor(std::string_view test, std::string_view key, const Json& values,
              const PolicyRequest& request) {
  std::string_view actual;
  if (io::SameName(key, "aws:SourceArn")) {
    actual = request.source_arn;
  } else if (io::SameName(key, "aws:SourceAccount")) {
    actual = request.source_account;
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
    return AnyOf(values, [&](const std::string& one) { return IsLike(one, actual); });
  }
  return false;
}

bool ConditionHolds(const Json& condition, const PolicyRequest& request) {
  if (!condition.is_object()) return false;
  for (const auto& [test, keys] : condition.items()) {
    if (!keys.is_object()) return false;
    for (const auto& [key, values] : keys.items()) {
      if (!HoldsFor(test, key, values, request)) return false;
    }
  }
  return true;
}

bool StatementApplies(const Json& statement, const PolicyRequest& request) {
  const auto member = [&](const char* name) {
    return statement.contains(name) ? statement[name] : Json();
  };
  const auto is_action = [&](const std::string& one) {
    std::string pattern = one, wanted(request.action);
    std::ranges::transform(pattern, pattern.begin(), Lower);
    std::ranges::transform(wanted, wanted.begin(), Lower);
    return IsLike(pattern, wanted);
  };
  const auto is_resource = [&](const std::string& one) { return IsLike(one, request.resource); };
  return IsPrincipal(member("Principal"), request) && AnyOf(member("Action"), is_action) &&
         (!statement.contains("Resource") || AnyOf(member("Resource"), is_resource)) &&
         (!statement.contains("Condition") || ConditionHolds(member("Condition"), request));
}

}  // namespace

bool IsLike(std::string_view pattern, std::string_view text) {
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

bool PolicyAllows(const Json& policy, const PolicyRequest& request) {
  if (!policy.is_object() || !policy.contains("Statement")) return false;
  const Json& statements = policy["Statement"];
  bool is_allowed = false;
  const auto look = [&](const Json& statement) {
    if (!statement.is_object() || !StatementApplies(statement, request)) {
      return true;
    }
    if (statement.value("Effect", Json()) != "Allow") return false;
    is_allowed = true;
    return true;
  };
  if (!statements.is_array()) return look(statements) && is_allowed;
  return std::ranges::all_of(statements, look) && is_allowed;
}

}  // namespace hearth::aws
