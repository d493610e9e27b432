#include "expressions/schedule_expression.h"

#include <gtest/gtest.h>

#include <vector>

#include "times.h"

namespace hearth::expressions {
namespace {

using Dialect = ScheduleExpression::Dialect;

ScheduleExpression Parse(const std::string& text) {
  auto expression = ScheduleExpression::Parse(text, Dialect::kScheduler);
  EXPECT_TRUE(expression.has_value()) << text << ": " << expression.error();
  return *std::move(expression);
}

// Moments of UTC.
std::vector<std::string> Next(const std::string& text, const std::string& zone,
                              const std::string& after, int count,
                              base::WallTime anchor = base::WallTime()) {
  const ScheduleExpression expression = Parse(text);
  const TimeZone place = MUST(TimeZone::Load(zone));
  std::vector<std::string> moments;
  base::WallTime at = At(after);
  for (int i = 0; i < count; ++i) {
    const auto next = expression.Next(at, anchor, place);
    moments.push_back(next ? Text(*next).substr(0, 16) : "none");
    at = next.value_or(at);
  }
  return moments;
}

using Moments = std::vector<std::string>;

TEST(ScheduleExpression, SkipsLocalTimesThatAZoneSkips) {
  EXPECT_EQ(Next("cron(30 2 * * ? *)", "Europe/Berlin", "2026-03-27 12:00", 3),
            (Moments{"2026-03-28 01:30", "2026-03-30 00:30", "2026-03-31 00:30"}));
  EXPECT_EQ(Next("cron(0/30 * * * ? *)", "Europe/Berlin", "2026-03-29 00:00", 3),
            (Moments{"2026-03-29 00:30", "2026-03-29 01:00", "2026-03-29 01:30"}));
  EXPECT_EQ(Next("cron(0 12 * * ? *)", "Pacific/Apia", "2011-12-29 10:00", 2),
            (Moments{"2011-12-29 22:00", "2011-12-30 22:00"}));
  EXPECT_EQ(Next("at(2026-03-29T02:30:00)", "Europe/Berlin", "2026-01-01", 1), Moments{"none"});
}

TEST(ScheduleExpression, RunsOnceInAnHourThatAZoneRepeats) {
  EXPECT_EQ(Next("cron(30 2 * * ? *)", "Europe/Berlin", "2026-10-24 12:00", 2),
            (Moments{"2026-10-25 00:30", "2026-10-26 01:30"}));
  EXPECT_EQ(Next("cron(0/30 * * * ? *)", "Europe/Berlin", "2026-10-25 00:00", 3),
            (Moments{"2026-10-25 00:30", "2026-10-25 02:00", "2026-10-25 02:30"}));
  EXPECT_EQ(Next("cron(30 2 * * ? *)", "Europe/Berlin", "2026-10-25 00:30", 1),
            Moments{"2026-10-26 01:30"});
  EXPECT_EQ(Next("cron(* * * * ? *)", "Europe/Berlin", "2026-10-25 01:10", 1),
            Moments{"2026-10-25 02:00"});
  EXPECT_EQ(Next("at(2026-10-25T02:30:00)", "Europe/Berlin", "2026-01-01", 2),
            (Moments{"2026-10-25 00:30", "none"}));
}

TEST(ScheduleExpression, CountsARateFromItsAnchorWithoutDrift) {
  const base::WallTime anchor = At("2026-10-24 00:00:07") + std::chrono::milliseconds(250);
  const ScheduleExpression hours = Parse("rate(7 hours)");
  const TimeZone utc = TimeZone::Utc();
  EXPECT_EQ(hours.Next(anchor - std::chrono::nanoseconds(1), anchor, utc), anchor);
  EXPECT_EQ(hours.Next(anchor, anchor, utc), anchor + std::chrono::hours(7));
  EXPECT_EQ(hours.Next(anchor + std::chrono::hours(700'000) + std::chrono::seconds(1), anchor, utc),
            anchor + std::chrono::hours(700'007));
  EXPECT_EQ(Next("rate(1 day)", "Europe/Berlin", "2026-10-24 12:00", 2, At("2026-10-01 12:00")),
            (Moments{"2026-10-25 12:00", "2026-10-26 12:00"}));
}

TEST(ScheduleExpression, EndsWithTheYear2199) {
  EXPECT_EQ(Next("rate(999999999 days)", "UTC", "2026-01-01", 1), Moments{"none"});
  EXPECT_EQ(Next("rate(999999999 minutes)", "UTC", "2026-01-01", 1), Moments{"none"});
  EXPECT_EQ(Next("rate(1 day)", "UTC", "2199-12-31", 1, At("1970-01-01 12:00")),
            Moments{"2199-12-31 12:00"});
  EXPECT_EQ(Next("cron(0 0 * * ? *)", "UTC", "2199-12-31", 1), Moments{"none"});
  for (const std::string text : {"rate(1 day)", "cron(0 0 * * ? *)", "at(2199-12-31T23:59:59)"}) {
    const ScheduleExpression expression = Parse(text);
    EXPECT_EQ(expression.Next(base::WallTime::max(), base::WallTime::min(), TimeZone::Utc()),
              std::nullopt);
    EXPECT_TRUE(expression.Next(base::WallTime::min(), base::WallTime::min(), TimeZone::Utc()));
    EXPECT_EQ(expression.Next(base::WallTime::max(), base::WallTime::max(), TimeZone::Utc()),
              std::nullopt);
  }
}

TEST(ScheduleExpression, IsDueAtASecond) {
  EXPECT_EQ(Parse("at(2026-11-28T12:34:56)").Next(At("2026-11-28 12:34:55"), {}, TimeZone::Utc()),
            At("2026-11-28 12:34:56"));
  EXPECT_TRUE(Parse("at(2026-11-28T12:34:56)").is_one_time());
  EXPECT_TRUE(Parse("rate(1 hour)").is_rate());
  EXPECT_EQ(Parse("rate(1 hour)").text(), "rate(1 hour)");
}

TEST(ScheduleExpression, KnowsInARuleOnlyWhatRulesKnow) {
  struct Case {
    std::string text;
    bool rule;
    bool scheduler;
  };
  for (const Case& c : std::vector<Case>{{"rate(1 minute)", true, true},
                                         {"rate(1 minutes)", false, true},
                                         {"rate(5 minute)", false, true},
                                         {"rate(5 minutes)", true, true},
                                         {"rate(1 hours)", false, true},
                                         {"rate(2  days)", true, true},
                                         {"at(2030-01-01T00:00:00)", false, true},
                                         {"cron(0 0 * * ? *)", true, true}}) {
    EXPECT_EQ(ScheduleExpression::Parse(c.text, Dialect::kRule).has_value(), c.rule) << c.text;
    EXPECT_EQ(ScheduleExpression::Parse(c.text, Dialect::kScheduler).has_value(), c.scheduler)
        << c.text;
  }
}

TEST(ScheduleExpression, SaysWhatIsWrongWithIt) {
  const std::string units = " is not one of minute, minutes, hour, hours, day, days";
  const std::string shape = " is not yyyy-mm-ddThh:mm:ss";
  const std::string neither = "neither rate(...), cron(...) nor at(...)";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", neither},
      {"daily", neither},
      {" rate(10 minutes)", neither},
      {"rate(10 minutes) ", neither},
      {"rate(10 minutes", neither},
      {"RATE(10 minutes)", neither},
      {"rate(", neither},
      {"rate)", neither},
      {"rate()", "rate: '' is not a whole number of 1 to 999999999"},
      {"rate(0 minutes)", "rate: '0' is not a whole number of 1 to 999999999"},
      {"rate(-10 minutes)", "rate: '-10' is not a whole number of 1 to 999999999"},
      {"rate(1.5 hours)", "rate: '1.5' is not a whole number of 1 to 999999999"},
      {"rate(foo minutes)", "rate: 'foo' is not a whole number of 1 to 999999999"},
      {"rate(1000000000 days)", "rate: '1000000000' is not a whole number of 1 to 999999999"},
      {"rate( 10 minutes )", "rate: '' is not a whole number of 1 to 999999999"},
      {"rate(10)", "rate: ''" + units},
      {"rate(10 )", "rate: ''" + units},
      {"rate(10 seconds)", "rate: 'seconds'" + units},
      {"rate(10 minutess)", "rate: 'minutess'" + units},
      {"rate(10 Minutes)", "rate: 'Minutes'" + units},
      {"at(2021-12-31T23:59:59Z)", "at: '2021-12-31T23:59:59Z'" + shape},
      {"at(2021-12-31)", "at: '2021-12-31'" + shape},
      {"at(2021-12-31 23:59:59)", "at: '2021-12-31 23:59:59'" + shape},
      {"at(2021-02-29T00:00:00)", "at: there is no day 2021-02-29"},
      {"at(2021-13-01T00:00:00)", "at: there is no day 2021-13-01"},
      {"at(2021-00-00T00:00:00)", "at: there is no day 2021-00-00"},
      {"at(2021-01-01T24:00:00)", "at: there is no time 24:00:00"},
      {"at(9999-01-01T00:00:00)", "at: year 9999 is not between 1970 and 2199"},
      {"cron(0 25 * * ? *)", "field 'hours': 25 is not between 0 and 23"},
      {"cron(" + std::string(260, ' ') + ")", "longer than 256 characters"},
  };
  for (const auto& [text, error] : cases) {
    const auto expression = ScheduleExpression::Parse(text, Dialect::kScheduler);
    ASSERT_FALSE(expression.has_value()) << text;
    EXPECT_EQ(expression.error(), error) << text;
  }
}

}  // namespace
}  // namespace hearth::expressions
