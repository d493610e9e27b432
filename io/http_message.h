// HTTP messages as values. Source: RFC 9110, RFC 9112.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hearth::io {

// Whether two names of fields are one; case does not count.
bool SameName(std::string_view a, std::string_view b);

// Header fields in order of arrival; names compare without case. They are kept as the lines of a
// message's head, so that one is written by a single copy and two allocations hold all. A view into
// them is good until the next change; moving them is none.
class HttpHeaders {
 public:
  using Field = std::pair<std::string_view, std::string_view>;

  // The first field of that name, or an empty view (see Has for the difference).
  std::string_view Get(std::string_view name) const;
  bool Has(std::string_view name) const;
  // What would end the line (CR, LF, NUL) becomes a space: a value is a caller's or a function's.
  void Add(std::string_view name, std::string_view value);
  void Set(std::string_view name, std::string_view value);  // Replaces every field of that name.
  void Remove(std::string_view name);

  size_t size() const { return fields_.size(); }
  Field operator[](size_t index) const;
  bool operator==(const HttpHeaders& other) const { return lines_ == other.lines_; }
  // "Name: value\r\n" for each.
  const std::string& lines() const { return lines_; }

 private:
  struct Place {  // In lines_; a value stands two bytes behind its name.
    size_t at = 0;
    uint32_t name_size = 0;
    uint32_t value_size = 0;
  };
  size_t Find(std::string_view name) const;  // An index, or size().

  std::string lines_;
  std::vector<Place> fields_;
};

struct HttpRequest {
  std::string method;  // "GET"
  std::string target;  // As sent: "/a/b?c=d", percent-encoding untouched.
  HttpHeaders headers;
  std::string body;
  std::string peer;        // "127.0.0.1:53124", empty for other sockets.
  HttpHeaders trailers{};  // Of a body that was streamed; others' are dropped.
  // What its HttpUploadReader has made of the body; nullptr: `body` is it.
  std::shared_ptr<void> upload{};

  std::string_view path() const;   // Before '?', still encoded.
  std::string_view query() const;  // After '?', still encoded, or empty.
};

struct HttpResponse {
  int status = 200;
  HttpHeaders headers;  // Content-Length, Connection and Date are the server's.
  std::string body;
};

// "a%2Fb+c" -> "a/b+c" ('+' stays: it is a space in form bodies alone). Malformed escapes stay.
std::string PercentDecode(std::string_view text);
// The decoded value of one query parameter; nullopt-like: `found` tells.
struct QueryValue {
  bool found = false;
  std::string value;
};
QueryValue QueryParameter(std::string_view query, std::string_view name);
std::string_view ReasonPhrase(int status);

}  // namespace hearth::io
