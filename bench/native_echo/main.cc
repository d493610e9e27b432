// native_echo: a Lambda function in C++ that answers each event with itself. It is the whole
// `bootstrap` of a `provided` function: static, and a client of the Runtime API over one keep-alive
// connection. Source: AWS Lambda Developer Guide, "Using the Lambda runtime API".
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace {

[[noreturn]] void Fail(const char* what) {
  std::fprintf(stderr, "native_echo: %s\n", what);
  std::exit(1);
}

struct Message {
  std::string_view head;  // Views into the connection's buffer, until the next Ask.
  std::string_view body;
};

std::optional<std::string_view> FindHeader(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(head.size(), line.size() + 2));
    if (line.size() <= name.size() || line[name.size()] != ':') continue;
    if (::strncasecmp(line.data(), name.data(), name.size()) != 0) continue;
    std::string_view value = line.substr(name.size() + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    return value;
  }
  return std::nullopt;
}

class Connection {
 public:
  // `address` is AWS_LAMBDA_RUNTIME_API: "127.0.0.1:9001".
  explicit Connection(std::string_view address) {
    const size_t colon = address.rfind(':');
    if (colon == std::string_view::npos) Fail("AWS_LAMBDA_RUNTIME_API has no port");
    const std::string_view port = address.substr(colon + 1);
    uint16_t number = 0;
    std::from_chars(port.data(), port.data() + port.size(), number);
    struct sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(number);
    if (::inet_pton(AF_INET, std::string(address.substr(0, colon)).c_str(), &where.sin_addr) != 1) {
      Fail("AWS_LAMBDA_RUNTIME_API is not ADDRESS:PORT");
    }
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd_ < 0) Fail("socket");
    if (::connect(fd_, reinterpret_cast<struct sockaddr*>(&where), sizeof where) != 0) {
      Fail("connect");
    }
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }

  Message Ask(std::string_view request) {
    while (!request.empty()) {
      const ssize_t put = ::send(fd_, request.data(), request.size(), MSG_NOSIGNAL);
      if (put <= 0) Fail("send");
      request.remove_prefix(static_cast<size_t>(put));
    }
    buffer_.clear();
    size_t body_at = 0;
    while (body_at == 0) {
      const size_t from = buffer_.size() < 3 ? 0 : buffer_.size() - 3;
      Receive();
      const size_t end = buffer_.find("\r\n\r\n", from);
      if (end != std::string::npos) body_at = end + 4;
    }
    const auto length = FindHeader(std::string_view(buffer_).substr(0, body_at), "Content-Length");
    size_t size = 0;
    if (!length ||
        std::from_chars(length->data(), length->data() + length->size(), size).ec != std::errc()) {
      Fail("an answer without Content-Length");
    }
    while (buffer_.size() < body_at + size) Receive();
    const std::string_view all(buffer_);
    return {all.substr(0, body_at), all.substr(body_at, size)};
  }

 private:
  void Receive() {
    const ssize_t got = ::recv(fd_, block_, sizeof block_, 0);
    if (got <= 0) Fail("the Runtime API closed the connection");
    buffer_.append(block_, static_cast<size_t>(got));
  }

  int fd_ = -1;
  std::string buffer_;
  char block_[65536];  // Not in buffer_: a string writes zeros over what it grows by.
};

}  // namespace

int main() {
  const char* address = std::getenv("AWS_LAMBDA_RUNTIME_API");
  if (address == nullptr) Fail("AWS_LAMBDA_RUNTIME_API is not set");
  const std::string host = std::string(" HTTP/1.1\r\nHost: ") + address;
  const std::string next = "GET /2018-06-01/runtime/invocation/next" + host + "\r\n\r\n";
  Connection connection(address);
  while (true) {
    const Message event = connection.Ask(next);
    const auto id = FindHeader(event.head, "Lambda-Runtime-Aws-Request-Id");
    if (!id) Fail("an event without Lambda-Runtime-Aws-Request-Id");
    std::string reply = "POST /2018-06-01/runtime/invocation/";
    reply.append(*id).append("/response").append(host);
    reply += "\r\nContent-Type: application/json\r\nContent-Length: ";
    reply += std::to_string(event.body.size());
    reply += "\r\n\r\n";
    reply += event.body;
    connection.Ask(reply);
  }
}
