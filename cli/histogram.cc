#include "cli/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace hearth::cli {

// Values below 2 * kParts have a bucket each. Above, the value is shifted right until it lies in
// [kParts, 2 * kParts); each shift has kParts buckets.
size_t Histogram::IndexOf(uint64_t value) {
  if (value < 2 * kParts) return value;
  const int shift = std::bit_width(value) - (kSubBits + 1);
  return static_cast<size_t>(shift) * kParts + (value >> shift);
}

Histogram::Bucket Histogram::BucketAt(size_t index) {
  if (index < 2 * kParts) return {base::Duration(index), base::Duration(index + 1)};
  const size_t shift = index / kParts - 1;
  const uint64_t part = index - shift * kParts;
  return {base::Duration(part << shift), base::Duration((part + 1) << shift)};
}

void Histogram::Record(base::Duration value) {
  value = std::clamp(value, base::Duration::zero(), base::Duration(kMaxValue));
  ++counts_[IndexOf(static_cast<uint64_t>(value.count()))];
  min_ = count_ == 0 ? value : std::min(min_, value);
  max_ = std::max(max_, value);
  sum_ += static_cast<uint64_t>(value.count());
  ++count_;
}

void Histogram::Merge(const Histogram& other) {
  if (other.count_ == 0) return;
  for (size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
  count_ += other.count_;
}

base::Duration Histogram::Mean() const {
  if (count_ == 0) return {};
  return base::Duration(static_cast<int64_t>(sum_ / count_));
}

base::Duration Histogram::Percentile(double fraction) const {
  if (count_ == 0) return {};
  const double exact = std::ceil(std::clamp(fraction, 0.0, 1.0) * static_cast<double>(count_));
  const uint64_t rank = std::clamp<uint64_t>(static_cast<uint64_t>(exact), 1, count_);
  if (rank == count_) return max_;
  uint64_t seen = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    seen += counts_[i];
    if (seen < rank) continue;
    const Bucket bucket = BucketAt(i);
    // The middle halves the error; min and max are known exactly.
    const auto middle = bucket.low + (bucket.high - bucket.low - base::Duration(1)) / 2;
    return std::clamp(middle, min_, max_);
  }
  return max_;
}

void Histogram::ForEach(const std::function<void(const Bucket&)>& visit) const {
  for (size_t i = 0; i < kBuckets; ++i) {
    if (counts_[i] == 0) continue;
    Bucket bucket = BucketAt(i);
    bucket.count = counts_[i];
    visit(bucket);
  }
}

}  // namespace hearth::cli
