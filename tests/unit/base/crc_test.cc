#include "base/crc.h"

#include <string>

#include <gtest/gtest.h>

namespace hearth::base {
namespace {

std::string Bytes(size_t count) {
  std::string out(count, '\0');
  for (size_t i = 0; i < count; ++i) out[i] = static_cast<char>(i * 2654435761u >> 13);
  return out;
}

TEST(Crc, IsThatOfItsSpecification) {
  EXPECT_EQ(Crc32("123456789"), 0xcbf43926u);
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(Crc64Nvme("123456789"), 0xae8b14860a799888u);
  EXPECT_EQ(Crc32(""), 0u);
  EXPECT_EQ(Crc64Nvme(""), 0u);
  // RFC 3720, B.4, and the NVM Command Set, figure 121.
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(Crc64Nvme(std::string(4096, '\0')), 0x6482d367eb22b64eu);
  EXPECT_EQ(Crc64Nvme(std::string(4096, '\xff')), 0xc0ddba7302eca3acu);
}

// Folded blocks, sliced words and single bytes say the same, wherever a text begins and ends.
TEST(Crc, OfAWholeIsThatOfItsBytesOneBehindTheOther) {
  const std::string all = Bytes(700);
  for (size_t size = 0; size < 640; ++size) {
    const std::string_view text = std::string_view(all).substr(size % 17, size);
    uint32_t ieee = 0;
    uint32_t castagnoli = 0;
    uint64_t nvme = 0;
    for (size_t i = 0; i < size; ++i) {
      ieee = Crc32(text.substr(i, 1), ieee);
      castagnoli = Crc32c(text.substr(i, 1), castagnoli);
      nvme = Crc64Nvme(text.substr(i, 1), nvme);
    }
    ASSERT_EQ(Crc32(text), ieee) << size;
    ASSERT_EQ(Crc32c(text), castagnoli) << size;
    ASSERT_EQ(Crc64Nvme(text), nvme) << size;
    const size_t cut = size / 3;
    ASSERT_EQ(Crc64Nvme(text.substr(cut), Crc64Nvme(text.substr(0, cut))), nvme) << size;
    ASSERT_EQ(CombineCrc32(Crc32(text.substr(0, cut)), Crc32(text.substr(cut)), size - cut), ieee);
    ASSERT_EQ(CombineCrc32c(Crc32c(text.substr(0, cut)), Crc32c(text.substr(cut)), size - cut),
              castagnoli);
    ASSERT_EQ(
        CombineCrc64Nvme(Crc64Nvme(text.substr(0, cut)), Crc64Nvme(text.substr(cut)), size - cut),
        nvme);
  }
}

// Of so many zeros, put together from powers of two.
uint64_t CrcOfZeros(uint64_t size) {
  uint64_t out = 0;
  uint64_t power = Crc64Nvme(std::string_view("\0", 1));
  for (uint64_t bytes = 1; size != 0; size >>= 1, bytes *= 2) {
    if ((size & 1) != 0) out = CombineCrc64Nvme(out, power, bytes);
    power = CombineCrc64Nvme(power, power, bytes);
  }
  return out;
}

TEST(Crc, CombinesTextsThatNobodyCouldHold) {
  EXPECT_EQ(CrcOfZeros(4096), Crc64Nvme(std::string(4096, '\0')));
  constexpr uint64_t kWhole = uint64_t{5} << 40;
  constexpr uint64_t kCut = 123456789012;
  EXPECT_EQ(CombineCrc64Nvme(CrcOfZeros(kCut), CrcOfZeros(kWhole - kCut), kWhole - kCut),
            CrcOfZeros(kWhole));
}

}  // namespace
}  // namespace hearth::base
