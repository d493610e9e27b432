// The query protocol: a form of dotted names in, XML out; and between them the JSON that the json
// protocols carry, so that a service reads and writes one form only.
//
// A shape says how a value looks on this wire: what its members are called, which are lists
// ("Name.1", or "Name.member.1") and maps ("Attribute.1.Name", "Attribute.1.Value").
// Source: Smithy 2.0, "AWS query protocol".
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "aws/gateway.h"

namespace hearth::aws {

struct QueryShape;

struct QueryMember {
  std::string_view name;  // In JSON.
  std::string_view wire;  // In forms and XML.
  const QueryShape* shape;
};

struct QueryShape {
  enum class Kind { kText, kNumber, kFlag, kStructure, kList, kMap };
  Kind kind = Kind::kText;
  std::vector<QueryMember> members{};   // Of a structure.
  const QueryShape* element = nullptr;  // Of a list, or a map's values.
  std::string_view key = "key";         // Of a map's entries.
  std::string_view value = "value";
  bool is_flat = true;  // A list without ".member"; a map without ".entry".
};

// "Action", of the body or of the target's query; empty: the request is not of this protocol.
std::string QueryAction(const io::HttpRequest& request);

// The form as JSON; `shape` is a structure. Names that it does not have are kept as texts at the
// top, so that who reads the JSON can refuse them; the protocol's own (Action, Version, signatures)
// are dropped. MalformedInput for what is no form, or too large a one.
std::expected<base::Json, ApiError> ReadQuery(const io::HttpRequest& request,
                                              const QueryShape& shape);

struct QueryAnswerStyle {
  std::string_view xmlns;
};
// <ActionResponse><ActionResult>…</ActionResult><ResponseMetadata>…; no result where `body` is
// null.
io::HttpResponse QueryAnswer(const QueryAnswerStyle& style, std::string_view action,
                             const base::Json& body, const QueryShape& shape,
                             const std::string& request_id);
// `code` is the wire's word for the error; 4xx: Type Sender.
io::HttpResponse QueryError(const QueryAnswerStyle& style, int status, std::string_view code,
                            std::string_view message, const std::string& request_id);

// A form's name or value: a '+' is a space, escapes are decoded.
std::string FormDecode(std::string_view text);

// As text of an element; what XML cannot hold becomes U+FFFD.
std::string XmlText(std::string_view text);
// Whether every character is one that XML 1.0 can hold, in UTF-8.
bool IsXmlText(std::string_view text);

}  // namespace hearth::aws
