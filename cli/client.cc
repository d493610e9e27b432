#include "cli/client.h"

#include <fmt/format.h>

#include "base/json.h"
#include "cli/json_fields.h"

namespace hearth::cli {

Client::Client(std::string endpoint, Transport transport)
    : endpoint_(std::move(endpoint)), transport_(std::move(transport)) {
  while (endpoint_.ends_with('/')) endpoint_.pop_back();
  if (endpoint_.find("://") == std::string::npos) endpoint_ = "http://" + endpoint_;
}

std::expected<io::HttpResponse, Failure> Client::Send(Call call) const {
  io::FetchRequest request;
  request.method = std::move(call.method);
  request.url = endpoint_ + call.path;
  request.headers = std::move(call.headers);
  if (!call.body.empty()) request.headers.Set("Content-Type", call.content_type);
  request.body = std::move(call.body);
  request.timeout = call.timeout;
  request.sink = std::move(call.sink);
  auto response = transport_(request);
  if (!response) {
    return std::unexpected(Failure{
        kHostError, fmt::format("cannot reach hearthd at {}: {}\n"
                                "  is it running? start it with: hearthd\n"
                                "  another address? name it with --endpoint or HEARTH_ENDPOINT",
                                endpoint_, response.error().ToString())});
  }
  return std::move(*response);
}

std::expected<io::HttpResponse, Failure> Client::Ask(Call call) const {
  auto response = Send(std::move(call));
  if (response && response->status >= 400) return std::unexpected(RefusalOf(*response));
  return response;
}

Failure RefusalOf(const io::HttpResponse& response) {
  std::string type(response.headers.Get("x-amzn-ErrorType"));
  std::string message;
  if (const auto body = base::ParseJson(response.body); body) {
    if (type.empty()) type = Text(*body, "__type");
    message = Text(*body, "Message");
    if (message.empty()) message = Text(*body, "message");
    for (const base::Json& error : Field(*body, "errors")) {
      message += (message.empty() ? "" : "; ") + Text(error, "message");
    }
  }
  if (message.empty()) message = response.body.substr(0, 500);
  if (message.empty()) message = fmt::format("HTTP {}", response.status);
  if (!type.empty()) type += ": ";
  return Failure{kHostError, fmt::format("hearthd refused: {}{}", type, message)};
}

std::string PercentEncode(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

}  // namespace hearth::cli
