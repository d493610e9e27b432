// Node: a template's text as a tree that keeps the line and column of everything in it.
//
// Short intrinsics (`!Sub x`) are read as their long form (`{"Fn::Sub": x}`), so that the rest of
// this floor knows one form. Nodes are immutable and shared: an alias is the anchor's own node.
// Source: YAML 1.2, RFC 8259, CloudFormation User Guide ("Template anatomy").
#pragma once

#include <compare>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::stacks {

// Both count from 1. Zero: the text as a whole.
struct Position {
  int line = 0;
  int column = 0;
  auto operator<=>(const Position&) const = default;
};

// What is wrong (or worth knowing), and where.
struct Diagnostic {
  Position position;
  std::string message;
  auto operator<=>(const Diagnostic&) const = default;
};

// "template.yaml:12:7: message"
std::string ToString(std::string_view template_name, const Diagnostic& diagnostic);

// Collects what is wrong, so that a user sees all of it at once. Repeats are dropped.
class Diagnostics {
 public:
  void Add(Position position, std::string message);
  bool empty() const { return found_.empty(); }
  size_t size() const { return found_.size(); }
  // By position.
  std::vector<Diagnostic> Sorted() const;

 private:
  static constexpr size_t kMax = 200;  // Ours: a report longer than that helps nobody.
  std::vector<Diagnostic> found_;
};

struct Node;
using NodeRef = std::shared_ptr<const Node>;

enum class NodeKind {
  kNull,
  kBool,
  kNumber,
  kString,
  kList,
  kMap,
  kNoValue,  // Only after evaluation: AWS::NoValue, what holds it drops it.
  kPoison,   // Only after evaluation: its error is reported already.
};

struct Member {
  std::string name;
  Position position;  // Of the name.
  NodeRef value;
};

struct Node {
  NodeKind kind = NodeKind::kNull;
  Position position;
  std::string text;             // Scalars: as written, without quotes.
  std::vector<NodeRef> items;   // kList
  std::vector<Member> members;  // kMap, in order, names unique.
  size_t weight = 1;            // Nodes of this tree with every alias expanded.
  int depth = 1;                // Levels of this tree.

  bool is_scalar() const { return kind <= NodeKind::kString; }
  bool is_map() const { return kind == NodeKind::kMap; }
  bool is_list() const { return kind == NodeKind::kList; }
  // nullptr where there is none of that name.
  const Member* Find(std::string_view name) const;
};

// "a list", "a map", "'12'": for messages. Long texts are cut.
std::string Describe(const Node& node);

NodeRef MakeScalar(NodeKind kind, Position position, std::string text);
NodeRef MakeList(Position position, std::vector<NodeRef> items);
NodeRef MakeMap(Position position, std::vector<Member> members);

// {"Fn::Sub": ...}: one member, whose name is an intrinsic's. nullptr otherwise.
const Member* AsIntrinsic(const Node& node);

// Reads YAML or JSON. Refused, with the position: more than limits::kMaxTemplateBytes, deeper than
// limits::kMaxTemplateDepth, aliases that expand beyond kMaxNodes, duplicate names, unknown tags,
// tabs as indentation, control characters, merge keys, several documents. Empty text is kNull.
constexpr size_t kMaxNodes = 100000;  // Ours: 1 MB of text holds fewer; alias bombs hold more.
std::expected<NodeRef, std::vector<Diagnostic>> ParseDocument(std::string_view text);

}  // namespace hearth::stacks
