#include "invoker/keep_alive.h"

#include <algorithm>

namespace hearth::invoker {
namespace {

using std::chrono::minutes;

constexpr uint32_t kRangeMinutes = 240;
constexpr uint32_t kNever = UINT32_MAX;
// Fewer say nothing. As short ones count once a minute, they take ten minutes at least.
constexpr uint32_t kFewest = 10;
// Then all counts are halved, so that what a function used to do fades.
constexpr uint16_t kMost = 1024;
constexpr uint32_t kHeadPercent = 5;
constexpr uint32_t kTailPercent = 99;
constexpr int kMarginPercent = 10;
// The paper takes a histogram for representative where the counts of its one-minute bins have a
// coefficient of variation of 2 or more. That number of a sample of n counts c over B bins is
// sqrt(B * sum(c^2) / n^2 - 1); with c * (c - 1) and n * (n - 1) for the squares a few times spread
// at random do not look concentrated. In words: two of the times, drawn at random, are within the
// same minute with a probability of at least 5 / 240.
constexpr double kLeastConcentration = (2.0 * 2.0 + 1.0) / kRangeMinutes;

uint32_t SecondsOf(base::MonoTime time) {
  return static_cast<uint32_t>(
      std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
}

base::Duration Percent(int percent, base::Duration of) { return of * percent / 100; }

// Both in minutes.
constexpr uint32_t LowerEdge(size_t bin) {
  const auto at = static_cast<uint32_t>(bin);
  if (at < 20) return at;
  if (at < 40) return 20 + (at - 20) * 2;
  return 60 + (at - 40) * 6;
}

constexpr size_t BinOf(uint32_t minutes) {
  if (minutes < 20) return minutes;
  if (minutes < 60) return 20 + (minutes - 20) / 2;
  return 40 + (minutes - 60) / 6;
}

}  // namespace

void UseHistory::Arrived(base::MonoTime now) {
  if (idle_ == 0) return;  // More at once than ever before, or than can be remembered.
  const uint32_t now_s = SecondsOf(now);
  const uint32_t since_s = idle_since_s_[--idle_];
  Count(now_s - std::min(now_s, since_s), now_s);
}

void UseHistory::Ended(base::MonoTime now) {
  if (idle_ == kDepth) {
    std::shift_left(idle_since_s_.begin(), idle_since_s_.end(), 1);
    --idle_;
  }
  idle_since_s_[idle_++] = SecondsOf(now);
}

// A gap within a minute is warm whatever is decided, as nothing learned is shorter than a minute.
// It only says that this minute was a busy one, and a busy hour must not drown all other times.
void UseHistory::Count(uint32_t gap_s, uint32_t now_s) {
  if (gap_s < 60) {
    if (last_short_s_ != 0 && now_s - last_short_s_ < 60) return;
    last_short_s_ = std::max(now_s, 1u);
  }
  const uint32_t gap = gap_s / 60;
  ++(gap < kRangeMinutes ? counts_[BinOf(gap)] : out_of_bounds_);
  if (++total_ < kMost) return;
  total_ = out_of_bounds_ /= 2;
  for (uint16_t& count : counts_) total_ += count /= 2;
}

void UseHistory::Started(base::Duration took) {
  start_cost_ = start_cost_ == base::Duration() ? took : start_cost_ + (took - start_cost_) / 4;
}

std::optional<KeepAliveWindows> UseHistory::Learned(base::Duration longest) const {
  if (total_ < kFewest) return std::nullopt;
  uint32_t in_bounds = 0;
  double pairs = 0;  // Of times within the same minute.
  for (size_t bin = 0; bin < kBins && minutes(LowerEdge(bin)) < longest; ++bin) {
    const double count = counts_[bin];
    in_bounds += counts_[bin];
    pairs += count * (count - 1) / (LowerEdge(bin + 1) - LowerEdge(bin));
  }
  if (in_bounds < kFewest || in_bounds * 2 < total_) return std::nullopt;
  const double all_pairs = static_cast<double>(in_bounds) * (in_bounds - 1);
  if (pairs < kLeastConcentration * all_pairs) return std::nullopt;

  uint32_t head = kNever;  // Rounded down, the tail up: both in minutes.
  uint32_t tail = 0;
  uint32_t sum = 0;
  for (size_t bin = 0; sum * 100 < in_bounds * kTailPercent; ++bin) {
    sum += counts_[bin];
    if (head == kNever && sum * 100 >= in_bounds * kHeadPercent) head = LowerEdge(bin);
    tail = LowerEdge(bin + 1);
  }
  const base::Duration end = std::min(Percent(100 + kMarginPercent, minutes(tail)), longest);
  const base::Duration prewarm = std::min(Percent(100 - kMarginPercent, minutes(head)), end);
  return KeepAliveWindows{prewarm, end - prewarm};
}

base::Duration UseHistory::KeepAlive(const KeepAliveOptions& options) const {
  if (options.policy == KeepAlivePolicy::kFixed) return options.fixed;
  const auto learned = Learned(options.longest);
  return learned ? learned->prewarm + learned->keep_alive : options.fixed;
}

}  // namespace hearth::invoker
