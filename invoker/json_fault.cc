#include "invoker/json_fault.h"

#include <simdjson.h>

#include <algorithm>
#include <string_view>

namespace hearth::invoker {
namespace {

constexpr size_t kMaxDepth = 1024;

// The grammar of RFC 8259 and nothing else: no value is made. For what simdjson refuses although it
// is JSON, because its values would not hold it: a number beyond 64 bits or a double's range, an
// escaped surrogate without its other half. The text is UTF-8: simdjson has looked at that first.
class Grammar {
 public:
  explicit Grammar(std::string_view text) : text_(text) {}

  bool IsOneText() {
    Skip();
    if (!Value(0)) return false;
    Skip();
    return text_.empty();
  }

 private:
  void Skip() {
    const size_t first = text_.find_first_not_of(" \t\r\n");
    text_.remove_prefix(std::min(first, text_.size()));
  }
  bool Take(char wanted) {
    if (text_.empty() || text_.front() != wanted) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool Take(std::string_view wanted) {
    if (!text_.starts_with(wanted)) return false;
    text_.remove_prefix(wanted.size());
    return true;
  }
  size_t Digits() {
    const size_t count = std::min(text_.find_first_not_of("0123456789"), text_.size());
    text_.remove_prefix(count);
    return count;
  }

  bool Value(size_t depth) {
    if (text_.empty() || depth > kMaxDepth) return false;
    switch (text_.front()) {
      case '{':
        return List('{', '}', depth);
      case '[':
        return List('[', ']', depth);
      case '"':
        return String();
      case 't':
        return Take("true");
      case 'f':
        return Take("false");
      case 'n':
        return Take("null");
      default:
        return Number();
    }
  }

  bool List(char open, char close, size_t depth) {
    Take(open);
    Skip();
    if (Take(close)) return true;
    do {
      Skip();
      if (open == '{') {
        if (!String()) return false;
        Skip();
        if (!Take(':')) return false;
        Skip();
      }
      if (!Value(depth + 1)) return false;
      Skip();
    } while (Take(','));
    return Take(close);
  }

  bool String() {
    if (!Take('"')) return false;
    while (!text_.empty()) {
      const auto c = static_cast<unsigned char>(text_.front());
      text_.remove_prefix(1);
      if (c == '"') return true;
      if (c < 0x20) return false;
      if (c == '\\' && !Escape()) return false;
    }
    return false;
  }

  bool Escape() {
    if (!Take('u')) {
      if (text_.empty() || std::string_view("\"\\/bfnrt").find(text_.front()) == text_.npos) {
        return false;
      }
      text_.remove_prefix(1);
      return true;
    }
    const std::string_view digits = text_.substr(0, 4);
    text_.remove_prefix(digits.size());
    return digits.size() == 4 && digits.find_first_not_of("0123456789abcdefABCDEF") == digits.npos;
  }

  bool Number() {
    Take('-');
    if (!Take('0') && Digits() == 0) return false;
    if (Take('.') && Digits() == 0) return false;
    if (Take('e') || Take('E')) {
      if (!Take('+')) Take('-');
      return Digits() > 0;
    }
    return true;
  }

  std::string_view text_;
};

}  // namespace

std::optional<std::string> JsonFault(std::string_view payload) {
  // One loop, one thread: the parser's buffers are reused by every call.
  static thread_local simdjson::dom::parser parser;
  constexpr size_t kKeepBytes = 1 << 20;
  const simdjson::error_code error = parser.parse(payload.data(), payload.size()).error();
  if (parser.capacity() > kKeepBytes) {
    parser = simdjson::dom::parser();  // A 6 MB payload must not pin its tape for ever.
  }
  if (error == simdjson::SUCCESS) return std::nullopt;
  const bool may_be_json = error == simdjson::NUMBER_ERROR || error == simdjson::STRING_ERROR;
  if (may_be_json && Grammar(payload).IsOneText()) return std::nullopt;
  return simdjson::error_message(error);
}

}  // namespace hearth::invoker
