#include "logs/filter_pattern.h"

#include <algorithm>

namespace hearth::logs {
namespace {

bool Holds(std::string_view message, const std::vector<std::string>& terms, auto quantifier) {
  return quantifier(
      terms, [&](const std::string& term) { return message.find(term) != std::string_view::npos; });
}

}  // namespace

std::expected<FilterPattern::Terms, std::string> FilterPattern::ParseTerms(std::string_view text) {
  Terms out;
  Scanner scanner(text);
  for (scanner.SkipSpace(); !scanner.AtEnd(); scanner.SkipSpace()) {
    auto* to = &out.required;
    if (scanner.Take("?")) {
      to = &out.optional;
    } else if (scanner.Take("-")) {
      to = &out.excluded;
    }
    std::string term;
    if (scanner.Take("\"")) {
      if (!scanner.TakeQuoted('"', term)) return std::unexpected("a quote is not closed");
    } else if (scanner.Peek() == '%') {
      return std::unexpected("Hearth does not serve regular expressions in filter patterns");
    } else {
      term = scanner.TakeUntil(" \t\r\n\"");
    }
    if (term.empty()) return std::unexpected("a term is empty");
    to->push_back(std::move(term));
  }
  return out;
}

std::expected<FilterPattern, std::string> FilterPattern::Parse(std::string_view text) {
  FilterPattern out;
  const auto first = text.find_first_not_of(" \t\r\n");
  const char begins = first == std::string_view::npos ? '\0' : text[first];
  const auto set = [&](auto parsed) -> std::expected<FilterPattern, std::string> {
    if (!parsed) return std::unexpected(parsed.error());
    out.kind_ = std::move(*parsed);
    return std::move(out);
  };
  if (begins == '{') return set(JsonPattern::Parse(text));
  if (begins == '[') return set(FieldsPattern::Parse(text));
  return set(ParseTerms(text));
}

bool FilterPattern::Matches(std::string_view message) const {
  if (const auto* json = std::get_if<JsonPattern>(&kind_)) return json->Matches(message);
  if (const auto* fields = std::get_if<FieldsPattern>(&kind_)) return fields->Matches(message);
  const Terms& terms = *std::get_if<Terms>(&kind_);
  if (Holds(message, terms.excluded, std::ranges::any_of)) return false;
  if (!terms.required.empty() || !terms.excluded.empty()) {
    return Holds(message, terms.required, std::ranges::all_of);
  }
  return terms.optional.empty() || Holds(message, terms.optional, std::ranges::any_of);
}

}  // namespace hearth::logs
