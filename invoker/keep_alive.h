// UseHistory: what is known of how one function is called, and how long it is worth keeping warm.
//
// A hybrid histogram of idle times ("Serverless in the Wild", USENIX ATC'20, section 4): where the
// times between a call's end and the next call say something, an instance is kept for as long as
// 99 % of them lasted; where they do not, for a fixed time. What is measured is the idle time of
// an instance that would never end, most recently used first: the n-th call at once waits for the
// n-th instance, so one that only bursts need has its own, longer times.
//
// A value of 200 bytes: no loop, no clock, no allocation. Owner: the invoker, one for each
// function that has been called; the simulator in bench/ runs the same code.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace hearth::invoker {

enum class KeepAlivePolicy {
  kFixed,
  kLearned,  // And the fixed time where nothing can be learned.
};

struct KeepAliveOptions {
  KeepAlivePolicy policy = KeepAlivePolicy::kLearned;
  base::Duration fixed{};
  base::Duration longest{};  // What is learned stays below it; gaps above it are out of bounds.
};

// From the moment at which an instance became idle.
struct KeepAliveWindows {
  base::Duration prewarm{};  // No call comes before it: the instance could end, and be back then.
  base::Duration keep_alive{};  // From the end of `prewarm` on: by then the next call has come.
};

class UseHistory {
 public:
  // A call arrives. To be told before the instance that serves it is chosen.
  void Arrived(base::MonoTime now);
  // A call has ended and its instance is idle.
  void Ended(base::MonoTime now);
  // An instance has become ready; from the order to launch it.
  void Started(base::Duration took);

  // How long an instance lives, from the moment at which it became idle.
  base::Duration KeepAlive(const KeepAliveOptions& options) const;
  // Nothing where the histogram is not representative: too few times, too many of them above
  // `longest`, or so widely spread that they say nothing.
  std::optional<KeepAliveWindows> Learned(base::Duration longest) const;
  // Of late; zero: none has started yet.
  base::Duration start_cost() const { return start_cost_; }

 private:
  // A bin is a minute, or a tenth of its own time where that is more: the margin is a tenth, so
  // finer ones would say no more. 4 hours in all.
  static constexpr size_t kBins = 70;
  static constexpr size_t kDepth = 8;

  void Count(uint32_t gap_s, uint32_t now_s);

  base::Duration start_cost_{};
  // When the instances that are idle became so, the longest ago first, in seconds of the clock; of
  // more than kDepth the ones that have been idle longest are forgotten.
  std::array<uint32_t, kDepth> idle_since_s_{};
  std::array<uint16_t, kBins> counts_{};
  uint16_t out_of_bounds_ = 0;
  uint16_t total_ = 0;  // All of the above.
  uint32_t last_short_s_ = 0;
  uint8_t idle_ = 0;
};

// 10,000 functions cost 2 MB.
static_assert(sizeof(UseHistory) <= 200);

}  // namespace hearth::invoker
