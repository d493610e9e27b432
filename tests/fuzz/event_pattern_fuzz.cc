// Event patterns: a pattern, a newline, and an event that it is held against.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "expressions/event_pattern.h"

using hearth::expressions::EventPattern;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto newline = text.find('\n');
  const auto pattern = EventPattern::Parse(text.substr(0, newline));
  if (!pattern) {
    if (pattern.error().empty()) __builtin_trap();
    return 0;
  }
  const std::string_view rest = newline == std::string_view::npos ? "{}" : text.substr(newline + 1);
  const auto event = hearth::base::ParseJson(rest);
  if (!event) return 0;
  // What one alternative says is what the pattern says.
  bool matches = false;
  for (const auto& alternative : pattern->alternatives()) {
    matches = matches || pattern->MatchesAlternative(alternative, *event);
  }
  if (pattern->Matches(*event) != matches) __builtin_trap();
  return 0;
}
