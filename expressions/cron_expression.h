// CronExpression: the six fields of cron(): minutes hours day-of-month month day-of-week year.
//
// A value of bit sets: the next time is computed, not searched for minute by minute, and one that
// never comes (the 30th of February) costs a look at each month up to 2199. Knows no zone.
//
// Every field: * , - / and, of months and days of the week, names (JAN-DEC, SUN-SAT, any case; 1 is
// Sunday). A range may go over the end (22-2, FRI-MON), except of years. Day of the month: L (the
// last), L-3 (three days before), 15W (the weekday nearest to the 15th, in the same month; none in
// a month without a 15th), LW. Day of the week: L (Saturday), 6L (the last Friday), 6#3 (the third
// Friday; no other value stands beside it). One of the two day fields is ?, the other is not.
// Source: EventBridge Scheduler User Guide, "Cron-based schedules"; where it is silent, Quartz's.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "expressions/time_zone.h"

namespace hearth::expressions {

class CronExpression {
 public:
  // `fields`: what stands between the parentheses. The error says which field is wrong, and how.
  static std::expected<CronExpression, std::string> Parse(std::string_view fields);

  // The first minute after the minute of `local` that it names; none left: nullopt.
  std::optional<CivilTime> NextAfter(const CivilTime& local) const;

 private:
  friend class CronReader;
  CronExpression() = default;
  // Bit n: the n-th day of that month.
  uint32_t DaysOf(int year, unsigned month) const;

  uint64_t minutes_ = 0;
  uint32_t hours_ = 0;
  uint16_t months_ = 0;  // Bit 1: January.
  std::bitset<kLastYear - kFirstYear + 1> years_;
  uint32_t month_days_ = 0;                 // Bit 1: the first.
  uint32_t before_last_ = 0;                // Bit n: n days before the month's last.
  uint32_t nearest_weekday_ = 0;            // Bit n: the weekday nearest to the n-th.
  bool last_weekday_ = false;               // LW
  uint8_t week_days_ = 0;                   // Bit 1: Sunday.
  uint8_t last_week_days_ = 0;              // Bit 6: the last Friday.
  std::array<uint8_t, 5> nth_week_days_{};  // [2], bit 6: the third Friday.
};

}  // namespace hearth::expressions
