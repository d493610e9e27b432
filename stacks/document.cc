// ParseDocument: yaml-cpp's events to Nodes. Its exceptions stop here.
#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <sstream>

#include "base/limits.h"
#include "stacks/node.h"

namespace hearth::stacks {
namespace {

// CloudFormation's intrinsics that have a short form. Those that this floor does not evaluate are
// refused by the evaluator, which names them.
constexpr std::array kShortForms = {
    "And",    "Base64", "Cidr",        "Equals", "FindInMap",    "GetAZs",
    "GetAtt", "If",     "ImportValue", "Join",   "Length",       "Not",
    "Or",     "Select", "Split",       "Sub",    "ToJsonString", "Transform"};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// JSON's number, with YAML's leading '+' and without its hexadecimals: those stay text, as written.
bool IsNumber(std::string_view text) {
  size_t i = 0;
  const auto digits = [&] {
    const size_t start = i;
    while (i < text.size() && IsDigit(text[i])) ++i;
    return i > start;
  };
  if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
  if (!digits()) return false;
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (!digits()) return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    if (!digits()) return false;
  }
  return i == text.size();
}

NodeKind PlainKind(std::string_view text) {
  if (text == "true" || text == "false" || text == "True" || text == "False" || text == "TRUE" ||
      text == "FALSE") {
    return NodeKind::kBool;
  }
  return IsNumber(text) ? NodeKind::kNumber : NodeKind::kString;
}

Position PositionOf(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

// Events arrive in document order. After the first error the rest are ignored: yaml-cpp cannot be
// stopped without throwing, and the size limit bounds what is left.
class TreeBuilder final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      Fail(PositionOf(mark), "a second document ('---'): a template is one document");
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (failed_) return;
    Finish(MakeScalar(NodeKind::kNull, PositionOf(mark), ""), "", anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (failed_) return;
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      Fail(PositionOf(mark), "an alias (*) inside its own anchor (&): it would never end");
      return;
    }
    Attach(found->second, PositionOf(mark));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (failed_) return;
    auto kind = tag == "?" ? PlainKind(value) : NodeKind::kString;
    Finish(MakeScalar(kind, PositionOf(mark), value), tag, anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(false, mark, tag, anchor);
  }
  void OnSequenceEnd() override { CloseFrame(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(true, mark, tag, anchor);
  }
  void OnMapEnd() override { CloseFrame(); }

  bool failed() const { return failed_.has_value(); }
  const Diagnostic& failure() const { return *failed_; }
  NodeRef root() const { return root_; }

 private:
  struct Frame {
    bool is_map = false;
    Position position;
    std::string tag;
    YAML::anchor_t anchor = 0;
    std::vector<NodeRef> items;
    std::vector<Member> members;
    std::map<std::string, int, std::less<>> first_lines;  // Of each name.
    bool has_name = false;                                // A name waits for its value.
    std::string name;
    Position name_position;
    size_t weight = 1;
  };

  void Fail(Position position, std::string message) {
    if (!failed_) failed_ = Diagnostic{position, std::move(message)};
  }

  void Open(bool is_map, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (failed_) return;
    if (frames_.size() >= limits::kMaxTemplateDepth) {
      Fail(PositionOf(mark),
           fmt::format("nested deeper than {} levels", limits::kMaxTemplateDepth));
      return;
    }
    Frame frame;
    frame.is_map = is_map;
    frame.position = PositionOf(mark);
    frame.tag = tag;
    frame.anchor = anchor;
    frames_.push_back(std::move(frame));
  }

  void CloseFrame() {
    if (failed_) return;
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    auto node = frame.is_map ? MakeMap(frame.position, std::move(frame.members))
                             : MakeList(frame.position, std::move(frame.items));
    Finish(std::move(node), frame.tag, frame.anchor);
  }

  // A whole node: its tag is applied, its anchor remembered, and it goes to its parent.
  void Finish(NodeRef node, const std::string& tag, YAML::anchor_t anchor) {
    auto tagged = ApplyTag(std::move(node), tag);
    if (failed_) return;
    if (anchor != 0) anchors_[anchor] = tagged;
    Attach(tagged, tagged->position);
  }

  void Attach(const NodeRef& node, Position position) {
    if (frames_.empty()) {
      root_ = node;
      return;
    }
    Frame& frame = frames_.back();
    frame.weight += node->weight;
    if (frame.weight > kMaxNodes) {
      Fail(position, fmt::format("aliases expand to more than {} nodes", kMaxNodes));
    } else if (frames_.size() + static_cast<size_t>(node->depth) > limits::kMaxTemplateDepth + 1) {
      Fail(position, fmt::format("nested deeper than {} levels", limits::kMaxTemplateDepth));
    } else if (!frame.is_map) {
      frame.items.push_back(node);
    } else if (!frame.has_name) {
      TakeName(frame, *node, position);
    } else {
      frame.members.push_back({std::move(frame.name), frame.name_position, node});
      frame.has_name = false;
    }
  }

  void TakeName(Frame& frame, const Node& node, Position position) {
    if (!node.is_scalar() || node.kind == NodeKind::kNull) {
      Fail(position, fmt::format("a name must be text, not {}", Describe(node)));
      return;
    }
    if (node.text == "<<") {
      Fail(position, "the merge key '<<': CloudFormation has none; write the members out");
      return;
    }
    const auto [first, is_new] = frame.first_lines.try_emplace(node.text, position.line);
    if (!is_new) {
      Fail(position, fmt::format("duplicate name {}: it stands at line {} already", Describe(node),
                                 first->second));
      return;
    }
    frame.has_name = true;
    frame.name = node.text;
    frame.name_position = position;
  }

  NodeRef ApplyTag(NodeRef node, const std::string& tag) {
    constexpr std::string_view kCore = "tag:yaml.org,2002:";
    if (tag.empty() || tag == "?" || tag == "!") return node;
    if (tag.starts_with(kCore)) return ApplyCoreTag(std::move(node), tag.substr(kCore.size()));
    const Position position = node->position;
    const std::string name = tag.substr(1);
    if (name == "Ref" || name == "Condition") return MakeMap(position, {{name, position, node}});
    if (!tag.starts_with("!") || std::ranges::find(kShortForms, name) == kShortForms.end()) {
      Fail(position, fmt::format("unknown tag '{}': the short intrinsics are !Ref, !Condition, !{}",
                                 tag, fmt::join(kShortForms, ", !")));
      return node;
    }
    if (name == "GetAtt" && node->is_scalar()) node = SplitAttribute(*node);
    return MakeMap(position, {{"Fn::" + name, position, std::move(node)}});
  }

  // !!str 12 is text, whatever it looks like.
  NodeRef ApplyCoreTag(NodeRef node, const std::string& type) {
    if (type == "str" && node->is_scalar()) {
      return MakeScalar(NodeKind::kString, node->position, node->text);
    }
    if ((type == "int" || type == "float" || type == "bool") && node->is_scalar()) {
      return MakeScalar(PlainKind(node->text), node->position, node->text);
    }
    if (type == "null" && node->is_scalar()) {
      return MakeScalar(NodeKind::kNull, node->position, "");
    }
    if ((type == "seq" && node->is_list()) || (type == "map" && node->is_map())) return node;
    Fail(node->position, fmt::format("the tag '!!{}' on {}: templates have none of that type", type,
                                     Describe(*node)));
    return node;
  }

  // "Queue.Arn" is ["Queue", "Arn"]; "Nested.Outputs.X" is ["Nested", "Outputs.X"].
  static NodeRef SplitAttribute(const Node& node) {
    const size_t dot = node.text.find('.');
    std::vector<NodeRef> parts;
    parts.push_back(MakeScalar(NodeKind::kString, node.position, node.text.substr(0, dot)));
    if (dot != std::string::npos) {
      parts.push_back(MakeScalar(NodeKind::kString, node.position, node.text.substr(dot + 1)));
    }
    return MakeList(node.position, std::move(parts));
  }

  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, NodeRef> anchors_;
  NodeRef root_;
  std::optional<Diagnostic> failed_;
  int documents_ = 0;
};

std::vector<Diagnostic> One(Position position, std::string message) {
  return {Diagnostic{position, std::move(message)}};
}

// yaml-cpp takes 0x04 for the end of the text and accepts others; a template has none of them.
std::optional<Diagnostic> FindControlCharacter(std::string_view text) {
  Position position{1, 1};
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f) {
      return Diagnostic{position, fmt::format("the control character 0x{:02x}: text only", byte)};
    }
    if (c == '\n') {
      ++position.line;
      position.column = 1;
    } else if ((byte & 0xc0) != 0x80) {
      ++position.column;
    }
  }
  return std::nullopt;
}

// Where a line's indentation holds a tab, its column; yaml-cpp's own words for that vary.
std::optional<Position> FindTabIndentation(std::string_view text, int line) {
  int at = 1;
  size_t start = 0;
  while (at < line) {
    const size_t end = text.find('\n', start);
    if (end == std::string_view::npos) return std::nullopt;
    start = end + 1;
    ++at;
  }
  for (size_t i = start; i < text.size() && (text[i] == ' ' || text[i] == '\t'); ++i) {
    if (text[i] == '\t') return Position{line, static_cast<int>(i - start) + 1};
  }
  return std::nullopt;
}

std::vector<Diagnostic> Explain(std::string_view text, const YAML::Exception& error) {
  if (error.mark.is_null()) return One({}, error.msg);
  const Position position = PositionOf(error.mark);
  for (const int line : {position.line, position.line - 1}) {
    if (const auto tab = FindTabIndentation(text, line)) {
      return One(*tab, "a tab in the indentation: YAML indents with spaces");
    }
  }
  if (error.msg == "end of map not found" || error.msg == "end of sequence not found") {
    return One(position, "the indentation fits nothing that stands above");
  }
  return One(position, fmt::format("not YAML: {}", error.msg));
}

}  // namespace

std::expected<NodeRef, std::vector<Diagnostic>> ParseDocument(std::string_view text) {
  if (text.size() > limits::kMaxTemplateBytes) {
    return std::unexpected(One({}, fmt::format("{} bytes: a template has at most {}", text.size(),
                                               limits::kMaxTemplateBytes)));
  }
  if (auto found = FindControlCharacter(text)) {
    return std::unexpected(std::vector<Diagnostic>{*std::move(found)});
  }
  TreeBuilder builder;
  try {
    std::istringstream input{std::string(text)};
    YAML::Parser parser(input);
    while (!builder.failed() && parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    if (!builder.failed()) return std::unexpected(Explain(text, error));
  } catch (const std::exception& error) {
    return std::unexpected(One({}, fmt::format("not YAML: {}", error.what())));
  }
  if (builder.failed()) return std::unexpected(std::vector<Diagnostic>{builder.failure()});
  if (builder.root() == nullptr) return MakeScalar(NodeKind::kNull, {}, "");
  return builder.root();
}

}  // namespace hearth::stacks
