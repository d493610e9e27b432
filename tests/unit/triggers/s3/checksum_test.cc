#include "triggers/s3/checksum.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/digest.h"

namespace hearth::s3 {
namespace {

using enum ChecksumKind;

TEST(S3Checksum, IsThatOfItsSpecification) {
  struct Case {
    ChecksumKind kind;
    std::string base64;
  };
  for (const Case& each : {
           Case{kCrc32, "y/Q5Jg=="},
           Case{kCrc32c, "4waSgw=="},
           Case{kCrc64Nvme, "rosUhgp5mIg="},
           Case{kSha1, "98O8HYCOBHMq32eZZczDTKeuNEE="},
           Case{kSha256, "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="},
       }) {
    const std::string name(ChecksumName(each.kind));
    EXPECT_EQ(base::Base64Encode(ChecksumOf(each.kind, "123456789")), each.base64) << name;
    const auto in_pieces = Checksum::Make(each.kind);
    for (const char c : std::string("123456789")) in_pieces->Update({&c, 1});
    in_pieces->Update("");
    const std::string raw = in_pieces->Finish();
    EXPECT_EQ(base::Base64Encode(raw), each.base64) << name;
    EXPECT_EQ(raw.size(), RawSize(each.kind)) << name;
  }
}

TEST(S3Checksum, IsKnownByItsName) {
  for (const ChecksumKind kind : kChecksumKinds) {
    EXPECT_EQ(ParseChecksumKind(ChecksumName(kind)), kind);
    EXPECT_EQ(ChecksumElement(kind), "Checksum" + std::string(ChecksumName(kind)));
    EXPECT_TRUE(ChecksumHeader(kind).starts_with("x-amz-checksum-"));
    EXPECT_EQ(ParseChecksumKind(ChecksumHeader(kind).substr(15)), kind);
  }
  for (const std::string name : {"", "MD5", "CRC", "CRC32D", "CRC64", "SHA-256"}) {
    EXPECT_EQ(ParseChecksumKind(name), std::nullopt) << name;
  }
  EXPECT_EQ(ParseChecksumKind("cRc32C"), kCrc32c);
}

TEST(S3Checksum, OfPartsIsOfTheirChecksumsOrOfTheirBytes) {
  const std::vector<std::string> parts = {std::string(70000, 'a'), std::string(50001, 'b'), "c",
                                          ""};
  for (const ChecksumKind kind : kChecksumKinds) {
    std::vector<std::string> raw;
    std::string raw_together;
    std::string whole;
    for (const std::string& part : parts) {
      raw.push_back(ChecksumOf(kind, part));
      raw_together += raw.back();
      whole += part;
    }
    EXPECT_EQ(CompositeOf(kind, raw), ChecksumOf(kind, raw_together));
    if (!IsCrc(kind)) continue;
    std::string combined = ChecksumOf(kind, "");
    for (size_t i = 0; i < parts.size(); ++i) {
      combined = CombinedCrc(kind, combined, raw[i], parts[i].size());
    }
    EXPECT_EQ(combined, ChecksumOf(kind, whole)) << ChecksumName(kind);
  }
}

}  // namespace
}  // namespace hearth::s3
