#include "stacks/properties.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

namespace hearth::stacks {

const Node* Properties::Find(std::string_view name) const {
  const Member* member = node_.Find(name);
  // A property that is written without a value is as good as absent.
  if (member == nullptr || member->value->kind == NodeKind::kPoison ||
      member->value->kind == NodeKind::kNull) {
    return nullptr;
  }
  return member->value.get();
}

std::string Properties::Text(std::string_view name) const {
  const Node* value = Find(name);
  if (value == nullptr) return "";
  if (value->is_scalar()) return value->text;
  errors_.Add(value->position,
              fmt::format("'{}{}' is text, not {}", prefix_, name, Describe(*value)));
  return "";
}

int64_t Properties::Integer(std::string_view name, int64_t fallback) const {
  const Node* value = Find(name);
  if (value == nullptr) return fallback;
  int64_t number = 0;
  const auto [end, error] =
      std::from_chars(value->text.data(), value->text.data() + value->text.size(), number);
  if (value->is_scalar() && !value->text.empty() && error == std::errc() &&
      end == value->text.data() + value->text.size()) {
    return number;
  }
  errors_.Add(value->position,
              fmt::format("'{}{}' is a whole number, not {}", prefix_, name, Describe(*value)));
  return fallback;
}

bool Properties::Flag(std::string_view name) const {
  const Node* value = Find(name);
  if (value == nullptr) return false;
  if (value->is_scalar() && (value->text == "true" || value->text == "false")) {
    return value->text == "true";
  }
  errors_.Add(value->position,
              fmt::format("'{}{}' is true or false, not {}", prefix_, name, Describe(*value)));
  return false;
}

double Properties::Number(std::string_view name) const {
  const Node* value = Find(name);
  if (value == nullptr) return 0;
  double number = 0;
  const char* end = value->text.data() + value->text.size();
  const auto [stop, error] = std::from_chars(value->text.data(), end, number);
  if (value->is_scalar() && !value->text.empty() && error == std::errc() && stop == end &&
      number >= 0 && number <= 1) {
    return number;
  }
  errors_.Add(value->position, fmt::format("'{}{}' is a number from 0 to 1, not {}", prefix_, name,
                                           Describe(*value)));
  return 0;
}

std::map<std::string, std::string> Properties::TextMap(std::string_view name) const {
  std::map<std::string, std::string> out;
  const Node* value = Find(name);
  if (value == nullptr) return out;
  if (!value->is_map()) {
    errors_.Add(value->position,
                fmt::format("'{}{}' is a map of texts, not {}", prefix_, name, Describe(*value)));
    return out;
  }
  for (const auto& member : value->members) {
    if (member.value->is_scalar()) {
      out[member.name] = member.value->text;
    } else if (member.value->kind != NodeKind::kPoison) {
      errors_.Add(member.value->position, fmt::format("'{}{}.{}' is text, not {}", prefix_, name,
                                                      member.name, Describe(*member.value)));
    }
  }
  return out;
}

std::vector<std::string> Properties::TextList(std::string_view name) const {
  std::vector<std::string> out;
  const Node* value = Find(name);
  if (value == nullptr) return out;
  if (!value->is_list()) {
    errors_.Add(value->position,
                fmt::format("'{}{}' is a list of texts, not {}", prefix_, name, Describe(*value)));
    return out;
  }
  for (const auto& item : value->items) {
    if (item->is_scalar()) {
      out.push_back(item->text);
    } else if (item->kind != NodeKind::kPoison) {
      errors_.Add(item->position, fmt::format("'{}{}' is a list of texts, not of {}", prefix_, name,
                                              Describe(*item)));
    }
  }
  return out;
}

std::map<std::string, std::string> Properties::TagList(std::string_view name) const {
  const Member* member = Find(name) == nullptr ? nullptr : node_.Find(name);
  const NodeRef tags = member == nullptr ? nullptr : TagsAsMap(member->value, errors_);
  if (tags == nullptr) return {};
  const NodeRef around = MakeMap(tags->position, {{std::string(name), tags->position, tags}});
  return Properties(*around, prefix_, errors_).TextMap(name);
}

std::string Properties::Word(std::string_view name, std::initializer_list<std::string_view> words,
                             std::string_view fallback) const {
  const Node* value = Find(name);
  if (value == nullptr) return std::string(fallback);
  if (value->is_scalar() && std::ranges::find(words, value->text) != words.end()) {
    return value->text;
  }
  errors_.Add(value->position, fmt::format("'{}{}' is {}, not {}", prefix_, name,
                                           fmt::join(words, " or "), Describe(*value)));
  return std::string(fallback);
}

std::optional<Properties> Properties::Below(std::string_view name,
                                            std::span<const std::string_view> allowed) const {
  const Node* value = Find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_map()) {
    errors_.Add(value->position, fmt::format("'{}{}' is a map with {}, not {}", prefix_, name,
                                             fmt::join(allowed, ", "), Describe(*value)));
    return std::nullopt;
  }
  for (const auto& member : value->members) {
    if (std::ranges::find(allowed, member.name) == allowed.end()) {
      errors_.Add(member.position,
                  fmt::format("unknown name '{}' in '{}{}': it has only {}", member.name, prefix_,
                              name, fmt::join(allowed, ", ")));
    }
  }
  return Properties(*value, fmt::format("{}{}.", prefix_, name), errors_);
}

uint32_t Properties::ProvisionedConcurrency() const {
  constexpr const char* kCount = "ProvisionedConcurrentExecutions";
  const auto config = Below("ProvisionedConcurrencyConfig", kCount);
  if (!config) return 0;
  const int64_t count = config->Integer(kCount, 0);
  if (count >= 1 && count <= 1000000) return static_cast<uint32_t>(count);
  const Node* place = config->Find(kCount) != nullptr ? config->Find(kCount) : &config->node_;
  errors_.Add(place->position,
              fmt::format("'ProvisionedConcurrencyConfig.{}' is a whole number from 1", kCount));
  return 0;
}

NodeRef TagsAsMap(const NodeRef& list, Diagnostics& errors) {
  std::vector<Member> members;
  const auto refuse = [&errors](Position position) {
    errors.Add(position, "'Tags' is a list of {Key, Value}");
    return nullptr;
  };
  if (!list->is_list()) return refuse(list->position);
  for (const NodeRef& item : list->items) {
    const Member* key = item->Find("Key");
    const Member* value = item->Find("Value");
    if (key == nullptr || value == nullptr || item->members.size() != 2 ||
        !key->value->is_scalar()) {
      return refuse(item->position);
    }
    for (const Member& other : members) {
      if (other.name != key->value->text) continue;
      errors.Add(key->position, fmt::format("the tag '{}' is given twice", other.name));
    }
    members.push_back({key->value->text, key->position, value->value});
  }
  return MakeMap(list->position, std::move(members));
}

Position PlaceOf(const std::map<std::string, Position>& properties, Position resource,
                 const std::string& message) {
  for (const auto& [property, position] : properties) {
    std::string member = property;
    member.front() = static_cast<char>(member.front() - 'A' + 'a');
    if (message.find("'" + member + "'") != std::string::npos ||
        message.find("." + member + "'") != std::string::npos ||
        message.find(property) != std::string::npos) {
      return position;
    }
  }
  return resource;
}

}  // namespace hearth::stacks
