#include "expressions/json_tokens.h"

#include <cstdint>

#include <fmt/format.h>

namespace hearth::expressions {
namespace {

constexpr size_t kMaxQuoted = 500;  // Of the text, in a refusal: as AWS.
constexpr std::string_view kValues =
    "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || IsDigit(c) || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }
// A character beyond U+FFFF counts as two, as in a Java string.
size_t Units(char c) {
  if (IsContinuation(c)) return 0;
  return static_cast<unsigned char>(c) >= 0xF0 ? 2 : 1;
}

void AppendUtf8(std::string& to, uint32_t code) {
  if (code < 0x80) {
    to += static_cast<char>(code);
  } else if (code < 0x800) {
    to += static_cast<char>(0xC0 | (code >> 6));
    to += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    to += static_cast<char>(0xE0 | (code >> 12));
    to += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    to += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    to += static_cast<char>(0xF0 | (code >> 18));
    to += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    to += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    to += static_cast<char>(0x80 | (code & 0x3F));
  }
}

// The four digits at `at`, nullopt: they are not.
std::optional<uint32_t> Hex4(std::string_view text, size_t at) {
  if (at + 4 > text.size()) return std::nullopt;
  uint32_t code = 0;
  for (const char c : text.substr(at, 4)) {
    const char low = static_cast<char>(c | 0x20);
    if (IsDigit(c)) {
      code = code * 16 + static_cast<uint32_t>(c - '0');
    } else if (low >= 'a' && low <= 'f') {
      code = code * 16 + static_cast<uint32_t>(low - 'a' + 10);
    } else {
      return std::nullopt;
    }
  }
  return code;
}

}  // namespace

JsonTokens::Token JsonTokens::Next() {
  if (!error_.empty()) return Token::kError;
  if (ahead_) {
    const Token value = *ahead_;
    ahead_.reset();
    word_ = std::move(ahead_word_);
    return value;
  }
  if (is_unread_ && !ReadString()) return Token::kError;
  SkipSpace();
  return NextItem();
}

JsonTokens::Token JsonTokens::NextItem() {
  if (open_.empty()) {
    if (is_at_end()) return Token::kEnd;
    if (has_begun_ && roots_ == Roots::kOne) {
      return FailAtCharacter("expected the end of the text");
    }
    has_begun_ = true;
    return Value();
  }
  if (is_at_end()) return FailAtEnd();
  Open& open = open_.back();
  if (peek() == (open.is_object ? '}' : ']')) {
    const bool was_object = open.is_object;
    open_.pop_back();
    word_ = text_.substr(at_++, 1);
    return was_object ? Token::kObjectEnd : Token::kArrayEnd;
  }
  if (!open.is_empty) {
    if (peek() != ',') {
      return FailAtCharacter(open.is_object ? "was expecting comma to separate Object entries"
                                            : "was expecting comma to separate Array entries");
    }
    ++at_;
    SkipSpace();
    if (is_at_end()) return FailAtEnd();
  }
  open.is_empty = false;
  return open.is_object ? NextName() : Value();
}

JsonTokens::Token JsonTokens::NextName() {
  if (peek() != '"') return FailAtCharacter("was expecting double-quote to start field name");
  ++at_;
  is_unread_ = true;
  if (!ReadString()) return Token::kError;
  SkipSpace();
  if (is_at_end()) return FailAtEnd();
  if (peek() != ':') {
    return FailAtCharacter("was expecting a colon to separate field name and value");
  }
  ++at_;
  SkipSpace();
  if (is_at_end()) return FailAtEnd();
  std::string name = std::move(word_);
  const Token value = Value();
  if (value == Token::kError) return value;
  ahead_ = value;
  ahead_word_ = std::move(word_);
  word_ = std::move(name);
  return Token::kName;
}

JsonTokens::Token JsonTokens::Value() {
  const char c = peek();
  word_.clear();
  if (c == '{' || c == '[') {
    open_.push_back({.at = at_, .is_object = c == '{'});
    ++at_;
    word_ = c;
    return c == '{' ? Token::kObjectStart : Token::kArrayStart;
  }
  if (c == '"') {
    ++at_;
    is_unread_ = true;
    return Token::kString;
  }
  if (c == '-' || IsDigit(c)) return Number();
  if (IsWordCharacter(c)) return Word();
  return FailAtCharacter(fmt::format("expected a valid value {}", kValues));
}

JsonTokens::Token JsonTokens::Number() {
  const size_t begin = at_;
  const auto digits = [this] {
    const size_t first = at_;
    while (IsDigit(peek())) ++at_;
    return at_ > first;
  };
  if (peek() == '-') ++at_;
  const size_t whole = at_;
  if (!digits()) return FailAtCharacter("expected digit (0-9) to follow minus sign");
  if (text_[whole] == '0' && at_ > whole + 1) {
    return Fail("Invalid numeric value: Leading zeroes not allowed", whole + 1);
  }
  if (peek() == '.') {
    ++at_;
    if (!digits()) return FailAtCharacter("Decimal point not followed by a digit");
  }
  if (peek() == 'e' || peek() == 'E') {
    ++at_;
    if (peek() == '+' || peek() == '-') ++at_;
    if (!digits()) return FailAtCharacter("Exponent indicator not followed by a digit");
  }
  word_ = text_.substr(begin, at_ - begin);
  return Token::kNumber;
}

JsonTokens::Token JsonTokens::Word() {
  const size_t begin = at_;
  while (!is_at_end() && IsWordCharacter(peek())) ++at_;
  word_ = text_.substr(begin, at_ - begin);
  if (word_ == "true") return Token::kTrue;
  if (word_ == "false") return Token::kFalse;
  if (word_ == "null") return Token::kNull;
  return Fail(fmt::format("Unrecognized token '{}': was expecting {}", word_, kValues), at_);
}

const std::string& JsonTokens::Text() {
  if (is_unread_ && !ahead_) ReadString();
  return word_;
}

bool JsonTokens::ReadString() {
  is_unread_ = false;
  word_.clear();
  while (!is_at_end()) {
    const char c = text_[at_];
    if (c == '"') {
      ++at_;
      return true;
    }
    if (static_cast<unsigned char>(c) < 0x20) {
      Fail(fmt::format("Illegal unquoted character ((CTRL-CHAR, code {})): has to be escaped using "
                       "backslash to be included in string value",
                       static_cast<int>(c)),
           at_ + 1);
      return false;
    }
    if (c == '\\') {
      if (!ReadEscape()) return false;
      continue;
    }
    word_ += c;
    ++at_;
  }
  Fail("Unexpected end-of-input: was expecting closing quote for a string value", at_);
  return false;
}

bool JsonTokens::ReadEscape() {
  constexpr std::string_view kNames = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  ++at_;
  if (peek() == 'u') return ReadUnicode();
  const size_t found = is_at_end() ? std::string_view::npos : kNames.find(peek());
  if (found == std::string_view::npos) {
    Fail(fmt::format("Unrecognized character escape '{}' (code {})", peek(),
                     static_cast<int>(static_cast<unsigned char>(peek()))),
         at_);
    return false;
  }
  word_ += kMeanings[found];
  ++at_;
  return true;
}

bool JsonTokens::ReadUnicode() {
  ++at_;
  auto code = Hex4(text_, at_);
  if (code && *code >= 0xD800 && *code < 0xDC00) {
    const auto low = text_.substr(at_ + 4).starts_with("\\u") ? Hex4(text_, at_ + 6) : std::nullopt;
    if (low && *low >= 0xDC00 && *low < 0xE000) {
      code = 0x10000 + ((*code - 0xD800) << 10) + (*low - 0xDC00);
      at_ += 6;
    }
  }
  if (!code || (*code >= 0xD800 && *code < 0xE000)) {
    Fail("expected a hex-digit for character escape sequence", at_);
    return false;
  }
  AppendUtf8(word_, *code);
  at_ += 4;
  return true;
}

void JsonTokens::SkipSpace() {
  while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
}

std::string JsonTokens::Place(size_t at) const {
  size_t line = 1;
  size_t column = 1;
  for (size_t i = 0; i < at && i < text_.size(); ++i) {
    const bool is_break =
        text_[i] == '\n' || (text_[i] == '\r' && !text_.substr(i + 1).starts_with('\n'));
    column = is_break ? 1 : column + Units(text_[i]);
    if (is_break) ++line;
  }
  size_t end = 0;
  size_t units = 0;
  while (end < text_.size() && units + Units(text_[end]) <= kMaxQuoted)
    units += Units(text_[end++]);
  size_t left = 0;
  for (const char c : text_.substr(end)) left += Units(c);
  return fmt::format("[Source: (String)\"{}\"{}; line: {}, column: {}]", text_.substr(0, end),
                     left > 0 ? fmt::format("[truncated {} chars]", left) : "", line, column);
}

std::string JsonTokens::At(std::string_view what) const {
  return fmt::format("{}\n at {}", what, Place(at_));
}

JsonTokens::Token JsonTokens::Fail(std::string_view what, size_t at) {
  error_ = fmt::format("{}\n at {}", what, Place(at));
  return Token::kError;
}

JsonTokens::Token JsonTokens::FailAtCharacter(std::string_view what) {
  if (is_at_end()) return FailAtEnd();
  size_t end = at_ + 1;
  while (end < text_.size() && IsContinuation(text_[end])) ++end;
  const auto c = static_cast<unsigned char>(peek());
  const std::string shown = c < 0x20
                                ? fmt::format("(CTRL-CHAR, code {})", c)
                                : fmt::format("'{}' (code {})", text_.substr(at_, end - at_), c);
  return Fail(fmt::format("Unexpected character ({}): {}", shown, what), at_);
}

JsonTokens::Token JsonTokens::FailAtEnd() {
  if (open_.empty()) return Fail("Unexpected end-of-input", at_);
  return Fail(
      fmt::format("Unexpected end-of-input: expected close marker for {} (start marker at {})",
                  open_.back().is_object ? "Object" : "Array", Place(open_.back().at)),
      at_);
}

}  // namespace hearth::expressions
