// EvictionOrder: which of those that are idle goes first where memory is short.
//
// Greedy-dual ("FaasCache", ASPLOS'21): priority = clock + uses x cost / size, the least goes
// first, and the clock then moves up to it, so that what is not used falls behind whatever its
// worth. Differs from the paper in two things. A use is one instance's own, not its function's:
// each instance of a function that has many saves only the starts of the calls that it serves. And
// no more than kMostUses count: else what was called a thousand times in one burst stays for hours
// (docs/decisions/0004-keep-alive.md has the figures).
// With a worth of zero it is the order of the least recently used.
//
// Ordered: no operation looks at more than a logarithm of all, so that thousands may be idle. A
// value, without a clock; T's owner is the caller. The simulator in bench/ runs the same code.
#pragma once

#include <algorithm>
#include <compare>
#include <functional>
#include <map>

#include "base/bytes.h"
#include "base/clock.h"

namespace hearth::invoker {

constexpr uint64_t kMostUses = 4;

struct EvictionWorth {
  uint64_t uses = 0;
  base::Duration start_cost{};  // What its next start would cost.
  base::Bytes size;             // What its end gives back.
};

struct EvictionKey {
  double priority = 0;
  base::MonoTime idle_since{};  // Of equals the one that has been idle longest goes first.
  uint64_t id = 0;              // Makes it unique.

  auto operator<=>(const EvictionKey&) const = default;
};

template <typename T, typename Less = std::less<EvictionKey>>
class EvictionOrder {
 public:
  explicit EvictionOrder(Less less = {}) : order_(less) {}

  // For the moment at which an item was last used.
  double clock() const { return clock_; }

  // `used_at` is the clock's value then.
  EvictionKey Add(T& item, double used_at, const EvictionWorth& worth, base::MonoTime idle_since,
                  uint64_t id) {
    const double cost_ms = std::chrono::duration<double, std::milli>(worth.start_cost).count();
    const double size_mib = static_cast<double>(worth.size.count()) / (1 << 20);
    const auto uses = static_cast<double>(std::min(worth.uses, kMostUses));
    const double gain = size_mib > 0 ? uses * cost_ms / size_mib : 0;
    const EvictionKey key{used_at + gain, idle_since, id};
    order_.emplace(key, &item);
    return key;
  }
  void Remove(const EvictionKey& key) { order_.erase(key); }

  // The one to go first, but never `keep`; null: there is none.
  T* First(const T* keep) const {
    for (const auto& [key, item] : order_) {
      if (item != keep) return item;
    }
    return nullptr;
  }
  // It goes for want of memory: what is used from now on is worth more than it was.
  void Evicted(const EvictionKey& key) { clock_ = std::max(clock_, key.priority); }

 private:
  std::map<EvictionKey, T*, Less> order_;
  double clock_ = 0;
};

}  // namespace hearth::invoker
