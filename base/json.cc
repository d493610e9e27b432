#include "base/json.h"

namespace hearth::base {
namespace {

// nlohmann's parser recurses per level; foreign text may not choose our stack's depth.
constexpr int kMaxDepth = 512;

bool IsTooDeep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxDepth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

}  // namespace

Result<Json> ParseJson(std::string_view text) {
  if (IsTooDeep(text)) {
    return Invalid("parse JSON", "nested more than 512 levels deep");
  }
  // The parser takes a NUL for the end of its input and would accept whatever follows.
  if (text.find('\0') != std::string_view::npos) {
    return Invalid("parse JSON", "a NUL byte is not JSON");
  }
  try {
    return Json::parse(text.begin(), text.end());
  } catch (const Json::exception& error) {
    return Invalid("parse JSON", error.what());
  }
}

std::string ToJsonText(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string JsonQuote(std::string_view text) { return ToJsonText(Json(text)); }

}  // namespace hearth::base
