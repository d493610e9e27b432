#include "io/http_connection.h"

#include <uv.h>

#include "base/check.h"
#include "io/http_response_head.h"
#include "io/http_server_impl.h"

namespace hearth::io {
namespace {

// What a client may send ahead of its turn before we stop reading from it.
constexpr size_t kMaxAhead = 65536;
// How long, after an answer that ends the connection, we go on discarding what the client sends:
// closing with unread bytes would reset the connection and lose the answer.
constexpr auto kLinger = std::chrono::seconds(5);
// Answers that the kernel has not taken, beyond which the next request waits.
constexpr size_t kMaxUnsent = 1u << 20;
// A body so short is copied behind its head: one piece costs the kernel less than two.
constexpr size_t kJoinedBody = 4096;

struct WriteRequest {
  uv_write_t request{};
  std::string head;
  std::string body;
};

}  // namespace

HttpConnection::HttpConnection(HttpServer::Impl& server)
    : server_(server),
      parser_({.kind = HttpKind::kRequest,
               .max_body = server.options.max_body.count(),
               .max_header_bytes = limits::kMaxHeaderBytes,
               .max_headers = limits::kMaxHeaders,
               .max_target = limits::kMaxTarget,
               .reader = server.options.uploader ? this : nullptr}) {}

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
  SetDeadline(server_.options.header_timeout);
  SetReading(true);
  return true;
}

void HttpConnection::SetDeadline(base::Duration wait) {
  deadline_ = {};
  if (wait <= base::Duration::zero()) return;
  deadline_ = server_.loop.clock().Now() + wait;
  server_.ExpectDeadline(deadline_);
}

// A head has its time as a whole, however its bytes drip in; a body has it between two reads, as an
// upload may be long.
void HttpConnection::UpdateReadDeadline() {
  const HttpParser::State state = parser_.state();
  if (state == HttpParser::State::kBody || (state == HttpParser::State::kHead && !head_timed_)) {
    head_timed_ = true;
    SetDeadline(server_.options.header_timeout);
  }
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
  if (ahead_.empty()) keep_alive_ = false;
  if (state_ == State::kAnswering) {
    TellClientGone();
    return;
  }
  if (!ahead_.empty()) return;  // It waits for its turn.
  parser_.FeedEnd();
  if (parser_.state() == HttpParser::State::kRefused) {
    Process();
  } else {
    CloseAfterWrites();
  }
}

// Works on what has been parsed and what lies ahead, until it must wait for an answer or for bytes.
void HttpConnection::Process() {
  if (processing_) return;
  processing_ = true;
  const auto self = shared_from_this();
  while (state_ == State::kReading && !IsCongested() && (!upload_stopped_ || refusal_)) {
    if (refusal_) {
      AnswerRefusal();
      continue;
    }
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
    // By position: cutting the string for each of many small requests would take quadratic time.
    ahead_at_ += parser_.Feed(std::string_view(ahead_).substr(ahead_at_));
    if (ahead_at_ == ahead_.size()) ClearAhead();
  }
  ahead_.erase(0, std::exchange(ahead_at_, 0));
  processing_ = false;
  if (state_ != State::kReading) return;
  if (IsCongested()) {
    SetReading(false);
  } else if (upload_stopped_) {
    deadline_ = {};  // It is not the client that dawdles.
    SetReading(false);
  } else if (read_ended_ || (close_when_idle_ && parser_.state() == HttpParser::State::kIdle)) {
    CloseAfterWrites();
  } else {
    UpdateReadDeadline();
    SetReading(true);
  }
}

void HttpConnection::ClearAhead() {
  ahead_.clear();
  ahead_at_ = 0;
}

bool HttpConnection::IsCongested() const {
  return stream_ != nullptr && uv_stream_get_write_queue_size(stream_) > kMaxUnsent;
}

void HttpConnection::CloseAfterWrites() {
  if (stream_ != nullptr && uv_stream_get_write_queue_size(stream_) > 0) {
    Linger();
  } else {
    Close();
  }
}

HttpRequest HttpConnection::TakeRequest() {
  HttpRequest request = parser_.TakeRequest();
  keep_alive_ = parser_.keep_alive() && !(read_ended_ && ahead_.empty());
  http_1_0_ = parser_.http_1_0();
  return request;
}

void HttpConnection::StartAnswering(std::string_view method) {
  no_body_ = method == "HEAD";
  is_head_ = no_body_;
  streaming_ = false;
  left_.reset();
  state_ = State::kAnswering;
  deadline_ = {};
  ++sequence_;
}

void HttpConnection::Dispatch() {
  HttpRequest request = TakeRequest();
  if (upload_) request.upload = std::move(upload_->state);
  upload_.reset();
  request.peer = peer_;
  StartAnswering(request.method);
  server_.handler(std::move(request), MakeResponder());
}

void HttpConnection::Refuse(int status, const std::string& reason) {
  AbortUpload();
  keep_alive_ = false;
  StartAnswering(parser_.head().method);
  if (status == 413 && server_.options.too_large) {
    Send(sequence_, server_.options.too_large(parser_.head()));
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
  Send(sequence_, std::move(response));
}

std::string HttpConnection::Head(int status, const HttpHeaders& headers, Framing framing,
                                 size_t content_length, size_t room) const {
  return ResponseHead({.status = status,
                       .date = server_.Date(),
                       .headers = headers,
                       .framing = framing,
                       .content_length = content_length,
                       .connection = !keep_alive_ ? "close"
                                     : http_1_0_  ? "keep-alive"
                                                  : "",
                       .room = room});
}

HttpResponder HttpConnection::MakeResponder() { return {weak_from_this(), sequence_}; }

void HttpConnection::Send(uint64_t sequence, HttpResponse response) {
  if (state_ != State::kAnswering || sequence != sequence_) return;
  if (close_when_idle_) keep_alive_ = false;
  const bool no_body = no_body_ || HasNoBody(response.status);
  const bool joined = !no_body && response.body.size() <= kJoinedBody;
  // Only an answer to HEAD may say how long another body would be.
  const std::optional<uint64_t> told = TakeLength(response.headers);
  const size_t length = is_head_ && response.body.empty() ? told.value_or(0) : response.body.size();
  std::string head = Head(response.status, response.headers,
                          HasNoBody(response.status) ? Framing::kNone : Framing::kLength, length,
                          joined ? response.body.size() : 0);
  if (joined) head += response.body;
  WriteBytes(std::move(head), no_body || joined ? std::string() : std::move(response.body));
  FinishAnswer();
}

void HttpConnection::OnClientGone(uint64_t sequence, std::function<void()> callback) {
  if (state_ != State::kAnswering || sequence != sequence_) return;
  on_client_gone_ = std::move(callback);
}

void HttpConnection::FinishAnswer() {
  on_client_gone_ = nullptr;
  on_room_ = nullptr;
  is_full_ = false;
  if (state_ == State::kClosed) return;
  if (!keep_alive_) {
    Linger();
    return;
  }
  state_ = State::kReading;
  head_timed_ = false;
  SetDeadline(server_.options.idle_timeout);
  if (ahead_.empty() || processing_) {
    Process();
    return;
  }
  // The handler is not called inside Send, nor where a responder is dropped.
  server_.loop.Post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->Process();
  });
}

void HttpConnection::Linger() {
  if (stream_ == nullptr) return;
  state_ = State::kLingering;
  ClearAhead();
  auto* request = new uv_shutdown_t;
  request->data = new std::weak_ptr<HttpConnection>(weak_from_this());
  const int error = uv_shutdown(request, stream_, [](uv_shutdown_t* done, int) noexcept {
    auto* weak = static_cast<std::weak_ptr<HttpConnection>*>(done->data);
    if (const auto self = weak->lock(); self && self->state_ == State::kLingering) {
      if (self->read_ended_) {
        self->Close();
      } else {
        self->SetDeadline(kLinger);
      }
    }
    delete weak;
    delete done;
  });
  if (error != 0) {
    delete static_cast<std::weak_ptr<HttpConnection>*>(request->data);
    delete request;
    Close();
    return;
  }
  // What is still to be written may take its time; lingering begins when it is out.
  SetDeadline(server_.options.idle_timeout);
  SetReading(true);
}

void HttpConnection::WriteBytes(std::string head, std::string body) {
  if (stream_ == nullptr) return;
  uv_buf_t buffers[2] = {uv_buf_init(head.data(), static_cast<unsigned>(head.size())),
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
  if (written < total) QueueBytes(std::move(head), std::move(body), written);
}

void HttpConnection::QueueBytes(std::string head, std::string body, size_t written) {
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
        if (const auto self = weak->lock(); self && status != UV_ECANCELED) {
          self->OnWritten(status == 0);
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

void HttpConnection::OnWritten(bool good) {
  if (!good) return Close();
  if (!behind_.empty() && uv_stream_get_write_queue_size(stream_) == 0) {
    WriteBytes(std::exchange(behind_, {}), "");
    if (state_ == State::kClosed) return;
  }
  if (is_full_ && uv_stream_get_write_queue_size(stream_) <= limits::kStreamQueue / 4) {
    is_full_ = false;
    if (const auto tell = on_room_) tell();
  } else if (state_ == State::kReading && !reading_) {
    Process();
  }
}

void HttpConnection::TellClientGone() {
  client_gone_ = true;
  if (auto tell = std::exchange(on_client_gone_, nullptr)) tell();
}

void HttpConnection::CloseWhenIdle() {
  close_when_idle_ = true;
  if (state_ == State::kReading && parser_.state() == HttpParser::State::kIdle) CloseAfterWrites();
}

void HttpConnection::Expire() {
  const bool half_here =
      parser_.state() == HttpParser::State::kHead || parser_.state() == HttpParser::State::kBody;
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
  AbortUpload();
  if (was_answering) TellClientGone();
  client_gone_ = true;
  if (auto tell = std::exchange(on_room_, nullptr)) tell();
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
