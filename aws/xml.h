// XML as a client sends it, read into elements. The only door to pugixml.
//
// What is read is bounded: depth, elements and attributes together, and no document types, so that
// neither a bomb nor a deep nest costs more than a few times its own bytes. References to what no
// text can hold (&#0;, an undefined entity) are refused, not dropped. Source: XML 1.0, 5th edition.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pugi {
class xml_document;
struct xml_node_struct;
}  // namespace pugi

namespace hearth::aws {

inline constexpr size_t kMaxXmlDepth = 16;      // Ours: a bucket's configurations have some eight.
inline constexpr size_t kMaxXmlMarks = 250000;  // Ours: elements and attributes; 10,000 parts.

// A place in an XmlDocument, which it does not outlive; or none.
class XmlElement {
 public:
  XmlElement() = default;
  explicit XmlElement(pugi::xml_node_struct* node) : node_(node) {}

  explicit operator bool() const { return node_ != nullptr; }
  std::string_view name() const;  // Without its namespace's prefix.
  std::string text() const;       // Its own, white space and all; not its children's.
  std::vector<XmlElement> children() const;
  XmlElement Child(std::string_view name) const;  // The first of that name, or none.
  // An attribute's value, by its name without a prefix; empty where there is none.
  std::string_view Attribute(std::string_view name) const;

 private:
  pugi::xml_node_struct* node_ = nullptr;
};

class XmlDocument {
 public:
  // kInvalid: what is wrong, and where it can be told.
  static base::Result<XmlDocument> Parse(std::string_view text);
  ~XmlDocument();
  XmlDocument(XmlDocument&&) noexcept;
  XmlDocument& operator=(XmlDocument&&) noexcept;

  XmlElement root() const;

 private:
  explicit XmlDocument(std::unique_ptr<pugi::xml_document> tree);
  std::unique_ptr<pugi::xml_document> tree_;
};

}  // namespace hearth::aws
