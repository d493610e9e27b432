#include "cli/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace hearth::cli {
namespace {

using std::chrono::nanoseconds;

TEST(Histogram, AgreesWithExactPercentilesToOnePercent) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> latency(std::log(250e3), 1.5);
  Histogram histogram;
  std::vector<int64_t> exact;
  for (int i = 0; i < 100'000; ++i) {
    exact.push_back(static_cast<int64_t>(latency(random)));
    histogram.Record(nanoseconds(exact.back()));
  }
  std::sort(exact.begin(), exact.end());
  for (const double p : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999}) {
    const auto rank = static_cast<size_t>(std::ceil(p * static_cast<double>(exact.size())));
    const auto truth = static_cast<double>(exact[rank - 1]);
    EXPECT_NEAR(static_cast<double>(histogram.Percentile(p).count()), truth, 0.01 * truth) << p;
  }
  EXPECT_EQ(histogram.min().count(), exact.front());
  EXPECT_EQ(histogram.max().count(), exact.back());
  EXPECT_EQ(histogram.Percentile(1).count(), exact.back());
}

TEST(Histogram, PutsEveryValueIntoABucketThatHoldsItAndIsNarrow) {
  for (int bit = 0; bit < 41; ++bit) {
    for (const int64_t off : {-1, 0, 1}) {
      const int64_t value = std::max<int64_t>(0, (int64_t{1} << bit) + off);
      Histogram histogram;
      histogram.Record(nanoseconds(value));
      int buckets = 0;
      histogram.ForEach([&](const Histogram::Bucket& bucket) {
        ++buckets;
        EXPECT_LE(bucket.low.count(), value);
        EXPECT_GT(bucket.high.count(), value);
        EXPECT_LE(bucket.high - bucket.low, nanoseconds(1 + value / 128)) << value;
      });
      EXPECT_EQ(buckets, 1);
    }
  }
}

TEST(Histogram, OfNothingIsZeroEverywhere) {
  const Histogram histogram;
  EXPECT_EQ(histogram.Percentile(0.99).count(), 0);
  EXPECT_EQ(histogram.Mean().count(), 0);
  EXPECT_EQ(histogram.max().count(), 0);
}

TEST(Histogram, KeepsNegativeAndHugeDurationsInsideItsRange) {
  Histogram histogram;
  histogram.Record(nanoseconds(-5));
  histogram.Record(std::chrono::hours(10'000));
  EXPECT_EQ(histogram.min().count(), 0);
  EXPECT_GT(histogram.max(), std::chrono::hours(1));
  EXPECT_EQ(histogram.count(), 2u);
}

TEST(Histogram, MergedEqualsRecordedTogether) {
  Histogram a, b, both;
  for (int i = 1; i < 1000; ++i) {
    (i % 3 == 0 ? a : b).Record(nanoseconds(i * 977));
    both.Record(nanoseconds(i * 977));
  }
  a.Merge(b);
  EXPECT_EQ(a.count(), both.count());
  EXPECT_EQ(a.Percentile(0.9), both.Percentile(0.9));
  EXPECT_EQ(a.Mean(), both.Mean());
  EXPECT_EQ(a.min(), both.min());
  EXPECT_EQ(a.max(), both.max());
}

}  // namespace
}  // namespace hearth::cli
