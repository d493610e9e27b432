#include "expressions/time_zone.h"

#include <gtest/gtest.h>

#include "times.h"

namespace hearth::expressions {
namespace {

using Kind = TimeZone::Moment::Kind;

TEST(TimeZone, TellsLocalTimeOfAMoment) {
  const TimeZone kolkata = MUST(TimeZone::Load("Asia/Kolkata"));
  EXPECT_EQ(Text(kolkata.ToCivil(At("2026-01-01 00:00:59"))), "2026-01-01 05:30:59");
  EXPECT_EQ(kolkata.name(), "Asia/Kolkata");
}

TEST(TimeZone, DropsWhatIsLeftOfASecondTowardsThePast) {
  const auto before = base::WallTime(std::chrono::nanoseconds(-1));
  EXPECT_EQ(Text(TimeZone::Utc().ToCivil(before)), "1969-12-31 23:59:59");
}

TEST(TimeZone, TellsSkippedAndRepeatedTimesFromOthers) {
  const TimeZone berlin = MUST(TimeZone::Load("Europe/Berlin"));
  const auto unique = berlin.FromCivil(Civil("2026-03-29 01:59"));
  EXPECT_EQ(unique.kind, Kind::kUnique);
  EXPECT_EQ(Text(unique.at), "2026-03-29 00:59:00");
  const auto skipped = berlin.FromCivil(Civil("2026-03-29 02:30"));
  EXPECT_EQ(skipped.kind, Kind::kSkipped);
  EXPECT_EQ(Text(skipped.at), "2026-03-29 01:00:00");
  const auto repeated = berlin.FromCivil(Civil("2026-10-25 02:30"));
  EXPECT_EQ(repeated.kind, Kind::kRepeated);
  EXPECT_EQ(Text(repeated.at), "2026-10-25 00:30:00");
}

TEST(TimeZone, KnowsADayThatAPlaceLeftOut) {
  const TimeZone apia = MUST(TimeZone::Load("Pacific/Apia"));
  EXPECT_EQ(apia.FromCivil(Civil("2011-12-30 12:00")).kind, Kind::kSkipped);
}

TEST(TimeZone, RefusesWhatIsNoNameOfAZone) {
  for (const std::string name : {"",
                                 "Nowhere/City",
                                 "europe/berlin",
                                 "Europe",
                                 "/etc/localtime",
                                 "../../etc/passwd",
                                 "Europe/../UTC",
                                 "file:/etc/localtime",
                                 "right/UTC",
                                 "posix/UTC",
                                 "localtime",
                                 "posixrules",
                                 "zone.tab",
                                 "tzdata.zi",
                                 "Fixed/UTC+05:00:00",
                                 "UTC\n",
                                 "Europe/Berlin ",
                                 "Europe//Berlin/",
                                 "America//New_York",
                                 "America///New_York",
                                 "Europe/Berlin/"}) {
    EXPECT_FALSE(TimeZone::Load(name).has_value()) << name;
  }
  EXPECT_FALSE(TimeZone::Load(std::string(1'000'000, 'A')).has_value());
  EXPECT_FALSE(TimeZone::Load(std::string_view("UTC\0", 4)).has_value());
}

TEST(TimeZone, LoadsEveryZoneThatAwsLists) {
  for (const std::string name : {"UTC", "America/New_York", "America/Argentina/Buenos_Aires",
                                 "Etc/GMT+12", "EST5EDT", "Asia/Kathmandu", "Antarctica/Troll"}) {
    EXPECT_TRUE(TimeZone::Load(name).has_value()) << name;
  }
}

}  // namespace
}  // namespace hearth::expressions
