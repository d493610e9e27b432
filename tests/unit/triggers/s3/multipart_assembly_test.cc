#include "triggers/s3/multipart_assembly.h"

#include <gtest/gtest.h>

#include "base/digest.h"
#include "base/limits.h"
#include "base/md5.h"
#include "triggers/s3/checksum.h"

namespace hearth::s3 {
namespace {

// Parts of the least size, and a short last one, of whose bytes only digests matter.
struct Upload {
  UploadRecord record{.id = "u", .bucket = "b", .key = "k", .headers = {{"content-type", "x/y"}}};
  std::vector<PartRecord> parts;
  Assembly assembly;
  std::vector<std::string> bodies;

  explicit Upload(std::vector<std::string> texts, std::string algorithm = "CRC32",
                  bool is_composite = false)
      : bodies(std::move(texts)) {
    record.checksum = {.algorithm = algorithm, .is_composite = is_composite};
    const ChecksumKind kind = *ParseChecksumKind(algorithm);
    for (const std::string& body : bodies) {
      const int number = static_cast<int>(parts.size()) + 1;
      parts.push_back({.number = number,
                       .size = body.size(),
                       .etag = base::Md5Hex(body),
                       .checksum = {.algorithm = algorithm,
                                    .value = base::Base64Encode(ChecksumOf(kind, body))},
                       .extents = {{.file = number, .size = body.size()}}});
      assembly.wanted.push_back({.number = number, .etag = parts.back().etag, .checksums = {}});
    }
  }
  Answer<ObjectRecord> Make() const { return AssembleObject(assembly, record, parts); }
  std::string Code() const {
    const auto made = Make();
    return made ? "" : made.error().type;
  }
};

std::string Large(char fill) { return std::string(limits::kMinObjectPart, fill); }

TEST(MultipartAssembly, MakesOneObjectOfThePartsInOrder) {
  const Upload upload({Large('a'), Large('b'), "end"});
  const auto made = upload.Make();
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->key, "k");
  EXPECT_EQ(made->size, 2 * limits::kMinObjectPart + 3);
  EXPECT_EQ(made->headers.at("content-type"), "x/y");
  ASSERT_EQ(made->extents.size(), 3u);
  EXPECT_EQ(made->extents[1].file, 2);
  EXPECT_TRUE(made->etag.ends_with("-3"));
}

TEST(MultipartAssembly, AWholeObjectsCrcIsThatOfItsBytes) {
  for (const char* algorithm : {"CRC32", "CRC32C", "CRC64NVME"}) {
    const Upload upload({Large('a'), Large('b'), "end"}, algorithm);
    const auto made = upload.Make();
    ASSERT_TRUE(made);
    const std::string all = upload.bodies[0] + upload.bodies[1] + upload.bodies[2];
    EXPECT_EQ(made->checksum.value,
              base::Base64Encode(ChecksumOf(*ParseChecksumKind(algorithm), all)))
        << algorithm;
    EXPECT_FALSE(made->checksum.is_composite);
  }
}

TEST(MultipartAssembly, ACompositeChecksumIsOfThePartsChecksums) {
  const Upload upload({Large('a'), "end"}, "SHA256", true);
  const auto made = upload.Make();
  ASSERT_TRUE(made);
  const std::string digests = ChecksumOf(ChecksumKind::kSha256, upload.bodies[0]) +
                              ChecksumOf(ChecksumKind::kSha256, upload.bodies[1]);
  EXPECT_EQ(made->checksum.value,
            base::Base64Encode(ChecksumOf(ChecksumKind::kSha256, digests)) + "-2");
}

TEST(MultipartAssembly, LeavesOutPartsThatAreNotNamed) {
  Upload upload({Large('a'), Large('b'), "end"});
  upload.assembly.wanted.erase(upload.assembly.wanted.begin() + 1);
  const auto made = upload.Make();
  ASSERT_TRUE(made);
  EXPECT_EQ(made->extents.size(), 2u);
  EXPECT_EQ(made->size, limits::kMinObjectPart + 3);
}

TEST(MultipartAssembly, RefusesWhatDoesNotFit) {
  Upload unknown({Large('a'), "end"});
  unknown.assembly.wanted.back().number = 9;
  EXPECT_EQ(unknown.Code(), "InvalidPart");

  Upload other({Large('a'), "end"});
  other.assembly.wanted.back().etag = "00";
  EXPECT_EQ(other.Code(), "InvalidPart");

  Upload other_checksum({Large('a'), "end"});
  other_checksum.assembly.wanted.back().checksums = {{ChecksumKind::kCrc32, "AAAAAA=="}};
  EXPECT_EQ(other_checksum.Code(), "InvalidPart");

  EXPECT_EQ(Upload({"short", "end"}).Code(), "EntityTooSmall");
  EXPECT_EQ(Upload({"end"}).Code(), "");

  Upload size({Large('a'), "end"});
  size.assembly.size = 7;
  EXPECT_EQ(size.Code(), "InvalidRequest");

  Upload checksum({Large('a'), "end"});
  checksum.assembly.checksum = "AAAAAA==";
  EXPECT_EQ(checksum.Code(), "BadDigest");
  checksum.assembly.checksum = checksum.parts.front().checksum.value;
  EXPECT_EQ(checksum.Code(), "BadDigest");
}

TEST(MultipartAssembly, RefusesMoreThanAnObjectMayHold) {
  Upload upload({Large('a'), "end"});
  upload.parts.front().size = limits::kMaxObject;
  EXPECT_EQ(upload.Code(), "EntityTooLarge");
}

}  // namespace
}  // namespace hearth::s3
