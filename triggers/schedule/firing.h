// What an occurrence of a schedule becomes: a delivery to its target (of events to a bus maybe
// several), with what the dead letter would say. The same occurrence is the same deliveries,
// execution id included, however often they are made. Source: EventBridge Scheduler User Guide,
// "Adding context attributes", "Configuring a schedule's dead-letter queue"; the default event: one
// that AWS sent (2024-06-13).
#pragma once

#include <cstdint>
#include <vector>

#include "invoker/delivery_queue.h"
#include "invoker/function.h"
#include "triggers/schedule/schedule_record.h"

namespace hearth::schedule {

struct Occurrence {
  int64_t schedule_id = 0;
  int64_t at_ms = 0;   // As the expression has it.
  int64_t due_ms = 0;  // In its window; from here its age counts.
};

// One at least. Where the input is no call of its universal target, with these context attributes,
// it is sent to that target's own ARN, which nobody serves: it is given up, and a dead letter.
std::vector<invoker::TargetDelivery> MakeDeliveries(const ScheduleRecord& record,
                                                    const Occurrence& occurrence,
                                                    const invoker::Account& account);

}  // namespace hearth::schedule
