// FieldsPattern: `[ip, user, ..., status = 4* || status = 5*, bytes > 1000]`, which holds for
// events with as many fields between spaces; what stands in "" or [] is one field, and `...` any
// number of fields. Source: "Filter pattern syntax" of the CloudWatch Logs user guide.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "logs/condition.h"
#include "logs/expression.h"

namespace hearth::logs {

class FieldsPattern {
 public:
  // With its brackets.
  static std::expected<FieldsPattern, std::string> Parse(std::string_view text);
  bool Matches(std::string_view message) const;

 private:
  struct Field {
    std::optional<Expression<Condition>> condition;
  };
  bool MatchesFrom(const std::vector<std::string_view>& values, size_t from, size_t first,
                   size_t count) const;

  std::vector<Field> fields_;
  std::optional<size_t> ellipsis_;  // The fields from here on stand at the line's end.
};

}  // namespace hearth::logs
