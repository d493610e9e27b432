#include "triggers/s3/chunked_body.h"

#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace hearth::s3 {
namespace {

struct Seen {
  std::string code;  // Of the first error; empty: none.
  std::string data;
  std::string trailers;
};

// Fed in pieces of `step` bytes.
Seen Read(const std::string& bytes, uint64_t length, bool has_trailers, size_t step) {
  ChunkedBody body(length, has_trailers);
  Seen seen;
  for (size_t at = 0; at < bytes.size(); at += step) {
    const auto error = body.Feed(std::string_view(bytes).substr(at, step),
                                 [&](std::string_view piece) { seen.data += piece; });
    if (error) {
      seen.code = error->type;
      return seen;
    }
  }
  if (const auto error = body.Finish()) seen.code = error->type;
  seen.trailers = body.trailers().lines();
  return seen;
}

std::string Chunk(const std::string& data, const std::string& signature = "") {
  char size[32];
  std::snprintf(size, sizeof size, "%zx", data.size());
  return size + signature + "\r\n" + data + "\r\n";
}

TEST(S3ChunkedBody, IsTheSameHoweverItIsCut) {
  const std::string first(8192, 'a');
  const std::string last = "the\r\n0\r\nlast";
  const std::string signature = ";chunk-signature=" + std::string(64, 'f');
  struct Case {
    std::string bytes;
    bool has_trailers;
    std::string trailers;
  };
  for (const Case& each : {
           Case{Chunk(first, signature) + Chunk(last, signature) + "0" + signature + "\r\n\r\n",
                false, ""},
           Case{Chunk(first) + Chunk(last) + "0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", true,
                "x-amz-checksum-crc32: AAAAAA==\r\n"},
           Case{Chunk(first, signature) + Chunk(last, signature) + "0" + signature +
                    "\r\nx-amz-checksum-crc32c:AAAAAA==\r\nx-amz-trailer-signature:ab\r\n\r\n",
                true, "x-amz-checksum-crc32c: AAAAAA==\r\nx-amz-trailer-signature: ab\r\n"},
           // As minio-go ends a trailer.
           Case{Chunk(first, signature) + Chunk(last, signature) + "0" + signature +
                    "\r\nx-amz-checksum-crc32c:AAAAAA==\n\r\nx-amz-trailer-signature:ab\r\n\r\n",
                true, "x-amz-checksum-crc32c: AAAAAA==\r\nx-amz-trailer-signature: ab\r\n"},
           Case{Chunk(first) + Chunk(last) + "0\r\nx-amz-checksum-crc32c:AAAAAA==\n\r\n", true,
                "x-amz-checksum-crc32c: AAAAAA==\r\n"},
           Case{Chunk(first) + Chunk(last) + "0\r\n\r\n", true, ""},
       }) {
    for (const size_t step : {size_t{1}, size_t{2}, size_t{7}, size_t{4096}, each.bytes.size()}) {
      const Seen seen = Read(each.bytes, first.size() + last.size(), each.has_trailers, step);
      EXPECT_EQ(seen.code, "") << each.bytes.substr(8200) << step;
      EXPECT_EQ(seen.data, first + last);
      EXPECT_EQ(seen.trailers, each.trailers);
    }
  }
  EXPECT_EQ(Read("0\r\n\r\n", 0, false, 1).code, "");
  EXPECT_EQ(Read("00000000000000000\r\n\r\n", 0, false, 1).code, "");
}

TEST(S3ChunkedBody, WhatIsNoChunkIsAnIncompleteBody) {
  const std::string end = "0\r\n\r\n";
  for (const std::string& bytes : {
           std::string("x\r\n"),
           std::string("\r\n"),
           std::string("-1\r\n"),
           std::string("0x5\r\nhello\r\n0\r\n\r\n"),
           std::string("5\nhello\r\n0\r\n\r\n"),     // No CR.
           std::string("5\r\nhelloX\r\n0\r\n\r\n"),  // More than the chunk said.
           std::string("5\r\nhello\n0\r\n\r\n"),
           std::string("5\r\nhell\r\n0\r\n\r\n"),    // Less.
           std::string("6\r\nhello!\r\n0\r\n\r\n"),  // More than was announced.
           std::string("4\r\nhell\r\n0\r\n\r\n"),    // Less.
           std::string("ffffffffffffffff\r\nhello"),
           std::string("10000000000000005\r\nhello"),  // Larger than any number.
           std::string("5\r\nhello\r\n"),              // No last chunk.
           std::string("5\r\nhello\r\n0\r\n"),         // Not quite.
           std::string("5\r\nhello\r\n0\r\n\n"),
           std::string("5\r\nhello\r\n0\r\n\r\nmore"),     // Something behind it.
           std::string("5\r\nhello\r\n0\r\na:b\r\n\r\n"),  // A trailer that was not announced.
           std::string(""),
           std::string("5;" + std::string(kMaxChunkLine, 'x') + "\r\nhello\r\n0\r\n\r\n"),
           std::string(kMaxChunkLine + 1, '0'),
       }) {
    for (const size_t step : {size_t{1}, size_t{3}, bytes.size() + 1}) {
      EXPECT_EQ(Read(bytes, 5, false, step).code, "IncompleteBody") << bytes;
    }
  }
}

TEST(S3ChunkedBody, AShortChunkIsTheLast) {
  const std::string bytes = Chunk("hello") + Chunk("!") + "0\r\n\r\n";
  ChunkedBody body(6, false);
  const auto error = body.Feed(bytes, [](std::string_view) {});
  ASSERT_TRUE(error);
  EXPECT_EQ(error->type, "InvalidChunkSizeError");
  EXPECT_EQ(error->extra.at("Chunk"), 2);
  EXPECT_EQ(error->extra.at("BadChunkSize"), 5);
}

TEST(S3ChunkedBody, TrailersAreBounded) {
  std::string many = "0\r\n";
  for (int i = 0; i < 1000; ++i) many += "name-" + std::to_string(i) + ":value\r\n";
  EXPECT_EQ(Read(many + "\r\n", 0, true, 100).code, "IncompleteBody");
  for (const std::string bytes :
       {"0\r\nno colon\r\n\r\n", "0\r\n:v\r\n\r\n", "0\r\na:1\r\nA:2\r\n\r\n", "0\r\na:1\r\n"}) {
    EXPECT_EQ(Read(bytes, 0, true, 1).code, "IncompleteBody") << bytes;
  }
}

TEST(S3ChunkedBody, TrailersAreThoseThatWereAnnounced) {
  const auto check = [](const std::string& trailers, std::string_view announced) {
    ChunkedBody body(0, true);
    EXPECT_FALSE(body.Feed("0\r\n" + trailers + "\r\n", [](std::string_view) {}));
    EXPECT_FALSE(body.Finish());
    const auto error = body.CheckTrailers(announced);
    return error ? error->type : "";
  };
  EXPECT_EQ(check("x-amz-checksum-crc32:A\r\n", "x-amz-checksum-crc32"), "");
  EXPECT_EQ(check("x-amz-checksum-crc32:A\r\n", " X-Amz-Checksum-CRC32 ,"), "");
  EXPECT_EQ(check("a:A\r\nx-amz-trailer-signature:s\r\nb:B\r\n", "b, a"), "");
  EXPECT_EQ(check("", ""), "");
  EXPECT_EQ(check("", "x-amz-checksum-crc32"), "MalformedTrailerError");
  EXPECT_EQ(check("x-amz-checksum-sha1:A\r\n", "x-amz-checksum-crc32"), "MalformedTrailerError");
  EXPECT_EQ(check("a:A\r\nb:B\r\n", "a"), "MalformedTrailerError");
  EXPECT_EQ(check("a:A\r\n", ""), "MalformedTrailerError");
}

TEST(S3ChunkedBody, IsKnownByTheDigestThatStandsForIt) {
  const auto form = [](std::string_view text) {
    const auto read = ReadPayloadForm(text);
    return !read                ? "unknown"
           : !read->is_chunked  ? "plain"
           : read->has_trailers ? "trailers"
                                : "chunks";
  };
  EXPECT_STREQ(form("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), "chunks");
  EXPECT_STREQ(form("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"), "trailers");
  EXPECT_STREQ(form("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"), "chunks");
  EXPECT_STREQ(form("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER"), "trailers");
  EXPECT_STREQ(form("STREAMING-UNSIGNED-PAYLOAD-TRAILER"), "trailers");
  EXPECT_STREQ(form("STREAMING-UNSIGNED-PAYLOAD"), "unknown");
  EXPECT_STREQ(form("STREAMING-"), "unknown");
  EXPECT_STREQ(form("UNSIGNED-PAYLOAD"), "plain");
  EXPECT_STREQ(form(""), "plain");
}

}  // namespace
}  // namespace hearth::s3
