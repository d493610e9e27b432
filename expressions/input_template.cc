#include "expressions/input_template.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "expressions/json_tokens.h"

namespace hearth::expressions {
namespace {

using base::Json;

constexpr std::array<std::string_view, 5> kReserved = {
    "aws.events.rule-arn", "aws.events.rule-name", "aws.events.event.ingestion-time",
    "aws.events.event", "aws.events.event.json"};
// What <aws.events.event> has, in AWS's order, of what an event calls otherwise.
constexpr std::pair<const char*, const char*> kHead[] = {{"id", "id"},
                                                         {"account", "account"},
                                                         {"detailType", "detail-type"},
                                                         {"time", "time"},
                                                         {"source", "source"},
                                                         {"region", "region"},
                                                         {"resources", "resources"},
                                                         {"version", "version"}};

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

// The variable that `text` begins with; empty: none.
std::string_view VariableAt(std::string_view text) {
  if (!text.starts_with('<')) return {};
  const size_t end = text.find('>');
  if (end == std::string_view::npos) return {};
  const std::string_view name = text.substr(1, end - 1);
  return std::ranges::all_of(name, IsNameCharacter) ? name : std::string_view();
}

// To the second.
std::string Iso(base::WallTime when) { return base::FormatIso8601(when).substr(0, 19) + "Z"; }

std::string Head(const Json& event) {
  std::string out;
  for (const auto& [name, member] : kHead) {
    const auto found = event.find(member);
    if (found == event.end()) continue;
    out += fmt::format("{}\"{}\":{}", out.empty() ? "{" : ",", name, base::ToJsonText(*found));
  }
  return out.empty() ? "{}" : out + "}";
}

// A JSON text as it stands within a string.
std::string WithinString(const std::string& json) {
  if (json.starts_with('"')) return json.substr(1, json.size() - 2);
  std::string bare = json;
  std::erase(bare, '"');
  const std::string quoted = base::JsonQuote(bare);
  return quoted.substr(1, quoted.size() - 2);
}

}  // namespace

std::expected<InputTransformer, std::string> InputTransformer::Create(
    const std::map<std::string, std::string>& paths, std::string_view text) {
  if (paths.size() > kMaxInputPaths) return std::unexpected("has more than 100 paths.");
  if (text.empty() || text.size() > kMaxInputTemplate) {
    return std::unexpected("is to have 1 to 8192 characters.");
  }
  InputTransformer out;
  for (const auto& [name, path] : paths) {
    std::string low = name.substr(0, 4);
    std::ranges::transform(low, low.begin(), [](char c) { return static_cast<char>(c | 0x20); });
    // '.' with that bit is '.' still.
    if (low == "aws.") return std::unexpected(fmt::format("has a reserved name: {}.", name));
    auto parsed = JsonPath::Parse(path);
    if (!parsed) return std::unexpected(fmt::format("has an invalid path: {}.", parsed.error()));
    out.paths_.emplace(name, *std::move(parsed));
  }
  out.pieces_ = Split(text);
  if (auto checked = out.Check(); !checked) return std::unexpected(checked.error());
  return out;
}

std::vector<InputTransformer::Piece> InputTransformer::Split(std::string_view text) {
  std::vector<Piece> pieces;
  std::string literal;
  bool is_in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (const std::string_view name = VariableAt(text.substr(i)); !name.empty()) {
      pieces.push_back({std::exchange(literal, ""), std::string(name), is_in_string});
      i += name.size() + 1;
      continue;
    }
    literal += text[i];
    if (text[i] == '"') is_in_string = !is_in_string;
    if (text[i] == '\\' && is_in_string && i + 1 < text.size()) literal += text[++i];
  }
  pieces.push_back({.literal = std::move(literal), .variable = ""});
  return pieces;
}

// Whether it has variables that there are, and is JSON with others in their places that are as
// long.
std::expected<void, std::string> InputTransformer::Check() const {
  std::string filled;
  for (const Piece& piece : pieces_) {
    filled += piece.literal;
    if (piece.variable.empty()) break;
    const bool is_known = paths_.contains(piece.variable) ||
                          std::ranges::find(kReserved, piece.variable) != kReserved.end();
    if (!is_known) {
      return std::unexpected(fmt::format("contains invalid placeholder {}.", piece.variable));
    }
    filled += piece.is_in_string ? fmt::format("<{}>", piece.variable)
                                 : "[" + std::string(piece.variable.size(), ' ') + "]";
  }
  JsonTokens tokens(filled, JsonTokens::Roots::kMany);
  bool is_empty = true;
  for (JsonTokens::Token token; (token = tokens.Next()) != JsonTokens::Token::kEnd;) {
    is_empty = false;
    if (token == JsonTokens::Token::kError) {
      return std::unexpected(fmt::format("is not valid: {}", tokens.error()));
    }
    if (token != JsonTokens::Token::kName) continue;
    const std::string& name = tokens.Text();
    for (size_t i = 0; i < name.size(); ++i) {
      if (!VariableAt(std::string_view(name).substr(i)).empty()) {
        return std::unexpected(fmt::format("contains a placeholder as an object key: {}.", name));
      }
    }
  }
  if (is_empty) return std::unexpected("is not valid: it is empty");
  return {};
}

std::string InputTransformer::Apply(const Json& event, std::string_view event_text,
                                    const RuleContext& context) const {
  std::map<std::string_view, std::string> values;
  const auto value = [&](std::string_view name) -> const std::string& {
    const auto [found, is_new] = values.try_emplace(name);
    if (!is_new) return found->second;
    std::string& text = found->second;
    if (const auto path = paths_.find(std::string(name)); path != paths_.end()) {
      const auto part = path->second.Find(event);
      text = part ? base::ToJsonText(*part) : "\"\"";
    } else if (name == "aws.events.event.json") {
      text = event_text;
    } else if (name == "aws.events.event") {
      text = Head(event);
    } else if (name == "aws.events.event.ingestion-time") {
      text = base::JsonQuote(Iso(context.ingestion_time));
    } else {
      text = base::JsonQuote(name == "aws.events.rule-arn" ? context.rule_arn : context.rule_name);
    }
    return text;
  };
  std::string out;
  for (const Piece& piece : pieces_) {
    out += piece.literal;
    if (piece.variable.empty() || out.size() > kMaxTransformed) break;
    const std::string& text = value(piece.variable);
    out += piece.is_in_string ? WithinString(text) : text;
  }
  return out;
}

}  // namespace hearth::expressions
