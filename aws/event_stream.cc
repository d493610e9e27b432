#include "aws/event_stream.h"

#include <array>
#include <bit>
#include <cstring>

#include "base/check.h"

namespace hearth::aws {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr uint8_t kStringHeader = 7;  // A header's type, of all that are used here.
constexpr size_t kPreludeSize = 12;
constexpr size_t kChecksumSize = 4;

// tables[k][b]: the checksum of byte b with k zeros behind it, so that eight bytes are taken in one
// step. Source: Kounavis, Berry, "Novel table lookup-based algorithms for high-performance CRC
// generation" (2008).
constexpr auto kTables = [] {
  std::array<std::array<uint32_t, 256>, 8> tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0xedb88320u : 0u);
    tables[0][byte] = value;
  }
  for (size_t k = 1; k < 8; ++k) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8) ^ tables[0][before & 0xff];
    }
  }
  return tables;
}();

void PutU32(std::string& out, size_t value) {
  CHECK(value <= UINT32_MAX);
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

size_t HeaderSize(std::string_view name, std::string_view value) {
  return 1 + name.size() + 1 + 2 + value.size();
}

void PutHeader(std::string& out, std::string_view name, std::string_view value) {
  CHECK(name.size() <= UINT8_MAX && value.size() <= UINT16_MAX);
  out.push_back(static_cast<char>(name.size()));
  out += name;
  out.push_back(kStringHeader);
  out.push_back(static_cast<char>(value.size() >> 8));
  out.push_back(static_cast<char>(value.size()));
  out += value;
}

}  // namespace

uint32_t Crc32(std::string_view bytes, uint32_t before) {
  uint32_t crc = ~before;
  const char* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    uint64_t block;
    std::memcpy(&block, at, sizeof block);
    block ^= crc;
    crc = 0;
    for (size_t k = 0; k < 8; ++k) crc ^= kTables[7 - k][(block >> (8 * k)) & 0xff];
  }
  for (; left > 0; ++at, --left) {
    crc = (crc >> 8) ^ kTables[0][(crc ^ static_cast<uint8_t>(*at)) & 0xff];
  }
  return ~crc;
}

std::string EncodeEvent(std::string_view event, std::string_view content_type,
                        std::string_view payload) {
  const size_t headers = HeaderSize(":message-type", "event") + HeaderSize(":event-type", event) +
                         HeaderSize(":content-type", content_type);
  const size_t total = kPreludeSize + headers + payload.size() + kChecksumSize;
  std::string out;
  out.reserve(total);
  PutU32(out, total);
  PutU32(out, headers);
  PutU32(out, Crc32(out));
  PutHeader(out, ":event-type", event);
  PutHeader(out, ":content-type", content_type);
  PutHeader(out, ":message-type", "event");
  out += payload;
  PutU32(out, Crc32(out));
  return out;
}

}  // namespace hearth::aws
