#include "aws/sigv4.h"

#include <gtest/gtest.h>

namespace hearth::aws {
namespace {

const std::string kDigits(64, 'a');

std::optional<Signature> Read(const std::string& field, const std::string& date) {
  io::HttpRequest request;
  request.target = "/";
  if (!field.empty()) request.headers.Add("Authorization", field);
  if (!date.empty()) request.headers.Add("X-Amz-Date", date);
  return ReadSignature(request);
}

TEST(ReadSignature, FindsTheKeyOfAWellFormedField) {
  const auto got = Read(
      "AWS4-HMAC-SHA256 Credential=a/b/20260806/us-east-1/lambda/aws4_request, "
      "SignedHeaders=host, Signature=" +
          kDigits,
      "20260806T123456Z");
  ASSERT_TRUE(got);
  EXPECT_EQ(got->access_key, "a/b");
  EXPECT_EQ(got->region, "us-east-1");
  EXPECT_EQ(got->service, "lambda");
}

TEST(ReadSignature, RefusesWhatIsMalformed) {
  const std::string scope = "Credential=k/20260806/r/lambda/aws4_request";
  const std::string rest = ", SignedHeaders=host, Signature=" + kDigits;
  const std::string good = "AWS4-HMAC-SHA256 " + scope + rest;
  ASSERT_TRUE(Read(good, "20260806T123456Z"));
  EXPECT_FALSE(Read(good, ""));
  EXPECT_FALSE(Read(good, "20260806T12345Z"));
  EXPECT_FALSE(Read(good, "20260806 123456Z"));
  for (const std::string& bad :
       {std::string(), std::string("Bearer x"), std::string("AWS4-HMAC-SHA256"),
        std::string("AWS4-HMAC-SHA256 "), "AWS4-HMAC-SHA256 " + scope,
        "AWS4-HMAC-SHA256" + scope + rest, "AWS4-HMAC-SHA256 " + scope + ",," + rest,
        "AWS4-HMAC-SHA256 Credential=/20260806/r/lambda/aws4_request" + rest,
        "AWS4-HMAC-SHA256 Credential=k/2026/r/lambda/aws4_request" + rest,
        "AWS4-HMAC-SHA256 Credential=k/20260806/r//aws4_request" + rest,
        "AWS4-HMAC-SHA256 Credential=k/20260806/r/lambda/aws5" + rest, good + "a"}) {
    EXPECT_FALSE(Read(bad, "20260806T123456Z")) << bad;
  }
}

TEST(ReadSignature, FindsTheKeyOfAPresignedQuery) {
  io::HttpRequest request;
  const std::string good =
      "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=k%2F20260806%2Fr%2Flambda%2Faws4_request"
      "&X-Amz-Date=20260806T123456Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=";
  request.target = good + kDigits;
  ASSERT_TRUE(ReadSignature(request));
  EXPECT_EQ(ReadSignature(request)->access_key, "k");
  request.target = good + "short";
  EXPECT_FALSE(ReadSignature(request));
}

}  // namespace
}  // namespace hearth::aws
