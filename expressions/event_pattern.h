// EventPattern: which events are meant.
// {"source": ["shop"], "detail": {"total": [{"numeric": [">", 100]}]}}
//
// A value: read once, then asked. All fields must match, each by one of its values. A field is
// named by its path, a.b.c, however it is written: {"a": {"b": ...}} and {"a.b": ...} are one, in
// patterns and in events. Of a list's values one must match; of a list of objects one and the same
// object matches all that is asked of it. A list within a list counts as its values. Matching takes
// no longer than the event's size times the pattern's. Source: EventBridge User Guide, "Event
// patterns" and "Comparison operators".
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "expressions/pattern_condition.h"

namespace hearth::expressions {

inline constexpr size_t kMaxPatternText = 4096;          // AWS.
inline constexpr size_t kMaxPatternAlternatives = 1000;  // AWS: "over 1,000 rule combinations".
// Of all alternatives together: each field of a pattern is in up to a thousand of them. Ours; AWS
// bounds the alternatives alone.
inline constexpr size_t kMaxPatternFields = 20'000;

class EventPattern {
 public:
  struct Field {
    std::vector<std::string> path;
    std::vector<PatternCondition> conditions;  // One must hold.
    uint32_t order = 0;       // Among the fields, by their names: AWS looks at them in that order.
    bool is_absence = false;  // It is only asked not to be there.
  };
  // One way to match: all of these, by their indexes, in the order of their paths. Each choice of
  // an $or has its own.
  using Alternative = std::vector<uint32_t>;

  // What was wrong with it, in AWS's words, without "Event pattern is not valid. Reason: ".
  static std::expected<EventPattern, std::string> Parse(std::string_view text,
                                                        size_t most = kMaxPatternText);

  bool Matches(const base::Json& event) const;
  bool MatchesAlternative(const Alternative& alternative, const base::Json& event) const;

  const base::Json& json() const { return json_; }
  const std::vector<Field>& fields() const { return fields_; }
  const std::vector<Alternative>& alternatives() const { return alternatives_; }

 private:
  EventPattern(base::Json json, std::vector<Field> fields, std::vector<Alternative> alternatives)
      : json_(std::move(json)),
        fields_(std::move(fields)),
        alternatives_(std::move(alternatives)) {}

  base::Json json_;
  std::vector<Field> fields_;
  std::vector<Alternative> alternatives_;
};

}  // namespace hearth::expressions
