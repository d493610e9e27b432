#include "triggers/schedule/firing_plan.h"

#include <algorithm>

namespace hearth::schedule {

FiringPlan PlanFiring(const ScheduleRecord& record, const Timetable& timetable,
                      const Occurrence& first, int64_t now_ms, const invoker::Account& account) {
  const int64_t oldest_ms = now_ms - record.target.max_age_s * 1000;
  FiringPlan plan;
  plan.next = {first.at_ms, first.due_ms};
  for (size_t seen = 0; plan.next && plan.next->second <= now_ms && seen < kMaxPlannedOccurrences &&
                        plan.bytes < kMaxPlannedBytes;
       ++seen) {
    const auto [at_ms, due_ms] = *plan.next;
    int64_t after_ms = at_ms;
    if (due_ms < oldest_ms && record.target.dead_letter_arn.empty()) {
      plan.is_any_expired = true;
      // Nothing before this moment can be young enough, wherever it is in its window.
      after_ms = std::max(at_ms, oldest_ms - timetable.window_ms() - 1);
    } else {
      for (auto& delivery : MakeDeliveries(
               record, {.schedule_id = first.schedule_id, .at_ms = at_ms, .due_ms = due_ms},
               account)) {
        plan.bytes += delivery.to.record.size() + delivery.dead_letter_body.size();
        plan.deliveries.push_back(std::move(delivery));
      }
    }
    const std::optional<int64_t> next = timetable.NextAfter(after_ms);
    plan.next = next ? std::optional(std::pair(*next, timetable.DueOf(*next))) : std::nullopt;
  }
  return plan;
}

}  // namespace hearth::schedule
