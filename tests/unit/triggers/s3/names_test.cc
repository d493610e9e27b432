#include "triggers/s3/names.h"

#include <string>

#include <gtest/gtest.h>

namespace hearth::s3 {
namespace {

TEST(S3Names, BucketsAreCalledAsAwsAllows) {
  for (const std::string name : {"abc", "my-bucket", "my.bucket.1", "0ab", "a-b.c-d", "s3-backups",
                                 "1.2.3", "1.2.3.4.5", "1.2.3.a"}) {
    EXPECT_FALSE(CheckBucketName(name)) << name;
  }
  EXPECT_FALSE(CheckBucketName(std::string(63, 'a')));
}

TEST(S3Names, OtherBucketsAreRefusedWithTheirName) {
  for (const std::string name : {"",
                                 "ab",
                                 "Abc",
                                 "a_b",
                                 "-ab",
                                 "ab-",
                                 ".ab",
                                 "ab.",
                                 "a..b",
                                 "192.168.5.4",
                                 "xn--abc",
                                 "sthree-x",
                                 "amzn-s3-demo-x",
                                 "ab-s3alias",
                                 "ab--ol-s3",
                                 "ab.mrap",
                                 "ab--x-s3",
                                 "ab--table-s3",
                                 "a b",
                                 "a/b",
                                 "\xc3\xa4\xc3\xa4\xc3\xa4"}) {
    const auto error = CheckBucketName(name);
    ASSERT_TRUE(error) << name;
    EXPECT_EQ(error->type, "InvalidBucketName");
    EXPECT_EQ(error->extra.at("BucketName"), name);
  }
  EXPECT_TRUE(CheckBucketName(std::string(64, 'a')));
}

TEST(S3Names, KeysMayBeNearlyAnything) {
  for (const std::string key :
       {"a", "/", "//", "a//b", " ", "a\nb", "\x01", "\xf0\x9f\x98\x80", "a/../b", "a/b/../../c",
        "./a", "...", "..a", "a..", "a/..", "C:\\x", "videos/2014/../../video1.wmv"}) {
    EXPECT_FALSE(CheckKey(key)) << key;
  }
  EXPECT_FALSE(CheckKey(std::string(1024, 'k')));
}

TEST(S3Names, KeysThatAreNoKeysAreRefusedByWhatIsWrong) {
  EXPECT_EQ(CheckKey("")->type, "InvalidRequest");
  const auto too_long = CheckKey(std::string(1025, 'k'));
  EXPECT_EQ(too_long->type, "KeyTooLongError");
  EXPECT_EQ(too_long->extra.at("Size"), 1025);
  EXPECT_EQ(too_long->extra.at("MaxSizeAllowed"), 1024);
  for (const std::string& key :
       {std::string("a\0b", 3), std::string("\xff"), std::string("\xc0\xaf"),
        std::string("\xed\xa0\x80"), std::string("a\xc3")}) {
    EXPECT_EQ(CheckKey(key)->type, "InvalidURI");
  }
}

TEST(S3Names, KeysThatClimbAboveTheirBucketAreRefused) {
  for (const std::string key : {"..", "../", "../a", "/..", "a/../..", "videos/../../video1.wmv",
                                "videos/../../2014/video1.wmv", "a//../../b", "./../a"}) {
    const auto error = CheckKey(key);
    ASSERT_TRUE(error) << key;
    EXPECT_EQ(error->type, "InvalidURI");
  }
}

}  // namespace
}  // namespace hearth::s3
