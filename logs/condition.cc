#include "logs/condition.h"

#include <charconv>

namespace hearth::logs {
namespace {

std::optional<double> ToNumber(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return out;
}

// What ends a value that is not in quotes.
constexpr std::string_view kEnds = " \t\r\n,]})&|";

std::string_view TakeWord(Scanner& scanner) {
  scanner.SkipSpace();
  return scanner.TakeUntil(kEnds);
}

}  // namespace

bool MatchesWildcard(std::string_view pattern, std::string_view text) {
  size_t at = 0, in_pattern = 0;
  size_t star = std::string_view::npos, after_star = 0;
  while (at < text.size()) {
    if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
      star = in_pattern++;
      after_star = at;
    } else if (in_pattern < pattern.size() && pattern[in_pattern] == text[at]) {
      ++in_pattern;
      ++at;
    } else if (star != std::string_view::npos) {
      in_pattern = star + 1;
      at = ++after_star;
    } else {
      return false;
    }
  }
  while (in_pattern < pattern.size() && pattern[in_pattern] == '*') ++in_pattern;
  return in_pattern == pattern.size();
}

std::expected<Condition, std::string> Condition::Parse(Scanner& scanner) {
  Condition out;
  scanner.SkipSpace();
  if (scanner.Take("IS")) {
    const std::string_view what = TakeWord(scanner);
    if (what != "TRUE" && what != "FALSE" && what != "NULL") {
      return std::unexpected("IS takes TRUE, FALSE or NULL");
    }
    out.operator_ = what == "TRUE"    ? Operator::kIsTrue
                    : what == "FALSE" ? Operator::kIsFalse
                                      : Operator::kIsNull;
    return out;
  }
  if (scanner.Take("NOT")) {
    if (TakeWord(scanner) != "EXISTS") return std::unexpected("NOT takes EXISTS");
    out.operator_ = Operator::kNotExists;
    return out;
  }
  if (scanner.Take("EXISTS")) return out;
  if (scanner.Take("!=")) {
    out.operator_ = Operator::kUnequal;
  } else if (scanner.Take("<=")) {
    out.operator_ = Operator::kLessEqual;
  } else if (scanner.Take(">=")) {
    out.operator_ = Operator::kGreaterEqual;
  } else if (scanner.Take("<")) {
    out.operator_ = Operator::kLess;
  } else if (scanner.Take(">")) {
    out.operator_ = Operator::kGreater;
  } else if (scanner.Take("=")) {
    out.operator_ = Operator::kEqual;
  } else {
    return std::unexpected("a comparison is missing");
  }
  scanner.SkipSpace();
  if (scanner.Take("\"")) {
    if (!scanner.TakeQuoted('"', out.text_)) return std::unexpected("a quote is not closed");
  } else if (scanner.Peek() == '%') {
    return std::unexpected("Hearth does not serve regular expressions in filter patterns");
  } else {
    out.text_ = TakeWord(scanner);
    if (out.text_.empty()) return std::unexpected("a value is missing");
    out.number_ = ToNumber(out.text_);
  }
  const bool orders = out.operator_ != Operator::kEqual && out.operator_ != Operator::kUnequal;
  if (orders && !out.number_) return std::unexpected("<, >, <= and >= take a number");
  return out;
}

bool Condition::MatchesNumber(double value) const {
  switch (operator_) {
    case Operator::kEqual:
      return value == *number_;
    case Operator::kUnequal:
      return value != *number_;
    case Operator::kLess:
      return value < *number_;
    case Operator::kLessEqual:
      return value <= *number_;
    case Operator::kGreater:
      return value > *number_;
    case Operator::kGreaterEqual:
      return value >= *number_;
    case Operator::kIsTrue:
    case Operator::kIsFalse:
    case Operator::kIsNull:
    case Operator::kExists:
    case Operator::kNotExists:
      return false;
  }
  return false;
}

bool Condition::Matches(std::string_view text) const {
  switch (operator_) {
    case Operator::kEqual:
    case Operator::kUnequal: {
      const auto number = number_ ? ToNumber(text) : std::nullopt;
      if (number) return MatchesNumber(*number);
      return MatchesWildcard(text_, text) == (operator_ == Operator::kEqual);
    }
    case Operator::kLess:
    case Operator::kLessEqual:
    case Operator::kGreater:
    case Operator::kGreaterEqual: {
      const auto number = ToNumber(text);
      return number && MatchesNumber(*number);
    }
    case Operator::kIsTrue:
      return text == "true";
    case Operator::kIsFalse:
      return text == "false";
    case Operator::kIsNull:
    case Operator::kNotExists:
      return false;
    case Operator::kExists:
      return true;
  }
  return false;
}

bool Condition::Matches(const base::Json* value) const {
  if (value == nullptr) return operator_ == Operator::kNotExists;
  switch (operator_) {
    case Operator::kIsTrue:
    case Operator::kIsFalse:
      return value->is_boolean() && value->get<bool>() == (operator_ == Operator::kIsTrue);
    case Operator::kIsNull:
      return value->is_null();
    case Operator::kExists:
      return true;
    case Operator::kNotExists:
      return false;
    case Operator::kEqual:
    case Operator::kUnequal:
    case Operator::kLess:
    case Operator::kLessEqual:
    case Operator::kGreater:
    case Operator::kGreaterEqual:
      break;
  }
  if (value->is_string()) return Matches(std::string_view(value->get_ref<const std::string&>()));
  if (value->is_number()) {
    if (number_) return MatchesNumber(value->get<double>());
    return Matches(std::string_view(base::ToJsonText(*value)));
  }
  if (value->is_boolean()) return Matches(std::string_view(value->get<bool>() ? "true" : "false"));
  return false;
}

}  // namespace hearth::logs
