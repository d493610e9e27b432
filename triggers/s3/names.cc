#include "triggers/s3/names.h"

#include <algorithm>
#include <array>

#include <simdjson.h>

#include "base/limits.h"

namespace hearth::s3 {
namespace {

constexpr size_t kMinBucketName = 3;
constexpr size_t kMaxBucketName = 63;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetterOrDigit(char c) { return (c >= 'a' && c <= 'z') || IsDigit(c); }

// "192.168.5.4", in form alone.
bool LooksLikeAnAddress(std::string_view name) {
  return std::ranges::count(name, '.') == 3 && !name.starts_with('.') && !name.ends_with('.') &&
         name.find("..") == std::string_view::npos &&
         std::ranges::all_of(name, [](char c) { return IsDigit(c) || c == '.'; });
}

bool IsReserved(std::string_view name) {
  constexpr std::array<std::string_view, 3> kBeginnings = {"xn--", "sthree-", "amzn-s3-demo-"};
  constexpr std::array<std::string_view, 5> kEnds = {"-s3alias", "--ol-s3", ".mrap", "--x-s3",
                                                     "--table-s3"};
  return std::ranges::any_of(kBeginnings, [&](auto each) { return name.starts_with(each); }) ||
         std::ranges::any_of(kEnds, [&](auto each) { return name.ends_with(each); });
}

// Whether ".." leads above the root somewhere on the way from left to right.
bool ClimbsAboveTheRoot(std::string_view key) {
  int64_t depth = 0;
  while (!key.empty()) {
    const size_t slash = key.find('/');
    const std::string_view segment = key.substr(0, slash);
    key = slash == std::string_view::npos ? std::string_view() : key.substr(slash + 1);
    if (segment == "..") {
      if (--depth < 0) return true;
    } else if (!segment.empty() && segment != ".") {
      ++depth;
    }
  }
  return false;
}

}  // namespace

std::optional<ApiError> CheckBucketName(std::string_view name) {
  const bool is_good =
      name.size() >= kMinBucketName && name.size() <= kMaxBucketName &&
      std::ranges::all_of(name,
                          [](char c) { return IsLetterOrDigit(c) || c == '-' || c == '.'; }) &&
      IsLetterOrDigit(name.front()) && IsLetterOrDigit(name.back()) &&
      name.find("..") == std::string_view::npos && !LooksLikeAnAddress(name) && !IsReserved(name);
  if (is_good) return std::nullopt;
  return Refusal("InvalidBucketName", {{"BucketName", std::string(name)}});
}

std::optional<ApiError> CheckKey(std::string_view key) {
  if (key.empty()) return RefusalBecause("InvalidRequest", "The key of an object cannot be empty");
  if (key.size() > limits::kMaxObjectKey) {
    return Refusal("KeyTooLongError",
                   {{"Size", key.size()}, {"MaxSizeAllowed", limits::kMaxObjectKey}});
  }
  if (key.find('\0') != std::string_view::npos ||
      !simdjson::validate_utf8(key.data(), key.size()) || ClimbsAboveTheRoot(key)) {
    return Refusal("InvalidURI", {{"URI", std::string(key)}});
  }
  return std::nullopt;
}

}  // namespace hearth::s3
