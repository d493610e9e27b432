// EventPattern: which events are meant. {"source": ["shop"], "detail": {"total": [{"numeric": [">",
// 100]}]}}
//
// A value: read once, then asked. All fields must match, each by one of its values; of a list in an
// event one item does, and of a list of objects one object matches all that is asked of it.
// Source: EventBridge User Guide, "Event patterns" and "Comparison operators".
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "base/json.h"

namespace hearth::expressions {

class EventPattern {
 public:
  // What was wrong with it, in AWS's words, without "Event pattern is not valid. Reason: ".
  static std::expected<EventPattern, std::string> Parse(std::string_view text);

  bool Matches(const base::Json& event) const;
  const base::Json& json() const { return json_; }

 private:
  explicit EventPattern(base::Json json) : json_(std::move(json)) {}
  base::Json json_;
};

}  // namespace hearth::expressions
