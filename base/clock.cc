#include "base/clock.h"

#include <ctime>

#include <fmt/format.h>

namespace hearth::base {
namespace {

struct BrokenDown {
  std::tm tm{};
  int millis = 0;
};

BrokenDown BreakDown(WallTime time) {
  const int64_t millis = EpochMillis(time);
  std::time_t seconds = static_cast<std::time_t>(millis / 1000);
  int rest = static_cast<int>(millis % 1000);
  if (rest < 0) {
    rest += 1000;
    --seconds;
  }
  BrokenDown out;
  ::gmtime_r(&seconds, &out.tm);
  out.millis = rest;
  return out;
}

std::string Format(WallTime time, const char* zone) {
  const BrokenDown t = BreakDown(time);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}{}", t.tm.tm_year + 1900,
                     t.tm.tm_mon + 1, t.tm.tm_mday, t.tm.tm_hour, t.tm.tm_min, t.tm.tm_sec,
                     t.millis, zone);
}

}  // namespace

MonoTime SystemClock::Now() const {
  return std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now());
}

WallTime SystemClock::WallNow() const {
  return std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
}

std::string FormatLambdaTime(WallTime time) { return Format(time, "+0000"); }
std::string FormatIso8601(WallTime time) { return Format(time, "Z"); }

int64_t EpochMillis(WallTime time) {
  return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}

}  // namespace hearth::base
