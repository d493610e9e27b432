// JsonPattern: `{ $.level = "ERROR" && $.items[0].price > 10 }`, which holds for events that are
// JSON. Source: "Filter pattern syntax" of the CloudWatch Logs user guide.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "logs/condition.h"
#include "logs/expression.h"

namespace hearth::logs {

class JsonPattern {
 public:
  // With its braces.
  static std::expected<JsonPattern, std::string> Parse(std::string_view text);
  bool Matches(std::string_view message) const;

 private:
  struct Step {
    std::string name;       // "*": every member.
    bool is_index = false;  // "*": every element.
    size_t index = 0;
  };
  struct Operand {
    std::vector<Step> path;
    Condition condition;
  };
  static std::expected<Operand, std::string> ParseOperand(Scanner& scanner);
  static bool MatchesAt(const base::Json* value, const Operand& operand, size_t step);

  Expression<Operand> expression_;
};

}  // namespace hearth::logs
