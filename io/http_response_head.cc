#include "io/http_response_head.h"

#include <uv.h>

#include <charconv>

namespace hearth::io {

std::string ResponseHead(const ResponseHeadParts& parts) {
  std::string out;
  out.reserve(parts.headers.lines().size() + parts.room + 256);
  out += "HTTP/1.1 ";
  out += std::to_string(parts.status);
  out += ' ';
  out += ReasonPhrase(parts.status);
  out += "\r\nDate: ";
  out += parts.date;
  out += "\r\n";
  out += parts.headers.lines();
  if (parts.framing == Framing::kLength) {
    out += "Content-Length: ";
    out += std::to_string(parts.content_length);
    out += "\r\n";
  } else if (parts.framing == Framing::kChunked) {
    out += "Transfer-Encoding: chunked\r\n";
  }
  if (!parts.connection.empty()) {
    out += "Connection: ";
    out += parts.connection;
    out += "\r\n";
  }
  out += "\r\n";
  return out;
}

std::optional<uint64_t> TakeLength(HttpHeaders& headers) {
  constexpr std::string_view kName = "Content-Length";
  if (!headers.Has(kName)) return std::nullopt;
  const std::string_view text = headers.Get(kName);
  uint64_t length = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  const bool good = error == std::errc() && at == text.data() + text.size();
  headers.Remove(kName);
  return good ? std::optional(length) : std::nullopt;
}

bool HasNoBody(int status) { return status == 204 || status == 304 || status < 200; }

std::string PeerName(uv_stream_t* stream) {
  struct sockaddr_storage address{};
  int size = sizeof address;
  char name[64] = {};
  if (uv_tcp_getpeername(reinterpret_cast<uv_tcp_t*>(stream),
                         reinterpret_cast<struct sockaddr*>(&address), &size) != 0) {
    return {};
  }
  if (address.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<struct sockaddr_in*>(&address);
    uv_ip4_name(v4, name, sizeof name);
    return std::string(name) + ":" + std::to_string(ntohs(v4->sin_port));
  }
  const auto* v6 = reinterpret_cast<struct sockaddr_in6*>(&address);
  uv_ip6_name(v6, name, sizeof name);
  return "[" + std::string(name) + "]:" + std::to_string(ntohs(v6->sin6_port));
}

}  // namespace hearth::io
