// PatternIndex: which of many rules an event matches, without asking each of them.
//
// A tree of questions: what an alternative of a pattern asks of each path, one path after another,
// leads to the place where it stands; an event is led to the places of those that it may match.
// Conditions that tell little apart (anything-but, wildcards, long lists after others) are asked
// weakly or not at all: the index finds candidates, and EventPattern decides, so it changes no
// answer. Owner: a bus, on the loop. Add and Remove cost what their pattern's size is, however many
// others there are.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "expressions/event_pattern.h"
#include "triggers/events/path_tree.h"
#include "triggers/events/pattern_keys.h"

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
  size_t size() const { return held_.size(); }
  // What it costs: the places that questions lead to.
  size_t places() const { return places_; }
  // Nothing is left of what was removed.
  bool is_empty() const;

 private:
  struct Place;  // Where questions lead to, and what is asked next.
  struct Asked;  // Of one path.
  // An alternative of a rule.
  struct Entry {
    Id id;
    uint32_t alternative;
    const expressions::EventPattern* pattern;
    auto operator<=>(const Entry&) const = default;
  };
  struct Question {
    uint32_t path;
    const std::vector<PatternKey>* keys;  // One of them.
  };
  using Questions = std::span<const Question>;
  using Found = std::span<const PathTree::Found>;

  // How many rules have a value in a list: by it is known which of several lists tell the most.
  using Popularity = std::unordered_map<uint64_t, uint32_t>;
  // What is asked of each alternative.
  class Plan;

  void Insert(Place& place, Questions questions, const Entry& entry);
  void Erase(Place& place, Questions questions, const Entry& entry);
  static void Collect(const Place& place, Found found, std::vector<Entry>& to);
  static void CollectAsked(const Asked& asked, const PathTree::Found& values, Found rest,
                           std::vector<Entry>& to);

  struct Held {
    std::shared_ptr<const expressions::EventPattern> pattern;
    // Lists of an alternative that are asked weakly: more would be too many places.
    std::unordered_map<uint32_t, std::vector<uint32_t>> too_much;
  };
  std::unordered_map<Id, Held> held_;
  Popularity popularity_;
  PathTree paths_;
  std::unique_ptr<Place> root_;
  size_t places_ = 0;  // But the root.
};

}  // namespace hearth::events
