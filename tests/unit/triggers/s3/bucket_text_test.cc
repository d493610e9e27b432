#include "triggers/s3/bucket_text.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"

namespace hearth::s3 {
namespace {

using testing::HasSubstr;
using enum BucketText;

// The text, or what is wrong with it.
std::string Read(BucketText kind, const std::string& body) {
  const auto text = ReadBucketText(kind, body, "my-bucket");
  if (!text) return text.error().type + ": " + text.error().message;
  const std::string_view head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  return text->starts_with(head) ? text->substr(head.size()) : *text;
}

const std::string kSpace = " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";

TEST(S3BucketText, APublicAccessBlockHasAllItsFlags) {
  EXPECT_EQ(Read(kPublicAccessBlock,
                 "<PublicAccessBlockConfiguration><BlockPublicPolicy>TRUE</BlockPublicPolicy>"
                 "<BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>"),
            "<PublicAccessBlockConfiguration" + kSpace +
                "><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>false</IgnorePublicAcls>"
                "<BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>false"
                "</RestrictPublicBuckets></PublicAccessBlockConfiguration>");
  EXPECT_THAT(Read(kPublicAccessBlock,
                   "<PublicAccessBlockConfiguration><BlockPublicAcls>1</BlockPublicAcls>"
                   "</PublicAccessBlockConfiguration>"),
              HasSubstr("MalformedXML"));
  EXPECT_THAT(Read(kPublicAccessBlock,
                   "<PublicAccessBlockConfiguration><X/>"
                   "</PublicAccessBlockConfiguration>"),
              HasSubstr("NotImplemented"));
}

TEST(S3BucketText, OwnershipIsOneOfThree) {
  const auto with = [](const std::string& owner) {
    return "<OwnershipControls><Rule><ObjectOwnership>" + owner +
           "</ObjectOwnership></Rule></OwnershipControls>";
  };
  for (const std::string owner : {"BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"}) {
    EXPECT_THAT(Read(kOwnershipControls, with(owner)),
                HasSubstr("<Rule><ObjectOwnership>" + owner + "</ObjectOwnership></Rule>"));
  }
  EXPECT_THAT(Read(kOwnershipControls, with("Anybody")), HasSubstr("MalformedXML"));
  EXPECT_THAT(Read(kOwnershipControls, "<OwnershipControls/>"), HasSubstr("MalformedXML"));
}

TEST(S3BucketText, EncryptionIsOfTheHostsOwnKeysOrRefused) {
  const auto with = [](const std::string& inner, const std::string& behind = "") {
    return "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>" + inner +
           "</ApplyServerSideEncryptionByDefault>" + behind +
           "</Rule></ServerSideEncryptionConfiguration>";
  };
  EXPECT_EQ(Read(kEncryption, with("<SSEAlgorithm>AES256</SSEAlgorithm>")),
            "<ServerSideEncryptionConfiguration" + kSpace +
                "><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>"
                "</ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled>"
                "</Rule></ServerSideEncryptionConfiguration>");
  EXPECT_THAT(Read(kEncryption, with("<SSEAlgorithm>AES256</SSEAlgorithm>",
                                     "<BucketKeyEnabled>true</BucketKeyEnabled>")),
              HasSubstr("<BucketKeyEnabled>true</BucketKeyEnabled>"));
  EXPECT_EQ(Read(kEncryption, with("<SSEAlgorithm>aws:kms</SSEAlgorithm>")),
            "NotImplemented: SSEAlgorithm 'aws:kms' is not implemented; AES256 is");
  EXPECT_THAT(Read(kEncryption, with("<SSEAlgorithm>AES256</SSEAlgorithm>"
                                     "<KMSMasterKeyID>k</KMSMasterKeyID>")),
              HasSubstr("InvalidArgument: a KMSMasterKeyID is not applicable"));
  EXPECT_THAT(Read(kEncryption, with("<SSEAlgorithm>ROT13</SSEAlgorithm>")),
              HasSubstr("MalformedXML"));
  EXPECT_THAT(
      Read(kEncryption, with("<SSEAlgorithm>AES256</SSEAlgorithm>", "<BlockedEncryptionTypes/>")),
      HasSubstr("NotImplemented: The element 'BlockedEncryptionTypes'"));
}

std::string Policy(const std::string& statement) {
  return R"({"Version": "2012-10-17", "Statement": [)" + statement + "]}";
}

TEST(S3BucketText, APolicyIsKeptAsItWasSent) {
  for (const std::string& policy : {
           Policy(R"({"Sid": "a", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                      "Resource": "arn:aws:s3:::my-bucket/*"})"),
           Policy(R"({"Effect": "Deny", "NotPrincipal": {"AWS": ["arn:aws:iam::1:root", "2"]},
                      "NotAction": ["s3:*", "*"], "Resource": ["arn:aws:s3:::my-bucket",
                      "arn:aws:s3:::my-*/x"],
                      "Condition": {"Bool": {"aws:SecureTransport": "false"}}})"),
           std::string(R"({"Statement": {"Effect": "Allow", "Principal": {"Service": "a"}, "Action":
                           "s3:*", "Resource": "arn:aws-cn:s3:::my-bucket"}, "Id": "x"})"),
       }) {
    EXPECT_EQ(Read(kPolicy, policy), policy);
  }
}

TEST(S3BucketText, APolicyThatIsNoneIsRefusedInAwssWords) {
  const auto statement = [](const std::string& effect, const std::string& principal,
                            const std::string& action, const std::string& resource) {
    return Policy("{" + effect + principal + action + resource + R"("Sid": "s"})");
  };
  const std::string effect = R"("Effect": "Allow", )";
  const std::string principal = R"("Principal": "*", )";
  const std::string action = R"("Action": "s3:*", )";
  const std::string resource = R"("Resource": "arn:aws:s3:::my-bucket", )";
  struct Case {
    std::string policy;
    std::string said;
  };
  for (const Case& each : {
           Case{"", "Policies must be valid JSON and the first byte must be '{'"},
           Case{" {}", "Policies must be valid JSON and the first byte must be '{'"},
           Case{"{", "Policies must be valid JSON and the first byte must be '{'"},
           Case{"[]", "Policies must be valid JSON and the first byte must be '{'"},
           Case{"{}", "Missing required field Statement"},
           Case{R"({"Statement": 5})", "Invalid policy syntax."},
           Case{R"({"Statement": [5]})", "Invalid policy syntax."},
           Case{R"({"Statement": []})", "Could not parse the policy: Statement is empty!"},
           Case{R"({"Version": "2020-01-01", "Statement": []})",
                "The policy must contain a valid version string"},
           Case{R"({"Version": 5, "Statement": []})",
                "The policy must contain a valid version string"},
           Case{R"({"Statements": []})", "Unknown field Statements"},
           Case{statement("", principal, action, resource), "Missing required field Effect"},
           Case{statement(R"("Effect": "allow", )", principal, action, resource),
                "Invalid effect: allow"},
           Case{statement(R"("Effect": [], )", principal, action, resource), "Invalid effect: []"},
           Case{statement(effect, "", action, resource), "Missing required field Principal"},
           Case{statement(effect, R"("Principal": "me", )", action, resource),
                "Invalid principal in policy"},
           Case{statement(effect, R"("Principal": {}, )", action, resource),
                "Invalid principal in policy"},
           Case{statement(effect, R"("Principal": {"AWS": []}, )", action, resource),
                "Invalid principal in policy"},
           Case{statement(effect, principal, "", resource), "Missing required field Action"},
           Case{statement(effect, principal, R"("Action": "sqs:*", )", resource),
                "Policy has invalid action"},
           Case{statement(effect, principal, R"("Action": [5], )", resource),
                "Policy has invalid action"},
           Case{statement(effect, principal, action, ""), "Missing required field Resource"},
           Case{statement(effect, principal, action, R"("Resource": "*", )"),
                "Policy has invalid resource"},
           Case{statement(effect, principal, action, R"("Resource": "arn:aws:s3:::other/*", )"),
                "Policy has invalid resource"},
           Case{statement(effect, principal, action, R"("Resource": "arn:aws:s3:::*", )"),
                "Policy has invalid resource"},
           Case{statement(effect, principal, action, resource + R"("More": 1, )"),
                "Unknown field More"},
           Case{statement(effect, principal, action, resource + R"("Condition": 1, )"),
                "Policy has an invalid condition key"},
           Case{Policy("{\"Sid\": \"" + std::string(21000, 's') + "\"}"),
                "Normalized policy document exceeds the maximum allowed size of 20480 bytes."},
       }) {
    EXPECT_EQ(Read(kPolicy, each.policy), "MalformedPolicy: " + each.said) << each.policy;
  }
}

TEST(S3BucketText, RulesAreReadByTheirReaders) {
  EXPECT_THAT(Read(kCors,
                   "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin>"
                   "<AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>"),
              HasSubstr("<AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin>"));
  EXPECT_THAT(Read(kLifecycle, "<LifecycleConfiguration/>"), HasSubstr("MalformedXML"));
}

TEST(S3BucketText, IsBounded) {
  for (const BucketText kind :
       {kCors, kLifecycle, kPolicy, kPublicAccessBlock, kOwnershipControls, kEncryption}) {
    EXPECT_THAT(Read(kind, std::string(limits::kMaxBucketText + 1, ' ')),
                HasSubstr("MaxMessageLengthExceeded"));
    EXPECT_THAT(Read(kind, ""), HasSubstr("Malformed"));
  }
}

}  // namespace
}  // namespace hearth::s3
