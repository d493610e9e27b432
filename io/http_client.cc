#include "io/http_client.h"

#include <uv.h>

#include <charconv>

#include "base/check.h"
#include "io/http_parser.h"

namespace hearth::io {
namespace {

constexpr size_t kMaxAnswerHead = 1 << 20;

using base::Result;

}  // namespace

struct HttpClient::Impl : std::enable_shared_from_this<HttpClient::Impl> {
  Impl(Loop& on_loop, std::string to, size_t most)
      : loop(on_loop), address(std::move(to)), max_answer(most) {}

  struct Write {
    uv_write_t request{};
    std::shared_ptr<const std::string> bytes;
    std::weak_ptr<Impl> client;
  };
  struct Connect {
    uv_connect_t request{};
    std::weak_ptr<Impl> client;
  };

  Loop& loop;
  std::string address;
  const size_t max_answer;
  size_t received = 0;      // Of this answer.
  base::UniqueFd socket;    // For the next connection, where the caller has made it.
  uv_tcp_t* tcp = nullptr;  // Freed by its close callback.
  bool connected = false;
  std::unique_ptr<HttpParser> parser;
  std::shared_ptr<const std::string> bytes;
  Callback callback;
  std::array<char, 65536> buffer;

  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(tcp); }

  void Close() {
    connected = false;
    if (tcp == nullptr) return;
    tcp->data = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(std::exchange(tcp, nullptr)),
             [](uv_handle_t* handle) noexcept { delete reinterpret_cast<uv_tcp_t*>(handle); });
  }

  void Finish(Result<HttpResponse> result) {
    if (!result) Close();
    if (auto tell = std::exchange(callback, nullptr)) tell(std::move(result));
  }

  void Fail(const char* step, int error) { Finish(base::SystemError(step, -error)); }

  void Start() {
    if (connected) {
      WriteRequest();
      return;
    }
    const auto colon = address.rfind(':');
    const std::string host = address.substr(0, colon);
    uint16_t port = 0;
    if (colon != std::string::npos) {
      std::from_chars(address.data() + colon + 1, address.data() + address.size(), port);
    }
    struct sockaddr_in where{};
    if (uv_ip4_addr(host.c_str(), port, &where) != 0) {
      loop.Post([self = shared_from_this()] {
        self->Finish(base::Invalid("connect", "'" + self->address + "' is not ADDRESS:PORT"));
      });
      return;
    }
    tcp = new uv_tcp_t;
    CHECK(uv_tcp_init(loop.raw(), tcp) == 0);
    tcp->data = this;
    if (socket.valid()) {
      const int opened = uv_tcp_open(tcp, socket.get());
      if (opened != 0) {
        loop.Post([self = shared_from_this(), opened] { self->Fail("open a socket", opened); });
        return;
      }
      (void)socket.Release();
    }
    auto* connect = new Connect{.client = weak_from_this()};
    const int error =
        uv_tcp_connect(&connect->request, tcp, reinterpret_cast<struct sockaddr*>(&where),
                       [](uv_connect_t* done, int status) noexcept {
                         const std::unique_ptr<Connect> owned(reinterpret_cast<Connect*>(done));
                         const auto self = owned->client.lock();
                         if (!self || status == UV_ECANCELED) return;
                         if (status != 0) {
                           self->Fail("connect", status);
                           return;
                         }
                         self->OnConnected();
                       });
    if (error != 0) {
      delete connect;
      loop.Post([self = shared_from_this(), error] { self->Fail("connect", error); });
    }
  }

  void OnConnected() {
    connected = true;
    uv_tcp_nodelay(tcp, 1);
    parser = std::make_unique<HttpParser>(HttpParser::Options{.kind = HttpKind::kResponse,
                                                              .max_body = max_answer,
                                                              .max_header_bytes = kMaxAnswerHead,
                                                              .max_headers = 1000,
                                                              .max_target = 0});
    uv_read_start(
        stream(),
        [](uv_handle_t* handle, size_t, uv_buf_t* into) noexcept {
          auto* self = static_cast<Impl*>(handle->data);
          *into = uv_buf_init(self->buffer.data(), self->buffer.size());
        },
        [](uv_stream_t* stream, ssize_t got, const uv_buf_t* from) noexcept {
          auto* raw = static_cast<Impl*>(stream->data);
          if (raw == nullptr || got == 0) return;
          const auto self = raw->shared_from_this();
          self->OnRead(got, from->base);
        });
    WriteRequest();
  }

  void OnRead(ssize_t got, const char* data) {
    if (got < 0) {
      parser->FeedEnd();
      if (callback && parser->state() == HttpParser::State::kComplete) {
        HttpResponse response = parser->TakeResponse();
        Close();
        Finish(std::move(response));
        return;
      }
      Close();
      if (callback)
        Finish(base::MakeError(base::ErrorKind::kClosed, "read response",
                               "the server closed the connection"));
      return;
    }
    std::string_view rest(data, static_cast<size_t>(got));
    if (!callback) return Close();  // Nobody has asked.
    received += rest.size();
    if (received > max_answer + kMaxAnswerHead) {
      return Finish(base::Invalid("read response", "the answer is too long"));
    }
    while (true) {
      rest.remove_prefix(parser->Feed(rest));
      if (parser->state() == HttpParser::State::kRefused) {
        Finish(base::Invalid("read response", parser->refused_reason()));
        return;
      }
      if (parser->state() != HttpParser::State::kComplete) return;
      HttpResponse response = parser->TakeResponse();
      if (response.status < 200) continue;  // 100 Continue
      // An answer to what it has not read whole: the rest must not lie here for ever.
      const bool is_early = uv_stream_get_write_queue_size(stream()) > 0;
      if (is_early || !parser->keep_alive()) Close();
      Finish(std::move(response));
      return;
    }
  }

  void WriteRequest() {
    received = 0;
    parser->SetResponseHasNoBody(bytes->starts_with("HEAD "));
    uv_buf_t buffer_view =
        uv_buf_init(const_cast<char*>(bytes->data()), static_cast<unsigned>(bytes->size()));
    int put = uv_try_write(stream(), &buffer_view, 1);
    if (put == static_cast<int>(bytes->size())) return;
    if (put < 0) put = 0;
    auto* write = new Write{.bytes = bytes, .client = weak_from_this()};
    uv_buf_t rest = uv_buf_init(const_cast<char*>(bytes->data()) + put,
                                static_cast<unsigned>(bytes->size() - static_cast<size_t>(put)));
    const int error =
        uv_write(&write->request, stream(), &rest, 1, [](uv_write_t* done, int status) noexcept {
          const std::unique_ptr<Write> owned(reinterpret_cast<Write*>(done));
          const auto self = owned->client.lock();
          if (self && status != 0 && status != UV_ECANCELED) self->Fail("write request", status);
        });
    if (error != 0) {
      delete write;
      loop.Post([self = shared_from_this(), error] { self->Fail("write request", error); });
    }
  }
};

HttpClient::HttpClient(Loop& loop, std::string address, size_t max_answer)
    : impl_(std::make_shared<Impl>(loop, std::move(address), max_answer)) {}

bool HttpClient::connected() const { return impl_->connected; }

void HttpClient::UseSocket(base::UniqueFd socket) { impl_->socket = std::move(socket); }

HttpClient::~HttpClient() {
  impl_->callback = nullptr;
  impl_->Close();
}

void HttpClient::Send(HttpRequest request, Callback callback) {
  auto bytes = std::make_shared<std::string>();
  *bytes += request.method + " " + request.target + " HTTP/1.1\r\nHost: " + impl_->address;
  *bytes += "\r\n" + request.headers.lines();
  *bytes += "Content-Length: " + std::to_string(request.body.size()) + "\r\n\r\n";
  *bytes += request.body;
  SendRaw(std::move(bytes), std::move(callback));
}

void HttpClient::SendRaw(std::shared_ptr<const std::string> bytes, Callback callback) {
  CHECK(impl_->callback == nullptr);
  impl_->bytes = std::move(bytes);
  impl_->callback = std::move(callback);
  impl_->Start();
}

}  // namespace hearth::io
