#include "stacks/tokens.h"

namespace hearth::stacks {
namespace {

constexpr char kMark = '\x1f';

std::string Token(std::string_view what, const std::string& logical_id) {
  std::string out{kMark};
  out.append(what).append(" of ").append(logical_id);
  return out + kMark;
}

}  // namespace

std::string VersionToken(const std::string& logical_id) { return Token("number", logical_id); }

std::string LayerToken(const std::string& logical_id) {
  return Token("layer's number", logical_id);
}

std::string UrlToken(const std::string& logical_id) { return Token("URL", logical_id); }

std::string MappingToken(const std::string& logical_id) { return Token("UUID", logical_id); }

bool HasToken(std::string_view text) { return text.find(kMark) != std::string_view::npos; }

std::string WithMade(std::string text, const Made& made) {
  for (size_t at = 0; (at = text.find(kMark, at)) != std::string::npos;) {
    const size_t end = text.find(kMark, at + 1);
    if (end == std::string::npos) break;
    const auto value = made.find(text.substr(at, end + 1 - at));
    if (value == made.end()) {
      at = end + 1;
    } else {
      text.replace(at, end + 1 - at, value->second);
      at += value->second.size();
    }
  }
  return text;
}

base::Json WithMade(base::Json value, const Made& made) {
  if (value.is_string()) return WithMade(value.get<std::string>(), made);
  // As deep as a resource's properties are: their shapes are fixed.
  if (value.is_structured()) {
    for (auto& item : value) item = WithMade(std::move(item), made);
  }
  return value;
}

std::string WithPlaceholders(std::string_view text) {
  std::string out;
  bool is_inside = false;
  for (const char c : text) {
    if (c == kMark) {
      if (!is_inside) out += '1';
      is_inside = !is_inside;
    } else if (!is_inside) {
      out += c;
    }
  }
  return out;
}

std::string WithoutTokens(std::string_view text) {
  std::string out;
  bool is_inside = false;
  for (const char c : text) {
    if (c != kMark) {
      out += c;
    } else {
      out += is_inside ? '>' : '<';
      is_inside = !is_inside;
    }
  }
  return is_inside ? out + "...>" : out;
}

}  // namespace hearth::stacks
