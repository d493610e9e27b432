// JsonTokens: a JSON text token by token, and where in it each one stood.
//
// For readers whose refusals say where: lines, columns and words are those of the reader that AWS's
// event services use, so that what they say of a malformed text is said here too. Positions are of
// what was read so far: a name is read with the colon and the beginning of its value, a string's
// characters only when somebody asks for them. `text` must outlive it. Source: RFC 8259; AWS's
// answers to malformed event patterns.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::expressions {

class JsonTokens {
 public:
  enum class Token {
    kObjectStart,
    kObjectEnd,
    kArrayStart,
    kArrayEnd,
    kName,
    kString,
    kNumber,
    kTrue,
    kFalse,
    kNull,
    kEnd,    // Nothing is left of the text.
    kError,  // error() says what was wrong; so does every Next() after it.
  };

  // Whether more values may follow the first.
  enum class Roots { kOne, kMany };
  explicit JsonTokens(std::string_view text, Roots roots = Roots::kOne)
      : text_(text), roots_(roots) {}

  Token Next();
  // Of a name or a string: what it says; of another value: as it is written.
  const std::string& Text();
  // "what\n at [Source: (String)"..."; line: 1, column: 7]"
  std::string At(std::string_view what) const;
  const std::string& error() const { return error_; }

 private:
  struct Open {
    size_t at;  // Of its bracket.
    bool is_object;
    bool is_empty = true;
  };

  Token NextItem();
  Token NextName();
  Token Value();
  Token Number();
  Token Word();
  bool ReadString();
  bool ReadEscape();
  bool ReadUnicode();
  void SkipSpace();
  std::string Place(size_t at) const;
  Token Fail(std::string_view what, size_t at);
  Token FailAtCharacter(std::string_view what);
  Token FailAtEnd();
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool is_at_end() const { return at_ >= text_.size(); }

  std::string_view text_;
  Roots roots_;
  size_t at_ = 0;
  std::vector<Open> open_;
  std::optional<Token> ahead_;  // A name's value.
  std::string ahead_word_;
  bool has_begun_ = false;
  bool is_unread_ = false;  // A string, of which only the first quote is read.
  std::string word_;
  std::string error_;
};

}  // namespace hearth::expressions
