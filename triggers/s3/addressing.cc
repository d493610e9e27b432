#include "triggers/s3/addressing.h"

#include <algorithm>

#include "aws/query_protocol.h"
#include "triggers/s3/words.h"

namespace hearth::s3 {
namespace {

bool IsHexDigit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Every '%' begins an escape.
bool IsWellEscaped(std::string_view text) {
  for (size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 3)) {
    if (at + 2 >= text.size() || !IsHexDigit(text[at + 1]) || !IsHexDigit(text[at + 2])) {
      return false;
    }
  }
  return true;
}

std::string_view WithoutPort(std::string_view host) {
  const size_t colon = host.rfind(':');
  const size_t bracket = host.rfind(']');  // Of an IPv6 address.
  if (colon == std::string_view::npos) return host;
  if (bracket != std::string_view::npos && bracket > colon) return host;
  return host.substr(0, colon);
}

// "s3", "s3-us-west-2", "s3-external-1", "s3-fips", "s3-accelerate"; a bucket may be called "s3-x".
bool IsS3Label(std::string_view label) {
  constexpr std::string_view kBeginning = "s3-";
  if (label == "s3") return true;
  if (!label.starts_with(kBeginning)) return false;
  label.remove_prefix(kBeginning.size());
  const bool is_numbered = label.size() > 2 && label[label.size() - 2] == '-' &&
                           label.back() >= '0' && label.back() <= '9';
  return label == "external-1" || label.starts_with("fips") || label == "accelerate" ||
         (is_numbered && std::ranges::count(label, '-') >= 2);
}

}  // namespace

const std::string* Address::Find(std::string_view name) const {
  for (const auto& [each, value] : query) {
    if (each == name) return &value;
  }
  return nullptr;
}

std::string BucketOfHost(std::string_view field) {
  std::string host = LowerCase(WithoutPort(field));
  // A bucket's name may hold dots, and "s3" among them: the last one counts.
  for (size_t end = host.rfind('.'); end != std::string::npos && end > 0;) {
    const size_t dot = host.rfind('.', end - 1);
    if (dot == std::string::npos) break;
    if (dot > 0 && IsS3Label(std::string_view(host).substr(dot + 1, end - dot - 1))) {
      return host.substr(0, dot);
    }
    end = dot;
  }
  constexpr std::string_view kLocal = ".localhost";
  if (host.size() > kLocal.size() && host.ends_with(kLocal)) {
    host.resize(host.size() - kLocal.size());
    if (host != "s3" && !host.starts_with("s3.")) return host;
  }
  return {};
}

std::expected<Address, ApiError> ReadAddress(const io::HttpRequest& request) {
  const std::string_view path = request.path();
  std::string_view query = request.query();
  if (!path.starts_with('/') || !IsWellEscaped(path) || !IsWellEscaped(query)) {
    return std::unexpected(Refusal("InvalidURI", {{"URI", request.target}}));
  }
  Address out;
  out.bucket = BucketOfHost(request.headers.Get("Host"));
  std::string_view rest = path.substr(1);
  if (out.bucket.empty()) {
    const size_t slash = rest.find('/');
    out.bucket = io::PercentDecode(rest.substr(0, slash));
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  } else {
    out.virtual_host = true;
  }
  out.key = io::PercentDecode(rest);
  while (!query.empty()) {
    const size_t end = query.find('&');
    const std::string_view part = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    if (part.empty()) continue;
    const size_t equals = part.find('=');
    out.query.emplace_back(
        aws::FormDecode(part.substr(0, equals)),
        equals == std::string_view::npos ? "" : aws::FormDecode(part.substr(equals + 1)));
  }
  return out;
}

std::string UrlEncoded(std::string_view text, std::string_view plain) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  constexpr std::string_view kAlways = "-_.";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    const bool is_word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (is_word || kAlways.find(c) != std::string_view::npos ||
        plain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out;
}

}  // namespace hearth::s3
