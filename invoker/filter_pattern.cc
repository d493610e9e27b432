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

}  // namespace

bool IsFilterPattern(std::string_view text) {
  const auto pattern = base::ParseJson(text);
  return pattern && IsPattern(*pattern, 1);
}

}  // namespace hearth::invoker
