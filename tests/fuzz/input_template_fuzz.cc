// Input templates: a path, a newline, a template with the variable v, a newline, and an event.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "expressions/input_template.h"
#include "expressions/json_tokens.h"

using hearth::base::ParseJson;
using hearth::expressions::InputTransformer;
using hearth::expressions::JsonTokens;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t first = text.find('\n');
  if (first == std::string_view::npos) return 0;
  const size_t second = text.find('\n', first + 1);
  if (second == std::string_view::npos) return 0;
  const std::string path(text.substr(0, first));
  const auto transformer =
      InputTransformer::Create({{"v", path}}, text.substr(first + 1, second - first - 1));
  if (!transformer) return 0;
  const std::string_view event_text = text.substr(second + 1);
  const auto event = ParseJson(event_text);
  if (!event || !event->is_object()) return 0;
  const std::string made = transformer->Apply(*event, event_text, {});
  if (made.size() > hearth::expressions::kMaxTransformed) return 0;
  // What is made of a good template is JSON.
  JsonTokens tokens(made, JsonTokens::Roots::kMany);
  for (JsonTokens::Token token; (token = tokens.Next()) != JsonTokens::Token::kEnd;) {
    if (token == JsonTokens::Token::kError) __builtin_trap();
  }
  return 0;
}
