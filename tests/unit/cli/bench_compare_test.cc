#include "cli/bench_compare.h"

#include <gmock/gmock.h>

#include <sstream>

#include "base/file.h"
#include "base/json.h"
#include "cli/bench_report.h"
#include "tests/unit/base/temporary_folder.h"

namespace hearth::cli {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// A report whose calls all took `latency`, of which one step is told.
std::string Report(base::Duration latency, const char* step = "handler") {
  BenchReport report{{.function = "F"}, "http://h:1", "", {}};
  report.result.elapsed = 1s;
  for (int i = 0; i < 10; ++i) report.result.all.Record(latency);
  report.result.warm = report.result.all;
  report.result.steps.push_back({step, report.result.all});
  return ToJsonReport(report);
}

const ComparedFigure* Find(const std::vector<ComparedFigure>& figures, const std::string& name) {
  for (const ComparedFigure& each : figures) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

TEST(BenchCompare, GivesEachFigureOfBothAndTheirRatio) {
  const auto figures = CompareReports("a", Report(100us), "b", Report(150us));
  ASSERT_TRUE(figures);
  for (const char* name : {"latency all p50", "latency warm max", "step handler p99"}) {
    const ComparedFigure* figure = Find(*figures, name);
    ASSERT_NE(figure, nullptr) << name;
    EXPECT_NEAR(figure->a, 100, 1) << name;
    EXPECT_NEAR(figure->b, 150, 2) << name;
    EXPECT_NEAR(figure->ratio(), 1.5, 0.03) << name;
  }
  EXPECT_EQ(Find(*figures, "throughput")->ratio(), 1);
  EXPECT_EQ(Find(*figures, "latency cold p50"), nullptr) << "neither has a cold start";
}

TEST(BenchCompare, WhatOnlyOneOfThemHasHasNoRatio) {
  const auto figures = CompareReports("a", Report(1ms, "old"), "b", Report(1ms, "new"));
  ASSERT_TRUE(figures);
  EXPECT_EQ(Find(*figures, "step old p50")->b, -1);
  EXPECT_EQ(Find(*figures, "step new p50")->a, -1);
  EXPECT_EQ(Find(*figures, "step new p50")->ratio(), -1);
  EXPECT_EQ(Find(*figures, "errors")->ratio(), -1) << "nothing is a multiple of zero";
}

TEST(BenchCompare, AReportThatIsNoneIsNamed) {
  const std::string good = Report(1ms);
  for (const char* bad : {"", "{", "[]", "null", "{}", R"({"schema":"hearth.bench/2"})"}) {
    const auto first = CompareReports("x.json", bad, "good.json", good);
    ASSERT_FALSE(first) << bad;
    EXPECT_THAT(first.error(), HasSubstr("x.json is n")) << bad;
    const auto second = CompareReports("good.json", good, "x.json", bad);
    ASSERT_FALSE(second) << bad;
    EXPECT_THAT(second.error(), HasSubstr("x.json is n")) << bad;
  }
}

TEST(BenchCompare, AReportOfAnyShapeIsRead) {
  for (const char* odd :
       {R"({"schema":"hearth.bench/1"})",
        R"({"schema":"hearth.bench/1","errors":7,"latency_us":[],"steps_us":"x"})",
        R"({"schema":"hearth.bench/1","latency_us":{"all":{"count":"x","p50":1}},"steps_us":[1]})",
        R"({"schema":"hearth.bench/1","throughput_per_s":1e300,"steps_us":{"a":null}})"}) {
    EXPECT_TRUE(CompareReports("a", odd, "b", Report(1ms))) << odd;
    EXPECT_TRUE(CompareReports("a", Report(1ms), "b", odd)) << odd;
  }
}

TEST(BenchCompare, PrintsATableOrJsonAndNotesWhatDiffers) {
  const test::TemporaryFolder folder;
  const std::string a = folder.path() + "/a.json", b = folder.path() + "/b.json";
  std::string other = Report(2ms);
  other.replace(other.find("\"closed\""), 8, "\"cold\"");
  MUST(base::WriteFileAtomically(a, Report(1ms)));
  MUST(base::WriteFileAtomically(b, other));
  std::ostringstream out, err;
  Console console{out, err};
  EXPECT_EQ(RunBenchCompare(console, a, b), kOk);
  EXPECT_THAT(out.str(), testing::ContainsRegex("latency all p50 +1.00 ms +2.0. ms +2.0."));
  EXPECT_THAT(err.str(), HasSubstr("they differ in mode: closed and cold"));
  out.str("");
  console.json = true;
  EXPECT_EQ(RunBenchCompare(console, a, b), kOk);
  const auto json = base::ParseJson(out.str());
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["schema"], "hearth.bench-compare/1");
  EXPECT_EQ((*json)["figures"][0]["name"], "throughput");
  EXPECT_EQ(RunBenchCompare(console, a, folder.path() + "/none"), kUsage);
  EXPECT_THAT(err.str(), HasSubstr("cannot read " + folder.path() + "/none"));
}

}  // namespace
}  // namespace hearth::cli
