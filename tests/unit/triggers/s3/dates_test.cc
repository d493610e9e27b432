#include "triggers/s3/dates.h"

#include <string>

#include <gtest/gtest.h>

namespace hearth::s3 {
namespace {

constexpr int64_t kMoment = 784111777;  // RFC 9110's own example.

TEST(S3Dates, HttpsThreeFormsAreOneMoment) {
  EXPECT_EQ(HttpDate(kMoment), "Sun, 06 Nov 1994 08:49:37 GMT");
  for (const std::string text :
       {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994", "1994-11-06T08:49:37Z", "1994-11-06T08:49:37.999Z"}) {
    EXPECT_EQ(ParseHttpDate(text), kMoment) << text;
  }
  for (const std::string text :
       {"", "yesterday", "Sun, 06 Nov 1994 08:49:37", "784111777", "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 25:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT, and more"}) {
    EXPECT_EQ(ParseHttpDate(text), std::nullopt) << text;
  }
  EXPECT_EQ(ParseHttpDate(std::string(100000, 'S')), std::nullopt);
  EXPECT_EQ(ParseHttpDate(HttpDate(0)), 0);
}

TEST(S3Dates, IsoTimesHaveFractionsAndZones) {
  EXPECT_EQ(IsoTime(kMoment * 1000 + 7), "1994-11-06T08:49:37.007Z");
  struct Case {
    std::string text;
    int64_t ms;
  };
  for (const Case& each : {
           Case{"1994-11-06T08:49:37Z", 0},
           Case{"1994-11-06T08:49:37.5Z", 500},
           Case{"1994-11-06T08:49:37.123456789Z", 123},
           Case{"1994-11-06T09:49:37+01:00", 0},
           Case{"1994-11-06T04:19:37.001-04:30", 1},
       }) {
    EXPECT_EQ(ParseIsoTime(each.text), kMoment * 1000 + each.ms) << each.text;
  }
  EXPECT_EQ(ParseIsoTime("1970-01-02"), 86400000);
  for (const std::string text :
       {"", "1994", "1994-11-06T08:49:37", "1994-11-06T08:49:37.Z", "1994-11-06T08:49:37+1:00",
        "1994-11-06T08:49:37+01:60", "1994-11-06T08:49:37+24:00", "1994-13-06T08:49:37Z",
        "1994-02-30", "1994-11-06T", "1994-11-06 08:49:37Z", " 1994-11-06"}) {
    EXPECT_EQ(ParseIsoTime(text), std::nullopt) << text;
  }
}

TEST(S3Dates, BasicTimesAreThoseOfSignatures) {
  EXPECT_EQ(ParseBasicTime("19941106T084937Z"), kMoment);
  for (const std::string text : {"", "19941106T084937", "19941106T0849370", "1994110T0084937Z",
                                 "19941306T084937Z", "19940230T084937Z", "1994 106T084937Z"}) {
    EXPECT_EQ(ParseBasicTime(text), std::nullopt) << text;
  }
}

TEST(S3Dates, WhatNoClockCanTellBecomesTheNearestMoment) {
  EXPECT_EQ(IsoTime(*ParseIsoTime("1013-08-06T12:34:56.789Z")).substr(0, 4), "1677");
  EXPECT_EQ(IsoTime(INT64_MIN).substr(0, 4), "1677");
  EXPECT_EQ(IsoTime(INT64_MAX).substr(0, 4), "2262");
}

}  // namespace
}  // namespace hearth::s3
