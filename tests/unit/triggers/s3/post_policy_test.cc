#include "triggers/s3/post_policy.h"

#include <string>

#include <gtest/gtest.h>

#include "base/digest.h"

namespace hearth::s3 {
namespace {

constexpr int64_t kNowMs = 1'000'000'000'000;  // 2001-09-09T01:46:40Z.

PostFields With(const std::string& policy, PostFields fields) {
  fields["policy"] = base::Base64Encode(policy);
  return fields;
}

std::string Policy(const std::string& conditions) {
  return R"({"expiration": "2001-09-09T01:46:41.000Z", "conditions": [)" + conditions + "]}";
}

// "" where the form is allowed.
std::string Said(const PostFields& fields, uint64_t size = 5) {
  const auto error = CheckPostPolicy(fields, "my-bucket", size, kNowMs);
  return error ? error->type + ": " + error->message : "";
}

TEST(S3PostPolicy, AllowsWhatItsConditionsSay) {
  const std::string policy = Policy(
      R"({"bucket": "my-bucket"}, ["starts-with", "$key", "user/"], {"ACL": "public-read"},
         ["eq", "$Content-Type", "image/png"], ["starts-with", "$x-amz-meta-any", ""],
         ["content-length-range", 5, "10"])");
  const PostFields fields = {
      {"key", "user/a"},       {"acl", "public-read"}, {"content-type", "image/png"},
      {"x-amz-meta-any", "x"}, {"x-ignore-me", "x"},   {"x-amz-signature", "s"},
      {"awsaccesskeyid", "k"}, {"signature", "s"}};
  EXPECT_EQ(Said(With(policy, fields)), "");
  const auto sizes = ReadPostPolicy(With(policy, fields), "my-bucket", kNowMs);
  EXPECT_EQ(sizes->least, 5u);
  EXPECT_EQ(sizes->most, 10u);
  EXPECT_EQ(Said(With(policy, fields), 10), "");
  const auto small = CheckPostSize(*sizes, 4);
  EXPECT_EQ(small->type, "EntityTooSmall");
  EXPECT_EQ(small->extra.at("MinSizeAllowed"), 5);
  const auto large = CheckPostSize(*sizes, 11);
  EXPECT_EQ(large->type, "EntityTooLarge");
  EXPECT_EQ(large->extra.at("ProposedSize"), 11);
  EXPECT_EQ(Said({{"key", "k"}, {"anything", "x"}}), "") << "without a policy";
}

TEST(S3PostPolicy, DeniesWhatItDoesNotCover) {
  const std::string failed = "AccessDenied: Invalid according to Policy: Policy Condition failed: ";
  EXPECT_EQ(Said(With(Policy(R"(["eq", "$key", "a"])"), {{"key", "b"}})),
            failed + R"(["eq", "$key", "a"])");
  EXPECT_EQ(Said(With(Policy(R"(["starts-with", "$key", "user/"])"), {{"key", "use"}})),
            failed + R"(["starts-with", "$key", "user/"])");
  EXPECT_EQ(Said(With(Policy(R"({"bucket": "other"})"), {})),
            failed + R"(["eq", "$bucket", "other"])");
  // A field that is missing is not an empty one.
  EXPECT_EQ(Said(With(Policy(R"(["starts-with", "$Content-Type", ""])"), {})),
            failed + R"(["starts-with", "$Content-Type", ""])");
  EXPECT_EQ(Said(With(Policy(R"({"key": "k"})"), {{"key", "k"}, {"x-amz-meta-more", "x"}})),
            "AccessDenied: Invalid according to Policy: Extra input fields: x-amz-meta-more");
  // Each type of a list begins as the condition says.
  const std::string types = Policy(R"(["starts-with", "$Content-Type", "image/"])");
  EXPECT_EQ(Said(With(types, {{"content-type", "image/png, image/gif"}})), "");
  EXPECT_NE(Said(With(types, {{"content-type", "image/png, text/html"}})), "");
}

TEST(S3PostPolicy, Expires) {
  const PostFields fields = With(Policy(""), {});
  EXPECT_FALSE(CheckPostPolicy(fields, "b", 1, kNowMs + 999));
  const auto error = CheckPostPolicy(fields, "b", 1, kNowMs + 1000);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->status, 403);
  EXPECT_EQ(error->message, "Invalid according to Policy: Policy expired.");
}

TEST(S3PostPolicy, ThatCannotBeReadIsRefused) {
  for (const std::string policy :
       {"", "{", "[]", "{}", R"({"conditions": []})", R"({"expiration": "2099-01-01T00:00:00Z"})",
        R"({"expiration": "soon", "conditions": []})", R"({"expiration": 5, "conditions": []})",
        R"({"expiration": "2099-01-01T00:00:00Z", "conditions": {}})"}) {
    EXPECT_TRUE(Said(With(policy, {})).starts_with("InvalidPolicyDocument: Invalid Policy: "))
        << policy;
  }
  for (const std::string condition :
       {"5", "null", "{}", R"({"a": "b", "c": "d"})", R"({"a": 5})", "[]", R"(["eq", "$key"])",
        R"(["eq", "key", "a"])", R"(["eq", "$key", 5])", R"(["like", "$key", "a"])", R"([1, 2, 3])",
        R"(["content-length-range", -1, 5])", R"(["content-length-range", "x", 5])",
        R"(["content-length-range", 1.5, 5])"}) {
    EXPECT_TRUE(Said(With(Policy(condition), {})).starts_with("InvalidPolicyDocument: "))
        << condition;
  }
  EXPECT_TRUE(Said({{"policy", "!"}}).starts_with("InvalidPolicyDocument: "));
  // As some clients wrap it.
  std::string wrapped = base::Base64Encode(Policy(""));
  wrapped.insert(20, "\r\n");
  EXPECT_EQ(Said({{"policy", wrapped}}), "");
}

}  // namespace
}  // namespace hearth::s3
