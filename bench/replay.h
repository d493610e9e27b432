// Replay: a workload against one policy, with the invoker's own UseHistory and EvictionOrder. Knows
// no machine and no real time; bench/simulate prints what it finds.
//
// What is modelled is what invoker/ does with idle instances: the most recently used one serves
// first, its keep-alive starts where its call ends, and where memory is short idle ones are evicted
// until a new one fits, or the call is refused. An instance holds the same memory all its life.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/trace.h"
#include "invoker/keep_alive.h"

namespace hearth::bench {

enum class Eviction { kLeastRecentlyUsed, kGreedyDual };

struct ReplayPolicy {
  invoker::KeepAliveOptions keep_alive;
  // Where a learned window says that no call comes before it, the instance ends at once, and one is
  // started when the window begins, if there is room for it.
  bool prewarm = false;
  Eviction eviction = Eviction::kGreedyDual;
  base::Bytes budget;  // Zero: without bound.
};

struct ReplayResult {
  uint64_t calls = 0;
  uint64_t cold = 0;
  uint64_t refused = 0;  // Not even an eviction could make room.
  uint64_t evicted = 0;
  uint64_t prewarmed = 0;          // Starts that no call waited for.
  base::Duration cold_time{};      // That calls waited for starts.
  double idle_gib_hours = 0;       // Memory of idle instances, over time.
  base::Bytes peak;                // Of all instances together.
  double cold_percent_median = 0;  // Of functions: each one's share of cold calls.
  double cold_percent_upper = 0;   // The same; a quarter of the functions is above it.
};

ReplayResult Replay(const Workload& workload, const std::vector<Arrival>& arrivals,
                    const ReplayPolicy& policy);

}  // namespace hearth::bench
