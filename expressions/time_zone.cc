#include "expressions/time_zone.h"

#include <cctz/civil_time.h>
#include <cctz/time_zone.h>

#include <algorithm>

#include "base/check.h"
#include "base/file.h"

namespace hearth::expressions {
namespace {

using std::chrono::floor;
using std::chrono::seconds;

constexpr size_t kLongestName = 50;  // AWS: ScheduleExpressionTimezone, 1..50.
constexpr auto kLargestFile = base::Bytes::KiB(64);

// A name as the database has them: no path that leads elsewhere, none of its other forms (`right/`
// counts leap seconds, `posix/` says everything again).
bool IsPlainName(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
           c == '_' || c == '-' || c == '+';
  };
  return !name.empty() && name.size() <= kLongestName && name.front() != '/' &&
         name.back() != '/' && !name.contains("//") && std::ranges::all_of(name, plain) &&
         !name.starts_with("right/") && !name.starts_with("posix/") && name != "posixrules" &&
         name != "localtime";
}

// cctz remembers a name that it could not load, for good; it is only asked for what exists.
bool Exists(const std::string& name) {
  if (name == "UTC") {
    return true;
  }
  const auto file = base::ReadFile("/usr/share/zoneinfo/" + name, kLargestFile);
  return file && file->starts_with("TZif");
}

}  // namespace

base::Result<TimeZone> TimeZone::Load(std::string_view name) {
  std::string text(name);
  cctz::time_zone zone;
  if (!IsPlainName(name) || !Exists(text) || !cctz::load_time_zone(text, &zone)) {
    return base::Invalid("load time zone", "there is no time zone " + text);
  }
  return TimeZone(std::make_shared<const cctz::time_zone>(zone));
}

TimeZone TimeZone::Utc() {
  return TimeZone(std::make_shared<const cctz::time_zone>(cctz::utc_time_zone()));
}

std::string TimeZone::name() const { return zone_->name(); }

CivilTime TimeZone::ToCivil(base::WallTime moment) const {
  const cctz::civil_second civil = zone_->lookup(floor<cctz::seconds>(moment)).cs;
  return {.year = static_cast<int>(civil.year()),
          .month = static_cast<uint8_t>(civil.month()),
          .day = static_cast<uint8_t>(civil.day()),
          .hour = static_cast<uint8_t>(civil.hour()),
          .minute = static_cast<uint8_t>(civil.minute()),
          .second = static_cast<uint8_t>(civil.second())};
}

TimeZone::Moment TimeZone::FromCivil(const CivilTime& local) const {
  CHECK(local.year >= kFirstYear && local.year <= kLastYear);
  const auto found = zone_->lookup(cctz::civil_second(local.year, local.month, local.day,
                                                      local.hour, local.minute, local.second));
  using Found = cctz::time_zone::civil_lookup;
  switch (found.kind) {
    case Found::SKIPPED:
      return {Moment::Kind::kSkipped, base::WallTime(found.trans)};
    case Found::REPEATED:
      return {Moment::Kind::kRepeated, base::WallTime(found.pre)};
    case Found::UNIQUE:
      break;
  }
  return {Moment::Kind::kUnique, base::WallTime(found.pre)};
}

}  // namespace hearth::expressions
