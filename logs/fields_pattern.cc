#include "logs/fields_pattern.h"

namespace hearth::logs {
namespace {

constexpr std::string_view kNameEnds = " \t\r\n,=!<>(){}[]&|\"";

// As many as a pattern of a thousand characters can ask for; a line with more matches none.
constexpr size_t kMaxFields = 1024;

std::vector<std::string_view> Split(std::string_view line) {
  std::vector<std::string_view> out;
  while (out.size() <= kMaxFields) {
    const auto begin = line.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) return out;
    line.remove_prefix(begin);
    const char close = line.front() == '"' ? '"' : line.front() == '[' ? ']' : '\0';
    const auto end = close == '\0' ? std::string_view::npos : line.find(close, 1);
    if (end != std::string_view::npos) {
      out.push_back(line.substr(1, end - 1));
      line.remove_prefix(end + 1);
      continue;
    }
    const std::string_view word = line.substr(0, line.find_first_of(" \t\r\n"));
    out.push_back(word);
    line.remove_prefix(word.size());
  }
  return out;
}

}  // namespace

std::expected<FieldsPattern, std::string> FieldsPattern::Parse(std::string_view text) {
  FieldsPattern out;
  Scanner scanner(text);
  scanner.SkipSpace();
  if (!scanner.Take("[")) return std::unexpected("fields begin with [");
  do {
    scanner.SkipSpace();
    if (scanner.Take("...")) {
      if (out.ellipsis_) return std::unexpected("there can be one ... only");
      out.ellipsis_ = out.fields_.size();
      scanner.SkipSpace();
      continue;
    }
    Scanner ahead = scanner;
    const std::string name(ahead.TakeUntil(kNameEnds));
    ahead.SkipSpace();
    if (ahead.Peek() == ',' || ahead.Peek() == ']') {
      scanner = ahead;  // A field of which nothing is asked.
      out.fields_.emplace_back();
      continue;
    }
    auto condition = Expression<Condition>::Parse(
        scanner, [&](Scanner& at) -> std::expected<Condition, std::string> {
          at.SkipSpace();
          // One field's conditions name that field.
          const std::string_view named = at.TakeUntil(kNameEnds);
          if (!name.empty() && named != name) {
            return std::unexpected("a field's conditions all name it");
          }
          return Condition::Parse(at);
        });
    if (!condition) return std::unexpected(condition.error());
    out.fields_.push_back({std::move(*condition)});
    scanner.SkipSpace();
  } while (scanner.Take(","));
  if (!scanner.Take("]")) return std::unexpected("fields end with ]");
  scanner.SkipSpace();
  if (!scanner.AtEnd()) return std::unexpected("something stands behind the ]");
  return out;
}

bool FieldsPattern::MatchesFrom(const std::vector<std::string_view>& values, size_t from,
                                size_t first, size_t count) const {
  for (size_t i = 0; i < count; ++i) {
    const auto& condition = fields_[first + i].condition;
    if (condition && !condition->Matches(
                         [&](const Condition& each) { return each.Matches(values[from + i]); })) {
      return false;
    }
  }
  return true;
}

bool FieldsPattern::Matches(std::string_view message) const {
  const auto values = Split(message);
  if (values.size() > kMaxFields || values.size() < fields_.size()) return false;
  if (!ellipsis_) {
    return values.size() == fields_.size() && MatchesFrom(values, 0, 0, fields_.size());
  }
  const size_t last = fields_.size() - *ellipsis_;
  return MatchesFrom(values, 0, 0, *ellipsis_) &&
         MatchesFrom(values, values.size() - last, *ellipsis_, last);
}

}  // namespace hearth::logs
