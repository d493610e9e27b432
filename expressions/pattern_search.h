// PatternSearch: whether an event has what one alternative of a pattern asks for.
//
// Walks the fields' paths and the event side by side. Of a list each item is tried by itself, with
// all that is asked of what is below it: each value is walked once for a field. Only where an event
// spells one path in two ways ("a": {"b": ...} and "a.b": ...) are the items of two lists tried
// together; that ends after a number of steps. Owner: EventPattern, for one question.
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
  // What is not found in `most_steps` where lists share a name is not there.
  PatternSearch(const std::vector<EventPattern::Field>& fields, int64_t most_steps)
      : fields_(fields), left_(most_steps) {}

  bool Finds(const EventPattern::Alternative& alternative, const base::Json& event);

 private:
  // Where the values of a path may be: in `value`; or in it once `rest` of its name is walked too
  // ("b.c" of an event's "a.b.c").
  struct Place {
    const base::Json* value = nullptr;
    std::optional<std::string_view> rest;

    bool is_list() const { return !rest && value->is_array(); }
    bool is_plain() const { return !rest && !value->is_structured(); }
  };
  using Places = std::vector<Place>;
  // Fields that begin alike, up to a depth.
  using Range = std::span<const uint32_t>;

  // What is looked for, all of it below one depth.
  struct Asked {
    Range range;
    size_t depth = 0;
    uint32_t absent = 0;     // Fields of a lower order that must not be there are nowhere.
    bool is_shared = false;  // Within a choice among lists that meet under one name.
  };

  const EventPattern::Field& field(uint32_t index) const { return fields_[index]; }
  bool has_leaf(const Asked& asked) const {
    return field(asked.range.front()).path.size() == asked.depth;
  }
  bool Has(Asked asked, const Places& places);
  bool HasInSomeChoice(const Asked& asked, const Places& places);
  bool HasInSomeItem(Asked asked, const Places& places, size_t list);
  bool HasBelow(const Asked& asked, const Places& places);
  bool HasLeaf(const Asked& asked, const Places& places);
  bool HoldsWithin(const Asked& asked, const base::Json& value, bool& is_there);
  bool AreAbsent(const Asked& asked, uint32_t first_found, const Places& places);
  bool IsPresent(const Asked& asked, const EventPattern::Field& field, const Place& place);
  // False: there have been too many.
  bool MayStep(const Asked& asked, size_t steps);
  void Step(const Asked& asked, const Place& from, std::string_view name, Places& to);

  const std::vector<EventPattern::Field>& fields_;
  int64_t left_;  // Steps that may still be made within choices of lists that share a name.
};

}  // namespace hearth::expressions
