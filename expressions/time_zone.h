// TimeZone: a place's clock: which moment a local time is, and which local time a moment is.
//
// A value, cheap to copy; what it was read from (/usr/share/zoneinfo) is kept per process, once a
// zone. A zone's name is foreign: only a plain name of an existing zone is looked up. Moments
// outside 1970..2261 are none: nanoseconds since 1970 end in 2262.
// Source: IANA time zone database; cctz, whose only door this is.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace cctz {
class time_zone;
}

namespace hearth::expressions {

// What a clock on a wall shows. Compared as it is read; that it exists is its maker's word.
struct CivilTime {
  int year = 1970;
  uint8_t month = 1;
  uint8_t day = 1;
  uint8_t hour = 0;
  uint8_t minute = 0;
  uint8_t second = 0;

  auto operator<=>(const CivilTime&) const = default;
};

constexpr int kFirstYear = 1970;
constexpr int kLastYear = 2199;  // AWS's last year of a cron; before the year 2262, too.

// 31 is a day of January, 30 none of February.
constexpr unsigned DaysOfMonth(int year, unsigned month) {
  const std::chrono::year_month_day_last last{std::chrono::year(year) / std::chrono::month(month) /
                                              std::chrono::last};
  return static_cast<unsigned>(last.day());
}

class TimeZone {
 public:
  // kInvalid: there is no such zone. Reads a small file the first time that a zone is asked for.
  static base::Result<TimeZone> Load(std::string_view name);
  static TimeZone Utc();

  // Whole seconds; what is left of one is dropped (towards the past).
  CivilTime ToCivil(base::WallTime moment) const;

  struct Moment {
    enum class Kind {
      kUnique,
      kSkipped,   // The clock went past it: there is no such moment; `at` is when it did so.
      kRepeated,  // The clock showed it twice: `at` is the first of the two.
    };
    Kind kind = Kind::kUnique;
    base::WallTime at{};
  };
  // `local` is a date that exists, of kFirstYear..kLastYear.
  Moment FromCivil(const CivilTime& local) const;

  std::string name() const;

 private:
  explicit TimeZone(std::shared_ptr<const cctz::time_zone> zone) : zone_(std::move(zone)) {}
  std::shared_ptr<const cctz::time_zone> zone_;
};

}  // namespace hearth::expressions
