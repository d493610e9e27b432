#include "triggers/s3/object_headers.h"

#include <gtest/gtest.h>

#include "base/digest.h"
#include "base/md5.h"

namespace hearth::s3 {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

io::HttpHeaders HeadersOf(const Fields& fields) {
  io::HttpHeaders out;
  for (const auto& [name, value] : fields) out.Add(name, value);
  return out;
}

TEST(ObjectHeaders, KeepsWhatIsGivenBackAndNothingElse) {
  const auto described = Describe(HeadersOf({{"Content-Type", "a/b"},
                                             {"Content-Encoding", "aws-chunked, gzip"},
                                             {"X-Amz-Meta-One", "1"},
                                             {"x-amz-meta-one", "2"},
                                             {"X-Other", "x"},
                                             {"Authorization", "secret"},
                                             {"x-amz-tagging", "a=1&b="}}));
  ASSERT_TRUE(described);
  EXPECT_EQ(
      described->headers,
      (Words{{"content-encoding", "gzip"}, {"content-type", "a/b"}, {"x-amz-meta-one", "1,2"}}));
  EXPECT_EQ(described->tags, (Words{{"a", "1"}, {"b", ""}}));
}

TEST(ObjectHeaders, RefusesMoreMetadataThanAllowed) {
  EXPECT_TRUE(Describe(HeadersOf({{"x-amz-meta-a", std::string(2047, 'x')}})));
  const auto refused = Describe(HeadersOf({{"x-amz-meta-a", std::string(2048, 'x')}}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().type, "MetadataTooLarge");
}

TEST(ObjectHeaders, RefusesByNameWhatIsNotServed) {
  for (const char* name : {"x-amz-server-side-encryption-customer-algorithm",
                           "x-amz-object-lock-mode", "x-amz-grant-read"}) {
    const auto error = CheckHeaders(HeadersOf({{name, "x"}}));
    ASSERT_TRUE(error) << name;
    EXPECT_EQ(error->type, "NotImplemented");
    EXPECT_EQ(error->extra["Header"], name);
  }
  EXPECT_EQ(CheckHeaders(HeadersOf({{"x-amz-server-side-encryption", "aws:kms"}}))->status, 501);
  EXPECT_EQ(CheckHeaders(HeadersOf({{"x-amz-acl", "public-read"}}))->type,
            "AccessControlListNotSupported");
  EXPECT_FALSE(CheckHeaders(HeadersOf({{"x-amz-acl", "private"}})));
  EXPECT_EQ(Describe(HeadersOf({{"x-amz-storage-class", "DEEP_ARCHIVE"}})).error().type,
            "InvalidStorageClass");
}

TEST(ObjectHeaders, ConditionsOfWritesAreOneOfTwo) {
  EXPECT_TRUE(ReadPutCondition(HeadersOf({{"If-None-Match", "*"}}))->if_none_match);
  EXPECT_EQ(ReadPutCondition(HeadersOf({{"If-Match", "\"abc\""}}))->if_match, "abc");
  EXPECT_EQ(ReadPutCondition(HeadersOf({{"If-None-Match", "\"abc\""}})).error().status, 501);
  EXPECT_FALSE(ReadPutCondition(HeadersOf({{"If-None-Match", "*"}, {"If-Match", "\"a\""}})));
}

TEST(ObjectHeaders, DigestsOfAWholeBodyAreChecked) {
  const auto code = [](const Fields& fields) {
    io::HttpRequest request{
        .method = "PUT", .target = "/", .headers = HeadersOf(fields), .body = "hello", .peer = ""};
    const auto error = CheckBodyDigest(request);
    return error ? error->type : "";
  };
  EXPECT_EQ(code({}), "");
  EXPECT_EQ(code({{"x-amz-checksum-crc32", "NhCmhg=="}}), "");
  EXPECT_EQ(code({{"x-amz-checksum-crc32", "AAAAAA=="}}), "BadDigest");
  EXPECT_EQ(code({{"Content-MD5", "XUFAKrxLKna5cZ2REBfFkg=="}}), "");
  EXPECT_EQ(code({{"Content-MD5", "XUFAKrxLKna5cZ2REBfFkQ=="}}), "BadDigest");
  EXPECT_EQ(code({{"Content-MD5", "XUFA"}}), "InvalidDigest");
  EXPECT_EQ(code({{"x-amz-content-sha256", base::ToHex(base::Sha256Of("hello"))}}), "");
  EXPECT_EQ(code({{"x-amz-content-sha256", base::ToHex(base::Sha256Of("other"))}}),
            "XAmzContentSHA256Mismatch");
  EXPECT_EQ(code({{"x-amz-content-sha256", "UNSIGNED-PAYLOAD"}}), "");
}

TEST(ObjectHeaders, AnAnswerTellsTheObjectAndWhatItsReaderWants) {
  const ObjectRecord object{.key = "k",
                            .modified_ms = 1796000000000,
                            .etag = "abc",
                            .headers = {{"content-type", "a/b"}, {"x-amz-meta-m", "1"}},
                            .tags = {{"t", "1"}},
                            .checksum = {.algorithm = "CRC32", .value = "NhCmhg=="}};
  io::HttpHeaders out;
  AddObjectHeaders(object, true, out);
  EXPECT_EQ(out.Get("ETag"), "\"abc\"");
  EXPECT_EQ(out.Get("Content-Type"), "a/b");
  EXPECT_EQ(out.Get("x-amz-meta-m"), "1");
  EXPECT_EQ(out.Get("x-amz-tagging-count"), "1");
  EXPECT_EQ(out.Get("x-amz-checksum-crc32"), "NhCmhg==");
  EXPECT_EQ(out.Get("x-amz-checksum-type"), "FULL_OBJECT");
  OverrideHeaders({.bucket = "b",
                   .key = "k",
                   .virtual_host = false,
                   .query = {{"response-content-type", "c/d"}}},
                  out);
  EXPECT_EQ(out.Get("Content-Type"), "c/d");
}

}  // namespace
}  // namespace hearth::s3
