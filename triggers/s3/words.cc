#include "triggers/s3/words.h"

#include <algorithm>
#include <charconv>

namespace hearth::s3 {

std::string LowerCase(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

std::string_view Trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

std::string_view Unquoted(std::string_view etag) {
  if (etag.size() < 2 || !etag.starts_with('"') || !etag.ends_with('"')) return etag;
  return etag.substr(1, etag.size() - 2);
}

std::optional<uint64_t> ReadNumber(std::string_view digits) {
  uint64_t out = 0;
  const char* const last = digits.data() + digits.size();
  const auto [end, error] = std::from_chars(digits.data(), last, out);
  return error == std::errc() && end == last ? std::optional(out) : std::nullopt;
}

}  // namespace hearth::s3
