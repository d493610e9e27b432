#include "logs/page_token.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/digest.h"

namespace hearth::logs {
namespace {

constexpr size_t kIdDigits = 56;
constexpr size_t kMaxToken = 4096;
// A listing's token begins so, before it is made base64.
constexpr std::string_view kMark = "hearth:";

}  // namespace

std::string EncodeToken(std::string_view last) {
  return base::Base64Encode(std::string(kMark).append(last));
}

std::optional<std::string> DecodeToken(std::string_view token) {
  if (token.size() > kMaxToken) return std::nullopt;
  const auto text = base::Base64Decode(token);
  if (!text || !text->starts_with(kMark)) return std::nullopt;
  return text->substr(kMark.size());
}

std::string EncodeEventToken(const EventToken& token) {
  return fmt::format("{}/{:056}/s", token.forward ? 'f' : 'b', token.sequence);
}

std::optional<EventToken> DecodeEventToken(std::string_view token) {
  if (token.size() != kIdDigits + 4 || !token.ends_with("/s") ||
      !(token.starts_with("f/") || token.starts_with("b/"))) {
    return std::nullopt;
  }
  const std::string_view digits = token.substr(2, kIdDigits);
  EventToken out{.forward = token.front() == 'f'};
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), out.sequence);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return out;
}

std::string EventId(int64_t timestamp_ms, uint64_t sequence) {
  return fmt::format("{:016}{:040}", std::max<int64_t>(timestamp_ms, 0), sequence);
}

}  // namespace hearth::logs
