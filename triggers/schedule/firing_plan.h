// FiringPlan: what is done when a schedule is due: which occurrences become deliveries, and with
// which it goes on.
//
// A value, made from what is durable and the time: the same after a crash. More than one occurrence
// is due where some were missed. Those that are older than the policy's age go to the dead-letter
// queue (the delivery queue finds them too old) or, without one, are passed over at once, however
// many they are. A plan is bounded: the rest is the next plan's.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "triggers/schedule/firing.h"
#include "triggers/schedule/timetable.h"

namespace hearth::schedule {

struct FiringPlan {
  std::vector<invoker::TargetDelivery> deliveries{};
  // The next occurrence and when it is due, maybe already; nullopt: it has come to its end.
  std::optional<std::pair<int64_t, int64_t>> next{};
  bool is_any_expired = false;
  size_t bytes = 0;  // Of the deliveries.
};

FiringPlan PlanFiring(const ScheduleRecord& record, const Timetable& timetable,
                      const Occurrence& first, int64_t now_ms, const invoker::Account& account);

// Ours: of one plan, which is one transaction: occurrences looked at, whatever becomes of each.
inline constexpr size_t kMaxPlannedOccurrences = 64;
inline constexpr size_t kMaxPlannedBytes = 1 << 20;

}  // namespace hearth::schedule
