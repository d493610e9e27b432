// A schedule's Target on the wire: what is called, with what, and how often it is tried. Functions,
// queues and buses are known, and universal targets of these; what others need is refused by name.
// Source: EventBridge Scheduler API 2021-06-30, Target; User Guide, "Managing targets".
#pragma once

#include <expected>

#include "base/json.h"
#include "triggers/schedule/schedule_record.h"

namespace hearth::schedule {

// `is_stored`: its input, which may be large, was checked when it was made.
std::expected<ScheduleTarget, ApiError> ReadTarget(const base::Json& target, bool is_stored);
// Defaults of the retry policy included, as AWS tells them.
base::Json TargetToJson(const ScheduleTarget& target);

enum class TargetKind { kFunction, kQueue, kBus, kUniversal, kOther };
TargetKind KindOf(const ScheduleTarget& target);

// AWS: what a target is given has at most 256 KB.
inline constexpr size_t kMaxInput = 256 * 1024;

}  // namespace hearth::schedule
