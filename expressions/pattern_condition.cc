#include "expressions/pattern_condition.h"

#include <algorithm>
#include <cmath>

namespace hearth::expressions {
namespace {

using base::Json;

constexpr double kMaxNumber = 5e9;  // AWS.
constexpr double kMillionths = 1e6;

// Letters of two bytes: what one of those that have a lower case becomes.
uint32_t LowerLetter(uint32_t code) {
  if (code >= 0xC0 && code <= 0xDE && code != 0xD7) return code + 0x20;
  const bool is_odd_lower = code >= 0x100 && code < 0x180;
  if (is_odd_lower && code != 0x130 && code != 0x131 && code != 0x138 && code != 0x149 &&
      code != 0x178 && code != 0x17F) {
    const bool is_shifted = (code >= 0x139 && code <= 0x148) || code >= 0x179;
    const bool is_upper = is_shifted ? code % 2 == 1 : code % 2 == 0;
    return is_upper ? code + 1 : code;
  }
  if (code >= 0x391 && code <= 0x3A9 && code != 0x3A2) return code + 0x20;
  if (code >= 0x410 && code <= 0x42F) return code + 0x20;
  if (code >= 0x400 && code <= 0x40F) return code + 0x50;
  return code;
}

bool IsOneOf(const std::vector<std::string>& texts, auto holds) {
  return std::ranges::any_of(texts, holds);
}

}  // namespace

std::optional<int64_t> ComparableNumber(double number) {
  if (!(number >= -kMaxNumber && number <= kMaxNumber)) return std::nullopt;
  return std::llround(number * kMillionths);
}

std::string FoldCase(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 'A' && c <= 'Z') {
      out += static_cast<char>(c | 0x20);
    } else if ((c & 0xE0) == 0xC0 && i + 1 < text.size()) {
      const auto next = static_cast<unsigned char>(text[++i]);
      const uint32_t lower = LowerLetter(((c & 0x1FU) << 6) | (next & 0x3FU));
      out += static_cast<char>(0xC0 | (lower >> 6));
      out += static_cast<char>(0x80 | (lower & 0x3F));
    } else {
      out += static_cast<char>(c);
    }
  }
  return out;
}

bool PatternCondition::HoldsOf(const Json& value) const {
  if (what == Operator::kAbsent) return false;
  return IsLike(value) != is_anything_but;
}

bool PatternCondition::IsLike(const Json& value) const {
  switch (what) {
    case Operator::kExists:
      return true;
    case Operator::kAbsent:
      return false;
    case Operator::kLiteral:
      return value == literal;
    case Operator::kNumeric:
      return value.is_number() && IsLikeNumber(value);
    case Operator::kEquals:
    case Operator::kEqualsIgnoreCase:
    case Operator::kPrefix:
    case Operator::kPrefixIgnoreCase:
    case Operator::kSuffix:
    case Operator::kSuffixIgnoreCase:
    case Operator::kWildcard:
    case Operator::kCidr:
      break;
  }
  const auto* text = value.get_ptr<const std::string*>();
  return text != nullptr && IsLikeText(*text);
}

bool PatternCondition::IsLikeNumber(const Json& value) const {
  const auto number = ComparableNumber(value.get<double>());
  if (!number) return std::ranges::find(numbers, value) != numbers.end();
  return std::ranges::any_of(ranges,
                             [&number](const NumberRange& range) { return range.Has(*number); });
}

bool PatternCondition::IsLikeText(std::string_view text) const {
  switch (what) {
    case Operator::kEquals:
      return IsOneOf(texts, [text](const std::string& each) { return text == each; });
    case Operator::kPrefix:
      return IsOneOf(texts, [text](const std::string& each) { return text.starts_with(each); });
    case Operator::kSuffix:
      return IsOneOf(texts, [text](const std::string& each) { return text.ends_with(each); });
    case Operator::kWildcard:
      return std::ranges::any_of(
          wildcards, [text](const Wildcard& wildcard) { return wildcard.Matches(text); });
    case Operator::kCidr: {
      const auto address = IpAddress::Read(text);
      return address && std::ranges::any_of(addresses, [&address](const IpRange& range) {
               return range.Has(*address);
             });
    }
    default:
      break;
  }
  return IsOneOf(texts, [this, text](const std::string& each) {
    // A letter folded has as many bytes, and no other of them begins one: what is folded alone is
    // what it is in the whole.
    if (text.size() < each.size()) return false;
    if (what == Operator::kEqualsIgnoreCase && text.size() != each.size()) return false;
    const bool is_suffix = what == Operator::kSuffixIgnoreCase;
    return FoldCase(text.substr(is_suffix ? text.size() - each.size() : 0, each.size())) == each;
  });
}

}  // namespace hearth::expressions
