#include "io/http_connection.h"

#include <uv.h>

#include <array>

#include "base/check.h"
#include "io/http_server_impl.h"

namespace hearth::io {
namespace {

// What a client may send ahead of its turn before we stop reading from it.
constexpr size_t kMaxAhead = 65536;
// How long, after an answer that ends the connection, we go on discarding what the client sends:
// closing with unread bytes would reset the connection and lose the answer.
constexpr auto kLinger = std::chrono::seconds(5);

struct WriteRequest {
  uv_write_t request{};
  std::string head;
  std::string body;
};

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

bool HasNoBody(int status) { return status == 204 || status == 304 || status < 200; }

}  // namespace

HttpConnection::HttpConnection(HttpServer::Impl& server)
    : server_(server),
      parser_({.kind = HttpKind::kRequest,
               .max_body = server.options.max_body.count(),
               .max_header_bytes = limits::kMaxHeaderBytes,
               .max_headers = limits::kMaxHeaders,
               .max_target = limits::kMaxTarget}) {}

HttpConnection::~HttpConnection() { CHECK(stream_ == nullptr); }

bool HttpConnection::Accept(uv_stream_s* listener) {
  auto* tcp = new uv_tcp_t;
  CHECK(uv_tcp_init(server_.loop.raw(), tcp) == 0);
  tcp->data = this;
  stream_ = reinterpret_cast<uv_stream_t*>(tcp);
  ++server_.open_handles;
  if (uv_accept(listener, stream_) != 0) {
    Close();
    return false;
  }
  uv_tcp_nodelay(tcp, 1);
  peer_ = PeerName(stream_);
  if (server_.options.header_timeout > base::Duration::zero()) {
    deadline_ = server_.loop.clock().Now() + server_.options.header_timeout;
    server_.ExpectDeadline(deadline_);
  }
  SetReading(true);
  return true;
}

void HttpConnection::SetReading(bool on) {
  if (on == reading_ || stream_ == nullptr || (on && read_ended_)) return;
  reading_ = on;
  if (!on) {
    uv_read_stop(stream_);
    return;
  }
  uv_read_start(
      stream_,
      [](uv_handle_t* handle, size_t, uv_buf_t* buffer) noexcept {
        auto& server = static_cast<HttpConnection*>(handle->data)->server_;
        *buffer = uv_buf_init(server.read_buffer.data(), server.read_buffer.size());
      },
      [](uv_stream_t* stream, ssize_t got, const uv_buf_t* buffer) noexcept {
        const auto self = static_cast<HttpConnection*>(stream->data)->shared_from_this();
        if (got > 0) {
          self->OnRead({buffer->base, static_cast<size_t>(got)});
        } else if (got == UV_EOF) {
          self->OnEnd();
        } else if (got < 0) {
          self->Close();
        }
      });
}

void HttpConnection::OnRead(std::string_view bytes) {
  if (state_ == State::kLingering || state_ == State::kClosed) return;
  if (state_ == State::kAnswering || !ahead_.empty()) {
    ahead_ += bytes;
    if (ahead_.size() > kMaxAhead) SetReading(false);
    return;
  }
  const size_t used = parser_.Feed(bytes);
  if (used < bytes.size()) ahead_ += bytes.substr(used);
  Process();
}

// The client will send no more. It may still wait for the answer under way.
void HttpConnection::OnEnd() {
  read_ended_ = true;
  SetReading(false);
  if (state_ == State::kLingering || state_ == State::kClosed) {
    Close();
    return;
  }
  keep_alive_ = false;
  if (state_ == State::kAnswering) {
    TellClientGone();
    return;
  }
  parser_.FeedEnd();
  if (parser_.state() == HttpParser::State::kRefused) {
    Process();
  } else {
    Close();
  }
}

// Works on what has been parsed and what lies ahead, until it must wait for an answer or for bytes.
void HttpConnection::Process() {
  if (processing_) return;
  processing_ = true;
  const auto self = shared_from_this();
  while (state_ == State::kReading) {
    switch (parser_.state()) {
      case HttpParser::State::kComplete:
        Dispatch();
        continue;
      case HttpParser::State::kRefused:
        Refuse(parser_.refused_status(), parser_.refused_reason());
        continue;
      case HttpParser::State::kBody:
        if (parser_.TakeExpectContinue()) WriteBytes("HTTP/1.1 100 Continue\r\n\r\n", "");
        break;
      case HttpParser::State::kIdle:
      case HttpParser::State::kHead:
        break;
    }
    if (ahead_.empty()) break;
    const std::string bytes = std::exchange(ahead_, {});
    const size_t used = parser_.Feed(bytes);
    if (used < bytes.size()) ahead_ = bytes.substr(used);
    if (used == 0 && parser_.state() == HttpParser::State::kIdle) break;
  }
  processing_ = false;
  if (state_ == State::kReading) {
    if (close_when_idle_ && parser_.state() == HttpParser::State::kIdle) {
      Close();
    } else if (read_ended_) {
      Close();
    } else {
      SetReading(true);
    }
  }
}

void HttpConnection::Dispatch() {
  HttpRequest request = parser_.TakeRequest();
  keep_alive_ = parser_.keep_alive() && !read_ended_;
  head_request_ = request.method == "HEAD";
  chunked_ = false;
  request.peer = peer_;
  state_ = State::kAnswering;
  deadline_ = {};
  ++sequence_;
  server_.handler(std::move(request), MakeResponder());
}

void HttpConnection::Refuse(int status, const std::string& reason) {
  state_ = State::kAnswering;
  keep_alive_ = false;
  deadline_ = {};
  const uint64_t sequence = ++sequence_;
  if (status == 413 && server_.options.too_large) {
    Send(sequence, server_.options.too_large(parser_.head()));
    return;
  }
  HttpResponse response;
  response.status = status;
  response.headers.Add("Content-Type", "application/json");
  response.body = "{\"message\":\"";
  for (const char c : reason) {
    if (c == '"' || c == '\\') response.body.push_back('\\');
    if (static_cast<unsigned char>(c) >= 0x20) response.body.push_back(c);
  }
  response.body += "\"}\n";
  Send(sequence, std::move(response));
}

std::string HttpConnection::Head(int status, const HttpHeaders& headers,
                                 long long content_length) const {
  std::string out;
  out.reserve(512);
  out += "HTTP/1.1 ";
  out += std::to_string(status);
  out += ' ';
  out += ReasonPhrase(status);
  out += "\r\nDate: ";
  out += server_.Date();
  for (const auto& [name, value] : headers.all()) {
    out += "\r\n";
    out += name;
    out += ": ";
    // A header value is ours or a function's: neither may start a new line.
    for (const char c : value) out += c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
  }
  if (content_length >= 0 && !HasNoBody(status)) {
    out += "\r\nContent-Length: ";
    out += std::to_string(content_length);
  } else if (content_length < 0) {
    out += "\r\nTransfer-Encoding: chunked";
  }
  if (!keep_alive_) out += "\r\nConnection: close";
  out += "\r\n\r\n";
  return out;
}

HttpResponder HttpConnection::MakeResponder() { return {weak_from_this(), sequence_}; }

void HttpConnection::Send(uint64_t sequence, HttpResponse response) {
  if (state_ != State::kAnswering || sequence != sequence_) return;
  if (close_when_idle_) keep_alive_ = false;
  std::string head =
      Head(response.status, response.headers, static_cast<long long>(response.body.size()));
  const bool no_body = head_request_ || HasNoBody(response.status);
  WriteBytes(std::move(head), no_body ? std::string() : std::move(response.body));
  FinishAnswer();
}

void HttpConnection::Begin(uint64_t sequence, int status, HttpHeaders headers) {
  if (state_ != State::kAnswering || sequence != sequence_) return;
  if (close_when_idle_) keep_alive_ = false;
  chunked_ = true;
  WriteBytes(Head(status, headers, -1), "");
}

size_t HttpConnection::Write(uint64_t sequence, std::string_view data) {
  if (state_ != State::kAnswering || sequence != sequence_ || !chunked_) return 0;
  if (!data.empty() && !head_request_) {
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", data.size());
    std::string body(data);
    body += "\r\n";
    WriteBytes(size, std::move(body));
  }
  return stream_ == nullptr ? 0 : uv_stream_get_write_queue_size(stream_);
}

void HttpConnection::End(uint64_t sequence) {
  if (state_ != State::kAnswering || sequence != sequence_) return;
  if (!head_request_) WriteBytes("0\r\n\r\n", "");
  FinishAnswer();
}

void HttpConnection::OnClientGone(uint64_t sequence, std::function<void()> callback) {
  if (state_ != State::kAnswering || sequence != sequence_) return;
  on_client_gone_ = std::move(callback);
}

void HttpConnection::FinishAnswer() {
  on_client_gone_ = nullptr;
  if (state_ == State::kClosed) return;
  if (!keep_alive_) {
    Linger();
    return;
  }
  state_ = State::kReading;
  if (server_.options.idle_timeout > base::Duration::zero()) {
    deadline_ = server_.loop.clock().Now() + server_.options.idle_timeout;
    server_.ExpectDeadline(deadline_);
  }
  Process();
}

void HttpConnection::Linger() {
  if (stream_ == nullptr) return;
  state_ = State::kLingering;
  ahead_.clear();
  auto* request = new uv_shutdown_t;
  request->data = new std::weak_ptr<HttpConnection>(weak_from_this());
  const int error =
      uv_shutdown(request, stream_, [](uv_shutdown_t* done, int) noexcept {
        auto* weak = static_cast<std::weak_ptr<HttpConnection>*>(done->data);
        if (const auto self = weak->lock(); self && self->read_ended_) self->Close();
        delete weak;
        delete done;
      });
  if (error != 0) {
    delete static_cast<std::weak_ptr<HttpConnection>*>(request->data);
    delete request;
    Close();
    return;
  }
  deadline_ = server_.loop.clock().Now() + kLinger;
  server_.ExpectDeadline(deadline_);
  SetReading(true);
}

void HttpConnection::WriteBytes(std::string head, std::string body) {
  if (stream_ == nullptr) return;
  uv_buf_t buffers[2] = {
      uv_buf_init(head.data(), static_cast<unsigned>(head.size())),
      uv_buf_init(body.data(), static_cast<unsigned>(body.size()))};
  const unsigned count = body.empty() ? 1 : 2;
  const size_t total = head.size() + body.size();
  size_t written = 0;
  if (uv_stream_get_write_queue_size(stream_) == 0) {
    const int put = uv_try_write(stream_, buffers, count);
    if (put >= 0) {
      written = static_cast<size_t>(put);
    } else if (put != UV_EAGAIN) {
      Close();
      return;
    }
  }
  if (written == total) return;
  auto* request = new WriteRequest{.head = std::move(head), .body = std::move(body)};
  const size_t from_head = std::min(written, request->head.size());
  const size_t from_body = written - from_head;
  uv_buf_t rest[2] = {uv_buf_init(request->head.data() + from_head,
                                  static_cast<unsigned>(request->head.size() - from_head)),
                      uv_buf_init(request->body.data() + from_body,
                                  static_cast<unsigned>(request->body.size() - from_body))};
  request->request.data = new std::weak_ptr<HttpConnection>(weak_from_this());
  const int error =
      uv_write(&request->request, stream_, rest, 2, [](uv_write_t* done, int status) noexcept {
        auto* weak = static_cast<std::weak_ptr<HttpConnection>*>(done->data);
        if (const auto self = weak->lock(); self && status != 0 && status != UV_ECANCELED) {
          self->Close();
        }
        delete weak;
        delete reinterpret_cast<WriteRequest*>(done);
      });
  if (error != 0) {
    delete static_cast<std::weak_ptr<HttpConnection>*>(request->request.data);
    delete request;
    Close();
  }
}

void HttpConnection::TellClientGone() {
  client_gone_ = true;
  if (auto tell = std::exchange(on_client_gone_, nullptr)) tell();
}

void HttpConnection::CloseWhenIdle() {
  close_when_idle_ = true;
  if (state_ == State::kReading && parser_.state() == HttpParser::State::kIdle) Close();
}

void HttpConnection::Expire() {
  const bool half_here = parser_.state() == HttpParser::State::kHead ||
                         parser_.state() == HttpParser::State::kBody;
  if (state_ == State::kReading && half_here) {
    Refuse(408, "the request did not arrive in time");
  } else if (state_ != State::kAnswering) {
    Close();
  }
}

void HttpConnection::Close() {
  if (state_ == State::kClosed) return;
  const bool was_answering = state_ == State::kAnswering;
  state_ = State::kClosed;
  const auto self = shared_from_this();
  if (was_answering) TellClientGone();
  client_gone_ = true;
  auto* stream = std::exchange(stream_, nullptr);
  stream->data = &server_;
  reading_ = false;
  server_.connections.erase(this);
  uv_close(reinterpret_cast<uv_handle_t*>(stream), [](uv_handle_t* handle) noexcept {
    auto* server = static_cast<HttpServer::Impl*>(handle->data);
    delete reinterpret_cast<uv_tcp_t*>(handle);
    server->HandleClosed();
  });
}

}  // namespace hearth::io
