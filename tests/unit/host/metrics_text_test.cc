// Prometheus's text format.
#include "host/metrics_text.h"

#include <gmock/gmock.h>

namespace hearth::host {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

TEST(MetricsText, HasASeriesOfEachFunctionAndTheHost) {
  auto f = std::make_shared<invoker::FunctionMetrics>();
  f->function = "F";
  f->invocations = 3;
  f->duration.Add(4ms);
  f->duration.Add(2h);
  const std::string text = MetricsText(
      {f}, {.sandboxes = {{"idle", 2}}, .memory_reserved = base::Bytes(256), .calls = 1},
      {.cold_starts = 5});
  EXPECT_THAT(text, HasSubstr("# TYPE lambda_invocations_total counter\n"
                              "lambda_invocations_total{function=\"F\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("lambda_duration_milliseconds_bucket{function=\"F\",le=\"2\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("lambda_duration_milliseconds_bucket{function=\"F\",le=\"5\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("lambda_duration_milliseconds_bucket{function=\"F\",le=\"+Inf\"} 2\n"
                              "lambda_duration_milliseconds_sum{function=\"F\"} 7200004.000\n"
                              "lambda_duration_milliseconds_count{function=\"F\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("hearth_sandboxes{state=\"idle\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("hearth_sandboxes{state=\"busy\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("hearth_memory_reserved_bytes 256\n"));
  EXPECT_THAT(text, HasSubstr("hearth_cold_starts_total 5\n"));
}

TEST(MetricsText, EscapesWhatALabelMayNotHold) {
  auto f = std::make_shared<invoker::FunctionMetrics>();
  f->function = "a\"b\\c\nd";
  EXPECT_THAT(MetricsText({f}, {}, {}), HasSubstr(R"({function="a\"b\\c\nd"} 0)"));
}

}  // namespace
}  // namespace hearth::host
