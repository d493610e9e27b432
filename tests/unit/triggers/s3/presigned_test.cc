#include "triggers/s3/presigned.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace hearth::s3 {
namespace {

constexpr int64_t kSignedMs = 784111777'000;  // 1994-11-06T08:49:37Z.

using Query = std::vector<std::pair<std::string, std::string>>;

Query V4() {
  return {{"X-Amz-Algorithm", "AWS4-HMAC-SHA256"},
          {"X-Amz-Credential", "AKID/19941106/us-east-1/s3/aws4_request"},
          {"X-Amz-Date", "19941106T084937Z"},
          {"X-Amz-Expires", "60"},
          {"X-Amz-SignedHeaders", "host"},
          {"X-Amz-Signature", "whatever"}};
}

Query With(Query query, const std::string& name, const std::string& value) {
  for (auto& [each, old] : query) {
    if (each == name) old = value;
  }
  return query;
}

std::optional<ApiError> Check(Query query, int64_t after_s = 0) {
  return CheckPresigned(Address{.query = std::move(query)}, kSignedMs + after_s * 1000);
}

TEST(S3Presigned, UrlsAreGoodUntilTheyExpire) {
  EXPECT_FALSE(Check({}));
  EXPECT_FALSE(Check({{"Expires", "1"}}));
  EXPECT_FALSE(Check(V4()));
  EXPECT_FALSE(Check(V4(), 60));
  const auto error = Check(V4(), 61);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->status, 403);
  EXPECT_EQ(error->type, "AccessDenied");
  EXPECT_EQ(error->message, "Request has expired");
  EXPECT_EQ(error->extra.at("X-Amz-Expires"), 60);
  EXPECT_EQ(error->extra.at("Expires"), "1994-11-06T08:50:37Z");
  EXPECT_EQ(error->extra.at("ServerTime"), "1994-11-06T08:50:38Z");
  EXPECT_FALSE(Check(With(V4(), "X-Amz-Expires", "604800"), 604800));
}

TEST(S3Presigned, ASignersClockMayBeALittleAhead) {
  EXPECT_FALSE(Check(V4(), -15 * 60));
  EXPECT_EQ(Check(V4(), -15 * 60 - 1)->message, "Request is not valid yet");
}

TEST(S3Presigned, ParametersThatAreMissingOrWrongAreSaid) {
  for (size_t i = 0; i < V4().size(); ++i) {
    Query query = V4();
    query.erase(query.begin() + static_cast<ptrdiff_t>(i));
    const auto error = Check(std::move(query));
    ASSERT_TRUE(error) << i;
    EXPECT_EQ(error->type, "AuthorizationQueryParametersError");
    EXPECT_EQ(error->status, 400);
    EXPECT_TRUE(error->message.starts_with("Query-string authentication version 4 requires"));
  }
  struct Case {
    std::string name, value, message;
  };
  for (const Case& each : {
           Case{"X-Amz-Algorithm", "AWS3", "X-Amz-Algorithm only supports"},
           Case{"X-Amz-Credential", "AKID", "Error parsing the X-Amz-Credential parameter"},
           Case{"X-Amz-Credential", "/1/2/3/aws4_request", "Error parsing the X-Amz-Credential"},
           Case{"X-Amz-Date", "1994-11-06T08:49:37Z", "X-Amz-Date must be in the ISO8601"},
           Case{"X-Amz-Expires", "", "X-Amz-Expires should be a number"},
           Case{"X-Amz-Expires", "1h", "X-Amz-Expires should be a number"},
           Case{"X-Amz-Expires", "-1", "X-Amz-Expires must be non-negative"},
           Case{"X-Amz-Expires", "604801", "X-Amz-Expires must be less than a week"},
           Case{"X-Amz-Expires", "99999999999999999999", "X-Amz-Expires must be less than a week"},
       }) {
    const auto error = Check(With(V4(), each.name, each.value));
    ASSERT_TRUE(error) << each.value;
    EXPECT_EQ(error->type, "AuthorizationQueryParametersError");
    EXPECT_TRUE(error->message.starts_with(each.message)) << error->message;
  }
}

TEST(S3Presigned, UrlsOfTheSecondVersionExpireAtTheirMoment) {
  const auto query = [](const std::string& expires) {
    return Query{{"AWSAccessKeyId", "AKID"}, {"Signature", "s"}, {"Expires", expires}};
  };
  EXPECT_FALSE(Check(query("784111777")));
  const auto error = Check(query("784111777"), 1);
  EXPECT_EQ(error->message, "Request has expired");
  EXPECT_EQ(error->extra.at("Expires"), "1994-11-06T08:49:37Z");
  EXPECT_EQ(Check(query("-99999999999999999999"))->extra.at("Expires"), "1970-01-01T00:00:00Z");
  EXPECT_FALSE(Check(query("99999999999999999999")));
  EXPECT_EQ(Check(query("soon"))->message, "Invalid date (should be seconds since epoch): soon");
  EXPECT_EQ(Check({{"Signature", "s"}})->type, "AccessDenied");
  EXPECT_EQ(Check({{"AWSAccessKeyId", "AKID"}, {"Expires", "784111777"}})->type, "AccessDenied");
}

}  // namespace
}  // namespace hearth::s3
