#include "aws/query_protocol.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <memory>

namespace hearth::aws {
namespace {

using base::Json;
using Kind = QueryShape::Kind;

constexpr size_t kMaxFields = 10000;  // Ours: ten entries of ten attributes have some 500.
constexpr int kMaxDepth = 12;         // Ours: of dots in a name.

// A form's names, taken apart at their dots.
struct Node {
  std::string value;
  bool has_value = false;
  std::map<std::string, Node, std::less<>> children;

  const Node* Child(std::string_view name) const {
    const auto found = children.find(name);
    return found == children.end() ? nullptr : &found->second;
  }
};

ApiError Malformed(std::string text) {
  return {400, "MalformedInput", "The form cannot be read: " + std::move(text)};
}

std::expected<void, ApiError> ReadForm(std::string_view form, Node& root, size_t& fields) {
  while (!form.empty()) {
    const auto end = form.find('&');
    const std::string_view part = form.substr(0, end);
    form = end == std::string_view::npos ? std::string_view() : form.substr(end + 1);
    if (part.empty()) continue;
    if (++fields > kMaxFields) return std::unexpected(Malformed("it has too many fields"));
    const auto equals = part.find('=');
    const std::string name = FormDecode(part.substr(0, equals));
    Node* node = &root;
    std::string_view rest = name;
    for (int depth = 0;; ++depth) {
      if (depth > kMaxDepth) return std::unexpected(Malformed("a name has too many parts"));
      const auto dot = rest.find('.');
      node = &node->children[std::string(rest.substr(0, dot))];
      if (dot == std::string_view::npos) break;
      rest.remove_prefix(dot + 1);
    }
    if (equals != std::string_view::npos) node->value = FormDecode(part.substr(equals + 1));
    node->has_value = true;
  }
  return {};
}

// A list's elements, by their numbers.
std::vector<const Node*> Elements(const Node& list) {
  std::vector<std::pair<uint32_t, const Node*>> numbered;
  for (const auto& [name, child] : list.children) {
    uint32_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc() && end == name.data() + name.size()) {
      numbered.emplace_back(number, &child);
    }
  }
  std::ranges::sort(numbered, {}, &std::pair<uint32_t, const Node*>::first);
  std::vector<const Node*> out;
  for (const auto& [_, node] : numbered) out.push_back(node);
  return out;
}

// What is no number or no truth stays a text: its reader says what is wrong with it.
Json ReadNode(const Node& node, const QueryShape& shape) {
  switch (shape.kind) {
    case Kind::kText:
      return node.value;
    case Kind::kNumber: {
      int64_t number = 0;
      const char* const last = node.value.data() + node.value.size();
      const auto [end, error] = std::from_chars(node.value.data(), last, number);
      if (error != std::errc() || end != last || node.value.empty()) return node.value;
      return number;
    }
    case Kind::kFlag:
      if (node.value == "true" || node.value == "false") return node.value == "true";
      return node.value;
    case Kind::kStructure: {
      Json out = Json::object();
      for (const QueryMember& member : shape.members) {
        if (const Node* child = node.Child(member.wire)) {
          out[std::string(member.name)] = ReadNode(*child, *member.shape);
        }
      }
      return out;
    }
    case Kind::kList: {
      Json out = Json::array();
      const Node* const list = shape.is_flat ? &node : node.Child("member");
      if (list == nullptr) return out;
      for (const Node* each : Elements(*list)) out.push_back(ReadNode(*each, *shape.element));
      return out;
    }
    case Kind::kMap: {
      Json out = Json::object();
      const Node* const map = shape.is_flat ? &node : node.Child("entry");
      if (map == nullptr) return out;
      for (const Node* each : Elements(*map)) {
        const Node* const key = each->Child(shape.key);
        const Node* const value = each->Child(shape.value);
        if (key == nullptr) continue;
        out[key->value] = value == nullptr ? Json() : ReadNode(*value, *shape.element);
      }
      return out;
    }
  }
  return nullptr;
}

bool IsProtocols(std::string_view name) {
  constexpr std::array<std::string_view, 10> kOwn = {
      "Action",    "Version",          "AWSAccessKeyId", "Signature", "SignatureMethod",
      "Timestamp", "SignatureVersion", "SecurityToken",  "Expires",   "ContentType"};
  return name.starts_with("X-Amz-") || std::ranges::find(kOwn, name) != kOwn.end();
}

void Open(std::string& out, std::string_view name) { out.append("<").append(name).append(">"); }
void Close(std::string& out, std::string_view name) { out.append("</").append(name).append(">"); }

void WriteValue(std::string& out, const Json& value, const QueryShape& shape);

// A member with its name: flat lists and maps repeat it.
void WriteMember(std::string& out, std::string_view name, const Json& value,
                 const QueryShape& shape) {
  if (value.is_null()) return;
  if (shape.kind == Kind::kList && value.is_array()) {
    if (!shape.is_flat) Open(out, name);
    const std::string_view each_name = shape.is_flat ? name : "member";
    for (const Json& each : value) WriteMember(out, each_name, each, *shape.element);
    if (!shape.is_flat) Close(out, name);
    return;
  }
  if (shape.kind == Kind::kMap && value.is_object()) {
    if (!shape.is_flat) Open(out, name);
    const std::string_view each_name = shape.is_flat ? name : "entry";
    for (const auto& [key, each] : value.items()) {
      Open(out, each_name);
      Open(out, shape.key);
      out += XmlText(key);
      Close(out, shape.key);
      WriteMember(out, shape.value, each, *shape.element);
      Close(out, each_name);
    }
    if (!shape.is_flat) Close(out, name);
    return;
  }
  Open(out, name);
  WriteValue(out, value, shape);
  Close(out, name);
}

void WriteValue(std::string& out, const Json& value, const QueryShape& shape) {
  if (shape.kind == Kind::kStructure && value.is_object()) {
    for (const QueryMember& member : shape.members) {
      const auto found = value.find(member.name);
      if (found != value.end()) WriteMember(out, member.wire, *found, *member.shape);
    }
    return;
  }
  out += value.is_string() ? XmlText(value.get_ref<const std::string&>()) : base::ToJsonText(value);
}

io::HttpResponse XmlAnswer(int status, std::string body, const std::string& request_id) {
  io::HttpResponse response;
  response.status = status;
  response.headers.Add("Content-Type", "text/xml");
  response.headers.Add("x-amzn-RequestId", request_id);
  response.body = "<?xml version=\"1.0\"?>" + std::move(body);
  return response;
}

// The bytes of one UTF-8 character at the front that XML can hold; 0: there is none.
size_t XmlCharacter(std::string_view text) {
  const auto at = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = at(0);
  if (first < 0x80) return first >= 0x20 || first == 9 || first == 10 || first == 13 ? 1 : 0;
  const size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return 0;
  uint32_t code = first & (0x7f >> size);
  for (size_t i = 1; i < size; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
    code = code << 6 | (at(i) & 0x3f);
  }
  const bool is_short = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  const bool is_none = (code >= 0xd800 && code <= 0xdfff) || code == 0xfffe || code == 0xffff;
  return is_short || is_none || code > 0x10ffff ? 0 : size;
}

}  // namespace

std::string FormDecode(std::string_view text) {
  std::string spaced(text);
  std::ranges::replace(spaced, '+', ' ');
  return io::PercentDecode(spaced);
}

std::string XmlText(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t size = XmlCharacter(text);
    switch (size == 1 ? text.front() : '\0') {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\r':
        out += "&#xD;";
        break;  // A parser would make it a line feed.
      default:
        if (size == 0)
          out += "\xef\xbf\xbd";
        else
          out.append(text.substr(0, size));
    }
    text.remove_prefix(std::max<size_t>(size, 1));
  }
  return out;
}

bool IsXmlText(std::string_view text) {
  while (!text.empty()) {
    const size_t size = XmlCharacter(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string QueryAction(const io::HttpRequest& request) {
  if (request.headers.Get("Content-Type").starts_with("application/x-www-form-urlencoded")) {
    if (auto action = io::QueryParameter(request.body, "Action"); action.found) {
      return std::move(action.value);
    }
  }
  return io::QueryParameter(request.query(), "Action").value;
}

std::expected<Json, ApiError> ReadQuery(const io::HttpRequest& request, const QueryShape& shape) {
  Node root;
  size_t fields = 0;
  if (auto read = ReadForm(request.query(), root, fields); !read) {
    return std::unexpected(read.error());
  }
  if (auto read = ReadForm(request.body, root, fields); !read) {
    return std::unexpected(read.error());
  }
  Json out = ReadNode(root, shape);
  for (const auto& [name, child] : root.children) {
    const bool is_known =
        std::ranges::find(shape.members, name, &QueryMember::wire) != shape.members.end();
    if (is_known || IsProtocols(name)) continue;
    // botocore writes an empty list under its JSON name.
    const auto list = std::ranges::find(shape.members, name, &QueryMember::name);
    const bool is_empty_list = list != shape.members.end() && child.value.empty() &&
                               child.children.empty() && list->shape->kind == Kind::kList;
    out[name] = is_empty_list ? Json::array() : Json(child.value);
  }
  return out;
}

io::HttpResponse QueryAnswer(const QueryAnswerStyle& style, std::string_view action,
                             const Json& body, const QueryShape& shape,
                             const std::string& request_id) {
  const std::string name(action);
  std::string xml = "<" + name + "Response xmlns=\"" + std::string(style.xmlns) + "\">";
  if (!body.is_null()) {
    Open(xml, name + "Result");
    WriteValue(xml, body, shape);
    Close(xml, name + "Result");
  }
  xml += "<ResponseMetadata><RequestId>" + request_id + "</RequestId></ResponseMetadata>";
  Close(xml, name + "Response");
  return XmlAnswer(200, std::move(xml), request_id);
}

io::HttpResponse QueryError(const QueryAnswerStyle& style, int status, std::string_view code,
                            std::string_view message, const std::string& request_id) {
  std::string xml = "<ErrorResponse xmlns=\"" + std::string(style.xmlns) + "\"><Error><Type>";
  xml += status < 500 ? "Sender" : "Receiver";
  xml += "</Type><Code>" + XmlText(code) + "</Code><Message>" + XmlText(message) +
         "</Message><Detail/></Error><RequestId>" + request_id + "</RequestId></ErrorResponse>";
  return XmlAnswer(status, std::move(xml), request_id);
}

}  // namespace hearth::aws
