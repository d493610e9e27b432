// EventRouter: what an event that is put on a bus causes: deliveries to targets, entries of
// archives. Pure, but for what it asks of the table.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "invoker/delivery_queue.h"
#include "store/group_commit.h"
#include "triggers/events/bus_table.h"
#include "triggers/events/event.h"

namespace hearth::events {

struct ArchivedEvent {
  int64_t archive = 0;
  int64_t time_ms = 0;  // The event's.
  std::string text;
};

// Ours: of what one transaction puts, and one rule's more. An event of 1 MiB may meet 10,000 rules.
inline constexpr size_t kMaxRoutedBytes = 64u << 20;

struct Routed {
  std::vector<invoker::TargetDelivery> deliveries;
  std::vector<ArchivedEvent> archived;
  size_t bytes = 0;

  // Then it is written before there is more.
  bool is_full() const { return bytes >= kMaxRoutedBytes; }
};

class EventRouter {
 public:
  explicit EventRouter(const BusTable& table) : table_(table) {}

  // Of the rules that match; of `only` these, where it is not empty (by ARN). Stops where `routed`
  // is full: then the rule's id behind which it goes on; 0: it is through.
  int64_t Route(const Event& event, int64_t now_ms, Routed& routed, int64_t behind = 0,
                const std::set<std::string>& only = {}) const;
  // To the rule's targets, whatever its pattern. `accepted_ms`: from which its age counts.
  void Deliver(const Rule& rule, const Event& event, int64_t accepted_ms, Routed& routed) const;

 private:
  const BusTable& table_;
};

}  // namespace hearth::events
