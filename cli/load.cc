#include "cli/load.h"

#include <charconv>
#include <cmath>

namespace hearth::cli {
namespace {

// More kinds of steps or errors than these come from a host gone mad; they are not kept.
constexpr size_t kMaxSteps = 32;
constexpr size_t kMaxErrorKinds = 32;

}  // namespace

LoadSchedule::LoadSchedule(const LoadPlan& plan, base::MonoTime start)
    : rate_(plan.rate),
      start_(start),
      measuring_from_(start + plan.warm_up),
      end_(measuring_from_ + plan.duration) {}

// From the start each time, so that rounding does not add up.
base::MonoTime LoadSchedule::IntendedTime(uint64_t index) const {
  const double seconds = static_cast<double>(index) / rate_;
  return start_ + base::Duration(static_cast<int64_t>(std::llround(seconds * 1e9)));
}

std::optional<Shot> LoadSchedule::Next(base::MonoTime now) {
  base::MonoTime intended = now;
  if (rate_ > 0) {
    intended = IntendedTime(next_index_);
    if (intended > now) return std::nullopt;
  }
  if (intended >= end_) return std::nullopt;
  ++next_index_;
  return Shot{intended, intended < measuring_from_};
}

std::optional<base::MonoTime> LoadSchedule::NextDue() const {
  const base::MonoTime due = rate_ > 0 ? IntendedTime(next_index_) : start_;
  if (due >= end_) return std::nullopt;
  return due;
}

uint64_t LoadSchedule::Overdue(base::MonoTime now) const {
  if (rate_ <= 0) return 0;
  const base::MonoTime until = std::min(now, end_);
  if (until <= start_) return 0;
  const double seconds = std::chrono::duration<double>(until - start_).count();
  const auto meant = static_cast<uint64_t>(std::ceil(seconds * rate_));
  return meant > next_index_ ? meant - next_index_ : 0;
}

uint64_t LoadResult::failed() const {
  uint64_t sum = 0;
  for (const auto& [kind, count] : errors) sum += count;
  return sum;
}

double LoadResult::throughput() const {
  const double seconds = std::chrono::duration<double>(elapsed).count();
  return seconds > 0 ? static_cast<double>(all.count()) / seconds : 0;
}

void LoadRecorder::RecordReply(const Shot& shot, base::MonoTime now,
                               const io::HttpResponse& response) {
  if (response.status != 200) {
    RecordError(shot, "HTTP " + std::to_string(response.status));
    return;
  }
  if (response.headers.Has("X-Amz-Function-Error")) {
    RecordError(shot, "function error");
    return;
  }
  const base::Duration latency = now - shot.intended;
  const bool cold = RecordSpans(response.headers.Get("X-Hearth-Spans"), shot.is_warm_up);
  if (cold) {
    result_.cold.Record(latency);
    if (shot.is_warm_up) ++result_.cold_in_warm_up;
  }
  if (shot.is_warm_up) {
    ++result_.warm_up_calls;
    return;
  }
  ++result_.calls;
  result_.all.Record(latency);
  if (!cold) result_.warm.Record(latency);
}

void LoadRecorder::RecordError(const Shot& shot, const std::string& kind, uint64_t count) {
  if (shot.is_warm_up) {
    result_.warm_up_calls += count;
    return;
  }
  result_.calls += count;
  const bool known = result_.errors.contains(kind) || result_.errors.size() < kMaxErrorKinds;
  result_.errors[known ? kind : "other"] += count;
}

bool LoadRecorder::RecordSpans(std::string_view text, bool is_warm_up) {
  bool cold = false;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find(';'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = pair.substr(0, equals);
    uint32_t us = 0;
    const auto parsed = std::from_chars(pair.data() + equals + 1, pair.data() + pair.size(), us);
    if (parsed.ec != std::errc() || parsed.ptr != pair.data() + pair.size()) continue;
    if (name == "cold") {
      cold = us != 0;
      continue;
    }
    if (is_warm_up) continue;
    auto step = result_.steps.begin();
    while (step != result_.steps.end() && step->name != name) ++step;
    if (step == result_.steps.end()) {
      if (result_.steps.size() == kMaxSteps) continue;
      step = result_.steps.insert(step, Step{std::string(name), {}});
    }
    step->time.Record(std::chrono::microseconds(us));
  }
  return cold;
}

}  // namespace hearth::cli
