// The checksums by which clients say what they send: x-amz-checksum-*. Source: S3 User Guide,
// "Checking object integrity in Amazon S3"; FIPS 180-4; base/crc.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace hearth::s3 {

enum class ChecksumKind { kCrc32, kCrc32c, kCrc64Nvme, kSha1, kSha256 };
inline constexpr std::array kChecksumKinds = {ChecksumKind::kCrc32, ChecksumKind::kCrc32c,
                                              ChecksumKind::kCrc64Nvme, ChecksumKind::kSha1,
                                              ChecksumKind::kSha256};

// "CRC32C", without regard to case.
std::optional<ChecksumKind> ParseChecksumKind(std::string_view name);
std::string_view ChecksumName(ChecksumKind kind);     // "CRC64NVME"
std::string_view ChecksumHeader(ChecksumKind kind);   // "x-amz-checksum-crc64nvme"
std::string_view ChecksumElement(ChecksumKind kind);  // "ChecksumCRC64NVME"
size_t RawSize(ChecksumKind kind);                    // Bytes, before base64.
bool IsCrc(ChecksumKind kind);

// Update any number of times, then Finish once.
class Checksum {
 public:
  static std::unique_ptr<Checksum> Make(ChecksumKind kind);
  virtual ~Checksum() = default;
  virtual void Update(std::string_view data) = 0;
  virtual std::string Finish() = 0;  // Raw bytes, the most significant first.
};

std::string ChecksumOf(ChecksumKind kind, std::string_view data);
// Of the parts' checksums, one behind the other: type COMPOSITE, but for its "-N".
std::string CompositeOf(ChecksumKind kind, std::span<const std::string> raw_parts);
// Of two bodies, one behind the other: type FULL_OBJECT. `kind` is a CRC; both are RawSize() long.
std::string CombinedCrc(ChecksumKind kind, const std::string& first_raw,
                        const std::string& second_raw, uint64_t second_size);

}  // namespace hearth::s3
