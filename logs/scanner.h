// Scanner: a cursor over a filter pattern's text.
#pragma once

#include <string>
#include <string_view>

namespace hearth::logs {

class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool AtEnd() const { return rest_.empty(); }
  char Peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  char Next() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  void SkipSpace() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t' ||
                              rest_.front() == '\n' || rest_.front() == '\r')) {
      rest_.remove_prefix(1);
    }
  }
  // Goes past `token` where it stands here.
  bool Take(std::string_view token) {
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  // The characters up to one of `ends`.
  std::string_view TakeUntil(std::string_view ends) {
    const std::string_view out = rest_.substr(0, rest_.find_first_of(ends));
    rest_.remove_prefix(out.size());
    return out;
  }
  // After its opening quote: what stands before the closing one, '\\' taken off. False: there is
  // no closing one.
  bool TakeQuoted(char quote, std::string& to) {
    while (!rest_.empty()) {
      char c = Next();
      if (c == quote) return true;
      if (c == '\\' && !rest_.empty()) c = Next();
      to += c;
    }
    return false;
  }

 private:
  std::string_view rest_;
};

}  // namespace hearth::logs
