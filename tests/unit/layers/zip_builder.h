// Zips byte by byte, so that each may lie as no honest tool would. Source: APPNOTE.TXT 6.3.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace hearth::test {

struct ZipEntry {
  std::string name;
  std::string content;  // As the archive holds it: compressed where `method` says so.
  uint32_t mode = S_IFREG | 0644;
  uint16_t method = 0;             // 0 stored, 8 deflated
  uint16_t flags = 0;              // 1 encrypted, 0x800 UTF-8 names
  uint64_t unpacked = UINT64_MAX;  // What the headers claim; the content's size otherwise.
  uint32_t crc = 0;                // 0: the right one of a stored content
  std::string local_name;          // Where the local header says another name.
};

inline uint32_t Crc32(std::string_view data) {
  uint32_t crc = 0xffffffff;
  for (const char c : data) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0xedb88320 & (0u - (crc & 1)));
  }
  return ~crc;
}

class ZipBuilder {
 public:
  ZipBuilder& Add(const ZipEntry& entry) {
    const uint32_t crc = entry.crc != 0 ? entry.crc : Crc32(entry.content);
    const uint64_t unpacked = entry.unpacked == UINT64_MAX ? entry.content.size() : entry.unpacked;
    const auto offset = static_cast<uint32_t>(bytes_.size());
    const std::string& local = entry.local_name.empty() ? entry.name : entry.local_name;
    Put32(bytes_, 0x04034b50);
    Put16(bytes_, 20);
    PutCommon(bytes_, entry, crc, unpacked, local.size());
    bytes_ += local + entry.content;

    Put32(central_, 0x02014b50);
    Put16(central_, 3 << 8 | 30);  // Made on Unix: the mode counts.
    Put16(central_, 20);
    PutCommon(central_, entry, crc, unpacked, entry.name.size());
    Put16(central_, 0);  // comment
    Put16(central_, 0);  // disk
    Put16(central_, 0);
    Put32(central_, entry.mode << 16);
    Put32(central_, offset);
    central_ += entry.name;
    ++entries_;
    return *this;
  }
  ZipBuilder& AddFile(const std::string& name, const std::string& content = "x") {
    return Add({.name = name, .content = content});
  }
  ZipBuilder& AddLink(const std::string& name, const std::string& target) {
    return Add({.name = name, .content = target, .mode = S_IFLNK | 0777});
  }

  ZipBuilder& AddFolder(const std::string& name) {
    return Add({.name = name, .mode = S_IFDIR | 0755});
  }

  std::string Build() const {
    std::string out = bytes_ + central_;
    Put32(out, 0x06054b50);
    Put32(out, 0);
    Put16(out, entries_);
    Put16(out, entries_);
    Put32(out, static_cast<uint32_t>(central_.size()));
    Put32(out, static_cast<uint32_t>(bytes_.size()));
    Put16(out, 0);
    return out;
  }

 private:
  static void Put16(std::string& out, uint64_t value) {
    out.push_back(static_cast<char>(value));
    out.push_back(static_cast<char>(value >> 8));
  }
  static void Put32(std::string& out, uint64_t value) {
    Put16(out, value);
    Put16(out, value >> 16);
  }
  static void PutCommon(std::string& out, const ZipEntry& entry, uint32_t crc, uint64_t unpacked,
                        size_t name_size) {
    Put16(out, entry.flags);
    Put16(out, entry.method);
    Put32(out, 0x00210000);  // 1980-01-01
    Put32(out, crc);
    Put32(out, entry.content.size());
    Put32(out, unpacked);
    Put16(out, name_size);
    Put16(out, 0);  // extra field
  }

  std::string bytes_;
  std::string central_;
  uint16_t entries_ = 0;
};

// `blocks` x 258 zero bytes and one, deflated to 13 bits a block (RFC 1951, fixed Huffman codes).
inline std::string DeflatedZeros(size_t blocks) {
  std::string out;
  unsigned used = 0;
  const auto bit = [&](unsigned value) {
    if (used % 8 == 0) out.push_back(0);
    out.back() = static_cast<char>(out.back() | static_cast<char>(value << (used % 8)));
    ++used;
  };
  const auto code = [&](unsigned value, int size) {
    for (int i = size - 1; i >= 0; --i) bit(value >> i & 1);
  };
  bit(1);  // the last block
  bit(1);  // fixed codes: 01, least significant bit first
  bit(0);
  code(0b00110000, 8);  // the byte 0
  for (size_t i = 0; i < blocks; ++i) {
    code(0b11000101, 8);  // length 258
    code(0, 5);           // distance 1
  }
  code(0, 7);  // end of block
  return out;
}

}  // namespace hearth::test
