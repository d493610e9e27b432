// XmlWriter: an answer's XML, element by element.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <vector>

#include "aws/query_protocol.h"
#include "base/check.h"

namespace hearth::s3 {

inline constexpr std::string_view kXmlNamespace = "http://s3.amazonaws.com/doc/2006-03-01/";

class XmlWriter {
 public:
  XmlWriter() : out_("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n") {}

  // The first one is the root, and bears the namespace. `name` outlives the writer. `attributes` is
  // as it stands in the text.
  void Open(std::string_view name, std::string_view attributes = {}) {
    out_.append("<").append(name);
    if (!has_root_) out_.append(" xmlns=\"").append(kXmlNamespace).append("\"");
    if (!attributes.empty()) out_.append(" ").append(attributes);
    out_ += '>';
    has_root_ = true;
    open_.push_back(name);
  }
  void Close() {
    CHECK(!open_.empty());
    out_.append("</").append(open_.back()).append(">");
    open_.pop_back();
  }
  void Element(std::string_view name, std::string_view text) {
    Open(name);
    out_ += aws::XmlText(text);
    Close();
  }
  template <std::integral T>
  void Element(std::string_view name, T value) {
    if constexpr (std::same_as<T, bool>) {
      Element(name, std::string_view(value ? "true" : "false"));
    } else {
      Element(name, std::string_view(std::to_string(value)));
    }
  }

  size_t size() const { return out_.size(); }
  // Closes what is open. The writer is then spent.
  std::string Take() {
    while (!open_.empty()) Close();
    return std::move(out_);
  }

 private:
  std::string out_;
  std::vector<std::string_view> open_;
  bool has_root_ = false;
};

}  // namespace hearth::s3
