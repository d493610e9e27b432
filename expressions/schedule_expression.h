// ScheduleExpression: when something is due: rate(5 minutes), cron(0 12 ? * MON-FRI *),
// at(2026-11-28T12:00:00).
//
// A value. A cron's and an at's times are local times of a zone: one that the zone skips is
// skipped, one that it repeats is the first of the two. AWS says the same of every cron ("your
// schedule runs only once and does not repeat its invocation"), so one of every minute, too, is
// silent while the clock shows an hour for the second time. A rate counts real time. Nothing is due
// before 1970 or after 2199. Source: EventBridge Scheduler User Guide, "Schedule types";
// EventBridge User Guide, "Schedule expressions".
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
  // A rule knows rate and cron, and wants `1 minute`, `2 minutes`; the scheduler at() too, and
  // takes either.
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
