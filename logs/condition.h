// Condition: what a filter pattern asks of one value: `= "err*"`, `!= 5`, `> 1e3`, `IS NULL`,
// `NOT EXISTS`. Source: "Filter pattern syntax" of the CloudWatch Logs user guide.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "logs/scanner.h"

namespace hearth::logs {

class Condition {
 public:
  // At an operator, or before IS, EXISTS and NOT EXISTS; the message says what is wrong.
  static std::expected<Condition, std::string> Parse(Scanner& scanner);

  bool Matches(std::string_view text) const;
  // Null: there is no such value.
  bool Matches(const base::Json* value) const;

 private:
  enum class Operator {
    kEqual,
    kUnequal,
    kLess,
    kLessEqual,
    kGreater,
    kGreaterEqual,
    kIsTrue,
    kIsFalse,
    kIsNull,
    kExists,
    kNotExists
  };
  bool MatchesNumber(double value) const;

  Operator operator_ = Operator::kExists;
  std::string text_;              // '*' stands for any characters.
  std::optional<double> number_;  // Where the text is one, and not in quotes.
};

// '*' in `pattern` stands for any characters, also none. At most the product of their lengths.
bool MatchesWildcard(std::string_view pattern, std::string_view text);

}  // namespace hearth::logs
