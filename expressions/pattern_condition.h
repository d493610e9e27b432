// PatternCondition: what an event pattern asks of one value: "a", 5, {"prefix": "a"}, ...
//
// A value. Of a field's conditions one must hold of one of the field's values. Source: EventBridge
// User Guide, "Comparison operators".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "expressions/ip_range.h"
#include "expressions/wildcard.h"

namespace hearth::expressions {

// A number as AWS compares it: in millionths. nullopt: beyond +-5e9, so no number to `numeric`.
std::optional<int64_t> ComparableNumber(double number);
// As equals-ignore-case compares: ASCII, Latin, Greek and Cyrillic letters in lower case, each of
// as many bytes as before.
std::string FoldCase(std::string_view text);

struct NumberRange {
  int64_t first = 0;  // Both are in it; millionths.
  int64_t last = 0;
  bool Has(int64_t number) const { return first <= number && number <= last; }
};

struct PatternCondition {
  enum class Operator {
    kEquals,  // texts
    kEqualsIgnoreCase,
    kPrefix,
    kPrefixIgnoreCase,
    kSuffix,
    kSuffixIgnoreCase,
    kWildcard,  // wildcards
    kNumeric,   // ranges, and numbers, which are compared as they are where they are too large
    kCidr,      // addresses
    kLiteral,   // true, false, null
    kExists,
    kAbsent,
  };

  Operator what = Operator::kEquals;
  bool is_anything_but = false;  // Holds of any value of which `what` does not.
  // One; in an anything-but maybe more. Folded where the case is ignored.
  std::vector<std::string> texts;
  std::vector<Wildcard> wildcards;
  std::vector<NumberRange> ranges;
  std::vector<base::Json> numbers;
  std::vector<IpRange> addresses;
  base::Json literal;

  // `value`: neither a list nor an object. Nothing is ever kAbsent.
  bool HoldsOf(const base::Json& value) const;

 private:
  bool IsLike(const base::Json& value) const;
  bool IsLikeText(std::string_view text) const;
  bool IsLikeNumber(const base::Json& value) const;
};

}  // namespace hearth::expressions
