#include "triggers/s3/addressing.h"

#include <string>

#include <gtest/gtest.h>

namespace hearth::s3 {
namespace {

std::expected<Address, ApiError> Read(const std::string& target,
                                      const std::string& host = "localhost:4566") {
  io::HttpRequest request{.method = "GET", .target = target, .headers = {}, .body = "", .peer = ""};
  request.headers.Add("Host", host);
  return ReadAddress(request);
}

TEST(S3Addressing, APathNamesABucketAndAKey) {
  struct Case {
    std::string target, bucket, key;
  };
  for (const Case& each : {
           Case{"/", "", ""},
           Case{"/bucket", "bucket", ""},
           Case{"/bucket/", "bucket", ""},
           Case{"/bucket?location", "bucket", ""},
           Case{"/bucket/a/b", "bucket", "a/b"},
           Case{"/bucket//a//", "bucket", "/a//"},
           Case{"/bucket/a%2Fb%20c+d", "bucket", "a/b c+d"},
           Case{"/bucket/%252F", "bucket", "%2F"},
           Case{"/bucket/../x", "bucket", "../x"},
           Case{"/bucket/%00", "bucket", std::string("\0", 1)},
           Case{"//key", "", "key"},
       }) {
    const auto address = Read(each.target);
    ASSERT_TRUE(address) << each.target;
    EXPECT_EQ(address->bucket, each.bucket) << each.target;
    EXPECT_EQ(address->key, each.key) << each.target;
    EXPECT_FALSE(address->virtual_host);
  }
}

TEST(S3Addressing, AHostNamesTheBucketWhereItHoldsOne) {
  struct Case {
    std::string host, bucket;
  };
  for (const Case& each : {
           Case{"bucket.s3.amazonaws.com", "bucket"},
           Case{"bucket.s3.eu-west-1.amazonaws.com:443", "bucket"},
           Case{"bucket.s3-eu-west-1.amazonaws.com", "bucket"},
           Case{"my.dotted.bucket.s3.localhost:4566", "my.dotted.bucket"},
           Case{"s3-backups.s3.us-east-1.amazonaws.com", "s3-backups"},
           Case{"my.s3.bucket.s3.us-east-1.amazonaws.com", "my.s3.bucket"},
           Case{"bucket.s3.localhost.localstack.cloud", "bucket"},
           Case{"bucket.s3-external-1.amazonaws.com", "bucket"},
           Case{"bucket.s3-fips.us-east-1.amazonaws.com", "bucket"},
           Case{"bucket.s3-accelerate.amazonaws.com", "bucket"},
           Case{"bucket.s3.dualstack.us-west-2.amazonaws.com", "bucket"},
           Case{"my.s3-bucket.localhost", "my.s3-bucket"},
           Case{"my.s3-bucket.s3.localhost", "my.s3-bucket"},
           Case{"s3-backups.localhost:4566", "s3-backups"},
           Case{"bucket..s3.localhost", "bucket."},
           Case{"bucket.localhost", "bucket"},
           Case{"my.bucket.localhost:4566", "my.bucket"},
           Case{"BUCKET.S3.LocalHost", "bucket"},
           Case{"localhost", ""},
           Case{"localhost:4566", ""},
           Case{".localhost", ""},
           Case{"127.0.0.1:4566", ""},
           Case{"[::1]:4566", ""},
           Case{"[::1]", ""},
           Case{"s3.amazonaws.com", ""},
           Case{"s3.localhost:4566", ""},
           Case{"s3.us-east-1.localhost", ""},
           Case{"s3-us-west-2.amazonaws.com", ""},
           Case{"host.docker.internal:4566", ""},
           Case{"example.com", ""},
           Case{".s3.amazonaws.com", ""},
           Case{"", ""},
       }) {
    EXPECT_EQ(BucketOfHost(each.host), each.bucket) << each.host;
  }
  const auto address = Read("/a/b", "bucket.s3.localhost:4566");
  EXPECT_EQ(address->bucket, "bucket");
  EXPECT_EQ(address->key, "a/b");
  EXPECT_TRUE(address->virtual_host);
  EXPECT_EQ(Read("/", "bucket.localhost")->key, "");
  EXPECT_EQ(Read("//", "bucket.localhost")->key, "/");
}

TEST(S3Addressing, AQueryKeepsItsOrderAndItsPlusesAreSpaces) {
  const auto address = Read("/b?list-type=2&prefix=a+b%2Bc&delete&x=1=2&x=3&&empty=");
  ASSERT_TRUE(address);
  ASSERT_EQ(address->query.size(), 6u);
  EXPECT_EQ(*address->Find("prefix"), "a b+c");
  EXPECT_TRUE(address->Has("delete"));
  EXPECT_EQ(*address->Find("delete"), "");
  EXPECT_EQ(*address->Find("x"), "1=2");
  EXPECT_EQ(address->query[4].second, "3");
  EXPECT_FALSE(address->Has("Prefix"));
  EXPECT_EQ(Read("/b/k?versionId=a/b?c")->key, "k");
}

TEST(S3Addressing, WhatIsNoPathOrIsBadlyEscapedIsRefused) {
  for (const std::string target :
       {"*", "bucket/key", "", "/b/%", "/b/%2", "/b/%zz", "/b?x=%", "/b?%4=x", "?x"}) {
    const auto address = Read(target);
    ASSERT_FALSE(address) << target;
    EXPECT_EQ(address.error().type, "InvalidURI");
  }
}

}  // namespace
}  // namespace hearth::s3
