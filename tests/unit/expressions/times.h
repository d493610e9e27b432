// Times as tests write them: "2026-03-29 02:30" in a zone.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string>

#include "base/check.h"
#include "expressions/time_zone.h"

namespace hearth::expressions {

inline CivilTime Civil(const std::string& text) {
  unsigned year, month, day, hour = 0, minute = 0, second = 0;
  CHECK(std::sscanf(text.c_str(), "%u-%u-%u %u:%u:%u", &year, &month, &day, &hour, &minute,
                    &second) >= 3);
  return {.year = static_cast<int>(year),
          .month = static_cast<uint8_t>(month),
          .day = static_cast<uint8_t>(day),
          .hour = static_cast<uint8_t>(hour),
          .minute = static_cast<uint8_t>(minute),
          .second = static_cast<uint8_t>(second)};
}

inline std::string Text(const CivilTime& time) {
  return fmt::format("{}-{:02}-{:02} {:02}:{:02}:{:02}", time.year, unsigned{time.month},
                     unsigned{time.day}, unsigned{time.hour}, unsigned{time.minute},
                     unsigned{time.second});
}

// Of UTC.
inline base::WallTime At(const std::string& text) {
  return TimeZone::Utc().FromCivil(Civil(text)).at;
}
inline std::string Text(base::WallTime moment) { return Text(TimeZone::Utc().ToCivil(moment)); }

}  // namespace hearth::expressions
