// PatternSearch: whether an event has what one alternative of a pattern asks for.
//
// Walks the fields' paths and the event side by side. Of a list each item is tried by itself, with
// all that is asked of what is below it. Owner: EventPattern, for one question.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "expressions/event_pattern.h"

namespace hearth::expressions {

class PatternSearch {
 public:
  explicit PatternSearch(const std::vector<EventPattern::Field>& fields) : fields_(fields) {}

  bool Finds(const EventPattern::Alternative& alternative, const base::Json& event);

 private:
  // Where the values of a path may be: in `value`; or in it once `rest` of its name is walked too
  // ("b.c" of an event's "a.b.c").
  struct Place {
    const base::Json* value = nullptr;
    std::optional<std::string_view> rest;
  };
  using Places = std::vector<Place>;
  // Fields that begin alike, up to a depth.
  using Range = std::span<const uint32_t>;

  const EventPattern::Field& field(uint32_t index) const { return fields_[index]; }
  bool Has(Range range, size_t depth, const Places& places);
  bool HasInSomeItem(Range range, size_t depth, const Places& places, size_t list);
  bool HasLeaf(const EventPattern::Field& field, const Places& places) const;
  bool AreAbsentEverywhere(Range range, size_t depth, const Places& places) const;
  bool IsPresent(const EventPattern::Field& field, size_t depth, const Place& place) const;
  static void Step(const Place& from, std::string_view name, Places& to);

  const std::vector<EventPattern::Field>& fields_;
  int left_ = 0;  // Choices that may still be made where two lists meet under one name.
};

}  // namespace hearth::expressions
