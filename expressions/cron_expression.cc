#include "expressions/cron_expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <span>
#include <vector>

#include "base/result.h"

namespace hearth::expressions {
namespace {

using namespace std::string_view_literals;
using std::unexpected;

constexpr std::array kMonthNames = {"JAN"sv, "FEB"sv, "MAR"sv, "APR"sv, "MAY"sv, "JUN"sv,
                                    "JUL"sv, "AUG"sv, "SEP"sv, "OCT"sv, "NOV"sv, "DEC"sv};
constexpr std::array kDayNames = {"SUN"sv, "MON"sv, "TUE"sv, "WED"sv, "THU"sv, "FRI"sv, "SAT"sv};

struct Field {
  std::string_view name;
  int first;
  int last;
  std::span<const std::string_view> names;
};
constexpr std::array<Field, 6> kFields = {{{"minutes", 0, 59, {}},
                                           {"hours", 0, 23, {}},
                                           {"day-of-month", 1, 31, {}},
                                           {"month", 1, 12, kMonthNames},
                                           {"day-of-week", 1, 7, kDayNames},
                                           {"year", kFirstYear, kLastYear, {}}}};
constexpr const Field& kMinutes = kFields[0];
constexpr const Field& kHours = kFields[1];
constexpr const Field& kMonthDays = kFields[2];
constexpr const Field& kMonths = kFields[3];
constexpr const Field& kWeekDays = kFields[4];
constexpr const Field& kYears = kFields[5];
constexpr size_t kLongest = 512;  // AWS: a whole ScheduleExpression has 256.

constexpr uint32_t Bit(unsigned n) { return uint32_t{1} << n; }

// The first set bit of `bits` at or above `from`; -1: none.
int NextBit(uint64_t bits, unsigned from) {
  if (from >= 64 || (bits >> from) == 0) {
    return -1;
  }
  return static_cast<int>(from) + std::countr_zero(bits >> from);
}

// 0 is Sunday.
unsigned WeekdayOf(int year, unsigned month, unsigned day) {
  return std::chrono::weekday(std::chrono::year(year) / std::chrono::month(month) /
                              std::chrono::day(day))
      .c_encoding();
}

// The weekday nearest to `day`, without leaving a month of `days`; `weekday`: of that day.
unsigned NearestWeekday(unsigned day, unsigned weekday, unsigned days) {
  if (weekday == 6) {
    return day == 1 ? 3 : day - 1;
  }
  if (weekday == 0) {
    return day == days ? day - 2 : day + 1;
  }
  return day;
}

std::vector<std::string_view> Split(std::string_view text, std::string_view at) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0;;) {
    const size_t end = text.find_first_of(at, begin);
    parts.push_back(text.substr(begin, end - begin));
    if (end == std::string_view::npos) {
      return parts;
    }
    begin = end + 1;
  }
}

}  // namespace

// Reads one expression, field by field.
class CronReader {
 public:
  std::expected<CronExpression, std::string> Read(std::string_view text) {
    std::vector<std::string_view> fields = Split(text, " \t");
    std::erase_if(fields, [](std::string_view field) { return field.empty(); });
    if (fields.size() != kFields.size()) {
      return unexpected(fmt::format(
          "cron has six fields (minutes hours day-of-month month day-of-week year), not {}",
          fields.size()));
    }
    if ((fields[2] == "?") == (fields[4] == "?")) {
      return unexpected("one of day-of-month and day-of-week must be ?, and only one");
    }
    TRY(ReadItems(kMinutes, fields[0], [this](int n) { cron_.minutes_ |= uint64_t{1} << n; }));
    TRY(ReadItems(kHours, fields[1], [this](int n) { cron_.hours_ |= Bit(n); }));
    TRY(ReadItems(kMonths, fields[3], [this](int n) { cron_.months_ |= Bit(n); }));
    TRY(ReadItems(kYears, fields[5], [this](int n) { cron_.years_.set(n - kFirstYear); }));
    if (fields[2] != "?") {
      TRY(ReadItems(kMonthDays, fields[2], [this](int n) { cron_.month_days_ |= Bit(n); }));
    } else {
      TRY(ReadItems(kWeekDays, fields[4], [this](int n) { cron_.week_days_ |= Bit(n); }));
      if (fields[4].contains('#') && fields[4].contains(',')) {
        return Wrong(kWeekDays, fmt::format("{} has a #, which stands alone", fields[4]));
      }
    }
    return cron_;
  }

 private:
  using Status = std::expected<void, std::string>;

  static unexpected<std::string> Wrong(const Field& field, std::string_view what) {
    return unexpected(fmt::format("field '{}': {}", field.name, what));
  }

  // 7, or a name; with `first..last` other than the field's where a number means something else.
  static std::expected<int, std::string> Number(const Field& field, std::string_view text,
                                                int first, int last) {
    for (size_t i = 0; i < field.names.size(); ++i) {
      if (text == field.names[i]) {
        return static_cast<int>(i) + 1;
      }
    }
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || text.front() == '-' || end != text.data() + text.size() ||
        (error != std::errc() && error != std::errc::result_out_of_range)) {
      return Wrong(field, fmt::format("'{}' is not a value", text));
    }
    if (error != std::errc() || value < first || value > last) {
      return Wrong(field, fmt::format("{} is not between {} and {}", text, first, last));
    }
    return value;
  }
  static std::expected<int, std::string> Number(const Field& field, std::string_view text) {
    return Number(field, text, field.first, field.last);
  }

  template <typename Add>
  Status ReadItems(const Field& field, std::string_view text, const Add& add) {
    for (const std::string_view item : Split(text, ",")) {
      if (item.empty()) {
        return Wrong(field, "a value is missing");
      }
      const bool special = TRY(ReadSpecial(field, item));
      if (!special) {
        TRY(ReadRange(field, item, add));
      }
    }
    return {};
  }

  // *, 5, 5-10, each with /2.
  template <typename Add>
  Status ReadRange(const Field& field, std::string_view item, const Add& add) {
    const size_t slash = item.find('/');
    const std::string_view range = item.substr(0, slash);
    int step = 1;
    if (slash != std::string_view::npos) {
      step = TRY(Number(field, item.substr(slash + 1), 1, field.last));
    }
    int first = field.first;
    int last = field.last;
    if (range != "*") {
      const size_t dash = range.find('-');
      first = TRY(Number(field, range.substr(0, dash)));
      if (dash != std::string_view::npos) {
        last = TRY(Number(field, range.substr(dash + 1)));
      } else if (slash == std::string_view::npos) {
        last = first;
      }
    }
    const int count = field.last - field.first + 1;
    if (last < first) {
      if (&field == &kYears) {
        return Wrong(field, fmt::format("{} begins after its end", range));
      }
      last += count;
    }
    for (int n = first; n <= last; n += step) {
      add(n > field.last ? n - count : n);
    }
    return {};
  }

  // What only a day field knows; false: it is none of that.
  std::expected<bool, std::string> ReadSpecial(const Field& field, std::string_view item) {
    if (&field == &kMonthDays) {
      return ReadMonthDay(item);
    }
    if (&field == &kWeekDays) {
      return ReadWeekDay(item);
    }
    return false;
  }

  std::expected<bool, std::string> ReadMonthDay(std::string_view item) {
    if (item == "LW" || item == "WL") {
      cron_.last_weekday_ = true;
      return true;
    }
    if (item.starts_with('L')) {
      unsigned before = 0;
      if (item.size() > 1) {
        if (item[1] != '-') {
          return Wrong(kMonthDays, fmt::format("'{}' is not a value", item));
        }
        before = TRY(Number(kMonthDays, item.substr(2), 0, 30));
      }
      cron_.before_last_ |= Bit(before);
      return true;
    }
    if (item.ends_with('W')) {
      cron_.nearest_weekday_ |= Bit(TRY(Number(kMonthDays, item.substr(0, item.size() - 1))));
      return true;
    }
    return false;
  }

  std::expected<bool, std::string> ReadWeekDay(std::string_view item) {
    if (item == "L") {
      cron_.week_days_ |= Bit(7);
      return true;
    }
    if (item.ends_with('L')) {
      cron_.last_week_days_ |= Bit(TRY(Number(kWeekDays, item.substr(0, item.size() - 1))));
      return true;
    }
    if (const size_t hash = item.find('#'); hash != std::string_view::npos) {
      const int day = TRY(Number(kWeekDays, item.substr(0, hash)));
      const std::string_view which = item.substr(hash + 1);
      if (which.size() != 1 || which[0] < '1' || which[0] > '5') {
        return Wrong(kWeekDays, fmt::format("{} is not between 1 and 5", which));
      }
      cron_.nth_week_days_[which[0] - '1'] |= Bit(day);
      return true;
    }
    return false;
  }

  CronExpression cron_;
};

std::expected<CronExpression, std::string> CronExpression::Parse(std::string_view fields) {
  if (fields.size() > kLongest) {
    return unexpected(fmt::format("cron is longer than {} characters", kLongest));
  }
  std::string upper(fields);
  for (char& c : upper) {
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return CronReader().Read(upper);
}

std::optional<CivilTime> CronExpression::NextAfter(const CivilTime& local) const {
  for (int year = std::max(local.year, kFirstYear); year <= kLastYear; ++year) {
    if (!years_[year - kFirstYear]) {
      continue;
    }
    const bool this_year = year == local.year;
    for (int month = NextBit(months_, this_year ? local.month : 1); month > 0;
         month = NextBit(months_, month + 1)) {
      const bool this_month = this_year && month == local.month;
      const uint32_t days = DaysOf(year, month);
      for (int day = NextBit(days, this_month ? local.day : 1); day > 0;
           day = NextBit(days, day + 1)) {
        const bool today = this_month && day == local.day;
        for (int hour = NextBit(hours_, today ? local.hour : 0); hour >= 0;
             hour = NextBit(hours_, hour + 1)) {
          const bool this_hour = today && hour == local.hour;
          const int minute = NextBit(minutes_, this_hour ? local.minute + 1 : 0);
          if (minute >= 0) {
            return CivilTime{.year = year,
                             .month = static_cast<uint8_t>(month),
                             .day = static_cast<uint8_t>(day),
                             .hour = static_cast<uint8_t>(hour),
                             .minute = static_cast<uint8_t>(minute)};
          }
        }
      }
    }
  }
  return std::nullopt;
}

uint32_t CronExpression::DaysOf(int year, unsigned month) const {
  const unsigned count = DaysOfMonth(year, month);
  const unsigned first = WeekdayOf(year, month, 1);
  const auto weekday = [first](unsigned day) { return (first + day - 1) % 7; };
  uint32_t days = month_days_;
  for (unsigned day = 1; day <= count; ++day) {
    const unsigned which = Bit(weekday(day) + 1);
    const bool named = (week_days_ & which) != 0 || (nth_week_days_[(day - 1) / 7] & which) != 0 ||
                       (day + 7 > count && (last_week_days_ & which) != 0) ||
                       (before_last_ & Bit(count - day)) != 0;
    days |= named ? Bit(day) : 0;
    if ((nearest_weekday_ & Bit(day)) != 0 || (last_weekday_ && day == count)) {
      days |= Bit(NearestWeekday(day, weekday(day), count));
    }
  }
  return days & (Bit(count) | (Bit(count) - 1));
}

}  // namespace hearth::expressions
