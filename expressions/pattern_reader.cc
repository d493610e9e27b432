#include "expressions/pattern_reader.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace hearth::expressions {
namespace {

using base::Json;
using Operator = PatternCondition::Operator;

constexpr int kMaxDepth = 200;                      // Ours: a pattern has 4,096 characters.
constexpr int64_t kLeast = -5'000'000'000'000'000;  // The numbers there are, in millionths.
constexpr int64_t kMost = 5'000'000'000'000'000;
// Fields of all drafts while a pattern is read: an $or's are those that it begins with, too.
constexpr size_t kMaxHeld = 2 * kMaxPatternFields;
constexpr std::string_view kOneKey = "Only one key allowed in match expression";
constexpr std::string_view kTooManyElements = "Too many elements in numeric expression";
constexpr std::string_view kBeyond = "Value must be between -5.0E9 and 5.0E9, inclusive";

// What a field within an $or may not be named.
constexpr std::array<std::string_view, 24> kReserved = {"exactly",
                                                        "equals-ignore-case",
                                                        "prefix",
                                                        "suffix",
                                                        "anything-but",
                                                        "exists",
                                                        "wildcard",
                                                        "numeric",
                                                        "cidr",
                                                        "=",
                                                        "<",
                                                        "<=",
                                                        ">",
                                                        ">=",
                                                        "regex",
                                                        "not-wildcard",
                                                        "not-equals-ignore-case",
                                                        "date-after",
                                                        "date-on-or-after",
                                                        "date-before",
                                                        "date-on-or-before",
                                                        "in-date-range",
                                                        "ip-address-in-range",
                                                        "ip-address-not-in-range"};

bool IsReserved(std::string_view name) {
  return std::ranges::find(kReserved, name) != kReserved.end();
}

std::vector<std::string> Split(std::string_view name) {
  std::vector<std::string> parts;
  for (size_t begin = 0;;) {
    const size_t end = name.find('.', begin);
    parts.emplace_back(name.substr(begin, end - begin));
    if (end == std::string_view::npos) return parts;
    begin = end + 1;
  }
}

size_t FieldsOf(const auto& drafts) {
  size_t sum = 0;
  for (const auto& draft : drafts) sum += draft.size();
  return sum;
}

bool IsTooComplex(const EventPattern::Field& field) {
  std::vector<const Wildcard*> wildcards;
  for (const PatternCondition& condition : field.conditions) {
    for (const Wildcard& wildcard : condition.wildcards) wildcards.push_back(&wildcard);
  }
  return AreTooComplex(wildcards);
}

}  // namespace

bool PatternReader::Read() {
  if (tokens_.Next() != Token::kObjectStart) return Fail("Filter is not an object");
  drafts_.emplace_back();
  if (!ReadObject("", Inside::kRule)) return false;
  if (tokens_.Next() != Token::kEnd) return Fail("");
  if (!AreDraftsFew(kMaxPatternFields)) return false;
  std::map<std::string, std::vector<uint32_t>> by_name;
  for (const Draft& draft : drafts_) {
    for (const auto& [name, index] : draft) by_name[name].push_back(index);
  }
  uint32_t order = 0;
  for (const auto& [name, indexes] : by_name) {
    for (const uint32_t index : indexes) fields_[index].order = order;
    ++order;
  }
  if (!std::ranges::any_of(fields_, IsTooComplex)) return true;
  return FailNowhere(
      "Rule is too complex - try using fewer wildcard characters or fewer repeating character "
      "sequences after a wildcard character");
}

std::vector<EventPattern::Alternative> PatternReader::TakeAlternatives() {
  std::vector<EventPattern::Alternative> out;
  for (const Draft& draft : drafts_) {
    EventPattern::Alternative& one = out.emplace_back();
    for (const auto& [name, index] : draft) one.push_back(index);
    std::ranges::sort(one,
                      [this](uint32_t a, uint32_t b) { return fields_[a].path < fields_[b].path; });
  }
  return out;
}

bool PatternReader::ReadObject(const std::string& path, Inside inside) {
  if (++depth_ > kMaxDepth) return FailNowhere("Event pattern is nested too deeply");
  bool is_empty = true;
  Token token;
  while ((token = tokens_.Next()) == Token::kName) {
    is_empty = false;
    const std::string name = tokens_.Text();
    if (name == "$or") {
      if (!ReadOr(path)) return false;
      continue;
    }
    if (inside == Inside::kOr && IsReserved(name)) {
      return Fail(name + " is Ruler reserved fieldName which cannot be used inside $or.");
    }
    std::string below = depth_ == 1 ? name : path + "." + name;
    const Token value = tokens_.Next();
    if (value == Token::kObjectStart) {
      if (!ReadObject(below, inside)) return false;
    } else if (value == Token::kArrayStart) {
      if (!ReadField(std::move(below))) return false;
    } else {
      return Fail(fmt::format("\"{}\" must be an object or an array", name));
    }
  }
  --depth_;
  if (token != Token::kObjectEnd) return Fail("");
  return is_empty ? Fail("Empty objects are not allowed") : true;
}

bool PatternReader::ReadOr(const std::string& path) {
  const std::vector<Draft> before = std::exchange(drafts_, {});
  const size_t held_before = held_;
  held_ += FieldsOf(before);
  if (tokens_.Next() != Token::kArrayStart) return Fail("It must be an Array followed with $or.");
  std::vector<Draft> after;
  size_t choices = 0;
  const int depth = depth_;
  for (Token token; (token = tokens_.Next()) != Token::kArrayEnd; ++choices) {
    if (token != Token::kObjectStart) {
      return Fail("Only JSON object is allowed in array of $or relationship.");
    }
    drafts_ = before;
    if (!AreDraftsFew(kMaxHeld)) return false;
    depth_ = depth - 1;  // Its fields stand where the $or stands.
    if (!ReadObject(path, Inside::kOr)) return false;
    held_ += FieldsOf(drafts_);
    std::ranges::move(drafts_, std::back_inserter(after));
    if (after.size() > kMaxPatternAlternatives) {
      return FailNowhere("Rule is too complex - $or leads to more than 1000 rule combinations");
    }
  }
  depth_ = depth;
  held_ = held_before;
  drafts_ = std::move(after);
  return choices < 2 ? Fail("There must have at least 2 Objects in $or relationship.") : true;
}

bool PatternReader::ReadField(std::string path) {
  EventPattern::Field field{.path = Split(path), .conditions = {}};
  Token token;
  while ((token = tokens_.Next()) != Token::kArrayEnd) {
    if (!ReadValue(token, field.conditions)) return false;
  }
  if (field.conditions.empty()) return Fail("Empty arrays are not allowed");
  field.is_absence = std::ranges::all_of(field.conditions, [](const PatternCondition& condition) {
    return condition.what == Operator::kAbsent;
  });
  for (Draft& draft : drafts_) draft[path] = static_cast<uint32_t>(fields_.size());
  fields_.push_back(std::move(field));
  return AreDraftsFew(kMaxHeld);
}

bool PatternReader::AreDraftsFew(size_t most) {
  return held_ + FieldsOf(drafts_) <= most
             ? true
             : FailNowhere(
                   "Rule is too complex - $or leads to too many fields in all rule combinations "
                   "together");
}

bool PatternReader::ReadValue(Token token, std::vector<PatternCondition>& to) {
  if (token == Token::kObjectStart) return ReadOperator(to);
  PatternCondition condition;
  if (token == Token::kString) {
    condition.texts.push_back(tokens_.Text());
    // AWS takes an address for what it means, however it is written.
    if (const auto address = IpAddress::Read(condition.texts.front())) {
      condition.what = Operator::kCidr;
      condition.addresses.push_back({.first = *address, .last = *address});
    }
  } else if (token == Token::kNumber) {
    condition.what = Operator::kNumeric;
    const auto number = base::ParseJson(tokens_.Text());
    if (!number) return Fail(kBeyond);
    condition.numbers.push_back(*number);
    if (const auto comparable = ComparableNumber(number->get<double>())) {
      condition.ranges.push_back({.first = *comparable, .last = *comparable});
    }
  } else if (token == Token::kTrue || token == Token::kFalse || token == Token::kNull) {
    condition.what = Operator::kLiteral;
    if (token != Token::kNull) condition.literal = token == Token::kTrue;
  } else {
    return Fail("Match value must be String, number, true, false, or null");
  }
  to.push_back(std::move(condition));
  return true;
}

bool PatternReader::ReadOperator(std::vector<PatternCondition>& to) {
  if (tokens_.Next() != Token::kName) return Fail("Match expression name not found");
  const std::string name = tokens_.Text();
  if (name == "exactly") return ReadText(Operator::kEquals, "exact", to);
  if (name == "prefix") return ReadText(Operator::kPrefix, "prefix", to);
  if (name == "suffix") return ReadText(Operator::kSuffix, "suffix", to);
  if (name == "equals-ignore-case") return ReadText(Operator::kEqualsIgnoreCase, name, to);
  if (name == "wildcard") return ReadText(Operator::kWildcard, name, to);
  if (name == "cidr") return ReadText(Operator::kCidr, "prefix", to);  // So AWS says.
  if (name == "numeric") return ReadNumeric(to);
  if (name == "anything-but") return ReadAnythingBut(to);
  if (name == "exists") return ReadExists(to);
  return Fail("Unrecognized match type " + name);
}

bool PatternReader::ReadText(Operator what, std::string_view name,
                             std::vector<PatternCondition>& to) {
  const Token token = tokens_.Next();
  if (token == Token::kObjectStart && what == Operator::kPrefix) {
    return ReadIgnoringCase(Operator::kPrefixIgnoreCase, name, to);
  }
  if (token == Token::kObjectStart && what == Operator::kSuffix) {
    return ReadIgnoringCase(Operator::kSuffixIgnoreCase, name, to);
  }
  if (token != Token::kString) return Fail(fmt::format("{} match pattern must be a string", name));
  PatternCondition condition{.what = what};
  if (!AddText(condition, tokens_.Text())) return false;
  to.push_back(std::move(condition));
  return EndObject(kOneKey);
}

bool PatternReader::ReadIgnoringCase(Operator what, std::string_view name,
                                     std::vector<PatternCondition>& to) {
  const bool is_prefix = what == Operator::kPrefixIgnoreCase;
  if (tokens_.Next() != Token::kName) {
    return Fail(is_prefix ? "Prefix expression name not found"
                          : "Suffix expression name not found");
  }
  if (tokens_.Text() != "equals-ignore-case") {
    return Fail(fmt::format("Unsupported {} pattern: {}", name, tokens_.Text()));
  }
  if (tokens_.Next() != Token::kString) {
    return Fail("equals-ignore-case match pattern must be a string");
  }
  PatternCondition condition{.what = what};
  if (!AddText(condition, tokens_.Text())) return false;
  to.push_back(std::move(condition));
  return EndObject(kOneKey) && EndObject(kOneKey);
}

bool PatternReader::ReadNumeric(std::vector<PatternCondition>& to) {
  if (tokens_.Next() != Token::kArrayStart) return Fail("Value of numeric must be an array.");
  if (tokens_.Next() != Token::kString) {
    return Fail("Invalid member in numeric match: " + tokens_.Text());
  }
  const std::string op = tokens_.Text();
  constexpr std::array<std::string_view, 5> kOperators = {"=", "<", "<=", ">", ">="};
  const Token value = tokens_.Next();
  if (std::ranges::find(kOperators, op) == kOperators.end()) {
    return Fail("Unrecognized numeric range operator: " + op);
  }
  if (value != Token::kNumber) {
    return Fail(fmt::format("Value of {} must be numeric", op == "=" ? "equals" : op));
  }
  PatternCondition condition{.what = Operator::kNumeric};
  if (!AddNumber(condition)) return Fail(kBeyond);
  condition.numbers.clear();
  NumberRange& range = condition.ranges.front();
  const bool is_lower = op.starts_with('>');
  if (op == "<") --range.last;
  if (op == ">") ++range.first;
  if (op.starts_with('<')) range.first = kLeast;
  if (is_lower) range.last = kMost;
  const Token next = tokens_.Next();
  if (next != Token::kArrayEnd) {
    if (!is_lower) return Fail(kTooManyElements);
    if (next != Token::kString) return Fail("Bad value in numeric range: " + tokens_.Text());
    if (!ReadUpperBound(condition, op == ">")) return false;
  }
  to.push_back(std::move(condition));
  return EndObject(kTooManyElements);
}

bool PatternReader::ReadUpperBound(PatternCondition& condition, bool is_open) {
  const std::string op = tokens_.Text();
  if (op != "<" && op != "<=") return Fail("Bad numeric range operator: " + op);
  if (tokens_.Next() != Token::kNumber) return Fail(fmt::format("Value of {} must be numeric", op));
  PatternCondition upper;
  const bool is_number = AddNumber(upper);
  if (tokens_.Next() != Token::kArrayEnd) return Fail("Too many terms in numeric range expression");
  if (!is_number) return Fail(kBeyond);
  NumberRange& range = condition.ranges.front();
  const int64_t bottom = range.first - (is_open ? 1 : 0);
  const int64_t top = upper.ranges.front().first;
  if (bottom >= top) return Fail("Bottom must be less than top");
  range.last = op == "<" ? top - 1 : top;
  return true;
}

bool PatternReader::ReadExists(std::vector<PatternCondition>& to) {
  const Token token = tokens_.Next();
  if (token != Token::kTrue && token != Token::kFalse) {
    return Fail("exists match pattern must be either true or false.");
  }
  to.push_back({.what = token == Token::kTrue ? Operator::kExists : Operator::kAbsent});
  return EndObject(kOneKey);
}

bool PatternReader::EndObject(std::string_view otherwise) {
  return tokens_.Next() == Token::kObjectEnd ? true : Fail(otherwise);
}

bool PatternReader::Fail(std::string_view what) {
  if (error_.empty()) error_ = tokens_.error().empty() ? tokens_.At(what) : tokens_.error();
  return false;
}

bool PatternReader::FailNowhere(std::string_view what) {
  if (error_.empty()) error_ = what;
  return false;
}

}  // namespace hearth::expressions
