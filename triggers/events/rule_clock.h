// RuleClock: which rules' schedules are due when. A rule that was told is the caller's until it is
// set again. Owner: DiskEventBuses. Loop's thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "io/loop.h"
#include "io/wall_timer.h"

namespace hearth::events {

class RuleClock {
 public:
  // `due` runs in a turn of the loop of its own, maybe of many rules in one.
  RuleClock(io::Loop& loop, std::function<void(int64_t rule)> due);

  // nullopt: it is not due (any more).
  void Set(int64_t rule, std::optional<int64_t> due_ms);

 private:
  void Wait();
  void Tell();

  io::Loop& loop_;
  const std::function<void(int64_t)> due_;
  std::set<std::pair<int64_t, int64_t>> order_;  // When, which.
  std::unordered_map<int64_t, int64_t> moments_;
  io::WallTimer timer_;
};

}  // namespace hearth::events
