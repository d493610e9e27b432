#include "invoker/filter_pattern.h"

#include <algorithm>
#include <array>

#include "base/json.h"

namespace hearth::invoker {
namespace {

using base::Json;

constexpr int kMaxDepth = 32;  // Ours: a pattern has 4,096 characters.

bool IsScalar(const Json& value) { return value.is_string() || value.is_number(); }

// {"prefix": "a"}, {"suffix": "a"}, {"equals-ignore-case": "a"}
bool IsTextMatcher(std::string_view name) {
  return name == "prefix" || name == "suffix" || name == "equals-ignore-case";
}

// "a", 1, ["a", 1], {"prefix": "a"}
bool IsExcluded(const Json& value) {
  if (IsScalar(value)) return true;
  if (value.is_array()) return !value.empty() && std::ranges::all_of(value, IsScalar);
  return value.is_object() && value.size() == 1 && IsTextMatcher(value.begin().key()) &&
         value.begin()->is_string();
}

// [">", 0, "<=", 5]: one comparison or two.
bool IsNumeric(const Json& value) {
  constexpr std::array<std::string_view, 5> kOperators = {"=", "<", "<=", ">", ">="};
  if (!value.is_array() || (value.size() != 2 && value.size() != 4)) return false;
  for (size_t i = 0; i < value.size(); i += 2) {
    const bool is_operator =
        value[i].is_string() &&
        std::ranges::find(kOperators, value[i].get_ref<const std::string&>()) != kOperators.end();
    if (!is_operator || !value[i + 1].is_number()) return false;
  }
  return true;
}

bool IsMatcher(const Json& value) {
  if (IsScalar(value) || value.is_boolean() || value.is_null()) return true;
  if (!value.is_object() || value.size() != 1) return false;
  const std::string& name = value.begin().key();
  const Json& with = *value.begin();
  if (IsTextMatcher(name)) return with.is_string();
  if (name == "anything-but") return IsExcluded(with);
  if (name == "exists") return with.is_boolean();
  if (name == "numeric") return IsNumeric(with);
  return false;
}

bool IsPattern(const Json& value, int depth) {
  if (!value.is_object() || value.empty() || depth > kMaxDepth) return false;
  for (const auto& [key, one] : value.items()) {
    if (key == "$or") {
      const bool is_list = one.is_array() && one.size() > 1;
      if (!is_list || !std::ranges::all_of(one, [depth](const Json& alternative) {
            return IsPattern(alternative, depth + 1);
          })) {
        return false;
      }
    } else if (one.is_array()) {
      if (one.empty() || !std::ranges::all_of(one, IsMatcher)) return false;
    } else if (!IsPattern(one, depth + 1)) {
      return false;
    }
  }
  return true;
}

bool Compares(const std::string& op, double left, double right) {
  if (op == "=") return left == right;
  if (op == "<") return left < right;
  if (op == "<=") return left <= right;
  if (op == ">") return left > right;
  return left >= right;
}

bool IsInRange(const Json& range, const Json& value) {
  if (!value.is_number()) return false;
  for (size_t i = 0; i < range.size(); i += 2) {
    if (!Compares(range[i].get<std::string>(), value.get<double>(), range[i + 1].get<double>())) {
      return false;
    }
  }
  return true;
}

bool MatchesText(std::string_view name, std::string_view with, const Json& value) {
  if (!value.is_string()) return false;
  const std::string_view text = value.get_ref<const std::string&>();
  if (name == "prefix") return text.starts_with(with);
  if (name == "suffix") return text.ends_with(with);
  return std::ranges::equal(text, with, [](unsigned char a, unsigned char b) {
    return std::tolower(a) == std::tolower(b);
  });
}

// Whether one value, neither a list nor an object, is what a leaf of a pattern asks for.
bool MatchesValue(const Json& matcher, const Json& value) {
  if (!matcher.is_object()) return matcher == value;
  const std::string& name = matcher.begin().key();
  const Json& with = *matcher.begin();
  if (name == "numeric") return IsInRange(with, value);
  if (name == "exists") return with.get<bool>();
  if (name != "anything-but") return MatchesText(name, with.get_ref<const std::string&>(), value);
  if (!with.is_array()) return !MatchesValue(with, value);
  return std::ranges::none_of(with, [&](const Json& each) { return each == value; });
}

bool MatchesLeaf(const Json& matcher, const Json* field) {
  const bool asks_for_presence = matcher.is_object() && matcher.begin().key() == "exists";
  if (asks_for_presence) return matcher.begin()->get<bool>() == (field != nullptr);
  if (field == nullptr || field->is_object()) return false;
  if (!field->is_array()) return MatchesValue(matcher, *field);
  return std::ranges::any_of(*field, [&](const Json& each) {
    return !each.is_structured() && MatchesValue(matcher, each);
  });
}

}  // namespace

bool MatchesField(const Json& rule, const Json* field) {
  if (rule.is_array()) {
    return std::ranges::any_of(rule, [&](const Json& each) { return MatchesLeaf(each, field); });
  }
  if (field != nullptr && field->is_array()) {
    return std::ranges::any_of(
        *field, [&](const Json& each) { return each.is_object() && MatchesPattern(rule, &each); });
  }
  return MatchesPattern(rule, field != nullptr && field->is_object() ? field : nullptr);
}

bool MatchesPattern(const Json& pattern, const Json* object) {
  for (const auto& [key, rule] : pattern.items()) {
    if (key == "$or") {
      if (std::ranges::none_of(rule,
                               [&](const Json& each) { return MatchesPattern(each, object); })) {
        return false;
      }
      continue;
    }
    const Json* field = nullptr;
    if (object != nullptr) {
      if (const auto found = object->find(key); found != object->end()) field = &*found;
    }
    if (!MatchesField(rule, field)) return false;
  }
  return true;
}

bool IsFilterPattern(std::string_view text) {
  const auto pattern = base::ParseJson(text);
  return pattern && IsPattern(*pattern, 1);
}

}  // namespace hearth::invoker
