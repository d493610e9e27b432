#include "triggers/schedule/timetable.h"

#include <algorithm>
#include <chrono>

#include "base/result.h"

namespace hearth::schedule {
namespace {

using expressions::ScheduleExpression;
using std::chrono::milliseconds;

base::WallTime ToWall(int64_t millis) { return base::WallTime(milliseconds(millis)); }

// splitmix64: each bit of the answer depends on each of the question.
uint64_t Mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace

std::expected<Timetable, std::string> Timetable::Of(const ScheduleRecord& record, int64_t anchor_ms,
                                                    int64_t id) {
  auto expression =
      TRY(ScheduleExpression::Parse(record.expression, ScheduleExpression::Dialect::kScheduler));
  auto zone = expressions::TimeZone::Load(record.timezone);
  if (!zone) {
    return std::unexpected(zone.error().text);
  }
  Timetable out(std::move(expression), *std::move(zone));
  out.id_ = id;
  // Both dates are no matter to a one-time schedule.
  if (!out.expression_.is_one_time()) {
    out.start_ms_ = record.start_ms.value_or(0);
    out.end_ms_ = record.end_ms;
  }
  out.anchor_ms_ = record.start_ms.value_or(anchor_ms);
  out.window_ms_ = record.window_minutes * 60'000;
  return out;
}

std::optional<int64_t> Timetable::FirstFrom(int64_t from_ms) const {
  const base::WallTime before =
      ToWall(std::max({from_ms, start_ms_, int64_t{0}})) - std::chrono::nanoseconds(1);
  const auto next = expression_.Next(before, ToWall(anchor_ms_), zone_);
  if (!next) {
    return std::nullopt;
  }
  const int64_t at = base::EpochMillis(*next);
  return end_ms_ && at >= *end_ms_ ? std::nullopt : std::optional(at);
}

std::optional<int64_t> Timetable::FirstOfNew(int64_t now_ms) const {
  return FirstFrom(is_one_time() ? now_ms - kMostLateMs : now_ms);
}

std::optional<int64_t> Timetable::NextAfter(int64_t occurrence_ms) const {
  return is_one_time() ? std::nullopt : FirstFrom(occurrence_ms + 1);
}

int64_t Timetable::DueOf(int64_t occurrence_ms) const {
  if (window_ms_ == 0) {
    return occurrence_ms;
  }
  const uint64_t hash = Mix(Mix(static_cast<uint64_t>(id_)) ^ static_cast<uint64_t>(occurrence_ms));
  return occurrence_ms + static_cast<int64_t>(hash % static_cast<uint64_t>(window_ms_));
}

}  // namespace hearth::schedule
