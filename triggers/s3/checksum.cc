#include "triggers/s3/checksum.h"

#include <algorithm>

#include <openssl/evp.h>

#include "base/check.h"
#include "base/crc.h"

namespace hearth::s3 {
namespace {

struct Known {
  std::string_view name;
  std::string_view header;
  std::string_view element;
  size_t size;
};

// In the order of ChecksumKind.
constexpr std::array<Known, kChecksumKinds.size()> kKnown = {{
    {"CRC32", "x-amz-checksum-crc32", "ChecksumCRC32", 4},
    {"CRC32C", "x-amz-checksum-crc32c", "ChecksumCRC32C", 4},
    {"CRC64NVME", "x-amz-checksum-crc64nvme", "ChecksumCRC64NVME", 8},
    {"SHA1", "x-amz-checksum-sha1", "ChecksumSHA1", 20},
    {"SHA256", "x-amz-checksum-sha256", "ChecksumSHA256", 32},
}};

const Known& About(ChecksumKind kind) { return kKnown[static_cast<size_t>(kind)]; }

template <typename Word>
std::string BigEndian(Word word) {
  std::string out(sizeof word, '\0');
  for (size_t i = out.size(); i-- > 0; word >>= 8) out[i] = static_cast<char>(word & 0xff);
  return out;
}

template <typename Word>
Word FromBigEndian(const std::string& raw) {
  CHECK(raw.size() == sizeof(Word));
  Word word = 0;
  for (const char byte : raw) word = static_cast<Word>(word << 8 | static_cast<uint8_t>(byte));
  return word;
}

template <typename Word, Word (*kStep)(std::string_view, Word)>
class Crc final : public Checksum {
 public:
  void Update(std::string_view data) override { crc_ = kStep(data, crc_); }
  std::string Finish() override { return BigEndian(crc_); }

 private:
  Word crc_ = 0;
};

class Sha final : public Checksum {
 public:
  explicit Sha(const EVP_MD* algorithm) {
    CHECK(evp_ != nullptr && EVP_DigestInit_ex(evp_.get(), algorithm, nullptr) == 1);
  }
  void Update(std::string_view data) override {
    CHECK(EVP_DigestUpdate(evp_.get(), data.data(), data.size()) == 1);
  }
  std::string Finish() override {
    std::array<uint8_t, EVP_MAX_MD_SIZE> digest;
    unsigned int size = 0;
    CHECK(EVP_DigestFinal_ex(evp_.get(), digest.data(), &size) == 1);
    return {reinterpret_cast<const char*>(digest.data()), size};
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* evp) const { EVP_MD_CTX_free(evp); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> evp_{EVP_MD_CTX_new()};
};

}  // namespace

std::optional<ChecksumKind> ParseChecksumKind(std::string_view name) {
  const auto upper = [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  };
  for (const ChecksumKind kind : kChecksumKinds) {
    if (std::ranges::equal(About(kind).name, name, {}, {}, upper)) return kind;
  }
  return std::nullopt;
}

std::string_view ChecksumName(ChecksumKind kind) { return About(kind).name; }
std::string_view ChecksumHeader(ChecksumKind kind) { return About(kind).header; }
std::string_view ChecksumElement(ChecksumKind kind) { return About(kind).element; }
size_t RawSize(ChecksumKind kind) { return About(kind).size; }

bool IsCrc(ChecksumKind kind) {
  return kind != ChecksumKind::kSha1 && kind != ChecksumKind::kSha256;
}

std::unique_ptr<Checksum> Checksum::Make(ChecksumKind kind) {
  switch (kind) {
    case ChecksumKind::kCrc32:
      return std::make_unique<Crc<uint32_t, base::Crc32>>();
    case ChecksumKind::kCrc32c:
      return std::make_unique<Crc<uint32_t, base::Crc32c>>();
    case ChecksumKind::kCrc64Nvme:
      return std::make_unique<Crc<uint64_t, base::Crc64Nvme>>();
    case ChecksumKind::kSha1:
      return std::make_unique<Sha>(EVP_sha1());
    case ChecksumKind::kSha256:
      return std::make_unique<Sha>(EVP_sha256());
  }
  CHECK(false);
}

std::string ChecksumOf(ChecksumKind kind, std::string_view data) {
  const auto checksum = Checksum::Make(kind);
  checksum->Update(data);
  return checksum->Finish();
}

std::string CompositeOf(ChecksumKind kind, std::span<const std::string> raw_parts) {
  const auto checksum = Checksum::Make(kind);
  for (const std::string& part : raw_parts) checksum->Update(part);
  return checksum->Finish();
}

std::string CombinedCrc(ChecksumKind kind, const std::string& first_raw,
                        const std::string& second_raw, uint64_t second_size) {
  CHECK(IsCrc(kind));
  if (kind == ChecksumKind::kCrc64Nvme) {
    return BigEndian(base::CombineCrc64Nvme(FromBigEndian<uint64_t>(first_raw),
                                            FromBigEndian<uint64_t>(second_raw), second_size));
  }
  const auto combine = kind == ChecksumKind::kCrc32 ? base::CombineCrc32 : base::CombineCrc32c;
  return BigEndian(combine(FromBigEndian<uint32_t>(first_raw), FromBigEndian<uint32_t>(second_raw),
                           second_size));
}

}  // namespace hearth::s3
