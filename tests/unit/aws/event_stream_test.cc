#include "aws/event_stream.h"

#include <gtest/gtest.h>

namespace hearth::aws {
namespace {

TEST(Crc32, IsThatOfIso3309) {
  EXPECT_EQ(Crc32(""), 0u);
  EXPECT_EQ(Crc32("123456789"), 0xcbf43926u);
  EXPECT_EQ(Crc32("The quick brown fox jumps over the lazy dog"), 0x414fa339u);
}

TEST(Crc32, GoesOnBehindWhatIsKnown) {
  const std::string text = "The quick brown fox jumps over the lazy dog";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_EQ(Crc32(text.substr(cut), Crc32(text.substr(0, cut))), Crc32(text));
  }
}

// Read back by botocore's parser.
TEST(EncodeEvent, MakesOneMessage) {
  const std::string got = EncodeEvent("E", "t", "pay");
  const std::string headers = std::string("\x0b:event-type\x07\x00\x01", 15) + "E" +
                              std::string("\x0d:content-type\x07\x00\x01", 17) + "t" +
                              std::string("\x0d:message-type\x07\x00\x05", 17) + "event";
  ASSERT_EQ(got.size(), 12 + headers.size() + 3 + 4);
  EXPECT_EQ(got.substr(0, 8), std::string({0, 0, 0, static_cast<char>(got.size()), 0, 0, 0,
                                           static_cast<char>(headers.size())}));
  EXPECT_EQ(got.substr(12, headers.size() + 3), headers + "pay");
  const auto number = [&](size_t at) {
    uint32_t value = 0;
    for (size_t i = at; i < at + 4; ++i) value = value << 8 | static_cast<uint8_t>(got[i]);
    return value;
  };
  EXPECT_EQ(number(8), Crc32(got.substr(0, 8)));
  EXPECT_EQ(number(got.size() - 4), Crc32(got.substr(0, got.size() - 4)));
}

}  // namespace
}  // namespace hearth::aws
