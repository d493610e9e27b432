// Timetable: the occurrences of a schedule, and the moment of each in its flexible window.
//
// A value. An occurrence is when the expression says; it is due then, or, with a window, at a
// moment in it that is always the same for the same schedule and occurrence. Milliseconds since
// 1970, UTC. Source: EventBridge Scheduler User Guide, "Schedule types", "Flexible time windows".
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>

#include "expressions/schedule_expression.h"
#include "triggers/schedule/schedule_record.h"

namespace hearth::schedule {

class Timetable {
 public:
  // `anchor_ms`: where a rate without a StartDate begins. `id`: of the schedule, no other's.
  // An error: the record was not read by ReadSchedule, or its zone is no longer on this machine.
  static std::expected<Timetable, std::string> Of(const ScheduleRecord& record, int64_t anchor_ms,
                                                  int64_t id);

  bool is_one_time() const { return expression_.is_one_time(); }
  // The first at `from_ms` or later, within the schedule's dates; a one-time schedule has none.
  std::optional<int64_t> FirstFrom(int64_t from_ms) const;
  // The first of a schedule whose `when` is said at `now_ms`: a one-time schedule's may have passed
  // a moment ago, and is due at once.
  std::optional<int64_t> FirstOfNew(int64_t now_ms) const;
  std::optional<int64_t> NextAfter(int64_t occurrence_ms) const;
  int64_t DueOf(int64_t occurrence_ms) const;
  int64_t window_ms() const { return window_ms_; }

 private:
  Timetable(expressions::ScheduleExpression expression, expressions::TimeZone zone)
      : expression_(std::move(expression)), zone_(std::move(zone)) {}

  expressions::ScheduleExpression expression_;
  expressions::TimeZone zone_;
  int64_t id_ = 0;
  int64_t anchor_ms_ = 0;
  int64_t start_ms_ = 0;
  std::optional<int64_t> end_ms_;
  int64_t window_ms_ = 0;
};

// Ours: clients say at() in whole seconds, of a clock of their own; AWS fires within a minute.
inline constexpr int64_t kMostLateMs = 60'000;

}  // namespace hearth::schedule
