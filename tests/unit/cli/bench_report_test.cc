#include "cli/bench_report.h"

#include <gmock/gmock.h>

#include "base/json.h"

namespace hearth::cli {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

BenchReport Sample() {
  BenchReport report{{.function = "He<llo", .connections = 4, .rate = 100},
                     "http://h:1",
                     "2026-11-24T00:00:00.000Z",
                     {}};
  LoadResult& result = report.result;
  for (int i = 1; i <= 1000; ++i) {
    result.all.Record(i * 10us);
    result.warm.Record(i * 10us);
  }
  result.cold.Record(35ms);
  result.cold_in_warm_up = 1;
  result.calls = 1003;
  result.warm_up_calls = 50;
  result.errors["HTTP 429"] = 3;
  result.elapsed = 10s;
  result.steps.push_back({"handler", result.warm});
  return report;
}

TEST(BenchReport, TextTellsFiguresErrorsAndWhatWasLeftOut) {
  const std::string text = ToText(Sample());
  EXPECT_THAT(text, HasSubstr("100 calls/s"));
  EXPECT_THAT(text, HasSubstr("warm-up: 50 calls"));
  EXPECT_THAT(text, HasSubstr("HTTP 429"));
  EXPECT_THAT(text, HasSubstr("P99.9"));
  EXPECT_THAT(text, HasSubstr("handler"));
  EXPECT_THAT(text, HasSubstr("meant to leave"));
}

TEST(BenchReport, JsonHoldsItsDocumentedFields) {
  const auto json = base::ParseJson(ToJsonReport(Sample()));
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["schema"], "hearth.bench/1");
  EXPECT_EQ((*json)["mode"], "open");
  EXPECT_EQ((*json)["succeeded"], 1000);
  EXPECT_EQ((*json)["errors"]["total"], 3);
  EXPECT_NEAR((*json)["latency_us"]["all"]["p50"].get<double>(), 5000, 50);
  EXPECT_EQ((*json)["latency_us"]["all"]["max"], 10000.0);
  EXPECT_EQ((*json)["cold_starts"]["warm_up"], 1);
  EXPECT_TRUE((*json)["steps_us"].contains("handler"));
  uint64_t count = 0;
  for (const auto& bucket : (*json)["histogram_us"]) count += bucket[2].get<uint64_t>();
  EXPECT_EQ(count, 1000u);
}

TEST(BenchReport, OfColdStartsShowsThePartsOfTheStartAndWhatWasWarmAllTheSame) {
  BenchReport report = Sample();
  report.options = {.function = "F", .cold = true, .interval = 150ms};
  report.result.steps.clear();
  for (const char* name : {"queue", "start", "init", "total", "start.mounts", "start.seccomp"}) {
    report.result.steps.push_back({name, {}});
    report.result.steps.back().time.Record(1ms);
  }
  const std::string text = ToText(report);
  EXPECT_THAT(text, HasSubstr("F: 1003 calls one after the other, each call cold, 150 ms apart"));
  EXPECT_THAT(text, HasSubstr("1000 of them met a warm instance"));
  EXPECT_THAT(text, Not(HasSubstr("warm-up:")));
  EXPECT_LT(text.find("\nstart "), text.find("\n  mounts "));
  EXPECT_LT(text.find("\n  seccomp "), text.find("\ninit "));
  const auto json = base::ParseJson(ToJsonReport(report));
  EXPECT_EQ((*json)["mode"], "cold");
  EXPECT_EQ((*json)["connections"], 1);
  EXPECT_EQ((*json)["interval_s"], 0.15);
  EXPECT_EQ((*json)["steps_us"]["start.mounts"]["count"], 1);
  EXPECT_THAT(ToHtml(report), HasSubstr("each call cold, 150 ms apart"));
}

TEST(BenchReport, OfABurstSaysWhenTheLastReplyCame) {
  BenchReport report = Sample();
  report.options = {.function = "F", .burst = 100, .others = {"G", "H"}};
  report.result.elapsed = 146ms;
  EXPECT_THAT(ToText(report),
              HasSubstr("F and 2 more functions: 1003 calls at once, the last reply after 146 ms"));
  const auto json = base::ParseJson(ToJsonReport(report));
  EXPECT_EQ((*json)["mode"], "burst");
  EXPECT_EQ((*json)["connections"], 100);
  EXPECT_EQ((*json)["functions"], 3);
  EXPECT_EQ((*json)["elapsed_s"], 0.146);
}

TEST(BenchReport, PageIsSelfContainedAndEscapesNames) {
  const std::string page = ToHtml(Sample());
  EXPECT_THAT(page, HasSubstr("He&lt;llo"));
  EXPECT_THAT(page, Not(HasSubstr("He<llo")));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("src=")));
  EXPECT_THAT(page, Not(HasSubstr("href=")));
  EXPECT_THAT(page, HasSubstr("<svg"));
  EXPECT_THAT(page, HasSubstr("prefers-color-scheme: dark"));
}

TEST(BenchReport, OfNothingIsStillAReport) {
  BenchReport report;
  EXPECT_NE(ToText(report), "");
  EXPECT_TRUE(base::ParseJson(ToJsonReport(report)));
  EXPECT_THAT(ToHtml(report), Not(HasSubstr("nan")));
}

TEST(BenchReport, OfOneValueDrawsNoInfinity) {
  BenchReport report;
  report.result.all.Record(1ms);
  const std::string page = ToHtml(report);
  EXPECT_THAT(page, Not(HasSubstr("nan")));
  EXPECT_THAT(page, Not(HasSubstr("inf")));
}

}  // namespace
}  // namespace hearth::cli
