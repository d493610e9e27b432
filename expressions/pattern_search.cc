#include "expressions/pattern_search.h"

#include <algorithm>
#include <limits>

namespace hearth::expressions {
namespace {

using base::Json;
using Field = EventPattern::Field;

// Only where an event spells one path in two ways are the items of two lists tried together: what
// is not found by then is not there.
constexpr int kMaxChoices = 100'000;

// Tells `visit` of each value in a list, and in the lists in it, until it says true.
bool AnyScalar(const Json& value, auto& visit) {
  if (value.is_array()) {
    return std::ranges::any_of(value,
                               [&visit](const Json& item) { return AnyScalar(item, visit); });
  }
  return !value.is_object() && visit(value);
}

bool HoldsOf(const Field& field, const Json& value) {
  return std::ranges::any_of(field.conditions, [&value](const PatternCondition& condition) {
    return condition.HoldsOf(value);
  });
}

bool TakesAbsence(const Field& field) {
  return std::ranges::any_of(field.conditions, [](const PatternCondition& condition) {
    return condition.what == PatternCondition::Operator::kAbsent;
  });
}

}  // namespace

bool PatternSearch::Finds(const EventPattern::Alternative& alternative, const Json& event) {
  if (!event.is_object()) return false;
  left_ = kMaxChoices;
  return Has(alternative, 0, {{.value = &event, .rest = std::nullopt}});
}

bool PatternSearch::Has(Range range, size_t depth, const Places& places) {
  const bool has_leaf = field(range.front()).path.size() == depth;
  if (has_leaf && range.size() == 1) return HasLeaf(field(range.front()), places);
  for (size_t i = 0; i < places.size(); ++i) {
    if (places[i].rest || !places[i].value->is_array()) continue;
    return AreAbsentEverywhere(range, depth, places) && HasInSomeItem(range, depth, places, i);
  }
  if (has_leaf) {
    if (!HasLeaf(field(range.front()), places)) return false;
    range = range.subspan(1);
  }
  Places below;
  while (!range.empty()) {
    const std::string& name = field(range.front()).path[depth];
    const auto end = std::ranges::find_if(
        range, [&](uint32_t index) { return field(index).path[depth] != name; });
    const auto size = static_cast<size_t>(end - range.begin());
    below.clear();
    for (const Place& place : places) Step(place, name, below);
    if (!Has(range.first(size), depth + 1, below)) return false;
    range = range.subspan(size);
  }
  return true;
}

bool PatternSearch::HasInSomeItem(Range range, size_t depth, const Places& places, size_t list) {
  Places others = places;
  others.erase(others.begin() + static_cast<ptrdiff_t>(list));
  const bool is_shared = !others.empty();
  const Json& items = *places[list].value;
  // Plain values are anybody's, whichever object is chosen.
  for (const Json& item : items) {
    if (!item.is_structured()) others.push_back({.value = &item, .rest = std::nullopt});
  }
  bool is_plain = true;
  for (const Json& item : items) {
    if (!item.is_structured()) continue;
    if (is_shared && --left_ < 0) return false;
    is_plain = false;
    others.push_back({.value = &item, .rest = std::nullopt});
    if (Has(range, depth, others)) return true;
    others.pop_back();
  }
  return is_plain && Has(range, depth, others);
}

bool PatternSearch::HasLeaf(const Field& field, const Places& places) const {
  bool is_there = false;
  const auto visit = [&field, &is_there](const Json& value) {
    is_there = true;
    return HoldsOf(field, value);
  };
  for (const Place& place : places) {
    if (!place.rest && AnyScalar(*place.value, visit)) return true;
  }
  return !is_there && TakesAbsence(field);
}

// AWS looks for fields in the order of their names, and what it has found decides which object of a
// list is meant: a field that must not be there and is looked for before that is in no object.
bool PatternSearch::AreAbsentEverywhere(Range range, size_t depth, const Places& places) const {
  uint32_t first_found = std::numeric_limits<uint32_t>::max();
  for (const uint32_t index : range) {
    if (!field(index).is_absence) first_found = std::min(first_found, field(index).order);
  }
  return std::ranges::none_of(range, [&](uint32_t index) {
    return field(index).is_absence && field(index).order < first_found &&
           std::ranges::any_of(
               places, [&](const Place& place) { return IsPresent(field(index), depth, place); });
  });
}

bool PatternSearch::IsPresent(const Field& field, size_t depth, const Place& place) const {
  if (!place.rest && place.value->is_array()) {
    return std::ranges::any_of(*place.value, [&](const Json& item) {
      return IsPresent(field, depth, {.value = &item, .rest = std::nullopt});
    });
  }
  if (depth == field.path.size()) return !place.rest && !place.value->is_object();
  Places below;
  Step(place, field.path[depth], below);
  return std::ranges::any_of(below,
                             [&](const Place& each) { return IsPresent(field, depth + 1, each); });
}

void PatternSearch::Step(const Place& from, std::string_view name, Places& to) {
  const auto take = [name, &to](std::string_view key, const Json& value) {
    if (key.size() == name.size()) {
      to.push_back({.value = &value, .rest = std::nullopt});
    } else if (key[name.size()] == '.') {
      to.push_back({.value = &value, .rest = key.substr(name.size() + 1)});
    }
  };
  if (from.rest) {
    if (from.rest->starts_with(name)) take(*from.rest, *from.value);
    return;
  }
  const auto* object = from.value->get_ptr<const Json::object_t*>();
  if (object == nullptr) return;
  // Names that begin with it stand together; "a.b" comes after "a" and "a-b".
  for (auto it = object->lower_bound(name); it != object->end(); ++it) {
    const std::string_view key = it->first;
    if (!key.starts_with(name)) break;
    if (key.size() > name.size() && static_cast<unsigned char>(key[name.size()]) > '.') break;
    take(key, it->second);
  }
}

}  // namespace hearth::expressions
