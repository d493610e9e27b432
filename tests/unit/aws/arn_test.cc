#include "aws/arn.h"

#include <gtest/gtest.h>

namespace hearth::aws {
namespace {

TEST(ParseArn, ReadsEachPartAndWritesItBack) {
  for (const std::string text : {"arn:aws:lambda:us-east-1:123456789012:function:F:PROD",
                                 "arn:aws:s3:::bucket/key:with/all", "arn:aws-cn:iam::1:role/a",
                                 "arn:aws:sns:us-east-1:000000000000:topic:", "arn:a:b:c:d::"}) {
    const auto arn = ParseArn(text);
    ASSERT_TRUE(arn) << text;
    EXPECT_EQ(arn->ToString(), text);
  }
  const Arn arn = MUST(ParseArn("arn:aws:lambda:eu-west-1:123456789012:function:F:PROD"));
  EXPECT_EQ(arn.service, "lambda");
  EXPECT_EQ(arn.region, "eu-west-1");
  EXPECT_EQ(arn.account, "123456789012");
  EXPECT_EQ(arn.resource, "function:F:PROD");
}

TEST(ParseArn, RefusesWhatIsNoArnAndNamesIt) {
  for (const std::string text : {"", "arn", "arn:", "arn:aws:lambda", "arn:aws:lambda:r:a",
                                 "arn:aws:lambda:r:a:", "ARN:aws:lambda:r:a:f", ":aws:l:r:a:f",
                                 "arn::lambda:r:a:f", "arn:aws::r:a:f", "urn:aws:l:r:a:f"}) {
    const auto arn = ParseArn(text);
    ASSERT_FALSE(arn) << text;
    EXPECT_EQ(arn.error().kind, base::ErrorKind::kInvalid);
    EXPECT_NE(arn.error().text.find("'" + text + "'"), std::string::npos) << text;
  }
  EXPECT_LT(ParseArn(std::string(1000000, 'x')).error().text.size(), 500u);
}

struct Name {
  std::string text;
  FunctionName wanted;
};

TEST(ParseFunctionName, ReadsEveryFormThatAwsAccepts) {
  const std::string long_name(64, 'n');
  const Name names[] = {
      {"F", {"F", "", "", ""}},
      {"my-Function_1", {"my-Function_1", "", "", ""}},
      {long_name, {long_name, "", "", ""}},
      {"F:PROD", {"F", "PROD", "", ""}},
      {"F:$LATEST", {"F", "$LATEST", "", ""}},
      {"F:42", {"F", "42", "", ""}},
      {"function:F:PROD", {"F", "PROD", "", ""}},
      {"arn", {"arn", "", "", ""}},
      {"123456789012:function:F", {"F", "", "", "123456789012"}},
      {"123456789012:function:F:1", {"F", "1", "", "123456789012"}},
      {"arn:aws:lambda:us-east-1:123456789012:function:F",
       {"F", "", "us-east-1", "123456789012"}},
      {"arn:aws:lambda:us-east-1:123456789012:function:F:$LATEST",
       {"F", "$LATEST", "us-east-1", "123456789012"}},
      {"arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:F",
       {"F", "", "us-gov-west-1", "123456789012"}},
  };
  for (const Name& each : names) {
    const auto name = ParseFunctionName(each.text);
    ASSERT_TRUE(name) << each.text;
    EXPECT_EQ(name->name, each.wanted.name) << each.text;
    EXPECT_EQ(name->qualifier, each.wanted.qualifier) << each.text;
    EXPECT_EQ(name->region, each.wanted.region) << each.text;
    EXPECT_EQ(name->account, each.wanted.account) << each.text;
  }
}

TEST(ParseFunctionName, RefusesEverythingElseAsAwsDoes) {
  for (const std::string& text :
       {std::string(), std::string(65, 'n'), std::string("a b"), std::string("a.b"),
        std::string("../etc"), std::string("a/b"), std::string("a:"), std::string(":a"),
        std::string("a::b"), std::string("a:b:c"), std::string("a:b.c"), std::string("é"),
        std::string("a\0b", 3), std::string("a:$latest"), std::string("a:$LATEST:1"),
        std::string("a:") + std::string(129, 'q'), std::string("12345678901:function:F"),
        std::string("1234567890123:function:F"), std::string("123456789012:functions:F"),
        std::string("arn:aws:lambda:us-east-1:123456789012:function"),
        std::string("arn:aws:lambda:us-east-1:123456789012:function:"),
        std::string("arn:aws:lambda:us-east-1:123456789012:layer:F"),
        std::string("arn:aws:s3:us-east-1:123456789012:function:F"),
        std::string("arn:gcp:lambda:us-east-1:123456789012:function:F"),
        std::string("arn:aws:lambda::123456789012:function:F"),
        std::string("arn:aws:lambda:us-east-1:12345678901x:function:F"),
        std::string("arn:aws:lambda:us-east-1:123456789012:function:F:1:2"),
        "arn:aws:lambda:us-east-1:123456789012:function:F:" + std::string(128, 'q'),
        std::string(100000, ':')}) {
    const auto name = ParseFunctionName(text);
    ASSERT_FALSE(name) << text.substr(0, 200);
    EXPECT_EQ(name.error().status, 400);
    EXPECT_EQ(name.error().type, "ValidationException");
    EXPECT_TRUE(name.error().message.starts_with("1 validation error detected: Value '" +
                                                 text.substr(0, 300) + "' at 'functionName' "))
        << name.error().message;
    EXPECT_LT(name.error().message.size(), 1000u);
  }
}

TEST(IsFunctionName, HoldsItsLengthToTheCharacter) {
  EXPECT_TRUE(IsFunctionName(std::string(64, 'a')));
  EXPECT_FALSE(IsFunctionName(std::string(65, 'a')));
  EXPECT_FALSE(IsFunctionName(""));
  EXPECT_FALSE(IsFunctionName("a:b"));
}

TEST(IsQualifier, TakesLatestVersionsAndAliases) {
  EXPECT_TRUE(IsQualifier("$LATEST"));
  EXPECT_TRUE(IsQualifier("1"));
  EXPECT_TRUE(IsQualifier(std::string(128, 'a')));
  EXPECT_FALSE(IsQualifier(std::string(129, 'a')));
  EXPECT_FALSE(IsQualifier("$OTHER"));
  EXPECT_FALSE(IsQualifier(""));
}

}  // namespace
}  // namespace hearth::aws
