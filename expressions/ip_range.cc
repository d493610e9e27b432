#include "expressions/ip_range.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace hearth::expressions {
namespace {

constexpr size_t kMaxAddress = 45;  // Characters of the longest way to write one.
constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool LooksLikeV4(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return IsDigit(c) || c == '.'; }) &&
         std::ranges::count(text, '.') == 3;
}

bool LooksLikeV6(std::string_view text) {
  return text.find(':') != std::string_view::npos && std::ranges::all_of(text, [](char c) {
           const char low = static_cast<char>(c | 0x20);
           return IsDigit(c) || c == ':' || (low >= 'a' && low <= 'f');
         });
}

std::optional<IpAddress> ReadV4(std::string_view text) {
  IpAddress out;
  for (size_t i = 0; i < 4; ++i) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out.bytes[i]);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    if (i == 3) break;
    if (!text.starts_with('.')) return std::nullopt;
    text.remove_prefix(1);
  }
  return text.empty() ? std::optional(out) : std::nullopt;
}

}  // namespace

std::optional<IpAddress> IpAddress::Read(std::string_view text) {
  if (text.size() > kMaxAddress) return std::nullopt;
  if (LooksLikeV4(text)) return ReadV4(text);
  if (!LooksLikeV6(text)) return std::nullopt;
  IpAddress out{.size = 16, .bytes = {}};
  if (::inet_pton(AF_INET6, std::string(text).c_str(), out.bytes.data()) != 1) return std::nullopt;
  if (!std::equal(kMapped.begin(), kMapped.end(), out.bytes.begin())) return out;
  IpAddress v4;
  std::copy(out.bytes.begin() + 12, out.bytes.end(), v4.bytes.begin());
  return v4;
}

std::expected<IpRange, std::string> IpRange::Read(std::string_view cidr) {
  const size_t slash = cidr.find('/');
  const bool is_one = slash != std::string_view::npos && slash + 1 < cidr.size() &&
                      cidr.find('/', slash + 1) == std::string_view::npos;
  if (!is_one) return std::unexpected("Malformed CIDR, one '/' required");
  const std::string_view number = cidr.substr(slash + 1);
  int bits = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), bits);
  if (error != std::errc() || end != number.data() + number.size()) {
    return std::unexpected("Malformed CIDR, mask bits must be an integer");
  }
  if (bits < 0) return std::unexpected("Malformed CIDR, mask bits must not be negative");
  const std::string_view text = cidr.substr(0, slash);
  const auto address = IpAddress::Read(text);
  if (!address) {
    const bool is_nearly = LooksLikeV4(text) || LooksLikeV6(text);
    return std::unexpected((is_nearly ? "Invalid IP address: " : "Nonstandard IP address: ") +
                           std::string(text));
  }
  const int width = address->size * 8;
  if (bits >= width) {
    return std::unexpected(width == 32 ? "IPv4 mask bits must be < 32"
                                       : "IPv6 mask bits must be < 128");
  }
  IpRange range{.first = *address, .last = *address};
  for (int bit = bits; bit < width; ++bit) {
    range.last.bytes[static_cast<size_t>(bit / 8)] |= static_cast<uint8_t>(0x80 >> (bit % 8));
  }
  return range;
}

}  // namespace hearth::expressions
