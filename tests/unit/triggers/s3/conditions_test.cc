#include "triggers/s3/conditions.h"

#include <string>

#include <gtest/gtest.h>

namespace hearth::s3 {
namespace {

constexpr int64_t kModifiedMs = 784111777'500;
const std::string kModified = "Sun, 06 Nov 1994 08:49:37 GMT";
const std::string kBefore = "Sun, 06 Nov 1994 08:49:36 GMT";
const std::string kEtag = "\"abc\"";

std::string RangeOf(std::string_view header, uint64_t size) {
  const auto range = ReadRange(header, size);
  if (!range) return range.error().type;
  if (!*range) return "all";
  return std::to_string((*range)->first) + "-" + std::to_string((*range)->last);
}

TEST(S3Range, IsOneRangeWithinTheObject) {
  struct Case {
    std::string header;
    uint64_t size;
    std::string range;
  };
  for (const Case& each : {
           Case{"bytes=0-0", 10, "0-0"},
           Case{"bytes=2-5", 10, "2-5"},
           Case{"bytes=2-", 10, "2-9"},
           Case{"bytes=-3", 10, "7-9"},
           Case{"bytes=-30", 10, "0-9"},
           Case{"bytes=9-99999999999999999999999", 10, "9-9"},
           Case{"bytes=-99999999999999999999999", 10, "0-9"},
           Case{"Bytes=1-1", 10, "1-1"},
           Case{"bytes=10-", 10, "InvalidRange"},
           Case{"bytes=10-20", 10, "InvalidRange"},
           Case{"bytes=99999999999999999999999-", 10, "InvalidRange"},
           Case{"bytes=18446744073709551615-18446744073709551615", 10, "InvalidRange"},
           Case{"bytes=-0", 10, "InvalidRange"},
           Case{"bytes=0-", 0, "InvalidRange"},
           Case{"bytes=-1", 0, "InvalidRange"},
           Case{"", 10, "all"},
           Case{"bytes", 10, "all"},
           Case{"bytes=", 10, "all"},
           Case{"bytes=-", 10, "all"},
           Case{"bytes=5", 10, "all"},
           Case{"bytes=5-2", 10, "all"},
           Case{"bytes=a-b", 10, "all"},
           Case{"bytes=1-b", 10, "all"},
           Case{"bytes=-1-2", 10, "all"},
           Case{"bytes=+1-2", 10, "all"},
           Case{"bytes=0-1,3-4", 10, "all"},
           Case{"items=0-1", 10, "all"},
       }) {
    EXPECT_EQ(RangeOf(each.header, each.size), each.range) << each.header;
  }
  const auto error = ReadRange("bytes=10-20", 10).error();
  EXPECT_EQ(error.status, 416);
  EXPECT_EQ(error.extra.at("RangeRequested"), "bytes=10-20");
  EXPECT_EQ(error.extra.at("ActualObjectSize"), 10);
}

TEST(S3Range, OfACopyIsWhole) {
  EXPECT_FALSE(*ReadCopyRange("", 10));
  EXPECT_EQ((*ReadCopyRange("bytes=0-9", 10))->size(), 10u);
  for (const std::string header :
       {"bytes=0-10", "bytes=0-", "bytes=-5", "0-5", "bytes=5-2", "bytes=0-1,2-3", "bytes=20-30"}) {
    const auto range = ReadCopyRange(header, 10);
    ASSERT_FALSE(range) << header;
    EXPECT_EQ(range.error().type, "InvalidArgument");
    EXPECT_EQ(range.error().extra.at("ArgumentValue"), header);
  }
}

struct Fields {
  std::string match, none_match, modified_since, unmodified_since;
};

Conditions Of(const Fields& fields, const std::string& prefix = "") {
  io::HttpHeaders headers;
  const auto add = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) headers.Add(prefix + name, value);
  };
  add("if-match", fields.match);
  add("if-none-match", fields.none_match);
  add("if-modified-since", fields.modified_since);
  add("if-unmodified-since", fields.unmodified_since);
  return Conditions::Of(headers, prefix);
}

TEST(S3Conditions, OfAReadFollowTheirPrecedence) {
  struct Case {
    Fields fields;
    int status;  // 200: it holds.
  };
  for (const Case& each : {
           Case{{"", "", "", ""}, 200},
           Case{{"\"abc\"", "", "", ""}, 200},
           Case{{"abc", "", "", ""}, 200},
           Case{{"*", "", "", ""}, 200},
           Case{{"\"x\", \"abc\"", "", "", ""}, 200},
           Case{{"x,abc ,y", "", "", ""}, 200},
           Case{{"\"x\"", "", "", ""}, 412},
           Case{{"W/\"abc\"", "", "", ""}, 412},
           Case{{"\"*\"", "", "", ""}, 412},
           Case{{"\"a,b\", \"abcd\"", "", "", ""}, 412},
           Case{{"\"abc", "", "", ""}, 200},
           Case{{"", "\"abc\"", "", ""}, 304},
           Case{{"", "W/\"abc\"", "", ""}, 304},
           Case{{"", "*", "", ""}, 304},
           Case{{"", "\"x\"", "", ""}, 200},
           Case{{"", "", kModified, ""}, 304},
           Case{{"", "", kBefore, ""}, 200},
           Case{{"", "", "", kModified}, 200},
           Case{{"", "", "", kBefore}, 412},
           // An ETag counts instead of a date.
           Case{{"\"abc\"", "", "", kBefore}, 200},
           Case{{"\"x\"", "", "", kModified}, 412},
           Case{{"", "\"abc\"", kBefore, ""}, 304},
           Case{{"", "\"x\"", kModified, ""}, 200},
           // What fails is said before what has not changed.
           Case{{"\"x\"", "\"abc\"", "", ""}, 412},
           Case{{"\"abc\"", "\"abc\"", "", ""}, 304},
           Case{{"", "", kModified, kBefore}, 412},
           // A date that cannot be read is none.
           Case{{"", "", "yesterday", "yesterday"}, 200},
       }) {
    const auto error = Of(each.fields).CheckRead(kEtag, kModifiedMs);
    EXPECT_EQ(error ? error->status : 200, each.status)
        << each.fields.match << "|" << each.fields.none_match << "|" << each.fields.modified_since
        << "|" << each.fields.unmodified_since;
  }
  EXPECT_EQ(Of({"x", "", "", ""}).CheckRead("abc", 0)->extra.at("Condition"), "If-Match");
  EXPECT_FALSE(Of({"abc", "", "", ""}).CheckRead("abc", 0));
}

TEST(S3Conditions, OfACopyAreThoseOfItsSourceAndNeverSayNotModified) {
  const std::string prefix = "x-amz-copy-source-";
  const auto check = [&](const Fields& fields) {
    const auto error = Of(fields, prefix).CheckRead(kEtag, kModifiedMs, Conditions::Use::kCopy);
    return error ? error->extra.at("Condition").get<std::string>() : "";
  };
  EXPECT_EQ(check({"\"abc\"", "", "", kBefore}), "");
  EXPECT_EQ(check({"", "\"abc\"", kBefore, ""}), prefix + "If-None-Match");
  EXPECT_EQ(check({"", "", kModified, ""}), prefix + "If-Modified-Since");
  EXPECT_EQ(check({"\"x\"", "", "", ""}), prefix + "If-Match");
  io::HttpHeaders others;
  others.Add("If-Match", "\"x\"");
  EXPECT_FALSE(Conditions::Of(others, prefix).any());
  EXPECT_TRUE(Conditions::Of(others).any());
}

}  // namespace
}  // namespace hearth::s3
