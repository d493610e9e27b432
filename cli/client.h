// Client: hearthd's HTTP API as the commands call it: one blocking request at a time.
//
// Owner: main, or a test, which passes a transport of its own. What cannot be reached and what
// hearthd refuses become a Failure with a text for people.
#pragma once

#include <expected>
#include <functional>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "io/http_client.h"

namespace hearth::cli {

class Client {
 public:
  using Transport = std::function<base::Result<io::HttpResponse>(const io::FetchRequest&)>;

  // `endpoint` is "http://host:port", with or without a trailing slash.
  Client(std::string endpoint, Transport transport);

  struct Call {
    std::string method = "GET";
    std::string path;  // Encoded, with its query.
    std::string body;
    std::string content_type = "application/json";
    io::HttpHeaders headers;
    base::Duration timeout{};  // zero: none
    std::function<bool(std::string_view)> sink;
  };
  // Every answer that hearthd gives, whatever its status.
  std::expected<io::HttpResponse, Failure> Send(Call call) const;
  // As Send, but a status of 400 or more is a Failure with the host's own words.
  std::expected<io::HttpResponse, Failure> Ask(Call call) const;

  const std::string& endpoint() const { return endpoint_; }

 private:
  std::string endpoint_;
  Transport transport_;
};

// The host's refusal in its own words: "ResourceNotFoundException: Function not found: ...".
Failure RefusalOf(const io::HttpResponse& response);
// RFC 3986's unreserved characters stay, everything else becomes %XX.
std::string PercentEncode(std::string_view text);

}  // namespace hearth::cli
