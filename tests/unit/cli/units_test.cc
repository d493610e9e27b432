#include "cli/units.h"

#include <gtest/gtest.h>

#include "cli/table.h"

namespace hearth::cli {
namespace {

using namespace std::chrono_literals;

TEST(Units, ReadsDurationsWithTheirUnit) {
  EXPECT_EQ(ParseDuration("10s").value(), 10s);
  EXPECT_EQ(ParseDuration("2m").value(), 2min);
  EXPECT_EQ(ParseDuration("500ms").value(), 500ms);
  EXPECT_EQ(ParseDuration("250us").value(), 250us);
  EXPECT_EQ(ParseDuration("1.5s").value(), 1500ms);
  EXPECT_EQ(ParseDuration("24h").value(), 24h);
}

TEST(Units, RefusesDurationsThatAreAGuess) {
  for (const char* text : {"", "10", "s", "10 s", "-1s", "0s", "25h", "1e3s", "10sec", "nan",
                           "infs", "10s ", "0x10s", "1.5.2s"}) {
    EXPECT_FALSE(ParseDuration(text).has_value()) << text;
  }
  EXPECT_NE(ParseDuration("10").error().text.find("'10'"), std::string::npos);
}

TEST(Units, WritesLatenciesInThreeDigits) {
  EXPECT_EQ(FormatLatency(812us), "812 us");
  EXPECT_EQ(FormatLatency(1237us), "1.24 ms");
  EXPECT_EQ(FormatLatency(999'700us), "1.00 s");
  EXPECT_EQ(FormatLatency(12s), "12.0 s");
  EXPECT_EQ(FormatLatency(base::Duration(0)), "0.00 us");
}

TEST(Units, WritesAgesAndSizes) {
  EXPECT_EQ(FormatAge(59s), "59s");
  EXPECT_EQ(FormatAge(75s), "1m15s");
  EXPECT_EQ(FormatAge(2h + 5min), "2h05m");
  EXPECT_EQ(FormatAge(99h), "4d03h");
  EXPECT_EQ(FormatSize(base::Bytes(512)), "512 B");
  EXPECT_EQ(FormatSize(base::Bytes::MiB(128)), "128 MiB");
}

TEST(Table, AlignsColumnsAndObeysNoControlCharacter) {
  Table table({{"NAME"}, {"N", Align::kRight}});
  table.Add({"a\x1b[31m", "7"});
  table.Add({"h\xc3\xa9", "100"});
  EXPECT_EQ(table.Render(), "NAME      N\na?[31m    7\nh\xc3\xa9      100\n");
}

}  // namespace
}  // namespace hearth::cli
