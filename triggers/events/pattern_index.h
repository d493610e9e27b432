// PatternIndex: which of many rules an event matches, without asking each of them.
//
// It finds candidates by what is cheap to look up; EventPattern::Matches decides, so the index
// changes no answer. Owner: a bus, on the loop. Add and Remove cost what their pattern's size is,
// however many others there are.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "expressions/event_pattern.h"

namespace hearth::events {

class PatternIndex {
 public:
  using Id = uint64_t;

  PatternIndex();
  ~PatternIndex();
  PatternIndex(const PatternIndex&) = delete;
  PatternIndex& operator=(const PatternIndex&) = delete;

  // Replaces what was under this id.
  void Add(Id id, std::shared_ptr<const expressions::EventPattern> pattern);
  void Remove(Id id);
  // In ascending order.
  std::vector<Id> Match(const base::Json& event) const;
  size_t size() const { return patterns_.size(); }

 private:
  std::unordered_map<Id, std::shared_ptr<const expressions::EventPattern>> patterns_;
};

}  // namespace hearth::events
