#include "triggers/events/rule_clock.h"

#include <vector>

namespace hearth::events {
namespace {

constexpr size_t kMostATurn = 256;  // Ours: so that a midnight of thousands holds nobody up.

}  // namespace

RuleClock::RuleClock(io::Loop& loop, std::function<void(int64_t)> due)
    : loop_(loop), due_(std::move(due)), timer_(loop) {}

void RuleClock::Set(int64_t rule, std::optional<int64_t> due_ms) {
  const auto held = moments_.find(rule);
  if (held != moments_.end()) {
    order_.erase({held->second, rule});
    moments_.erase(held);
  }
  if (due_ms) {
    order_.emplace(*due_ms, rule);
    moments_[rule] = *due_ms;
  }
  Wait();
}

void RuleClock::Wait() {
  if (order_.empty()) return timer_.Cancel();
  timer_.Start(base::WallTime(std::chrono::milliseconds(order_.begin()->first)),
               [this] { Tell(); });
}

void RuleClock::Tell() {
  const int64_t now_ms = base::EpochMillis(loop_.service_clock().WallNow());
  std::vector<int64_t> due;
  while (!order_.empty() && order_.begin()->first <= now_ms && due.size() < kMostATurn) {
    due.push_back(order_.begin()->second);
    moments_.erase(order_.begin()->second);
    order_.erase(order_.begin());
  }
  Wait();
  for (const int64_t rule : due) due_(rule);
}

}  // namespace hearth::events
