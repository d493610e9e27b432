// Rules' schedules, under a clock that the test moves.
#include "tests/unit/triggers/events/events_fixture.h"

namespace hearth::events::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RuleSchedulesTest : public EventsTest {
 protected:
  void PutSchedule(const std::string& expression, const Json& more = Json::object()) {
    Must("PutRule", {{"Name", "clock"}, {"ScheduleExpression", expression}});
    PutTarget("clock", more);
  }
  std::vector<std::string> Times() {
    std::vector<std::string> out;
    for (const std::string& record : Records()) {
      out.push_back(MUST(base::ParseJson(record)).value("time", ""));
    }
    return out;
  }
};

TEST_F(RuleSchedulesTest, TellTheirTargetsAndNobodyElse) {
  PutRule("spy", {{"source", {"aws.events"}}});
  PutSchedule("rate(5 minutes)");
  Pass(299s);
  EXPECT_THAT(Taken(), IsEmpty());
  Pass(1s);
  const auto taken = Taken();
  ASSERT_THAT(taken, SizeIs(1));
  Json event = MUST(base::ParseJson(taken[0].to.record));
  event.erase("id");
  EXPECT_EQ(event, (Json{{"version", "0"},
                         {"detail-type", "Scheduled Event"},
                         {"source", "aws.events"},
                         {"account", "000000000000"},
                         {"time", "2026-08-06T12:39:56Z"},
                         {"region", "us-east-1"},
                         {"resources", {RuleOf("clock")}},
                         {"detail", Json::object()}}));
  EXPECT_EQ(taken[0].accepted_ms, base::EpochMillis(clock.WallNow()));
}

TEST_F(RuleSchedulesTest, DoNotDriftHoweverLateTheyAreSeen) {
  PutSchedule("cron(0/15 * * * ? *)");
  Pass(3s + 25min);  // 12:45 is late by 14:59.
  EXPECT_THAT(Times(), ElementsAre("2026-08-06T12:45:00Z"));
  Pass(2min);
  EXPECT_THAT(Times(), ElementsAre("2026-08-06T13:00:00Z"));
}

TEST_F(RuleSchedulesTest, FireEachMomentThatWasMissedWhileItIsYoungEnough) {
  PutSchedule("rate(10 minutes)", {{"RetryPolicy", {{"MaximumEventAgeInSeconds", 1800}}}});
  Close();
  clock.Advance(2h + 1min);
  Open();
  Settle();
  EXPECT_THAT(Times(),
              ElementsAre("2026-08-06T14:14:56Z", "2026-08-06T14:24:56Z", "2026-08-06T14:34:56Z"));
  Pass(9min);
  EXPECT_THAT(Times(), ElementsAre("2026-08-06T14:44:56Z"));
}

TEST_F(RuleSchedulesTest, FireOnceAcrossACrash) {
  PutSchedule("rate(1 minute)");
  Pass(60s);
  EXPECT_THAT(Times(), SizeIs(1));
  Reopen();
  Settle();
  EXPECT_THAT(Times(), IsEmpty());
  Pass(60s);
  EXPECT_THAT(Times(), ElementsAre("2026-08-06T12:36:56Z"));
}

TEST_F(RuleSchedulesTest, SleepWhileDisabledAndDoNotCatchUp) {
  PutSchedule("rate(1 minute)");
  Must("DisableRule", {{"Name", "clock"}});
  Pass(1h);
  EXPECT_THAT(Times(), IsEmpty());
  Must("EnableRule", {{"Name", "clock"}});
  Settle();
  EXPECT_THAT(Times(), IsEmpty());
  Pass(60s);
  EXPECT_THAT(Times(), SizeIs(1));
}

TEST_F(RuleSchedulesTest, GoOnWhereOnlyOtherThingsOfTheRuleChange) {
  PutSchedule("rate(10 minutes)");
  Pass(9min);
  Must("PutRule",
       {{"Name", "clock"}, {"ScheduleExpression", "rate(10 minutes)"}, {"Description", "new"}});
  Pass(1min);
  EXPECT_THAT(Times(), SizeIs(1));
  Must("PutRule", {{"Name", "clock"}, {"ScheduleExpression", "rate(20 minutes)"}});
  Pass(19min);
  EXPECT_THAT(Times(), IsEmpty());
  Pass(1min);
  EXPECT_THAT(Times(), SizeIs(1));
}

TEST_F(RuleSchedulesTest, EndWithTheirRule) {
  PutSchedule("rate(1 minute)");
  Must("RemoveTargets", {{"Rule", "clock"}, {"Ids", {"t"}}});
  Must("DeleteRule", {{"Name", "clock"}});
  Pass(1h);
  EXPECT_THAT(Times(), IsEmpty());
}

TEST_F(RuleSchedulesTest, ThatAreNeverDueAgainAreKeptAndSilent) {
  PutSchedule("cron(0 0 1 1 ? 2020)");
  Pass(24h * 400);
  EXPECT_THAT(Times(), IsEmpty());
  EXPECT_EQ(Ask("DescribeRule", {{"Name", "clock"}}).value("State", ""), "ENABLED");
}

TEST_F(RuleSchedulesTest, TellAYearsMoments) {
  PutSchedule("cron(0 0 1 * ? *)");
  std::vector<std::string> times;
  for (int day = 0; day < 365; ++day) {
    Pass(24h);
    for (std::string& each : Times()) times.push_back(std::move(each));
  }
  ASSERT_THAT(times, SizeIs(12));
  EXPECT_EQ(times.front(), "2026-09-01T00:00:00Z");
  EXPECT_EQ(times.back(), "2027-08-01T00:00:00Z");
}

}  // namespace
}  // namespace hearth::events::test
