// PathTree: the paths that some pattern asks for, each with a number, and an event's values of
// them.
//
// Owner: PatternIndex.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/json.h"
#include "triggers/events/pattern_keys.h"

namespace hearth::events {

class PathTree {
 public:
  using Path = std::vector<std::string>;
  // The values of one path.
  struct Found {
    uint32_t path;
    std::span<const EventValue> values;
  };
  struct Values {
    std::vector<EventValue> all;
    std::vector<Found> found;  // By the paths' numbers.
  };

  // The path's number; known until it is let go as often as it was taken.
  uint32_t Take(const Path& path);
  uint32_t NumberOf(const Path& path) const;  // Of one that is known.
  void LetGo(const Path& path);

  // An event is walked once, and only along known paths.
  Values Find(const base::Json& event) const;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  struct Branch {
    std::unordered_map<std::string, std::unique_ptr<Branch>, Hash, std::equal_to<>> below;
    uint32_t number = 0;
    uint32_t takers = 0;
  };
  using Walked = std::vector<std::pair<uint32_t, const base::Json*>>;

  static void Walk(const Branch& at, const base::Json& value, Walked& to);
  static bool LetGo(Branch& at, const Path& path, size_t depth, std::vector<uint32_t>& free);

  Branch root_;
  uint32_t next_ = 0;
  std::vector<uint32_t> free_;
};

}  // namespace hearth::events
