#include "expressions/pattern_search.h"

#include <algorithm>
#include <limits>

namespace hearth::expressions {
namespace {

using base::Json;
using Field = EventPattern::Field;

bool HoldsOf(const Field& field, const Json& value) {
  return std::ranges::any_of(field.conditions, [&value](const PatternCondition& condition) {
    return condition.HoldsOf(value);
  });
}

// What HoldsOf costs, beside a step from one value to the next.
size_t CostOf(const Field& field, const Json& value) {
  constexpr size_t kBytesOfAStep = 64;
  const auto* text = value.get_ptr<const std::string*>();
  return field.conditions.size() * (1 + (text == nullptr ? 0 : text->size() / kBytesOfAStep));
}

bool TakesAbsence(const Field& field) {
  return std::ranges::any_of(field.conditions, [](const PatternCondition& condition) {
    return condition.what == PatternCondition::Operator::kAbsent;
  });
}

}  // namespace

bool PatternSearch::Finds(const EventPattern::Alternative& alternative, const Json& event) {
  if (!event.is_object()) return false;
  return Has({.range = alternative}, {{.value = &event, .rest = std::nullopt}});
}

bool PatternSearch::Has(Asked asked, const Places& places) {
  if (!MayStep(asked, places.size() + 1)) return false;
  if (has_leaf(asked) && asked.range.size() == 1) return HasLeaf(asked, places);
  if (std::ranges::any_of(places, &Place::is_list)) {
    uint32_t first_found = std::numeric_limits<uint32_t>::max();
    for (const uint32_t index : asked.range) {
      if (!field(index).is_absence) first_found = std::min(first_found, field(index).order);
    }
    if (!AreAbsent(asked, first_found, places)) return false;
    asked.absent = std::max(asked.absent, first_found);
  }
  return HasInSomeChoice(asked, places);
}

bool PatternSearch::HasInSomeChoice(const Asked& asked, const Places& places) {
  if (!MayStep(asked, places.size() + 1)) return false;
  const auto list = std::ranges::find_if(places, &Place::is_list);
  if (list == places.end()) return HasBelow(asked, places);
  return HasInSomeItem(asked, places, static_cast<size_t>(list - places.begin()));
}

bool PatternSearch::HasInSomeItem(Asked asked, const Places& places, size_t list) {
  Places others = places;
  others.erase(others.begin() + static_cast<ptrdiff_t>(list));
  const Json& items = *places[list].value;
  const auto is_plain = [](const Place& place) { return place.is_plain(); };
  // Plain values are anybody's, whichever object is chosen, and of use to a leaf only: it is found
  // in them once and for all, or in none of them, so that one stands for all.
  if (has_leaf(asked)) {
    const Json* plain = nullptr;
    bool is_there = false;
    for (const Json& item : items) {
      if (item.is_structured()) continue;
      plain = &item;
      if (!HoldsWithin(asked, item, is_there)) continue;
      asked.range = asked.range.subspan(1);
      if (asked.range.empty()) return true;
      break;
    }
    if (plain != nullptr && std::ranges::none_of(others, is_plain)) {
      others.push_back({.value = plain, .rest = std::nullopt});
    }
  }
  asked.is_shared = asked.is_shared || !std::ranges::all_of(others, is_plain);
  bool has_choice = false;
  for (const Json& item : items) {
    if (!MayStep(asked, 1)) return false;
    if (!item.is_structured()) continue;
    has_choice = true;
    others.push_back({.value = &item, .rest = std::nullopt});
    if (HasInSomeChoice(asked, others)) return true;
    others.pop_back();
  }
  return !has_choice && HasInSomeChoice(asked, others);
}

// No place is a list.
bool PatternSearch::HasBelow(const Asked& asked, const Places& places) {
  Range range = asked.range;
  if (has_leaf(asked)) {
    if (!HasLeaf(asked, places)) return false;
    range = range.subspan(1);
  }
  Places below;
  while (!range.empty()) {
    const std::string& name = field(range.front()).path[asked.depth];
    const auto end = std::ranges::find_if(
        range, [&](uint32_t index) { return field(index).path[asked.depth] != name; });
    const auto size = static_cast<size_t>(end - range.begin());
    below.clear();
    if (!MayStep(asked, places.size())) return false;
    for (const Place& place : places) Step(asked, place, name, below);
    Asked next = asked;
    next.range = range.first(size);
    ++next.depth;
    if (!Has(next, below)) return false;
    range = range.subspan(size);
  }
  return true;
}

bool PatternSearch::HasLeaf(const Asked& asked, const Places& places) {
  bool is_there = false;
  for (const Place& place : places) {
    if (!place.rest && HoldsWithin(asked, *place.value, is_there)) return true;
  }
  return !is_there && TakesAbsence(field(asked.range.front())) && MayStep(asked, 0);
}

// A list within a list counts as its values.
bool PatternSearch::HoldsWithin(const Asked& asked, const Json& value, bool& is_there) {
  if (!MayStep(asked, 1)) return false;
  if (value.is_object()) return false;
  if (value.is_array()) {
    return std::ranges::any_of(
        value, [&](const Json& item) { return HoldsWithin(asked, item, is_there); });
  }
  is_there = true;
  const Field& leaf = field(asked.range.front());
  return MayStep(asked, asked.is_shared ? CostOf(leaf, value) : 0) && HoldsOf(leaf, value);
}

// AWS looks for fields in the order of their names, and what it has found decides which object of a
// list is meant: a field that must not be there and is looked for before that is in no object.
// Asked of a path's outermost list, and below it only of fields of which it was not asked there.
bool PatternSearch::AreAbsent(const Asked& asked, uint32_t first_found, const Places& places) {
  return std::ranges::none_of(asked.range, [&](uint32_t index) {
    const Field& each = field(index);
    return each.is_absence && asked.absent <= each.order && each.order < first_found &&
           std::ranges::any_of(
               places, [&](const Place& place) { return IsPresent(asked, each, place); });
  });
}

bool PatternSearch::IsPresent(const Asked& asked, const Field& field, const Place& place) {
  if (!MayStep(asked, 1)) return true;
  if (place.is_list()) {
    return std::ranges::any_of(*place.value, [&](const Json& item) {
      return IsPresent(asked, field, {.value = &item, .rest = std::nullopt});
    });
  }
  if (asked.depth == field.path.size()) return !place.rest && !place.value->is_object();
  Places below;
  Step(asked, place, field.path[asked.depth], below);
  Asked next = asked;
  ++next.depth;
  return std::ranges::any_of(below,
                             [&](const Place& each) { return IsPresent(next, field, each); });
}

bool PatternSearch::MayStep(const Asked& asked, size_t steps) {
  if (!asked.is_shared) return true;
  left_ -= static_cast<int64_t>(steps);
  return left_ >= 0;
}

void PatternSearch::Step(const Asked& asked, const Place& from, std::string_view name, Places& to) {
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
    if (!key.starts_with(name) || !MayStep(asked, 1)) break;
    if (key.size() > name.size() && static_cast<unsigned char>(key[name.size()]) > '.') break;
    take(key, it->second);
  }
}

}  // namespace hearth::expressions
