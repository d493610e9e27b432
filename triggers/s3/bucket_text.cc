#include "triggers/s3/bucket_text.h"

#include <array>

#include "base/limits.h"
#include "triggers/s3/bucket_policy.h"
#include "triggers/s3/cors.h"
#include "triggers/s3/lifecycle.h"
#include "triggers/s3/xml_input.h"
#include "triggers/s3/xml_writer.h"

namespace hearth::s3 {
namespace {

using Text = std::expected<std::string, ApiError>;

std::unexpected<ApiError> Malformed() { return std::unexpected(Refusal("MalformedXML")); }

// "true" and "TRUE" are written by clients.
std::optional<bool> Flag(std::string_view text) {
  if (text == "true" || text == "TRUE") return true;
  if (text == "false" || text == "FALSE") return false;
  return std::nullopt;
}

Text ReadPublicAccessBlock(std::string_view body) {
  constexpr std::string_view kRoot = "PublicAccessBlockConfiguration";
  constexpr std::array<std::string_view, 4> kFlags = {"BlockPublicAcls", "IgnorePublicAcls",
                                                      "BlockPublicPolicy", "RestrictPublicBuckets"};
  const auto document = ReadXml(body, kRoot);
  if (!document) return std::unexpected(document.error());
  if (auto error = RefuseOthers(document->root(), {kFlags[0], kFlags[1], kFlags[2], kFlags[3]})) {
    return std::unexpected(*error);
  }
  XmlWriter xml;
  xml.Open(kRoot);
  for (const std::string_view name : kFlags) {
    const aws::XmlElement element = document->root().Child(name);
    const auto flag = element ? Flag(element.text()) : false;
    if (!flag) return Malformed();
    xml.Element(name, *flag);
  }
  return xml.Take();
}

Text ReadOwnershipControls(std::string_view body) {
  const auto document = ReadXml(body, "OwnershipControls");
  if (!document) return std::unexpected(document.error());
  const auto rules = document->root().children();
  if (rules.size() != 1 || rules.front().name() != "Rule") return Malformed();
  if (auto error = RefuseOthers(rules.front(), {"ObjectOwnership"})) {
    return std::unexpected(*error);
  }
  const std::string owner = rules.front().Child("ObjectOwnership").text();
  if (owner != "BucketOwnerEnforced" && owner != "BucketOwnerPreferred" &&
      owner != "ObjectWriter") {
    return Malformed();
  }
  XmlWriter xml;
  xml.Open("OwnershipControls");
  xml.Open("Rule");
  xml.Element("ObjectOwnership", owner);
  return xml.Take();
}

Text ReadEncryption(std::string_view body) {
  const auto document = ReadXml(body, "ServerSideEncryptionConfiguration");
  if (!document) return std::unexpected(document.error());
  const auto rules = document->root().children();
  if (rules.size() != 1 || rules.front().name() != "Rule") return Malformed();
  const aws::XmlElement rule = rules.front();
  const aws::XmlElement by_default = rule.Child("ApplyServerSideEncryptionByDefault");
  if (auto error = RefuseOthers(rule, {"ApplyServerSideEncryptionByDefault", "BucketKeyEnabled"})) {
    return std::unexpected(*error);
  }
  if (!by_default) return Malformed();
  if (auto error = RefuseOthers(by_default, {"SSEAlgorithm", "KMSMasterKeyID"})) {
    return std::unexpected(*error);
  }
  const std::string algorithm = by_default.Child("SSEAlgorithm").text();
  if (algorithm == "aws:kms" || algorithm == "aws:kms:dsse") {
    return std::unexpected(RefusalBecause(
        "NotImplemented", "SSEAlgorithm '" + algorithm + "' is not implemented; AES256 is"));
  }
  if (algorithm != "AES256") return Malformed();
  if (by_default.Child("KMSMasterKeyID")) {
    return std::unexpected(
        RefusalBecause("InvalidArgument",
                       "a KMSMasterKeyID is not applicable if the default sse "
                       "algorithm is not aws:kms or aws:kms:dsse",
                       {{"ArgumentName", "ApplyServerSideEncryptionByDefault"}}));
  }
  const aws::XmlElement key = rule.Child("BucketKeyEnabled");
  const auto has_key = key ? Flag(key.text()) : false;
  if (!has_key) return Malformed();
  XmlWriter xml;
  xml.Open("ServerSideEncryptionConfiguration");
  xml.Open("Rule");
  xml.Open("ApplyServerSideEncryptionByDefault");
  xml.Element("SSEAlgorithm", algorithm);
  xml.Close();
  xml.Element("BucketKeyEnabled", *has_key);
  return xml.Take();
}

Text ReadAny(BucketText kind, std::string_view body, std::string_view bucket) {
  switch (kind) {
    case BucketText::kCors: {
      const auto rules = ReadCors(body);
      if (!rules) return std::unexpected(rules.error());
      return CorsXml(*rules);
    }
    case BucketText::kLifecycle: {
      const auto rules = ReadLifecycle(body);
      if (!rules) return std::unexpected(rules.error());
      return LifecycleXml(*rules);
    }
    case BucketText::kPolicy:
      if (auto error = CheckBucketPolicy(body, bucket)) return std::unexpected(*error);
      return std::string(body);
    case BucketText::kPublicAccessBlock:
      return ReadPublicAccessBlock(body);
    case BucketText::kOwnershipControls:
      return ReadOwnershipControls(body);
    case BucketText::kEncryption:
      return ReadEncryption(body);
  }
  return Malformed();
}

}  // namespace

Text ReadBucketText(BucketText kind, std::string_view body, std::string_view bucket) {
  const auto too_large = [] {
    return std::unexpected(
        Refusal("MaxMessageLengthExceeded", {{"MaxMessageLengthBytes", limits::kMaxBucketText}}));
  };
  if (body.size() > limits::kMaxBucketText) return too_large();
  auto text = ReadAny(kind, body, bucket);
  // What is kept has an escape for each character that needs one.
  if (text && text->size() > 2 * limits::kMaxBucketText) return too_large();
  return text;
}

}  // namespace hearth::s3
