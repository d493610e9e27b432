#include "logs/json_pattern.h"

#include <algorithm>
#include <charconv>

namespace hearth::logs {
namespace {

constexpr std::string_view kNameEnds = " \t\r\n.[]=!<>(){}&|\"";

}  // namespace

std::expected<JsonPattern, std::string> JsonPattern::Parse(std::string_view text) {
  Scanner scanner(text);
  scanner.SkipSpace();
  if (!scanner.Take("{")) return std::unexpected("a selector begins with {");
  auto expression = Expression<Operand>::Parse(scanner, ParseOperand);
  if (!expression) return std::unexpected(expression.error());
  scanner.SkipSpace();
  if (!scanner.Take("}")) return std::unexpected("a selector ends with }");
  scanner.SkipSpace();
  if (!scanner.AtEnd()) return std::unexpected("something stands behind the }");
  JsonPattern out;
  out.expression_ = std::move(*expression);
  return out;
}

std::expected<JsonPattern::Operand, std::string> JsonPattern::ParseOperand(Scanner& scanner) {
  Operand out;
  scanner.SkipSpace();
  if (!scanner.Take("$")) return std::unexpected("a property begins with $");
  while (true) {
    Step step;
    if (scanner.Take("[")) {
      scanner.SkipSpace();
      if (scanner.Peek() == '\'' || scanner.Peek() == '"') {
        if (!scanner.TakeQuoted(scanner.Next(), step.name)) {
          return std::unexpected("a quote is not closed");
        }
      } else {
        step.is_index = true;
        step.name = scanner.TakeUntil("] \t");
        const auto [end, error] =
            std::from_chars(step.name.data(), step.name.data() + step.name.size(), step.index);
        const bool is_number = error == std::errc() && end == step.name.data() + step.name.size();
        if (!is_number && step.name != "*") return std::unexpected("an index is a number or *");
      }
      scanner.SkipSpace();
      if (!scanner.Take("]")) return std::unexpected("a ] is missing");
    } else if (scanner.Take(".")) {
      if (scanner.Peek() == '[') continue;  // $.['name']
      step.name = scanner.TakeUntil(kNameEnds);
      if (step.name.empty()) return std::unexpected("a property's name is missing");
    } else {
      break;
    }
    out.path.push_back(std::move(step));
  }
  auto condition = Condition::Parse(scanner);
  if (!condition) return std::unexpected(condition.error());
  out.condition = std::move(*condition);
  return out;
}

bool JsonPattern::MatchesAt(const base::Json* value, const Operand& operand, size_t at) {
  if (value == nullptr || at == operand.path.size()) return operand.condition.Matches(value);
  const Step& step = operand.path[at];
  if (step.name == "*" && (step.is_index ? value->is_array() : value->is_object())) {
    return std::ranges::any_of(
        *value, [&](const base::Json& each) { return MatchesAt(&each, operand, at + 1); });
  }
  if (step.is_index) {
    const bool found = value->is_array() && step.name != "*" && step.index < value->size();
    return MatchesAt(found ? &(*value)[step.index] : nullptr, operand, at + 1);
  }
  const auto found = value->is_object() ? value->find(step.name) : value->end();
  return MatchesAt(found == value->end() ? nullptr : &*found, operand, at + 1);
}

bool JsonPattern::Matches(std::string_view message) const {
  const auto first = message.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || (message[first] != '{' && message[first] != '[')) {
    return false;
  }
  const auto json = base::ParseJson(message);
  return json &&
         expression_.Matches([&](const Operand& operand) { return MatchesAt(&*json, operand, 0); });
}

}  // namespace hearth::logs
