// What is counted of calls.
#include "invoker/metrics.h"

#include <gmock/gmock.h>

#include "tests/unit/invoker/data_plane.h"

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;

InvocationResult Result(InvocationStatus status, std::chrono::microseconds took = 1ms,
                        uint64_t billed_ms = 1) {
  InvocationResult result;
  result.status = status;
  result.duration = took;
  result.billed_ms = billed_ms;
  return result;
}

TEST(Metrics, TellErrorsThrottlesAndInvocationsApart) {
  Metrics metrics;
  const auto f = metrics.Of("F");
  metrics.Count(*f, Result(InvocationStatus::kSuccess, 3ms, 3), 1024);
  metrics.Count(*f, Result(InvocationStatus::kTimeout, 1000ms, 1000), 1024);
  metrics.Count(*f, Result(InvocationStatus::kThrottled), 1024);
  metrics.Count(*f, Result(InvocationStatus::kHostError), 1024);
  EXPECT_EQ(f->invocations, 2u);
  EXPECT_EQ(f->errors, 1u);
  EXPECT_EQ(f->throttles, 1u);
  EXPECT_EQ(f->duration.sum_ms(), 1003);
  EXPECT_EQ(f->unbilled.requests, 2u);
  EXPECT_EQ(f->unbilled.mib_ms, 1003u * 1024);
}

TEST(MillisHistogram, CountsAValueInTheFirstBoundThatIsNotBelowIt) {
  MillisHistogram histogram;
  histogram.Add(1ms);
  histogram.Add(1ms + 1us);
  histogram.Add(2h);
  EXPECT_EQ(histogram.counts()[0], 1u);
  EXPECT_EQ(histogram.counts()[1], 1u);
  EXPECT_EQ(histogram.counts().back(), 1u);
}

TEST(Metrics, TellOnlySoManyFunctionsApart) {
  Metrics metrics;
  for (size_t i = 0; i < kMaxMetricFunctions + 50; ++i) ++metrics.Of(std::to_string(i))->throttles;
  EXPECT_EQ(metrics.All().size(), kMaxMetricFunctions + 1);
  EXPECT_EQ(metrics.Of(kOtherFunctions)->throttles, 50u);
}

TEST(Metrics, WhatIsStillCountedOfADeletedFunctionDoesNotBringItBack) {
  Metrics metrics;
  metrics.Of("F")->async_received = 1;
  const auto held = metrics.Of("F");
  metrics.Forget("F");
  EXPECT_EQ(metrics.OfGone("F"), held);
  EXPECT_TRUE(held->is_gone);
  ++metrics.OfGone("never known")->async_dropped;
  EXPECT_EQ(metrics.All().size(), 1u);
  EXPECT_EQ(metrics.Of("F"), held) << "there is a new one of that name";
  EXPECT_FALSE(held->is_gone);
}

TEST(Metrics, WhatExtensionsTakeAfterAnAnswerIsBilledWithoutARequest) {
  Metrics metrics;
  int told = 0;
  metrics.OnUnbilled([&] { ++told; });
  const auto f = metrics.Of("F");
  metrics.CountExtensions(*f, 300us, 0, 128);
  EXPECT_EQ(told, 0) << "within a millisecond that is billed already";
  metrics.CountExtensions(*f, 7ms, 7, 128);
  EXPECT_EQ(told, 1);
  EXPECT_EQ(f->post_runtime_extensions.sum_ms(), 7.3);
  metrics.Forget("F");
  const auto owed = metrics.TakeUnbilled();
  EXPECT_EQ(owed.at("F").requests, 0u);
  EXPECT_EQ(owed.at("F").mib_ms, 7u * 128);
}

TEST(Metrics, ForgetADeletedFunctionOnceNothingIsOwedAndNobodyHoldsIt) {
  Metrics metrics;
  auto held = metrics.Of("F");
  metrics.Count(*held, Result(InvocationStatus::kSuccess), 128);
  metrics.Forget("F");
  EXPECT_EQ(metrics.TakeUnbilled().at("F").requests, 1u);
  EXPECT_EQ(metrics.All().size(), 1u);  // A call may still run.
  held.reset();
  metrics.TakeUnbilled();
  EXPECT_TRUE(metrics.All().empty());
}

TEST(Metrics, SayOnceThatSomethingIsToBeBilled) {
  Metrics metrics;
  int told = 0;
  metrics.OnUnbilled([&] { ++told; });
  for (int i = 0; i < 3; ++i) {
    metrics.Count(*metrics.Of("F"), Result(InvocationStatus::kSuccess), 128);
  }
  EXPECT_EQ(told, 1);
  metrics.TakeUnbilled();
  metrics.Count(*metrics.Of("F"), Result(InvocationStatus::kSuccess), 128);
  EXPECT_EQ(told, 2);
}

}  // namespace
}  // namespace hearth::invoker
