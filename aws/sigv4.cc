#include "aws/sigv4.h"

#include <algorithm>
#include <array>

namespace hearth::aws {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr size_t kDateSize = 8;        // "20260806"
constexpr size_t kTimeSize = 16;       // "20260806T123456Z"
constexpr size_t kSignatureSize = 64;  // Hexadecimal digits.

bool IsDigits(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool IsSignature(std::string_view text) {
  return text.size() == kSignatureSize && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool IsTime(std::string_view text) {
  return text.size() == kTimeSize && IsDigits(text.substr(0, kDateSize)) &&
         text[kDateSize] == 'T' && IsDigits(text.substr(9, 6)) && text.ends_with('Z');
}

// "KEY/20260806/us-east-1/lambda/aws4_request". A key may hold a '/'; the rest may not.
std::optional<Signature> ReadCredential(std::string_view text) {
  std::array<std::string_view, 4> parts;
  for (size_t i = parts.size(); i-- > 0;) {
    const size_t slash = text.rfind('/');
    if (slash == std::string_view::npos) return std::nullopt;
    parts[i] = text.substr(slash + 1);
    text = text.substr(0, slash);
    if (parts[i].empty()) return std::nullopt;
  }
  if (text.empty() || parts[0].size() != kDateSize || !IsDigits(parts[0]) ||
      parts[3] != "aws4_request") {
    return std::nullopt;
  }
  return Signature{std::string(text), std::string(parts[1]), std::string(parts[2])};
}

// "Credential=..., SignedHeaders=..., Signature=...", in any order.
std::optional<Signature> ReadField(std::string_view text) {
  std::string_view credential;
  std::string_view headers;
  std::string_view signature;
  while (!text.empty()) {
    const size_t end = text.find(',');
    std::string_view part = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    const size_t equals = part.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view name = part.substr(0, equals);
    const std::string_view value = part.substr(equals + 1);
    if (name == "Credential") {
      credential = value;
    } else if (name == "SignedHeaders") {
      headers = value;
    } else if (name == "Signature") {
      signature = value;
    }
  }
  if (headers.empty() || !IsSignature(signature)) return std::nullopt;
  return ReadCredential(credential);
}

}  // namespace

std::optional<Signature> ReadSignature(const io::HttpRequest& request) {
  const std::string_view field = request.headers.Get("Authorization");
  if (field.starts_with(kAlgorithm) && field.substr(kAlgorithm.size()).starts_with(' ')) {
    if (!IsTime(request.headers.Get("X-Amz-Date"))) return std::nullopt;
    return ReadField(field.substr(kAlgorithm.size() + 1));
  }
  const auto query = [&request](const char* name) {
    return io::QueryParameter(request.query(), name).value;
  };
  if (query("X-Amz-Algorithm") != kAlgorithm || !IsTime(query("X-Amz-Date")) ||
      query("X-Amz-SignedHeaders").empty() || query("X-Amz-Expires").empty() ||
      !IsDigits(query("X-Amz-Expires")) || !IsSignature(query("X-Amz-Signature"))) {
    return std::nullopt;
  }
  return ReadCredential(query("X-Amz-Credential"));
}

}  // namespace hearth::aws
