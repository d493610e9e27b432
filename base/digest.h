// Digests and their spellings: SHA-256, hex, base64. Source: FIPS 180-4, RFC 4648; OpenSSL's EVP.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hearth::base {

using Sha256Digest = std::array<uint8_t, 32>;

// Streaming SHA-256: Update any number of times, then Finish once.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void Update(std::string_view data);
  Sha256Digest Finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

Sha256Digest Sha256Of(std::string_view data);
std::string ToHex(const Sha256Digest& digest);    // 64 lower-case digits.
Result<Sha256Digest> FromHex(std::string_view hex);
std::string_view AsBytes(const Sha256Digest& digest);

std::string Base64Encode(std::string_view data);
// Strict: padding required, no white space.
Result<std::string> Base64Decode(std::string_view text);

}  // namespace hearth::base
