#include "stacks/evaluator.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace hearth::stacks {
namespace {

constexpr size_t kMaxProduced = 16 * 1024 * 1024;  // Ours: 16 times the longest template.
constexpr std::string_view kNoValueName = "AWS::NoValue";

const NodeRef& NoValue() {
  static const NodeRef node = MakeScalar(NodeKind::kNoValue, {}, "");
  return node;
}

bool IsNameCharacter(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == ':' ||
         c == '.' || c == '_';
}

NodeRef PoisonNode(Position position) { return MakeScalar(NodeKind::kPoison, position, ""); }

}  // namespace

std::expected<std::vector<SubPart>, std::string> SplitSub(std::string_view text) {
  std::vector<SubPart> parts(1);
  for (size_t i = 0; i < text.size();) {
    if (!text.substr(i).starts_with("${")) {
      parts.back().literal += text[i++];
      continue;
    }
    const size_t end = text.find('}', i);
    if (end == std::string_view::npos) {
      return std::unexpected(fmt::format("'{}' has no closing '}}'", text.substr(i, 40)));
    }
    std::string_view name = text.substr(i + 2, end - i - 2);
    i = end + 1;
    if (name.starts_with("!")) {
      parts.back().literal += fmt::format("${{{}}}", name.substr(1));
      continue;
    }
    while (name.starts_with(' ')) name.remove_prefix(1);
    while (name.ends_with(' ')) name.remove_suffix(1);
    if (name.empty() || !std::ranges::all_of(name, IsNameCharacter)) {
      return std::unexpected(
          fmt::format("'${{{}}}' is no name: write ${{Name}}, ${{Resource.Attribute}}, or "
                      "${{!text}} for the text "
                      "itself",
                      name));
    }
    parts.back().name = name;
    parts.emplace_back();
  }
  return parts;
}

NodeRef Evaluator::Evaluate(const NodeRef& node) {
  if (node->is_list()) {
    std::vector<NodeRef> items;
    for (const auto& item : node->items) {
      auto value = Evaluate(item);
      if (value->kind != NodeKind::kNoValue) items.push_back(std::move(value));
    }
    return MakeList(node->position, std::move(items));
  }
  if (!node->is_map()) {
    if (node->kind == NodeKind::kString && node->text.find("{{resolve:") != std::string::npos) {
      return Poison(node->position,
                    fmt::format("the dynamic reference {} is not served yet", Describe(*node)));
    }
    return node;
  }
  if (const Member* call = AsIntrinsic(*node)) return Call(node, *call);
  std::vector<Member> members;
  for (const auto& member : node->members) {
    if (member.name.starts_with("Fn::")) {
      return Poison(
          member.position,
          fmt::format("'{}' stands beside other names: it must be alone in its map", member.name));
    }
    auto value = Evaluate(member.value);
    if (value->kind != NodeKind::kNoValue) {
      members.push_back({member.name, member.position, std::move(value)});
    }
  }
  return MakeMap(node->position, std::move(members));
}

NodeRef Evaluator::Call(const NodeRef& node, const Member& call) {
  static const std::map<std::string_view, Handler> kHandlers = {
      {"Ref", &Evaluator::Ref},
      {"Fn::GetAtt", &Evaluator::GetAtt},
      {"Fn::Sub", &Evaluator::Sub},
      {"Fn::Join", &Evaluator::Join},
      {"Fn::Select", &Evaluator::Select},
      {"Fn::Split", &Evaluator::Split},
      {"Fn::If", &Evaluator::If},
      {"Fn::FindInMap", &Evaluator::FindInMap},
      {"Fn::Base64", &Evaluator::Base64},
      {"Fn::And", &Evaluator::Logical},
      {"Fn::Or", &Evaluator::Logical},
      {"Fn::Not", &Evaluator::Logical},
      {"Fn::Equals", &Evaluator::Logical},
      {"Condition", &Evaluator::Logical},
  };
  const auto found = kHandlers.find(call.name);
  if (found != kHandlers.end()) return (this->*found->second)(*node, call.value);
  std::vector<std::string_view> names;
  for (const auto& entry : kHandlers) names.push_back(entry.first);
  return Poison(call.position, fmt::format("'{}' is not served yet; served: {}", call.name,
                                           fmt::join(names, ", ")));
}

NodeRef Evaluator::Poison(Position position, std::string message) {
  errors_.Add(position, std::move(message));
  return PoisonNode(position);
}

NodeRef Evaluator::Text(Position position, std::string text) {
  produced_ += text.size();
  if (produced_ > kMaxProduced) {
    return Poison(position, fmt::format("intrinsics produce more than {} bytes", kMaxProduced));
  }
  return MakeScalar(NodeKind::kString, position, std::move(text));
}

std::string Evaluator::KnownNames() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : scope_.parameters) names.push_back(name);
  for (const auto& [name, values] : scope_.resources) names.push_back(name);
  for (const auto& [name, value] : scope_.pseudo) names.push_back(name);
  return fmt::format("{}", fmt::join(names, ", "));
}

const ResourceValues* Evaluator::FindResource(const std::string& name, Position position) {
  const auto left_out = scope_.left_out.find(name);
  if (left_out != scope_.left_out.end()) {
    errors_.Add(position,
                fmt::format("the resource '{}' is not created: its condition '{}' is false", name,
                            left_out->second));
    return nullptr;
  }
  const auto found = scope_.resources.find(name);
  if (found == scope_.resources.end()) {
    errors_.Add(position, fmt::format("'{}' is no parameter and no resource; there are: {}", name,
                                      KnownNames()));
    return nullptr;
  }
  // Known by name but without values: its own error, or the cycle's, is reported already.
  return found->second.has_value() ? &*found->second : nullptr;
}

NodeRef Evaluator::NamedValue(const std::string& name, Position position) {
  if (name == kNoValueName) return NoValue();
  if (const auto found = scope_.parameters.find(name); found != scope_.parameters.end()) {
    return found->second;
  }
  if (const auto found = scope_.pseudo.find(name); found != scope_.pseudo.end()) {
    return Text(position, found->second);
  }
  // SAM: what a function brings with it is named "Function.Alias" and "Function.Version".
  const size_t dot = name.find('.');
  const std::string brought = dot == std::string::npos ? "" : name.substr(dot + 1);
  if ((brought == "Alias" || brought == "Version") &&
      scope_.resources.contains(name.substr(0, dot))) {
    return AttributeValue(name.substr(0, dot), brought, position);
  }
  const ResourceValues* values = FindResource(name, position);
  return values != nullptr ? Text(position, values->ref) : PoisonNode(position);
}

NodeRef Evaluator::AttributeValue(const std::string& resource, const std::string& attribute,
                                  Position position) {
  const ResourceValues* values = FindResource(resource, position);
  if (values == nullptr) return PoisonNode(position);
  const auto found = values->attributes.find(attribute);
  if (found != values->attributes.end()) return Text(position, found->second);
  std::vector<std::string> names;
  for (const auto& [name, value] : values->attributes) names.push_back(name);
  return Poison(position, fmt::format("'{}' has no attribute '{}'; it has: {}", resource, attribute,
                                      fmt::join(names, ", ")));
}

NodeRef Evaluator::Ref(const Node& call, const NodeRef& argument) {
  if (argument->kind != NodeKind::kString) {
    return Poison(call.position, fmt::format("Ref takes a name, not {}", Describe(*argument)));
  }
  return NamedValue(argument->text, call.position);
}

NodeRef Evaluator::GetAtt(const Node& call, const NodeRef& argument) {
  // The long form also takes "Resource.Attribute".
  if (argument->kind == NodeKind::kString) {
    const size_t dot = argument->text.find('.');
    if (dot != std::string::npos) {
      return AttributeValue(argument->text.substr(0, dot), argument->text.substr(dot + 1),
                            call.position);
    }
  }
  if (!argument->is_list() || argument->items.size() != 2 ||
      argument->items[0]->kind != NodeKind::kString) {
    return Poison(call.position,
                  "Fn::GetAtt takes [resource, attribute], or !GetAtt Resource.Attribute");
  }
  const auto attribute = Evaluate(argument->items[1]);
  if (attribute->kind == NodeKind::kPoison) return attribute;
  if (!attribute->is_scalar()) {
    return Poison(attribute->position,
                  fmt::format("an attribute's name is text, not {}", Describe(*attribute)));
  }
  return AttributeValue(argument->items[0]->text, attribute->text, call.position);
}

std::optional<std::string> Evaluator::Substitute(const std::string& text,
                                                 const std::map<std::string, NodeRef>& variables,
                                                 Position position) {
  const auto parts = SplitSub(text);
  if (!parts) {
    errors_.Add(position, "Fn::Sub: " + parts.error());
    return std::nullopt;
  }
  std::string out;
  bool ok = true;
  for (const auto& part : *parts) {
    out += part.literal;
    if (part.name.empty()) continue;
    NodeRef value;
    const size_t dot = part.name.find('.');
    if (const auto found = variables.find(part.name); found != variables.end()) {
      value = found->second;
    } else if (dot != std::string::npos) {
      value = AttributeValue(part.name.substr(0, dot), part.name.substr(dot + 1), position);
    } else {
      value = NamedValue(part.name, position);
    }
    if (value->is_scalar()) {
      out += value->text;
    } else {
      ok = false;
      if (value->kind != NodeKind::kPoison) {
        errors_.Add(position,
                    fmt::format("Fn::Sub: '${{{}}}' is {}, not text", part.name, Describe(*value)));
      }
    }
    if (out.size() > kMaxProduced) {
      errors_.Add(position, fmt::format("intrinsics produce more than {} bytes", kMaxProduced));
      return std::nullopt;
    }
  }
  return ok ? std::optional(std::move(out)) : std::nullopt;
}

NodeRef Evaluator::Sub(const Node& call, const NodeRef& argument) {
  std::map<std::string, NodeRef> variables;
  NodeRef text = argument;
  if (argument->is_list() && argument->items.size() == 2 && argument->items[1]->is_map()) {
    text = argument->items[0];
    for (const auto& member : argument->items[1]->members) {
      variables[member.name] = Evaluate(member.value);
    }
  }
  if (!text->is_scalar() || text->kind == NodeKind::kNull) {
    return Poison(call.position, "Fn::Sub takes a text, or [text, {Name: value, ...}]");
  }
  if (text->text.find("{{resolve:") != std::string::npos) return Evaluate(text);
  auto out = Substitute(text->text, variables, call.position);
  return out ? Text(call.position, *std::move(out)) : PoisonNode(call.position);
}

void Evaluator::CollectUses(const NodeRef& node,
                            std::vector<std::pair<std::string, Position>>& uses) {
  const auto use = [&](const std::string& name, Position position) {
    const std::string resource = name.substr(0, name.find('.'));
    if (scope_.resources.contains(resource)) uses.emplace_back(resource, position);
  };
  for (const auto& item : node->items) CollectUses(item, uses);
  const Member* call = AsIntrinsic(*node);
  if (call == nullptr) {
    for (const auto& member : node->members) CollectUses(member.value, uses);
    return;
  }
  const NodeRef& argument = call->value;
  if (call->name == "Fn::If" && argument->is_list() && argument->items.size() == 3) {
    const bool holds = ConditionHolds(argument->items[0]->text, argument->items[0]->position);
    CollectUses(argument->items[holds ? 1 : 2], uses);
    return;
  }
  if (call->name == "Ref") use(argument->text, node->position);
  if (call->name == "Fn::GetAtt") {
    const bool is_pair = argument->is_list() && !argument->items.empty();
    use(is_pair ? argument->items[0]->text : argument->text, node->position);
  }
  if (call->name == "Fn::Sub") {
    const bool has_variables = argument->is_list() && !argument->items.empty();
    const Node& text = has_variables ? *argument->items[0] : *argument;
    for (const auto& part : SplitSub(text.text).value_or(std::vector<SubPart>{})) {
      const bool is_variable = has_variables && argument->items.size() > 1 &&
                               argument->items[1]->Find(part.name) != nullptr;
      if (!part.name.empty() && !is_variable) use(part.name, node->position);
    }
  }
  CollectUses(argument, uses);
}

std::vector<std::pair<std::string, Position>> Evaluator::ResourcesUsed(const NodeRef& node) {
  std::vector<std::pair<std::string, Position>> uses;
  CollectUses(node, uses);
  return uses;
}

}  // namespace hearth::stacks
