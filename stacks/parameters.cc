#include "stacks/parameters.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <regex>

namespace hearth::stacks {
namespace {

constexpr size_t kMaxParameters = 200;       // AWS.
constexpr size_t kMaxParameterValue = 4096;  // AWS: bytes.
// Ours: the automaton's size, and with it the depth of libstdc++'s matcher, grows with the
// pattern's length times its repetitions.
constexpr size_t kMaxPatternStates = 20000;

constexpr std::array<std::string_view, 11> kAttributes = {"Type",
                                                          "Default",
                                                          "AllowedValues",
                                                          "AllowedPattern",
                                                          "MinLength",
                                                          "MaxLength",
                                                          "MinValue",
                                                          "MaxValue",
                                                          "NoEcho",
                                                          "Description",
                                                          "ConstraintDescription"};
constexpr std::array<std::string_view, 4> kTypes = {"String", "Number", "CommaDelimitedList",
                                                    "List<Number>"};

std::optional<double> ToNumber(const std::string& text) {
  if (text.empty() || text.size() > 64) return std::nullopt;
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (*end != '\0' || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::string Trimmed(std::string text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

bool IsTooLarge(const std::string& pattern) {
  size_t states = pattern.size();
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '{') continue;
    size_t number = 0;
    size_t largest = 1;
    for (++i; i < pattern.size() && pattern[i] != '}'; ++i) {
      number = pattern[i] >= '0' && pattern[i] <= '9'
                   ? std::min<size_t>(number * 10 + static_cast<size_t>(pattern[i] - '0'), 100000)
                   : 0;
      largest = std::max(largest, number);
    }
    states *= largest;
    if (states > kMaxPatternStates) return true;
  }
  return states > kMaxPatternStates;
}

// One parameter's declaration, checked against one value.
class Parameter {
 public:
  Parameter(const Member& declaration, Diagnostics& errors)
      : name_(declaration.name),
        name_position_(declaration.position),
        node_(*declaration.value),
        errors_(errors) {}

  NodeRef Read(const std::string* given) {
    if (!ReadAttributes()) return Poison();
    const Member* fallback = node_.Find("Default");
    std::string text;
    if (given != nullptr) {
      text = *given;
    } else if (fallback != nullptr && fallback->value->is_scalar()) {
      text = fallback->value->text;
      position_ = fallback->value->position;
    } else if (fallback != nullptr) {
      return Fail(fallback->value->position,
                  fmt::format("Default is text, not {}", Describe(*fallback->value)));
    } else {
      return Fail(name_position_,
                  fmt::format("the parameter '{}' has no Default and was not given: "
                              "pass --parameter {}=VALUE",
                              name_, name_));
    }
    if (text.size() > kMaxParameterValue) {
      return Fail(position_, fmt::format("the value of '{}' has {} bytes, more than {}", name_,
                                         text.size(), kMaxParameterValue));
    }
    return Check(text) ? Value(text) : Poison();
  }

  bool is_secret() const {
    const Member* found = node_.is_map() ? node_.Find("NoEcho") : nullptr;
    return found != nullptr && (found->value->text == "true" || found->value->text == "True");
  }

 private:
  NodeRef Poison() const { return MakeScalar(NodeKind::kPoison, position_, ""); }
  NodeRef Fail(Position position, std::string message) {
    errors_.Add(position, std::move(message));
    return Poison();
  }

  bool ReadAttributes() {
    position_ = node_.position;
    if (!node_.is_map()) {
      errors_.Add(position_, fmt::format("the parameter '{}' is a map with Type, not {}", name_,
                                         Describe(node_)));
      return false;
    }
    for (const auto& member : node_.members) {
      if (std::ranges::find(kAttributes, member.name) == kAttributes.end()) {
        errors_.Add(member.position, fmt::format("unknown name '{}' in a parameter; known: {}",
                                                 member.name, fmt::join(kAttributes, ", ")));
        return false;
      }
    }
    const Member* type = node_.Find("Type");
    if (type == nullptr) {
      errors_.Add(name_position_, fmt::format("the parameter '{}' has no Type: one of {}", name_,
                                              fmt::join(kTypes, ", ")));
      return false;
    }
    type_ = type->value->text;
    if (std::ranges::find(kTypes, type_) == kTypes.end()) {
      errors_.Add(type->value->position,
                  fmt::format("the parameter type {} is not served yet; served: {}",
                              Describe(*type->value), fmt::join(kTypes, ", ")));
      return false;
    }
    return true;
  }

  std::string Shown(const std::string& text) const {
    return is_secret() ? "****" : fmt::format("'{}'", text.substr(0, 60));
  }

  bool is_list() const { return type_ == "CommaDelimitedList" || type_ == "List<Number>"; }

  std::vector<std::string> Items(const std::string& text) const {
    if (!is_list()) return {text};
    std::vector<std::string> items;
    size_t start = 0;
    while (true) {
      const size_t end = text.find(',', start);
      items.push_back(Trimmed(text.substr(start, end - start)));
      if (end == std::string::npos) return items;
      start = end + 1;
    }
  }

  bool Check(const std::string& text) {
    const std::string why = Breach(text);
    if (why.empty()) return true;
    const Member* said = node_.Find("ConstraintDescription");
    errors_.Add(position_, fmt::format("the parameter '{}': {}{}", name_, why,
                                       said != nullptr ? ": " + said->value->text : std::string()));
    return false;
  }

  // Which constraint the value breaks, or nothing.
  std::string Breach(const std::string& text) {
    for (const auto& item : Items(text)) {
      if ((type_ == "Number" || type_ == "List<Number>") && !ToNumber(item)) {
        return fmt::format("{} is no number", Shown(item));
      }
      if (const Member* allowed = node_.Find("AllowedValues")) {
        std::vector<std::string> values;
        for (const auto& value : allowed->value->items) values.push_back(value->text);
        if (std::ranges::find(values, item) == values.end()) {
          return fmt::format("{} is not one of AllowedValues: {}", Shown(item),
                             fmt::join(values, ", "));
        }
      }
      if (auto why = PatternBreach(item); !why.empty()) return why;
    }
    const auto length = static_cast<double>(text.size());
    const auto value = ToNumber(text);
    for (const auto& [limit, measured, is_minimum] :
         {std::tuple{"MinLength", std::optional(length), true},
          {"MaxLength", std::optional(length), false},
          {"MinValue", value, true},
          {"MaxValue", value, false}}) {
      const Member* member = node_.Find(limit);
      if (member == nullptr || !measured) continue;
      const auto bound = ToNumber(member->value->text);
      if (!bound) return fmt::format("{} {} is no number", limit, Describe(*member->value));
      if (is_minimum ? *measured < *bound : *measured > *bound) {
        return fmt::format("{} breaks {} {}", Shown(text), limit, member->value->text);
      }
    }
    return "";
  }

  std::string PatternBreach(const std::string& item) {
    const Member* pattern = node_.Find("AllowedPattern");
    if (pattern == nullptr) return "";
    const std::string& text = pattern->value->text;
    if (IsTooLarge(text))
      return fmt::format("AllowedPattern '{}' is too large", text.substr(0, 60));
    try {
      // Polynomial: a hostile pattern must not hold the loop (no back-references then).
      const std::regex compiled(
          text, std::regex_constants::ECMAScript | std::regex_constants::__polynomial);
      if (std::regex_match(item, compiled)) return "";
    } catch (const std::regex_error&) {
      return fmt::format("AllowedPattern '{}' is no regular expression that is served",
                         text.substr(0, 60));
    }
    return fmt::format("{} does not match AllowedPattern {}", Shown(item), text);
  }

  NodeRef Value(const std::string& text) const {
    if (!is_list()) {
      return MakeScalar(type_ == "Number" ? NodeKind::kNumber : NodeKind::kString, position_, text);
    }
    std::vector<NodeRef> items;
    for (auto& item : Items(text)) {
      items.push_back(MakeScalar(NodeKind::kString, position_, std::move(item)));
    }
    return MakeList(position_, std::move(items));
  }

  const std::string& name_;
  Position name_position_;
  const Node& node_;
  Diagnostics& errors_;
  Position position_;
  std::string type_;
};

}  // namespace

ParameterValues ReadParameters(const NodeRef& section,
                               const std::map<std::string, std::string>& given,
                               Diagnostics& errors) {
  ParameterValues out;
  std::vector<std::string> names;
  if (section != nullptr && section->members.size() > kMaxParameters) {
    errors.Add(section->position, fmt::format("{} parameters: a template has at most {}",
                                              section->members.size(), kMaxParameters));
    return out;
  }
  if (section != nullptr) {
    for (const auto& member : section->members) {
      names.push_back(member.name);
      const auto found = given.find(member.name);
      Parameter parameter(member, errors);
      out.values[member.name] = parameter.Read(found != given.end() ? &found->second : nullptr);
      if (parameter.is_secret()) out.secret.insert(member.name);
    }
  }
  for (const auto& [name, value] : given) {
    if (out.values.contains(name)) continue;
    errors.Add(section != nullptr ? section->position : Position{},
               fmt::format("'{}' was given but is no parameter; there are: {}", name,
                           names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
  }
  return out;
}

}  // namespace hearth::stacks
