// Evaluator: the functions over lists, texts and conditions.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "base/digest.h"
#include "stacks/evaluator.h"

namespace hearth::stacks {
namespace {

bool HasPoison(const Node& node) {
  return node.kind == NodeKind::kPoison ||
         std::ranges::any_of(node.items, [](const NodeRef& item) { return HasPoison(*item); });
}

NodeRef PoisonAt(Position position) { return MakeScalar(NodeKind::kPoison, position, ""); }

NodeRef Bool(Position position, bool value) {
  return MakeScalar(NodeKind::kBool, position, value ? "true" : "false");
}

}  // namespace

NodeRef Evaluator::Arguments(const NodeRef& argument, std::string_view function, size_t count,
                             std::string_view form) {
  if (!argument->is_list() || (count != 0 && argument->items.size() != count)) {
    errors_.Add(argument->position,
                fmt::format("{} takes {}, not {}", function, form,
                            argument->is_list() ? fmt::format("{} items", argument->items.size())
                                                : Describe(*argument)));
    return nullptr;
  }
  auto value = Evaluate(argument);
  if (HasPoison(*value)) return nullptr;
  if (count != 0 && value->items.size() != count) {
    errors_.Add(argument->position,
                fmt::format("{} takes {}; one of them is AWS::NoValue", function, form));
    return nullptr;
  }
  return value;
}

NodeRef Evaluator::Join(const Node& call, const NodeRef& argument) {
  const auto values = Arguments(argument, "Fn::Join", 2, "[delimiter, [value, ...]]");
  if (values == nullptr) return PoisonAt(call.position);
  const Node& list = *values->items[1];
  if (!values->items[0]->is_scalar() || !list.is_list()) {
    return Poison(argument->position, "Fn::Join takes [delimiter, [value, ...]]");
  }
  std::string out;
  for (size_t i = 0; i < list.items.size(); ++i) {
    if (!list.items[i]->is_scalar()) {
      return Poison(list.items[i]->position,
                    fmt::format("Fn::Join joins texts, not {}", Describe(*list.items[i])));
    }
    if (i > 0) out += values->items[0]->text;
    out += list.items[i]->text;
    // A long delimiter between many items, nested, grows fast: Text() reports it.
    if (out.size() > 16 * 1024 * 1024) break;
  }
  return Text(call.position, std::move(out));
}

NodeRef Evaluator::Select(const Node& call, const NodeRef& argument) {
  const auto values = Arguments(argument, "Fn::Select", 2, "[index, [value, ...]]");
  if (values == nullptr) return PoisonAt(call.position);
  const std::string& text = values->items[0]->text;
  const Node& list = *values->items[1];
  size_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Poison(argument->position,
                  fmt::format("Fn::Select: the index {} is no whole number from 0",
                              Describe(*values->items[0])));
  }
  if (!list.is_list()) {
    return Poison(argument->position,
                  fmt::format("Fn::Select selects from a list, not {}", Describe(list)));
  }
  if (index >= list.items.size()) {
    return Poison(argument->position,
                  fmt::format("Fn::Select: the index {} is beyond the list's {} items", index,
                              list.items.size()));
  }
  return list.items[index];
}

NodeRef Evaluator::Split(const Node& call, const NodeRef& argument) {
  const auto values = Arguments(argument, "Fn::Split", 2, "[delimiter, text]");
  if (values == nullptr) return PoisonAt(call.position);
  if (!values->items[0]->is_scalar() || values->items[0]->text.empty() ||
      !values->items[1]->is_scalar()) {
    return Poison(argument->position,
                  "Fn::Split takes [delimiter, text], and a delimiter that is not empty");
  }
  const std::string& delimiter = values->items[0]->text;
  const std::string& text = values->items[1]->text;
  std::vector<NodeRef> items;
  size_t start = 0;
  while (true) {
    const size_t end = text.find(delimiter, start);
    items.push_back(MakeScalar(NodeKind::kString, call.position, text.substr(start, end - start)));
    if (end == std::string::npos) break;
    start = end + delimiter.size();
  }
  // Many aliases of one long split are many lists: counted as what they take.
  if (Text(call.position, std::string(items.size() * sizeof(Node), ' '))->kind ==
      NodeKind::kPoison) {
    return PoisonAt(call.position);
  }
  return MakeList(call.position, std::move(items));
}

NodeRef Evaluator::If(const Node& call, const NodeRef& argument) {
  if (!argument->is_list() || argument->items.size() != 3 ||
      argument->items[0]->kind != NodeKind::kString) {
    return Poison(call.position, "Fn::If takes [condition's name, value if true, value if false]");
  }
  const bool holds = ConditionHolds(argument->items[0]->text, argument->items[0]->position);
  return Evaluate(argument->items[holds ? 1 : 2]);
}

NodeRef Evaluator::FindInMap(const Node& call, const NodeRef& argument) {
  const auto values = Arguments(argument, "Fn::FindInMap", 3, "[map, first key, second key]");
  if (values == nullptr) return PoisonAt(call.position);
  const Node* at = scope_.mappings.get();
  NodeRef found;
  for (const auto& key : values->items) {
    const Member* member = at != nullptr && key->is_scalar() ? at->Find(key->text) : nullptr;
    if (member == nullptr) {
      std::vector<std::string> names;
      if (at != nullptr) {
        for (const auto& other : at->members) names.push_back(other.name);
      }
      return Poison(
          call.position,
          fmt::format("Fn::FindInMap: Mappings has no {} here; there are: {}", Describe(*key),
                      names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
    }
    found = member->value;
    at = found.get();
  }
  return found;
}

NodeRef Evaluator::Base64(const Node& call, const NodeRef& argument) {
  const auto value = Evaluate(argument);
  if (value->kind == NodeKind::kPoison) return value;
  if (!value->is_scalar()) {
    return Poison(call.position, fmt::format("Fn::Base64 takes a text, not {}", Describe(*value)));
  }
  return Text(call.position, base::Base64Encode(value->text));
}

bool Evaluator::Truth(const NodeRef& node) {
  const auto value = Evaluate(node);
  if (value->kind == NodeKind::kPoison) return false;
  if (value->is_scalar() && (value->text == "true" || value->text == "True")) return true;
  if (value->is_scalar() && (value->text == "false" || value->text == "False")) return false;
  errors_.Add(
      node->position,
      fmt::format("{} is no condition: use Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition",
                  Describe(*value)));
  return false;
}

NodeRef Evaluator::Logical(const Node& call, const NodeRef& argument) {
  const std::string& name = call.members.front().name;
  if (name == "Condition") {
    return Bool(call.position, ConditionHolds(argument->text, call.position));
  }
  if (name == "Fn::Equals") {
    const auto values = Arguments(argument, name, 2, "[value, value]");
    if (values == nullptr) return PoisonAt(call.position);
    return Bool(call.position, values->items[0]->text == values->items[1]->text);
  }
  const bool is_not = name == "Fn::Not";
  const size_t count = argument->items.size();
  if (!argument->is_list() || (is_not ? count != 1 : count < 2 || count > 10)) {
    return Poison(call.position, fmt::format("{} takes a list of {}", name,
                                             is_not ? "one condition" : "2 to 10 conditions"));
  }
  bool all = true;
  bool any = false;
  for (const auto& item : argument->items) {
    const bool truth = Truth(item);
    all = all && truth;
    any = any || truth;
  }
  return Bool(call.position, is_not ? !any : name == "Fn::And" ? all : any);
}

bool Evaluator::ConditionHolds(const std::string& name, Position where) {
  if (const auto known = condition_values_.find(name); known != condition_values_.end()) {
    return known->second;
  }
  const Member* condition = scope_.conditions != nullptr ? scope_.conditions->Find(name) : nullptr;
  if (condition == nullptr) {
    std::vector<std::string> names;
    if (scope_.conditions != nullptr) {
      for (const auto& other : scope_.conditions->members) names.push_back(other.name);
    }
    errors_.Add(where,
                fmt::format("the condition '{}' is not in Conditions; there are: {}", name,
                            names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
    return false;
  }
  if (!conditions_under_way_.insert(name).second) {
    errors_.Add(condition->position,
                fmt::format("the condition '{}' depends on itself, through: {}", name,
                            fmt::join(conditions_under_way_, ", ")));
    return false;
  }
  const bool holds = Truth(condition->value);
  conditions_under_way_.erase(name);
  condition_values_[name] = holds;
  return holds;
}

}  // namespace hearth::stacks
