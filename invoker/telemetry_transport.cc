#include "invoker/telemetry_transport.h"

#include <fmt/format.h>

#include "base/limits.h"
#include "io/http_client.h"
#include "io/tcp_writer.h"

namespace hearth::invoker {
namespace {

std::string Address(uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

// POST or PUT of a batch, to the URI that was asked for.
class HttpConnection {
 public:
  HttpConnection(io::Loop& loop, const runtime::TelemetrySubscription& to)
      : head_(fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n"
                          "Content-Length: ",
                          to.method, to.target, to.host)),
        client_(loop, Address(to.port), limits::kMaxTelemetryAnswer) {}

  bool connected() const { return client_.connected(); }
  void UseSocket(base::UniqueFd socket) { client_.UseSocket(std::move(socket)); }
  void Send(const std::shared_ptr<const std::string>& batch,
            TelemetryTransport::Callback callback) {
    auto request = std::make_shared<std::string>(head_);
    *request += std::to_string(batch->size()) + "\r\n\r\n";
    *request += *batch;
    client_.SendRaw(std::move(request),
                    [callback = std::move(callback)](base::Result<io::HttpResponse> answer) {
                      if (!answer) return callback(std::unexpected(std::move(answer).error()));
                      if (answer->status < 400) return callback({});
                      callback(base::MakeError(base::ErrorKind::kSystem, "deliver telemetry",
                                               "the answer is " + std::to_string(answer->status)));
                    });
  }

 private:
  const std::string head_;
  io::HttpClient client_;
};

class TcpConnection {
 public:
  TcpConnection(io::Loop& loop, const runtime::TelemetrySubscription& to)
      : writer_(loop, to.port) {}

  bool connected() const { return writer_.connected(); }
  void UseSocket(base::UniqueFd socket) { writer_.UseSocket(std::move(socket)); }
  void Send(std::shared_ptr<const std::string> batch, TelemetryTransport::Callback callback) {
    writer_.Write(std::move(batch), std::move(callback));
  }

 private:
  io::TcpWriter writer_;
};

// With a new connection where there is none.
template <typename Connection>
class Transport final : public TelemetryTransport {
 public:
  Transport(io::Loop& loop, SocketSource sockets, const runtime::TelemetrySubscription& to)
      : loop_(loop),
        sockets_(std::move(sockets)),
        to_(to),
        connection_(std::make_shared<Connection>(loop_, to_)) {}

  void Send(std::shared_ptr<const std::string> batch, Callback callback) override {
    if (connection_->connected()) return connection_->Send(std::move(batch), std::move(callback));
    sockets_([this, connection = std::weak_ptr<Connection>(connection_), batch = std::move(batch),
              callback = std::move(callback)](base::Result<base::UniqueFd> socket) mutable {
      if (connection.expired()) return;
      if (!socket) return callback(std::unexpected(std::move(socket).error()));
      connection_->UseSocket(std::move(*socket));
      connection_->Send(std::move(batch), std::move(callback));
    });
  }
  void Cancel() override { connection_ = std::make_shared<Connection>(loop_, to_); }

 private:
  io::Loop& loop_;
  const SocketSource sockets_;
  const runtime::TelemetrySubscription to_;
  std::shared_ptr<Connection> connection_;  // No one else holds it for long.
};

}  // namespace

std::unique_ptr<TelemetryTransport> MakeTelemetryTransport(
    io::Loop& loop, SocketSource sockets, const runtime::TelemetrySubscription& to) {
  if (to.is_tcp) return std::make_unique<Transport<TcpConnection>>(loop, std::move(sockets), to);
  return std::make_unique<Transport<HttpConnection>>(loop, std::move(sockets), to);
}

}  // namespace hearth::invoker
