#include "aws/xml.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <pugixml.hpp>

#include "aws/query_protocol.h"

namespace hearth::aws {
namespace {

constexpr std::string_view kStep = "read XML";
constexpr std::string_view kSpace = " \t\r\n";

bool IsSpace(char c) { return kSpace.find(c) != std::string_view::npos; }

std::string_view LocalName(std::string_view name) {
  const size_t colon = name.rfind(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

// Whether pugixml would read the reference at the front ("&amp;...") as the text that it means.
bool IsReference(std::string_view text) {
  constexpr size_t kLongest = 10;  // "&#x10FFFF;"
  const size_t end = text.substr(0, kLongest).find(';');
  if (end == std::string_view::npos) return false;
  const std::string_view name = text.substr(1, end - 1);
  constexpr std::array<std::string_view, 5> kNamed = {"amp", "lt", "gt", "quot", "apos"};
  if (std::ranges::find(kNamed, name) != kNamed.end()) return true;
  if (!name.starts_with('#')) return false;
  const bool is_hex = name.starts_with("#x");
  const std::string_view digits = name.substr(is_hex ? 2 : 1);
  uint32_t code = 0;
  const char* const last = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), last, code, is_hex ? 16 : 10);
  if (error != std::errc() || stop != last || digits.empty()) return false;
  return code != 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
}

// Looks over a text before a tree is made of it: what it would cost, and what pugixml lets pass.
class Scan {
 public:
  explicit Scan(std::string_view text) : text_(text) {}

  // What is wrong, or empty.
  std::string Run() {
    while (at_ < text_.size() && wrong_.empty()) {
      const char c = text_[at_];
      if (c == '<') {
        Markup();
      } else if (depth_ == 0 && !IsSpace(c)) {
        wrong_ = "there is text outside of its element";
      } else if (c == '&' && !IsReference(text_.substr(at_))) {
        wrong_ = "a reference is not understood";
      } else {
        ++at_;
      }
    }
    if (wrong_.empty() && (depth_ != 0 || roots_ != 1)) wrong_ = "it is not one whole element";
    return wrong_;
  }

 private:
  void Markup() {
    const std::string_view rest = text_.substr(at_);
    if (rest.starts_with("<!--")) {
      SkipBehind("-->", 4);
    } else if (rest.starts_with("<?")) {
      SkipBehind("?>", 2);
    } else if (rest.starts_with("<![CDATA[") && depth_ > 0) {
      SkipBehind("]]>", 9);
    } else if (rest.starts_with("<!")) {
      wrong_ = "a document type is not allowed";
    } else if (rest.starts_with("</")) {
      if (depth_ == 0) wrong_ = "an element ends that has not begun";
      if (depth_ > 0) --depth_;
      SkipBehind(">", 2);
    } else {
      Tag();
    }
  }

  void Tag() {
    if (++marks_ > kMaxXmlMarks) wrong_ = "it has too many elements";
    if (depth_ == 0) ++roots_;
    char quote = '\0';
    for (++at_; at_ < text_.size() && (quote != '\0' || text_[at_] != '>'); ++at_) {
      const char c = text_[at_];
      if (c == quote) {
        quote = '\0';
      } else if (quote == '\0' && (c == '"' || c == '\'')) {
        quote = c;
        if (++marks_ > kMaxXmlMarks) wrong_ = "it has too many attributes";
      }
    }
    if (at_ >= text_.size()) {
      wrong_ = "a tag does not end";
      return;
    }
    if (text_[at_ - 1] != '/' && ++depth_ > kMaxXmlDepth) wrong_ = "it is nested too deeply";
    ++at_;
  }

  void SkipBehind(std::string_view end, size_t from) {
    const size_t found = text_.find(end, at_ + from);
    if (found == std::string_view::npos) {
      wrong_ = "it ends too early";
      return;
    }
    at_ = found + end.size();
  }

  std::string_view text_;
  size_t at_ = 0;
  size_t depth_ = 0;
  size_t marks_ = 0;
  size_t roots_ = 0;
  std::string wrong_;
};

}  // namespace

std::string_view XmlElement::name() const { return LocalName(pugi::xml_node(node_).name()); }

std::string XmlElement::text() const {
  std::string out;
  for (const pugi::xml_node child : pugi::xml_node(node_).children()) {
    if (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata) {
      out += child.value();
    }
  }
  return out;
}

std::vector<XmlElement> XmlElement::children() const {
  std::vector<XmlElement> out;
  for (const pugi::xml_node child : pugi::xml_node(node_).children()) {
    if (child.type() == pugi::node_element) out.emplace_back(child.internal_object());
  }
  return out;
}

XmlElement XmlElement::Child(std::string_view name) const {
  for (const pugi::xml_node child : pugi::xml_node(node_).children()) {
    if (child.type() == pugi::node_element && LocalName(child.name()) == name) {
      return XmlElement(child.internal_object());
    }
  }
  return {};
}

std::string_view XmlElement::Attribute(std::string_view name) const {
  for (const pugi::xml_attribute each : pugi::xml_node(node_).attributes()) {
    if (LocalName(each.name()) == name) return each.value();
  }
  return {};
}

XmlDocument::XmlDocument(std::unique_ptr<pugi::xml_document> tree) : tree_(std::move(tree)) {}
XmlDocument::~XmlDocument() = default;
XmlDocument::XmlDocument(XmlDocument&&) noexcept = default;
XmlDocument& XmlDocument::operator=(XmlDocument&&) noexcept = default;

base::Result<XmlDocument> XmlDocument::Parse(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  if (!IsXmlText(text)) return base::Invalid(kStep, "it is not UTF-8, or no text");
  if (std::string wrong = Scan(text).Run(); !wrong.empty()) return base::Invalid(kStep, wrong);
  // A text that is all white space is kept: a key may be one.
  constexpr unsigned kFlags = pugi::parse_cdata | pugi::parse_escapes | pugi::parse_eol |
                              pugi::parse_wconv_attribute | pugi::parse_ws_pcdata_single;
  auto tree = std::make_unique<pugi::xml_document>();
  const auto read = tree->load_buffer(text.data(), text.size(), kFlags, pugi::encoding_utf8);
  if (!read) return base::Invalid(kStep, read.description());
  return XmlDocument(std::move(tree));
}

XmlElement XmlDocument::root() const {
  return XmlElement(tree_->document_element().internal_object());
}

}  // namespace hearth::aws
