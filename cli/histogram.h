// Histogram: counts of durations in buckets whose width grows with the value, so that a recorded
// value is known to 1 % whatever its size (here 1/128), in constant memory and time.
//
// Source: Gil Tene's HdrHistogram (log-linear buckets: a power of two, cut into equal parts).
// Range: 0 ns to about 73 min; longer ones count as that. Exact below 256 ns.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "base/clock.h"

namespace hearth::cli {

class Histogram {
 public:
  // Negative durations count as zero.
  void Record(base::Duration value);
  void Merge(const Histogram& other);

  uint64_t count() const { return count_; }
  base::Duration max() const { return max_; }  // Exact; zero where nothing was recorded.
  base::Duration min() const { return min_; }  // Exact; zero where nothing was recorded.
  base::Duration Mean() const;                 // Exact.
  // The smallest value that at least `fraction` (0 to 1) of the recorded ones do not exceed, to
  // 1 %; zero where nothing was recorded. Source: the nearest-rank definition.
  base::Duration Percentile(double fraction) const;

  struct Bucket {
    base::Duration low;   // Inclusive.
    base::Duration high;  // Exclusive.
    uint64_t count = 0;
  };
  // Every bucket that is not empty, from short to long.
  void ForEach(const std::function<void(const Bucket&)>& visit) const;

 private:
  static constexpr int kSubBits = 7;  // 128 parts a power of two: error < 1/128.
  static constexpr uint64_t kParts = 1u << kSubBits;
  static constexpr int kMaxShift = 34;  // (2 * kParts) << 34 ns = 73 min.
  static constexpr uint64_t kMaxValue = ((2 * kParts) << kMaxShift) - 1;
  static constexpr size_t kBuckets = (kMaxShift + 2) * kParts;

  static size_t IndexOf(uint64_t value);
  static Bucket BucketAt(size_t index);

  std::array<uint64_t, kBuckets> counts_{};
  uint64_t count_ = 0;
  unsigned __int128 sum_ = 0;
  base::Duration min_{};
  base::Duration max_{};
};

}  // namespace hearth::cli
