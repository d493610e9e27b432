#include "io/http_server.h"

#include <netdb.h>
#include <uv.h>

#include <charconv>
#include <ctime>

#include "base/check.h"
#include "io/http_server_impl.h"

namespace hearth::io {
namespace {

constexpr int kBacklog = 1024;
constexpr auto kSweepAtMostEvery = std::chrono::seconds(1);

void CloseListener(uv_stream_t* listener) {
  uv_close(reinterpret_cast<uv_handle_t*>(listener), [](uv_handle_t* handle) noexcept {
    auto* server = static_cast<HttpServer::Impl*>(handle->data);
    delete reinterpret_cast<uv_tcp_t*>(handle);
    server->HandleClosed();
  });
}

void OnConnection(uv_stream_t* listener, int status) noexcept {
  if (status != 0) return;
  auto& server = *static_cast<HttpServer::Impl*>(listener->data);
  auto connection = std::make_shared<HttpConnection>(server);
  server.connections.emplace(connection.get(), connection);
  if (!connection->Accept(listener)) return;
  // Beyond the limit the newest is turned away: those who are being served stay served.
  if (server.connections.size() > server.options.max_connections) connection->Close();
}

struct HostPort {
  std::string host;
  uint16_t port = 0;
};

base::Result<HostPort> SplitAddress(const std::string& address) {
  const auto colon = address.rfind(':');
  const auto bad = [&] {
    return base::Invalid("listen", "'" + address + "' is not ADDRESS:PORT, such as 127.0.0.1:4566");
  };
  if (colon == std::string::npos) return bad();
  HostPort out;
  out.host = address.substr(0, colon);
  if (out.host.starts_with('[') && out.host.ends_with(']')) {
    out.host = out.host.substr(1, out.host.size() - 2);
  }
  const char* begin = address.data() + colon + 1;
  const char* end = address.data() + address.size();
  const auto [at, error] = std::from_chars(begin, end, out.port);
  if (error != std::errc() || at != end || begin == end) return bad();
  return out;
}

}  // namespace

// Binding is the caller's; this starts to accept and takes the stream over.
base::Result<std::string> HttpServer::Impl::AddListener(uv_stream_s* stream) {
  stream->data = this;
  ++open_handles;
  if (const int error = uv_listen(stream, kBacklog, OnConnection); error != 0) {
    CloseListener(stream);
    return base::SystemError("listen", -error);
  }
  listeners.push_back(stream);
  struct sockaddr_storage bound{};
  int size = sizeof bound;
  uv_tcp_getsockname(reinterpret_cast<uv_tcp_t*>(stream),
                     reinterpret_cast<struct sockaddr*>(&bound), &size);
  char name[64] = {};
  if (bound.ss_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<struct sockaddr_in6*>(&bound);
    uv_ip6_name(v6, name, sizeof name);
    return "[" + std::string(name) + "]:" + std::to_string(ntohs(v6->sin6_port));
  }
  const auto* v4 = reinterpret_cast<struct sockaddr_in*>(&bound);
  uv_ip4_name(v4, name, sizeof name);
  return std::string(name) + ":" + std::to_string(ntohs(v4->sin_port));
}

void HttpServer::Impl::HandleClosed() {
  CHECK(open_handles > 0);
  if (--open_handles > 0 || !closing || closed) return;
  closed = true;
  sweep.Cancel();
  if (auto tell = std::exchange(on_closed, nullptr)) tell();
}

void HttpServer::Impl::StartClosing(std::function<void()> closed_callback) {
  if (closed_callback) {
    auto before = std::exchange(on_closed, nullptr);
    on_closed = [before = std::move(before), now = std::move(closed_callback)] {
      if (before) before();
      now();
    };
  }
  if (closing) return;
  closing = true;
  for (uv_stream_t* listener : std::exchange(listeners, {})) CloseListener(listener);
  if (open_handles == 0) {
    // Nothing was ever open: the callback still must not run inside Close.
    ++open_handles;
    loop.Post([this] { HandleClosed(); });
  }
}

void HttpServer::Impl::ExpectDeadline(base::MonoTime deadline) {
  if (sweep.active() && sweep_at <= deadline + kSweepAtMostEvery) return;
  sweep_at = deadline;
  sweep.Start(deadline - loop.clock().Now(), [this] { Sweep(); });
}

void HttpServer::Impl::Sweep() {
  const base::MonoTime now = loop.clock().Now();
  std::vector<std::shared_ptr<HttpConnection>> expired;
  base::MonoTime next = base::MonoTime::max();
  for (const auto& [_, connection] : connections) {
    const base::MonoTime deadline = connection->deadline();
    if (deadline == base::MonoTime{}) continue;
    if (deadline <= now) {
      expired.push_back(connection);
    } else {
      next = std::min(next, deadline);
    }
  }
  for (const auto& connection : expired) connection->Expire();
  if (next != base::MonoTime::max()) ExpectDeadline(std::max(next, now + kSweepAtMostEvery));
}

const std::string& HttpServer::Impl::Date() {
  const int64_t second = base::EpochMillis(loop.clock().WallNow()) / 1000;
  if (second != date_second) {
    date_second = second;
    std::tm parts{};
    const std::time_t when = second;
    ::gmtime_r(&when, &parts);
    char text[64];
    std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    date = text;
  }
  return date;
}

HttpServer::HttpServer(Loop& loop, HttpServerOptions options, HttpHandler handler)
    : impl_(std::make_shared<Impl>(loop, std::move(options), std::move(handler))) {}

HttpServer::~HttpServer() { CHECK(impl_->open_handles == 0); }

base::Result<std::string> HttpServer::Listen(const std::string& address) {
  const HostPort parts = TRY(SplitAddress(address));
  struct sockaddr_in v4{};
  struct sockaddr_in6 v6{};
  const struct sockaddr* where = nullptr;
  if (uv_ip4_addr(parts.host.c_str(), parts.port, &v4) == 0) {
    where = reinterpret_cast<const struct sockaddr*>(&v4);
  } else if (uv_ip6_addr(parts.host.c_str(), parts.port, &v6) == 0) {
    where = reinterpret_cast<const struct sockaddr*>(&v6);
  } else {
    return base::Invalid("listen", "'" + parts.host + "' is not an IP address");
  }
  auto* tcp = new uv_tcp_t;
  CHECK(uv_tcp_init(impl_->loop.raw(), tcp) == 0);
  auto* stream = reinterpret_cast<uv_stream_t*>(tcp);
  if (const int error = uv_tcp_bind(tcp, where, 0); error != 0) {
    stream->data = impl_.get();
    ++impl_->open_handles;
    CloseListener(stream);
    return base::SystemError("listen on " + address, -error);
  }
  auto bound = impl_->AddListener(stream);
  if (!bound) bound.error().step = "listen on " + address;
  return bound;
}

base::Result<void> HttpServer::ListenFd(base::UniqueFd listener) {
  auto* tcp = new uv_tcp_t;
  CHECK(uv_tcp_init(impl_->loop.raw(), tcp) == 0);
  auto* stream = reinterpret_cast<uv_stream_t*>(tcp);
  if (const int error = uv_tcp_open(tcp, listener.get()); error != 0) {
    stream->data = impl_.get();
    ++impl_->open_handles;
    CloseListener(stream);
    return base::SystemError("take over listener", -error);
  }
  [[maybe_unused]] const int owned_by_libuv = listener.Release();
  TRY(impl_->AddListener(stream));
  return {};
}

size_t HttpServer::connections() const { return impl_->connections.size(); }

size_t HttpServer::requests_in_flight() const {
  size_t count = 0;
  for (const auto& [_, connection] : impl_->connections) count += connection->busy() ? 1 : 0;
  return count;
}

void HttpServer::Close(std::function<void()> closed) {
  impl_->StartClosing(std::move(closed));
  const auto connections = impl_->connections;
  for (const auto& [_, connection] : connections) connection->CloseWhenIdle();
}

void HttpServer::CloseNow(std::function<void()> closed) {
  impl_->StartClosing(std::move(closed));
  const auto connections = impl_->connections;
  for (const auto& [_, connection] : connections) connection->Close();
}

HttpResponder& HttpResponder::operator=(HttpResponder&& other) noexcept {
  if (this != &other) {
    this->~HttpResponder();
    new (this) HttpResponder(std::move(other));
  }
  return *this;
}

HttpResponder::HttpResponder(HttpResponder&& other) noexcept
    : connection_(std::move(other.connection_)),
      sequence_(std::exchange(other.sequence_, 0)),
      streaming_(std::exchange(other.streaming_, false)) {}

HttpResponder::~HttpResponder() {
  if (sequence_ == 0) return;
  if (streaming_) {
    // Half an answer cannot be taken back: the client must see that it is incomplete.
    if (const auto connection = connection_.lock()) connection->Cut(sequence_);
    return;
  }
  HttpResponse response;
  response.status = 500;
  response.headers.Add("Content-Type", "application/json");
  response.body = "{\"message\":\"the request was dropped without an answer\"}\n";
  Send(std::move(response));
}

void HttpResponder::Send(HttpResponse response) {
  const uint64_t sequence = std::exchange(sequence_, 0);
  CHECK(!streaming_);
  if (const auto connection = connection_.lock()) connection->Send(sequence, std::move(response));
}

void HttpResponder::Begin(int status, HttpHeaders headers) {
  CHECK(!streaming_);
  streaming_ = true;
  if (const auto connection = connection_.lock()) {
    connection->Begin(sequence_, status, std::move(headers));
  }
}

size_t HttpResponder::Write(std::string_view data) {
  CHECK(streaming_);
  const auto connection = connection_.lock();
  return connection ? connection->Write(sequence_, data) : 0;
}

void HttpResponder::End() {
  CHECK(streaming_);
  streaming_ = false;
  const uint64_t sequence = std::exchange(sequence_, 0);
  if (const auto connection = connection_.lock()) connection->End(sequence);
}

void HttpResponder::OnClientGone(std::function<void()> callback) {
  const auto connection = connection_.lock();
  if (connection) connection->OnClientGone(sequence_, std::move(callback));
}

void HttpResponder::OnRoom(std::function<void()> callback) {
  const auto connection = connection_.lock();
  if (connection) connection->OnRoom(sequence_, std::move(callback));
}

void HttpUpload::Resume() {
  if (const auto connection = connection_.lock()) connection->ResumeUploadLater(sequence_);
}

void HttpUpload::Refuse(HttpResponse response) {
  if (const auto connection = connection_.lock()) {
    connection->RefuseUploadLater(sequence_, std::move(response));
  }
}

bool HttpResponder::client_gone() const {
  const auto connection = connection_.lock();
  return !connection || connection->client_gone();
}

}  // namespace hearth::io
