#include "triggers/sqs/receipt_handle.h"

#include <cstring>

#include "base/digest.h"
#include "base/file.h"
#include "base/id.h"

namespace hearth::sqs {
namespace {

constexpr size_t kKeyDigits = 64;
constexpr size_t kPlain = 16;
constexpr size_t kSeal = 14;  // With the plain part a multiple of three: no padding to be seen.

}  // namespace

base::Result<ReceiptHandles> ReceiptHandles::Open(const std::string& path) {
  if (!base::FileExists(path)) {
    TRY(base::WriteFileAtomically(path, base::NewHexId(kKeyDigits), 0600));
  }
  std::string key = TRY(base::ReadFile(path));
  if (key.size() != kKeyDigits) {
    return base::MakeError(base::ErrorKind::kCorrupt, "read " + path, "it is no key");
  }
  return ReceiptHandles(std::move(key));
}

// The key goes before and behind: SHA-256 alone could be gone on with.
std::string ReceiptHandles::Seal(std::string_view bytes) const {
  std::string text = key_;
  text.append(bytes).append(key_);
  const base::Sha256Digest digest = base::Sha256Of(text);
  return std::string(base::AsBytes(digest).substr(0, kSeal));
}

std::string ReceiptHandles::Make(const Receipt& receipt) const {
  std::string bytes(kPlain, '\0');
  std::memcpy(bytes.data(), &receipt.sequence, 8);
  std::memcpy(bytes.data() + 8, &receipt.queue, 4);
  std::memcpy(bytes.data() + 12, &receipt.receipt, 4);
  bytes += Seal(bytes);
  return base::Base64Encode(bytes);
}

std::optional<Receipt> ReceiptHandles::Read(std::string_view handle) const {
  const auto bytes = base::Base64Decode(handle);
  if (!bytes || bytes->size() != kPlain + kSeal) return std::nullopt;
  if (Seal(std::string_view(*bytes).substr(0, kPlain)) != bytes->substr(kPlain)) {
    return std::nullopt;
  }
  Receipt receipt;
  std::memcpy(&receipt.sequence, bytes->data(), 8);
  std::memcpy(&receipt.queue, bytes->data() + 8, 4);
  std::memcpy(&receipt.receipt, bytes->data() + 12, 4);
  return receipt;
}

}  // namespace hearth::sqs
