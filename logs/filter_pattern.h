// FilterPattern: which events a filter lets through.
//
//   ERROR "user 7"      events that hold both      ?WARN ?ERROR   that hold one of them
//   ERROR -expected     without what has a minus   { … }  [ … ]   JsonPattern, FieldsPattern
//
// Terms are found anywhere, case for case. With terms that must be there, those with ? say nothing
// (as on AWS). An empty pattern lets everything through. Regular expressions (%…%) are refused.
// Immutable; may be used on any thread. Source: CloudWatch Logs user guide, "Filter pattern
// syntax".
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "logs/fields_pattern.h"
#include "logs/json_pattern.h"

namespace hearth::logs {

class FilterPattern {
 public:
  // The message says what is wrong.
  static std::expected<FilterPattern, std::string> Parse(std::string_view text);
  bool Matches(std::string_view message) const;

 private:
  struct Terms {
    std::vector<std::string> required;
    std::vector<std::string> optional;
    std::vector<std::string> excluded;
  };
  static std::expected<Terms, std::string> ParseTerms(std::string_view text);

  std::variant<Terms, JsonPattern, FieldsPattern> kind_;
};

}  // namespace hearth::logs
