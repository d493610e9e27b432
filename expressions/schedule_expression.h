// ScheduleExpression: when something is due: rate(5 minutes), cron(0 12 ? * MON-FRI *),
// at(2026-11-28T12:00:00).
//
// A value. Moments are whole seconds; a cron's and an at's are local times of a zone: a local time
// that the zone skips is skipped, one that it repeats is the first of the two. Source: EventBridge
// Scheduler User Guide, "Schedule types"; EventBridge User Guide, "Schedule expressions".
#pragma once

#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "expressions/cron_expression.h"
#include "expressions/time_zone.h"

namespace hearth::expressions {

class ScheduleExpression {
 public:
  // A rule knows rate and cron; the scheduler at() too.
  enum class Dialect { kRule, kScheduler };
  // What was wrong with it, for people: AWS's own refusals say less.
  static std::expected<ScheduleExpression, std::string> Parse(std::string_view text,
                                                              Dialect dialect);

  // The first moment after `after` at which it is due, nullopt: none is left. `anchor`: where a
  // rate begins, which is due there for the first time, and then each period later: it does not
  // drift. A rate's days have 24 hours.
  std::optional<base::WallTime> Next(base::WallTime after, base::WallTime anchor,
                                     const TimeZone& zone) const;

  bool is_one_time() const { return std::holds_alternative<CivilTime>(when_); }
  bool is_rate() const { return std::holds_alternative<std::chrono::seconds>(when_); }
  const std::string& text() const { return text_; }

 private:
  using When = std::variant<std::chrono::seconds, CronExpression, CivilTime>;
  ScheduleExpression(std::string text, When when)
      : text_(std::move(text)), when_(std::move(when)) {}

  std::string text_;
  When when_;
};

}  // namespace hearth::expressions
