// Bytes: a size in bytes, so that MiB, MB and KiB cannot be mixed up. AWS's "MB" is a MiB.
#pragma once

#include <compare>
#include <cstdint>

namespace hearth::base {

class Bytes {
 public:
  constexpr Bytes() = default;
  constexpr explicit Bytes(uint64_t count) : count_(count) {}
  static constexpr Bytes KiB(uint64_t n) { return Bytes(n * 1024); }
  static constexpr Bytes MiB(uint64_t n) { return Bytes(n * 1024 * 1024); }

  constexpr uint64_t count() const { return count_; }
  // Rounded up, as AWS's reports do.
  constexpr uint64_t ToMiBCeil() const { return (count_ + 1024 * 1024 - 1) / (1024 * 1024); }

  constexpr auto operator<=>(const Bytes&) const = default;
  constexpr Bytes operator+(Bytes other) const { return Bytes(count_ + other.count_); }
  constexpr Bytes operator-(Bytes other) const { return Bytes(count_ - other.count_); }
  constexpr Bytes& operator+=(Bytes other) { count_ += other.count_; return *this; }
  constexpr Bytes& operator-=(Bytes other) { count_ -= other.count_; return *this; }

 private:
  uint64_t count_ = 0;
};

}  // namespace hearth::base
