// PatternReader: what an anything-but leaves out.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "expressions/pattern_reader.h"

namespace hearth::expressions {
namespace {

using Operator = PatternCondition::Operator;

constexpr std::pair<std::string_view, Operator> kOperators[] = {
    {"equals-ignore-case", Operator::kEqualsIgnoreCase},
    {"prefix", Operator::kPrefix},
    {"suffix", Operator::kSuffix},
    {"wildcard", Operator::kWildcard},
};
constexpr std::string_view kTooManyElements = "Too many elements in numeric expression";

std::string_view WrongType(Operator what) {
  if (what == Operator::kEqualsIgnoreCase) {
    return "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not "
           "supported.";
  }
  if (what == Operator::kWildcard) return "wildcard match pattern must be a string";
  return "prefix/suffix match pattern must be a string";
}

}  // namespace

bool PatternReader::ReadAnythingBut(std::vector<PatternCondition>& to) {
  PatternCondition condition{.what = Operator::kEquals, .is_anything_but = true};
  Token token = tokens_.Next();
  const bool is_nested = token == Token::kObjectStart;
  if (is_nested) {
    if (tokens_.Next() != Token::kName) return Fail("Anything-But expression name not found");
    const std::string name = tokens_.Text();
    const auto* found =
        std::ranges::find(kOperators, name, [](const auto& each) { return each.first; });
    if (found == std::end(kOperators)) return Fail("Unsupported anything-but pattern: " + name);
    condition.what = found->second;
    token = tokens_.Next();
  }
  if (token == Token::kArrayStart) {
    if (!ReadExcludedList(condition)) return false;
  } else if (token == Token::kString || token == Token::kNumber) {
    if (!AddExcluded(token, condition)) return false;
    if (token == Token::kNumber) condition.what = Operator::kNumeric;
  } else {
    return Fail("Value of anything-but must be an array or single string/number value.");
  }
  to.push_back(std::move(condition));
  return EndObject(kTooManyElements) && (!is_nested || EndObject(kTooManyElements));
}

// What AWS says of an item it says with the place twice.
bool PatternReader::ReadExcludedList(PatternCondition& condition) {
  bool has_text = false;
  bool has_number = false;
  const bool is_plain = condition.what == Operator::kEquals;
  for (Token token; (token = tokens_.Next()) != Token::kArrayEnd;) {
    has_text = has_text || token == Token::kString;
    has_number = has_number || token == Token::kNumber;
    const bool is_good =
        is_plain && token != Token::kString && token != Token::kNumber
            ? Fail("Inside anything but list, start|null|boolean is not supported.")
            : AddExcluded(token, condition);
    if (is_good) continue;
    error_ = tokens_.At(error_);
    return false;
  }
  const bool is_empty = !has_text && !has_number;
  if (is_empty || (has_text && has_number)) {
    return Fail(
        "Inside anything but list, either all values are number or string, mixed type is not "
        "supported");
  }
  if (has_number) condition.what = Operator::kNumeric;
  return true;
}

bool PatternReader::AddExcluded(Token token, PatternCondition& condition) {
  if (token == Token::kString) return AddExcludedText(condition);
  // A list's first number makes it one of numbers only when all of it is read.
  if (token != Token::kNumber || condition.what != Operator::kEquals) {
    return Fail(WrongType(condition.what));
  }
  if (!AddNumber(condition)) {
    return FailNowhere("Value must be between -5.0E9 and 5.0E9, inclusive");
  }
  return true;
}

bool PatternReader::AddExcludedText(PatternCondition& condition) {
  const std::string text = tokens_.Text();
  const bool is_end = condition.what == Operator::kPrefix || condition.what == Operator::kSuffix;
  if (is_end && text.empty()) return Fail("Null prefix/suffix not allowed");
  return AddText(condition, text);
}

bool PatternReader::AddText(PatternCondition& condition, const std::string& text) {
  if (condition.what == Operator::kCidr) {
    auto range = IpRange::Read(text);
    if (!range) return FailNowhere(range.error());
    condition.addresses.push_back(*range);
    return true;
  }
  if (condition.what == Operator::kWildcard) {
    auto wildcard = Wildcard::Read(text);
    if (!wildcard) return Fail(wildcard.error());
    condition.wildcards.push_back(*std::move(wildcard));
    return true;
  }
  const bool is_folded = condition.what == Operator::kEqualsIgnoreCase ||
                         condition.what == Operator::kPrefixIgnoreCase ||
                         condition.what == Operator::kSuffixIgnoreCase;
  condition.texts.push_back(is_folded ? FoldCase(text) : text);
  return true;
}

bool PatternReader::AddNumber(PatternCondition& condition) {
  const auto number = base::ParseJson(tokens_.Text());
  const auto comparable = number ? ComparableNumber(number->get<double>()) : std::nullopt;
  if (!comparable) return false;
  condition.numbers.push_back(*number);
  condition.ranges.push_back({.first = *comparable, .last = *comparable});
  return true;
}

}  // namespace hearth::expressions
