#include "base/id.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "base/check.h"

namespace hearth::base {
namespace {

constexpr size_t kBlock = 4096;

// So many random bytes, at most kBlock. They are drawn a block at a time: one system call serves
// 256 request ids.
const uint8_t* TakeRandom(size_t size) {
  thread_local std::array<uint8_t, kBlock> block;
  thread_local size_t used = kBlock;
  if (kBlock - used < size) {
    for (size_t filled = 0; filled < kBlock;) {
      const ssize_t got = ::getrandom(block.data() + filled, kBlock - filled, 0);
      CHECK(got > 0);
      filled += static_cast<size_t>(got);
    }
    used = 0;
  }
  return block.data() + std::exchange(used, used + size);
}

constexpr char kDigits[] = "0123456789abcdef";

}  // namespace

std::string NewUuid() {
  const uint8_t* const random = TakeRandom(16);
  std::string out(36, '-');
  char* to = out.data();
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) ++to;  // A dash.
    uint8_t byte = random[i];
    if (i == 6) byte = static_cast<uint8_t>((byte & 0x0f) | 0x40);
    if (i == 8) byte = static_cast<uint8_t>((byte & 0x3f) | 0x80);
    *to++ = kDigits[byte >> 4];
    *to++ = kDigits[byte & 15];
  }
  return out;
}

std::string NewHexId(size_t digits) {
  std::string out(digits, '0');
  for (size_t at = 0; at < digits;) {
    const size_t part = std::min(digits - at, 2 * kBlock);
    const uint8_t* const random = TakeRandom((part + 1) / 2);
    for (size_t i = 0; i < part; ++i) {
      out[at + i] = kDigits[i % 2 == 0 ? random[i / 2] >> 4 : random[i / 2] & 15];
    }
    at += part;
  }
  return out;
}

}  // namespace hearth::base
