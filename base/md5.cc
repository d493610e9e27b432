#include "base/md5.h"

#include <openssl/evp.h>

#include "base/check.h"

namespace hearth::base {
namespace {

// Fetched once: OpenSSL looks a digest up by its name each time otherwise, which costs more than
// the digest of a short message.
const EVP_MD* Algorithm() {
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "MD5", nullptr);
  CHECK(algorithm != nullptr);
  return algorithm;
}

}  // namespace

struct Md5::Context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(evp); }
};

Md5::Md5() : context_(std::make_unique<Context>()) {
  CHECK(context_->evp != nullptr);
  CHECK(EVP_DigestInit_ex(context_->evp, Algorithm(), nullptr) == 1);
}
Md5::~Md5() = default;

void Md5::Update(std::string_view data) {
  CHECK(EVP_DigestUpdate(context_->evp, data.data(), data.size()) == 1);
}

std::string Md5::Finish() {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::array<uint8_t, 16> digest;
  unsigned int size = 0;
  CHECK(EVP_DigestFinal_ex(context_->evp, digest.data(), &size) == 1);
  CHECK(size == digest.size());
  std::string out;
  out.reserve(2 * digest.size());
  for (const uint8_t byte : digest) {
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  return out;
}

std::string Md5Hex(std::string_view data) {
  Md5 hash;
  hash.Update(data);
  return hash.Finish();
}

}  // namespace hearth::base
