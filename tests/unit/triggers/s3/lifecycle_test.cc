#include "triggers/s3/lifecycle.h"

#include <string>

#include <gtest/gtest.h>

namespace hearth::s3 {
namespace {

std::string Configuration(const std::string& rules) {
  return "<LifecycleConfiguration>" + rules + "</LifecycleConfiguration>";
}
std::string Rule(const std::string& inner, const std::string& id = "") {
  return "<Rule>" + (id.empty() ? "" : "<ID>" + id + "</ID>") + "<Status>Enabled</Status>" + inner +
         "</Rule>";
}
std::string Days(const std::string& days) {
  return "<Expiration><Days>" + days + "</Days></Expiration>";
}
const std::string kAll = "<Filter/>";
const std::string kTag = "<Tag><Key>k</Key><Value>v</Value></Tag>";

std::string Said(const std::string& rules) {
  const auto read = ReadLifecycle(Configuration(rules));
  return read ? "" : read.error().type + ": " + read.error().message;
}

TEST(S3Lifecycle, RulesAreReadAndGivenBack) {
  const auto rules = ReadLifecycle(Configuration(
      Rule("<Filter><And><Prefix>logs/</Prefix>" + kTag +
               "<ObjectSizeGreaterThan>10</ObjectSizeGreaterThan>"
               "<ObjectSizeLessThan>1000</ObjectSizeLessThan></And></Filter>" +
               Days("30") +
               "<NoncurrentVersionExpiration><NoncurrentDays>5</NoncurrentDays>"
               "<NewerNoncurrentVersions>3</NewerNoncurrentVersions></NoncurrentVersionExpiration>",
           "all") +
      "<Rule><Status>Disabled</Status><Prefix>old/</Prefix><Expiration>"
      "<Date>2026-12-01T00:00:00Z</Date></Expiration><AbortIncompleteMultipartUpload>"
      "<DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>" +
      Rule(kAll + "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker>"
                  "</Expiration>")));
  ASSERT_TRUE(rules) << rules.error().message;
  ASSERT_EQ(rules->size(), 3u);
  const LifecycleRule& first = rules->front();
  EXPECT_EQ(first.id, "all");
  EXPECT_TRUE(first.is_enabled);
  EXPECT_EQ(first.prefix, "logs/");
  EXPECT_EQ(first.tags.at("k"), "v");
  EXPECT_EQ(first.larger_than, 10u);
  EXPECT_EQ(first.smaller_than, 1000u);
  EXPECT_EQ(first.expiration_days, 30);
  EXPECT_EQ(first.noncurrent_days, 5);
  EXPECT_EQ(first.noncurrent_versions_kept, 3);
  EXPECT_FALSE((*rules)[1].is_enabled);
  EXPECT_EQ((*rules)[1].expiration_date_ms, 1796083200000);
  EXPECT_EQ((*rules)[1].abort_uploads_days, 7);
  EXPECT_TRUE((*rules)[2].expires_delete_markers);
  const std::string xml = LifecycleXml(*rules);
  EXPECT_EQ(xml.substr(xml.find("<Rule><ID>rule-1")),
            "<Rule><ID>rule-1</ID><Prefix>old/</Prefix><Status>Disabled</Status><Expiration>"
            "<Date>2026-12-01T00:00:00.000Z</Date></Expiration><AbortIncompleteMultipartUpload>"
            "<DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>"
            "<Rule><ID>rule-2</ID><Filter><Prefix></Prefix></Filter><Status>Enabled</Status>"
            "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>"
            "</Rule></LifecycleConfiguration>");
  EXPECT_EQ(LifecycleXml(*ReadLifecycle(xml)), xml);
}

TEST(S3Lifecycle, NamesThatAreMadeAreNobodyElses) {
  const auto rules = ReadLifecycle(Configuration(
      Rule(kAll + Days("1")) + Rule(kAll + Days("1"), "rule-1") + Rule(kAll + Days("1"))));
  ASSERT_TRUE(rules);
  EXPECT_EQ((*rules)[0].id, "rule-2");
  EXPECT_EQ((*rules)[1].id, "rule-1");
  EXPECT_EQ((*rules)[2].id, "rule-3");
}

TEST(S3Lifecycle, RulesThatMayNotBeAreRefusedInAwssWords) {
  struct Case {
    std::string rules;
    std::string said;
  };
  for (const Case& each : {
           Case{Rule(kAll), "InvalidRequest: At least one action needs to be specified in a rule"},
           Case{Rule(kAll + Days("0")),
                "InvalidArgument: 'Days' for Expiration action must be a positive integer"},
           Case{Rule(kAll + Days("-1")),
                "InvalidArgument: 'Days' for Expiration action must be a positive integer"},
           Case{Rule(kAll + "<NoncurrentVersionExpiration><NoncurrentDays>0</NoncurrentDays>"
                            "</NoncurrentVersionExpiration>"),
                "InvalidArgument: 'NoncurrentDays' for NoncurrentVersionExpiration action must be "
                "a positive integer"},
           Case{Rule(kAll + "<AbortIncompleteMultipartUpload><DaysAfterInitiation>0"
                            "</DaysAfterInitiation></AbortIncompleteMultipartUpload>"),
                "InvalidArgument: 'DaysAfterInitiation' for AbortIncompleteMultipartUpload action "
                "must be a positive integer"},
           Case{Rule(kAll + "<Expiration><Date>2026-12-01T01:00:00Z</Date></Expiration>"),
                "InvalidArgument: 'Date' must be at midnight GMT"},
           Case{Rule(kAll + Days("1"), "a") + Rule(kAll + Days("1"), "a"),
                "InvalidArgument: Rule ID must be unique. Found same ID for more than one rule"},
           Case{Rule(kAll + Days("1"), std::string(256, 'i')),
                "InvalidArgument: ID length should not exceed allowed limit of 255"},
           Case{Rule("<Filter>" + kTag +
                     "</Filter><AbortIncompleteMultipartUpload>"
                     "<DaysAfterInitiation>1</DaysAfterInitiation>"
                     "</AbortIncompleteMultipartUpload>"),
                "InvalidRequest: AbortIncompleteMultipartUpload cannot be specified with Tags."},
           Case{Rule("<Filter><And>" + kTag + kTag + "</And></Filter>" + Days("1")),
                "InvalidRequest: Duplicate Tag Keys are not allowed."},
       }) {
    EXPECT_EQ(Said(each.rules), each.said);
  }
}

TEST(S3Lifecycle, WhatIsNotServedIsRefusedByItsName) {
  for (const std::string name : {"Transition", "NoncurrentVersionTransition", "Else"}) {
    EXPECT_EQ(Said(Rule(kAll + Days("1") + "<" + name + "/>")),
              "NotImplemented: The element '" + name + "' is not implemented");
  }
}

TEST(S3Lifecycle, WhatIsNotWhatItShouldBeIsMalformed) {
  const std::string one = Days("1");
  for (const std::string& rules : {
           std::string(""),
           Rule(one),
           Rule(kAll + "<Prefix/>" + one),
           Rule(kAll + Days("x")),
           Rule(kAll + Days("")),
           "<Rule>" + kAll + one + "</Rule>",
           "<Rule><Status>on</Status>" + kAll + one + "</Rule>",
           Rule(kAll + "<Expiration/>"),
           Rule(kAll + "<Expiration><Days>1</Days><Date>2026-12-01</Date></Expiration>"),
           Rule(kAll + "<Expiration><Date>soon</Date></Expiration>"),
           Rule("<Filter><Prefix/>" + kTag + "</Filter>" + one),
           Rule("<Filter><And>" + kTag + "</And></Filter>" + one),
           Rule("<Filter><Tag><Key>k</Key></Tag></Filter>" + one),
           Rule("<Filter><ObjectSizeLessThan>x</ObjectSizeLessThan></Filter>" + one),
           Rule(kAll + "<NoncurrentVersionExpiration/>"),
           Rule(kAll + "<AbortIncompleteMultipartUpload/>"),
       }) {
    EXPECT_TRUE(Said(rules).starts_with("MalformedXML")) << rules << Said(rules);
  }
  std::string many;
  for (int i = 0; i < 1001; ++i) many += Rule(kAll + one);
  EXPECT_TRUE(Said(many).starts_with("InvalidRequest: The number of lifecycle rules"));
}

}  // namespace
}  // namespace hearth::s3
