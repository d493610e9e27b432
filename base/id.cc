#include "base/id.h"

#include <sys/random.h>

#include <array>
#include <cstdint>

#include "base/check.h"

namespace hearth::base {
namespace {

// Random bytes are drawn 4 KiB at a time: one system call serves 256 request ids.
uint8_t NextRandomByte() {
  thread_local std::array<uint8_t, 4096> block;
  thread_local size_t used = block.size();
  if (used == block.size()) {
    for (size_t filled = 0; filled < block.size();) {
      const ssize_t got = ::getrandom(block.data() + filled, block.size() - filled, 0);
      CHECK(got > 0);
      filled += static_cast<size_t>(got);
    }
    used = 0;
  }
  return block[used++];
}

constexpr char kDigits[] = "0123456789abcdef";

}  // namespace

std::string NewUuid() {
  std::string out;
  out.reserve(36);
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) {
      out.push_back('-');
    }
    uint8_t byte = NextRandomByte();
    if (i == 6) byte = static_cast<uint8_t>((byte & 0x0f) | 0x40);
    if (i == 8) byte = static_cast<uint8_t>((byte & 0x3f) | 0x80);
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  return out;
}

std::string NewHexId(size_t digits) {
  std::string out;
  out.reserve(digits);
  for (size_t i = 0; i < digits; ++i) {
    out.push_back(kDigits[NextRandomByte() & 15]);
  }
  return out;
}

}  // namespace hearth::base
