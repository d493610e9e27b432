#include "stacks/node.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "stacks/tokens.h"

namespace hearth::stacks {
namespace {

constexpr size_t kMaxShownText = 60;

}  // namespace

std::string ToString(std::string_view template_name, const Diagnostic& diagnostic) {
  if (diagnostic.position.line == 0)
    return fmt::format("{}: {}", template_name, diagnostic.message);
  return fmt::format("{}:{}:{}: {}", template_name, diagnostic.position.line,
                     diagnostic.position.column, diagnostic.message);
}

void Diagnostics::Add(Position position, std::string message) {
  Diagnostic added{position, WithoutTokens(message)};
  if (found_.size() >= kMax || std::ranges::find(found_, added) != found_.end()) return;
  found_.push_back(std::move(added));
}

std::vector<Diagnostic> Diagnostics::Sorted() const {
  auto sorted = found_;
  std::ranges::stable_sort(sorted, {}, &Diagnostic::position);
  return sorted;
}

const Member* Node::Find(std::string_view name) const {
  const auto found = std::ranges::find(members, name, &Member::name);
  return found == members.end() ? nullptr : &*found;
}

std::string Describe(const Node& node) {
  switch (node.kind) {
    case NodeKind::kNull:
      return "nothing";
    case NodeKind::kBool:
    case NodeKind::kNumber:
    case NodeKind::kString: {
      // A text that is long: its beginning is enough to tell what it is.
      const std::string text = WithoutTokens(std::string_view(node.text).substr(0, 4096));
      if (text.size() <= kMaxShownText) return fmt::format("'{}'", text);
      return fmt::format("'{}...'", text.substr(0, kMaxShownText));
    }
    case NodeKind::kList:
      return "a list";
    case NodeKind::kMap:
      return "a map";
    case NodeKind::kNoValue:
      return "AWS::NoValue";
    case NodeKind::kPoison:
      return "an invalid value";
  }
  return "nothing";
}

NodeRef MakeScalar(NodeKind kind, Position position, std::string text) {
  auto node = std::make_shared<Node>();
  node->kind = kind;
  node->position = position;
  node->text = std::move(text);
  return node;
}

NodeRef MakeList(Position position, std::vector<NodeRef> items) {
  auto node = std::make_shared<Node>();
  node->kind = NodeKind::kList;
  node->position = position;
  for (const auto& item : items) {
    node->weight += item->weight;
    node->depth = std::max(node->depth, item->depth + 1);
  }
  node->items = std::move(items);
  return node;
}

NodeRef MakeMap(Position position, std::vector<Member> members) {
  auto node = std::make_shared<Node>();
  node->kind = NodeKind::kMap;
  node->position = position;
  for (const auto& member : members) {
    node->weight += member.value->weight;
    node->depth = std::max(node->depth, member.value->depth + 1);
  }
  node->members = std::move(members);
  return node;
}

const Member* AsIntrinsic(const Node& node) {
  if (!node.is_map() || node.members.size() != 1) return nullptr;
  const Member& member = node.members.front();
  const bool is_intrinsic = member.name == "Ref" || member.name.starts_with("Fn::") ||
                            (member.name == "Condition" && member.value->is_scalar());
  return is_intrinsic ? &member : nullptr;
}

}  // namespace hearth::stacks
