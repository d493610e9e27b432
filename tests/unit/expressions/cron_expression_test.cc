#include "expressions/cron_expression.h"

#include <gtest/gtest.h>

#include <vector>

#include "times.h"

namespace hearth::expressions {
namespace {

std::vector<std::string> Next(const std::string& fields, const std::string& after, int count) {
  const auto cron = CronExpression::Parse(fields);
  EXPECT_TRUE(cron.has_value()) << fields << ": " << cron.error();
  std::vector<std::string> times;
  CivilTime at = Civil(after);
  while (static_cast<int>(times.size()) < count) {
    const auto next = cron->NextAfter(at);
    if (!next) {
      times.push_back("none");
      return times;
    }
    at = *next;
    times.push_back(Text(at).substr(0, 16));
  }
  return times;
}

struct Case {
  std::string fields;
  std::string after;
  std::vector<std::string> next;
};

TEST(CronExpression, IsDueWhenAwsDocumentsSay) {
  const std::vector<Case> cases = {
      // EventBridge User Guide, "Cron expressions reference"; Scheduler User Guide, "Schedule
      // types".
      {"0 10 * * ? *", "2026-01-01 10:00", {"2026-01-02 10:00", "2026-01-03 10:00"}},
      {"15 12 * * ? *", "2026-01-01", {"2026-01-01 12:15", "2026-01-02 12:15"}},
      {"0 18 ? * MON-FRI *", "2026-11-27 18:00", {"2026-11-30 18:00", "2026-12-01 18:00"}},
      {"0 8 1 * ? *", "2026-11-28", {"2026-12-01 08:00", "2027-01-01 08:00"}},
      {"0/15 * * * ? *", "2026-11-28 23:44", {"2026-11-28 23:45", "2026-11-29 00:00"}},
      {"0/10 * ? * MON-FRI *", "2026-11-27 23:49", {"2026-11-27 23:50", "2026-11-30 00:00"}},
      {"0/5 8-17 ? * MON-FRI *", "2026-11-27 17:54", {"2026-11-27 17:55", "2026-11-30 08:00"}},
      {"0/30 20-2 ? * MON-FRI *",
       "2026-11-26 23:29",
       {"2026-11-26 23:30", "2026-11-27 00:00", "2026-11-27 00:30", "2026-11-27 01:00",
        "2026-11-27 01:30", "2026-11-27 02:00", "2026-11-27 02:30", "2026-11-27 20:00"}},
      {"15 10 ? * 6L 2022-2023", "2022-12-01", {"2022-12-30 10:15", "2023-01-27 10:15"}},
      {"15 10 ? * 6L 2022-2023", "2023-12-30", {"none"}},
      {"30 10 ? * TUE#2 *", "2026-11-01", {"2026-11-10 10:30", "2026-12-08 10:30"}},
      {"0 9 ? * 3#2 *", "2026-11-01", {"2026-11-10 09:00"}},
      {"0 0 3W * ? *", "2026-01-01", {"2026-01-02 00:00", "2026-02-03 00:00", "2026-03-03 00:00"}},
      {"1/10 * * * ? *", "2026-01-01 00:40", {"2026-01-01 00:41", "2026-01-01 00:51"}},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Next(c.fields, c.after, static_cast<int>(c.next.size())), c.next) << c.fields;
  }
}

TEST(CronExpression, FindsTheDaysOfEachWildcard) {
  const std::vector<Case> cases = {
      {"0 0 L * ? *", "2028-01-31", {"2028-02-29 00:00", "2028-03-31 00:00", "2028-04-30 00:00"}},
      {"0 0 L-2 * ? *", "2027-01-31", {"2027-02-26 00:00", "2027-03-29 00:00"}},
      {"0 0 L-30 * ? *", "2026-01-02", {"2026-03-01 00:00", "2026-05-01 00:00"}},
      {"0 0 LW * ? *", "2026-01-01", {"2026-01-30 00:00", "2026-02-27 00:00", "2026-03-31 00:00"}},
      // The 1st on a Saturday becomes the 3rd, the 31st on a Sunday the 29th: never another month.
      {"0 0 1W 8 ? *", "2026-07-01", {"2026-08-03 00:00", "2027-08-02 00:00"}},
      {"0 0 31W * ? *", "2026-05-01", {"2026-05-29 00:00", "2026-07-31 00:00"}},
      {"0 0 15W * ? *", "2026-08-01", {"2026-08-14 00:00", "2026-09-15 00:00", "2026-10-15 00:00"}},
      {"0 0 ? * L *", "2026-11-28", {"2026-12-05 00:00", "2026-12-12 00:00"}},
      {"0 0 ? * FRIL *", "2026-11-28", {"2026-12-25 00:00"}},
      {"0 0 ? * sunl *", "2026-11-01", {"2026-11-29 00:00"}},
      {"0 0 ? * 2#5 *", "2026-11-28", {"2026-11-30 00:00", "2027-03-29 00:00"}},
      {"0 0 ? * 2L,6L *", "2026-11-28", {"2026-11-30 00:00", "2026-12-25 00:00"}},
      {"0 0 ? * FRI-MON *",
       "2026-11-28",
       {"2026-11-29 00:00", "2026-11-30 00:00", "2026-12-04 00:00"}},
      {"0 0 1,L,15W feb ? *", "2026-01-01", {"2026-02-01 00:00", "2026-02-16 00:00"}},
      {"0 0 29 2 ? *", "2026-01-01", {"2028-02-29 00:00", "2032-02-29 00:00"}},
      {"0 0 29 2 ? *", "2096-03-01", {"2104-02-29 00:00"}},
      {"5,7-9,50/5 0 1 1 ? 2030",
       "2026-01-01",
       {"2030-01-01 00:05", "2030-01-01 00:07", "2030-01-01 00:08", "2030-01-01 00:09",
        "2030-01-01 00:50", "2030-01-01 00:55", "none"}},
      {"0 0 1 NOV-FEB/2 ? *", "2026-01-02", {"2026-11-01 00:00", "2027-01-01 00:00"}},
      {"0 0 1 1 ? 2026/4", "2026-06-01", {"2030-01-01 00:00", "2034-01-01 00:00"}},
      {"0\t0  1 1 ? *", "1969-12-31 23:59", {"1970-01-01 00:00"}},
      {"0 0 1 1 ? *", "1800-05-05", {"1970-01-01 00:00"}},
      {"59 23 31 12 ? *", "2199-12-31 23:58", {"2199-12-31 23:59", "none"}},
      {"* * * * ? *", "2500-01-01", {"none"}},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Next(c.fields, c.after, static_cast<int>(c.next.size())), c.next) << c.fields;
  }
}

TEST(CronExpression, IsNeverDueOnADayThatNoMonthHas) {
  EXPECT_EQ(Next("0 0 30 FEB ? *", "1970-01-01", 1), std::vector<std::string>{"none"});
  EXPECT_EQ(Next("0 0 31 4,6,9,11 ? *", "1970-01-01", 1), std::vector<std::string>{"none"});
  EXPECT_EQ(Next("0 0 31W 2,4 ? *", "1970-01-01", 1), std::vector<std::string>{"none"});
}

TEST(CronExpression, SaysWhatIsWrongWithIt) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "cron has six fields (minutes hours day-of-month month day-of-week year), not 0"},
      {"0 12 * * ?",
       "cron has six fields (minutes hours day-of-month month day-of-week year), not 5"},
      {"0 0 12 * * ? *",
       "cron has six fields (minutes hours day-of-month month day-of-week year), not 7"},
      {"0 1 * * * *", "one of day-of-month and day-of-week must be ?, and only one"},
      {"0 1 ? * ? *", "one of day-of-month and day-of-week must be ?, and only one"},
      {"0 25 * * ? *", "field 'hours': 25 is not between 0 and 23"},
      {"71 8 1 * ? *", "field 'minutes': 71 is not between 0 and 59"},
      {"0 dummy ? * MON-FRI *", "field 'hours': 'DUMMY' is not a value"},
      {"7 20 ? * NOT *", "field 'day-of-week': 'NOT' is not a value"},
      {"0 0 ? * 0 *", "field 'day-of-week': 0 is not between 1 and 7"},
      {"0 0 ? * 6#6 *", "field 'day-of-week': 6 is not between 1 and 5"},
      {"0 0 ? * 6# *", "field 'day-of-week':  is not between 1 and 5"},
      {"0 0 ? * 3#1,6#3 *", "field 'day-of-week': 3#1,6#3 has a #, which stands alone"},
      {"0 0 ? * fri,2#1 *", "field 'day-of-week': FRI,2#1 has a #, which stands alone"},
      {"0 0 ? * #1 *", "field 'day-of-week': '' is not a value"},
      {"0 0 0 * ? *", "field 'day-of-month': 0 is not between 1 and 31"},
      {"0 0 32W * ? *", "field 'day-of-month': 32 is not between 1 and 31"},
      {"0 0 W * ? *", "field 'day-of-month': '' is not a value"},
      {"0 0 L-31 * ? *", "field 'day-of-month': 31 is not between 0 and 30"},
      {"0 0 L5 * ? *", "field 'day-of-month': 'L5' is not a value"},
      {"0 0 1 13 ? *", "field 'month': 13 is not between 1 and 12"},
      {"0 0 1 L ? *", "field 'month': 'L' is not a value"},
      {"0 0 1 1 ? 1969", "field 'year': 1969 is not between 1970 and 2199"},
      {"0 0 1 1 ? 2200", "field 'year': 2200 is not between 1970 and 2199"},
      {"0 0 1 1 ? 2030-2026", "field 'year': 2030-2026 begins after its end"},
      {"*/0 * * * ? *", "field 'minutes': 0 is not between 1 and 59"},
      {"0/60 * * * ? *", "field 'minutes': 60 is not between 1 and 59"},
      {"/5 * * * ? *", "field 'minutes': '' is not a value"},
      {"1,,2 * * * ? *", "field 'minutes': a value is missing"},
      {"? * * * ? *", "field 'minutes': '?' is not a value"},
      {"-1 * * * ? *", "field 'minutes': '' is not a value"},
      {"1--2 * * * ? *", "field 'minutes': '-2' is not a value"},
      {"1-2-3 * * * ? *", "field 'minutes': '2-3' is not a value"},
      {"+1 * * * ? *", "field 'minutes': '+1' is not a value"},
      {"1.5 * * * ? *", "field 'minutes': '1.5' is not a value"},
      {"99999999999999999999 * * * ? *",
       "field 'minutes': 99999999999999999999 is not between 0 and 59"},
      {std::string(1000, '1'), "cron is longer than 512 characters"},
  };
  for (const auto& [fields, error] : cases) {
    const auto cron = CronExpression::Parse(fields);
    ASSERT_FALSE(cron.has_value()) << fields;
    EXPECT_EQ(cron.error(), error) << fields;
  }
}

}  // namespace
}  // namespace hearth::expressions
