// HTTP messages as values. Source: RFC 9110, RFC 9112.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hearth::io {

// Header fields in order of arrival; names compare without case.
class HttpHeaders {
 public:
  // The first field of that name, or an empty view (see Has for the difference).
  std::string_view Get(std::string_view name) const;
  bool Has(std::string_view name) const;
  void Add(std::string name, std::string value);
  void Set(std::string name, std::string value);  // Replaces every field of that name.
  void Remove(std::string_view name);
  const std::vector<std::pair<std::string, std::string>>& all() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct HttpRequest {
  std::string method;       // "GET"
  std::string target;       // As sent: "/a/b?c=d", percent-encoding untouched.
  HttpHeaders headers;
  std::string body;
  std::string peer;         // "127.0.0.1:53124", empty for other sockets.

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
