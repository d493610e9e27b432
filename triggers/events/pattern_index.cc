#include "triggers/events/pattern_index.h"

#include <algorithm>

namespace hearth::events {

PatternIndex::PatternIndex() = default;
PatternIndex::~PatternIndex() = default;

void PatternIndex::Add(Id id, std::shared_ptr<const expressions::EventPattern> pattern) {
  patterns_[id] = std::move(pattern);
}

void PatternIndex::Remove(Id id) { patterns_.erase(id); }

std::vector<PatternIndex::Id> PatternIndex::Match(const base::Json& event) const {
  std::vector<Id> ids;
  for (const auto& [id, pattern] : patterns_) {
    if (pattern->Matches(event)) ids.push_back(id);
  }
  std::ranges::sort(ids);
  return ids;
}

}  // namespace hearth::events
