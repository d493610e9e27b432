#include "expressions/schedule_expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/result.h"

namespace hearth::expressions {
namespace {

using std::unexpected;
using std::chrono::seconds;

constexpr size_t kLongest = 256;     // AWS: ScheduleExpression, 1..256.
constexpr size_t kLongestValue = 9;  // Digits of a rate's value: it fits in an int.
constexpr base::WallTime kEnd{std::chrono::sys_days{std::chrono::year(kLastYear + 1) / 1 / 1}};

struct Unit {
  std::string_view one;
  std::string_view many;
  seconds length;
};
constexpr std::array<Unit, 3> kUnits = {{{"minute", "minutes", std::chrono::minutes(1)},
                                         {"hour", "hours", std::chrono::hours(1)},
                                         {"day", "days", std::chrono::hours(24)}}};

// Digits and nothing else.
std::optional<int> ReadDigits(std::string_view text, size_t longest) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || text.size() > longest || text.front() == '-' || error != std::errc() ||
      end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

std::expected<seconds, std::string> ReadRate(std::string_view text,
                                             ScheduleExpression::Dialect dialect) {
  const size_t space = text.find_first_of(" \t");
  const std::optional<int> value = ReadDigits(text.substr(0, space), kLongestValue);
  if (!value || *value < 1) {
    return unexpected(
        fmt::format("rate: '{}' is not a whole number of 1 to 999999999", text.substr(0, space)));
  }
  const size_t begin = text.find_first_not_of(" \t", std::min(space, text.size()));
  const std::string_view name =
      begin == std::string_view::npos ? std::string_view() : text.substr(begin);
  for (const Unit& unit : kUnits) {
    if (name != unit.one && name != unit.many) {
      continue;
    }
    if (dialect == ScheduleExpression::Dialect::kRule && (name == unit.one) != (*value == 1)) {
      return unexpected(fmt::format("rate: {} is followed by {}, not by {}", *value,
                                    *value == 1 ? unit.one : unit.many, name));
    }
    return unit.length * *value;
  }
  return unexpected(
      fmt::format("rate: '{}' is not one of minute, minutes, hour, hours, day, days", name));
}

// yyyy-mm-ddThh:mm:ss
std::expected<CivilTime, std::string> ReadAt(std::string_view text) {
  constexpr std::string_view kShape = "0000-00-00T00:00:00";
  bool shaped = text.size() == kShape.size();
  for (size_t i = 0; shaped && i < kShape.size(); ++i) {
    shaped = kShape[i] == '0' ? text[i] >= '0' && text[i] <= '9' : text[i] == kShape[i];
  }
  if (!shaped) {
    return unexpected(fmt::format("at: '{}' is not yyyy-mm-ddThh:mm:ss", text));
  }
  const auto number = [text](size_t begin, size_t size) {
    return ReadDigits(text.substr(begin, size), size).value_or(0);
  };
  const int year = number(0, 4);
  const int month = number(5, 2);
  const int day = number(8, 2);
  const int hour = number(11, 2);
  const int minute = number(14, 2);
  const int second = number(17, 2);
  if (year < kFirstYear || year > kLastYear) {
    return unexpected(
        fmt::format("at: year {} is not between {} and {}", year, kFirstYear, kLastYear));
  }
  if (month < 1 || month > 12 || day < 1 || day > static_cast<int>(DaysOfMonth(year, month))) {
    return unexpected(fmt::format("at: there is no day {}", text.substr(0, 10)));
  }
  if (hour > 23 || minute > 59 || second > 59) {
    return unexpected(fmt::format("at: there is no time {}", text.substr(11)));
  }
  return CivilTime{.year = year,
                   .month = static_cast<uint8_t>(month),
                   .day = static_cast<uint8_t>(day),
                   .hour = static_cast<uint8_t>(hour),
                   .minute = static_cast<uint8_t>(minute),
                   .second = static_cast<uint8_t>(second)};
}

// What stands in `name(...)`; nullopt: it is something else.
std::optional<std::string_view> Inside(std::string_view text, std::string_view name) {
  if (!text.starts_with(name) || !text.substr(name.size()).starts_with('(') ||
      !text.ends_with(')')) {
    return std::nullopt;
  }
  return text.substr(name.size() + 1, text.size() - name.size() - 2);
}

std::optional<base::WallTime> NextOfRate(base::WallTime after, base::WallTime anchor,
                                         seconds period) {
  anchor = std::max(anchor, base::WallTime());
  if (after >= kEnd || anchor >= kEnd) {
    return std::nullopt;
  }
  if (after < anchor) {
    return anchor;
  }
  // What has passed is counted in seconds, as is what comes: nanoseconds of a long period overflow.
  const auto passed = std::chrono::floor<seconds>(after - anchor);
  const seconds next = (passed / period + 1) * period;
  if (next > std::chrono::floor<seconds>(kEnd - anchor)) {
    return std::nullopt;
  }
  return anchor + next;
}

std::optional<base::WallTime> NextOfCron(const CronExpression& cron, base::WallTime after,
                                         const TimeZone& zone) {
  // A later local time is a later moment, of those that are not skipped; what a zone has shown
  // already, or does not show, is a day or so at most.
  for (std::optional<CivilTime> local = cron.NextAfter(zone.ToCivil(after)); local;
       local = cron.NextAfter(*local)) {
    const TimeZone::Moment moment = zone.FromCivil(*local);
    if (moment.kind != TimeZone::Moment::Kind::kSkipped && moment.at > after) {
      return moment.at;
    }
  }
  return std::nullopt;
}

std::optional<base::WallTime> NextOfTime(const CivilTime& time, base::WallTime after,
                                         const TimeZone& zone) {
  const TimeZone::Moment moment = zone.FromCivil(time);
  if (moment.kind == TimeZone::Moment::Kind::kSkipped || moment.at <= after) {
    return std::nullopt;
  }
  return moment.at;
}

}  // namespace

std::expected<ScheduleExpression, std::string> ScheduleExpression::Parse(std::string_view text,
                                                                         Dialect dialect) {
  if (text.size() > kLongest) {
    return unexpected(fmt::format("longer than {} characters", kLongest));
  }
  const bool knows_at = dialect == Dialect::kScheduler;
  if (const auto rate = Inside(text, "rate")) {
    return ScheduleExpression(std::string(text), TRY(ReadRate(*rate, dialect)));
  }
  if (const auto cron = Inside(text, "cron")) {
    return ScheduleExpression(std::string(text), TRY(CronExpression::Parse(*cron)));
  }
  if (const auto at = Inside(text, "at"); at && knows_at) {
    return ScheduleExpression(std::string(text), TRY(ReadAt(*at)));
  }
  return unexpected(knows_at ? "neither rate(...), cron(...) nor at(...)"
                             : "neither rate(...) nor cron(...)");
}

std::optional<base::WallTime> ScheduleExpression::Next(base::WallTime after, base::WallTime anchor,
                                                       const TimeZone& zone) const {
  if (const auto* period = std::get_if<seconds>(&when_)) {
    return NextOfRate(after, anchor, *period);
  }
  if (const auto* cron = std::get_if<CronExpression>(&when_)) {
    return NextOfCron(*cron, after, zone);
  }
  return NextOfTime(std::get<CivilTime>(when_), after, zone);
}

}  // namespace hearth::expressions
