// IpRange: addresses of IPv4 or IPv6, from one to another: 10.0.0.0/24.
//
// Values. As AWS has it, a range begins at the address that is written, not at its network's first,
// and an IPv4 address in IPv6's clothes (::ffff:10.0.0.1) is the IPv4 one.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace hearth::expressions {

struct IpAddress {
  int size = 4;  // Bytes: 4 or 16.
  std::array<uint8_t, 16> bytes{};

  // nullopt: not an address.
  static std::optional<IpAddress> Read(std::string_view text);
  auto operator<=>(const IpAddress&) const = default;
};

struct IpRange {
  IpAddress first;
  IpAddress last;

  // What was wrong with it, in AWS's words.
  static std::expected<IpRange, std::string> Read(std::string_view cidr);
  bool Has(const IpAddress& address) const {
    return address.size == first.size && first <= address && address <= last;
  }
};

}  // namespace hearth::expressions
