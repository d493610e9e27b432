// Filter patterns: a pattern, a newline, and a message that it is held against.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "logs/filter_pattern.h"
#include "logs/page_token.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto newline = text.find('\n');
  const std::string_view first = text.substr(0, newline);
  if (const auto pattern = hearth::logs::FilterPattern::Parse(first)) {
    pattern->Matches(newline == std::string_view::npos ? text : text.substr(newline + 1));
  }
  (void)hearth::logs::DecodeToken(first);
  (void)hearth::logs::DecodeEventToken(first);
  return 0;
}
