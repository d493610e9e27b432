#include "bench/front.h"

#include <arpa/inet.h>
#include <llhttp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "base/check.h"

namespace hearth::bench {
namespace {

using base::Result;

constexpr size_t kLengthBytes = sizeof(uint32_t);
constexpr std::string_view kHead =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ";
constexpr std::string_view kHeadEnd = "\r\n\r\n";
// Before an answer's body, so that its head can be written in place: one send, no copy.
constexpr size_t kHeadroom = 128;
constexpr size_t kBuffer = 256 * 1024;

// Waits where the socket is full: whoever measures reads its answers, and a worker its frames.
bool SendAll(int fd, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t put = ::send(fd, data, size, MSG_NOSIGNAL);
    if (put <= 0) return false;
    data += put;
    size -= static_cast<size_t>(put);
  }
  return true;
}

}  // namespace

struct Front::Client : Source {
  explicit Client(base::UniqueFd socket) : Source(Kind::kClient), fd(std::move(socket)) {
    frame.assign(kLengthBytes, '\0');
    llhttp_init(&parser, HTTP_REQUEST, &Settings());
    parser.data = this;
  }

  static const llhttp_settings_t& Settings() {
    static const llhttp_settings_t settings = [] {
      llhttp_settings_t made;
      llhttp_settings_init(&made);
      made.on_body = [](llhttp_t* parser, const char* at, size_t size) noexcept {
        static_cast<Client*>(parser->data)->frame.append(at, size);
        return 0;
      };
      made.on_message_complete = [](llhttp_t* parser) noexcept {
        static_cast<Client*>(parser->data)->complete = true;
        return 0;
      };
      return made;
    }();
    return settings;
  }

  base::UniqueFd fd;
  llhttp_t parser{};
  std::string frame;  // Room for the length, then the body of the request that is being read.
  bool complete = false;
  Busy* worker = nullptr;
};

struct Front::Busy : Source {
  explicit Busy(WorkerSockets ends) : Source(Kind::kWorker), sockets(std::move(ends)) {}
  WorkerSockets sockets;
  Client* client = nullptr;  // Null while idle, and where the client went away.
  std::vector<char> answer;  // With headroom; used only where an answer comes in pieces.
  size_t have = 0;
};

Front::Front(const FrontOptions& options) : options_(options) {}
Front::~Front() = default;

Result<std::unique_ptr<Front>> Front::Create(const FrontOptions& options) {
  std::unique_ptr<Front> front(new Front(options));
  front->buffer_.resize(kHeadroom + kBuffer);
  front->epoll_ = base::UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  if (!front->epoll_.valid()) return base::SystemError("epoll_create1");
  TRY(front->Listen());
  return front;
}

Result<void> Front::Listen() {
  listener_ = base::UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener_.valid()) return base::SystemError("socket");
  const int on = 1;
  CHECK(::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
  struct sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(options_.port);
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(listener_.get(), reinterpret_cast<struct sockaddr*>(&where), sizeof where) != 0) {
    return base::SystemError("bind 127.0.0.1:" + std::to_string(options_.port));
  }
  if (::listen(listener_.get(), 128) != 0) return base::SystemError("listen");
  return Watch(listener_.get(), &listening_);
}

// Edge-triggered: the kernel then does not ask each socket twice.
Result<void> Front::Watch(int fd, Source* source) {
  struct epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
  event.data.ptr = source;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return base::SystemError("epoll_ctl");
  }
  return {};
}

Result<void> Front::Serve() {
  std::array<struct epoll_event, 64> events{};
  while (true) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), -1);
    if (count < 0 && errno != EINTR) return base::SystemError("epoll_wait");
    for (int i = 0; i < count; ++i) {
      TRY(OnEvent(*static_cast<Source*>(events[static_cast<size_t>(i)].data.ptr)));
    }
    for (Client* client : closed_) delete client;
    closed_.clear();
  }
}

Result<void> Front::OnEvent(Source& source) {
  switch (source.kind) {
    case Source::Kind::kListener:
      return Accept();
    case Source::Kind::kClient:
      return Read(static_cast<Client&>(source));
    case Source::Kind::kWorker:
      return ReadAnswer(static_cast<Busy&>(source));
  }
  return {};
}

Result<void> Front::Accept() {
  while (true) {
    // Blocking on purpose: reads ask not to wait, writes wait (SendAll).
    base::UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd.valid()) {
      if (errno == EAGAIN) return {};
      if (errno == ECONNABORTED || errno == EINTR) continue;
      return base::SystemError("accept4");
    }
    const int on = 1;
    CHECK(::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
    auto client = std::make_unique<Client>(std::move(fd));
    TRY(Watch(client->fd.get(), client.get()));
    client.release();  // Owned by the watch; Close() ends both.
  }
}

Result<void> Front::Read(Client& client) {
  if (!client.fd.valid()) return {};
  while (true) {
    const ssize_t got = ::recv(client.fd.get(), buffer_.data(), kBuffer, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return {};
    const bool is_idle = client.worker == nullptr && !client.complete;
    if (got <= 0 || !is_idle ||
        llhttp_execute(&client.parser, buffer_.data(), static_cast<size_t>(got)) != HPE_OK) {
      Close(client);  // Gone, pipelining, or not HTTP.
      return {};
    }
    if (client.complete) TRY(Dispatch(client));
    if (!client.fd.valid() || static_cast<size_t>(got) < kBuffer) return {};
  }
}

Result<void> Front::Dispatch(Client& client) {
  const size_t size = client.frame.size() - kLengthBytes;
  if (size == 0 || options_.worker == WorkerKind::kNone) {
    const std::string_view body =
        size == 0 ? std::string_view("{}") : std::string_view(client.frame).substr(kLengthBytes);
    buffer_.resize(std::max(buffer_.size(), kHeadroom + body.size()));
    std::memcpy(buffer_.data() + kHeadroom, body.data(), body.size());
    Answer(client, buffer_.data() + kHeadroom, body.size());
    return {};
  }
  if (idle_.empty() && workers_.size() < options_.max_workers) {
    workers_.push_back(std::make_unique<Busy>(TRY(StartWorker(options_.worker))));
    idle_.push_back(workers_.back().get());
    TRY(Watch(idle_.back()->sockets.answers.get(), idle_.back()));
  }
  if (idle_.empty()) {
    waiting_.push_back(&client);
    return {};
  }
  Busy* worker = idle_.back();
  idle_.pop_back();
  return Hand(*worker, client);
}

Result<void> Front::Hand(Busy& worker, Client& client) {
  worker.client = &client;
  client.worker = &worker;
  const auto length = static_cast<uint32_t>(client.frame.size() - kLengthBytes);
  std::memcpy(client.frame.data(), &length, kLengthBytes);
  if (!SendAll(worker.sockets.requests.get(), client.frame.data(), client.frame.size())) {
    return base::SystemError("send to a worker");
  }
  return {};
}

// The usual answer is one read, and is sent from where it was read.
Result<void> Front::ReadAnswer(Busy& worker) {
  const bool is_first = worker.have == 0;
  std::vector<char>& into = is_first ? buffer_ : worker.answer;
  while (true) {
    char* frame = into.data() + kHeadroom;
    const ssize_t got = ::recv(worker.sockets.answers.get(), frame + worker.have,
                               into.size() - kHeadroom - worker.have, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (got <= 0) return base::MakeError(base::ErrorKind::kClosed, "worker", "it ended");
    worker.have += static_cast<size_t>(got);
    if (worker.have < kLengthBytes) continue;
    uint32_t length = 0;
    std::memcpy(&length, frame, kLengthBytes);
    if (worker.have < kLengthBytes + length) {
      into.resize(std::max(into.size(), kHeadroom + kLengthBytes + length));
      continue;
    }
    worker.have = 0;
    Client* client = std::exchange(worker.client, nullptr);
    if (client != nullptr) {
      client->worker = nullptr;
      Answer(*client, frame + kLengthBytes, length);
    }
    if (waiting_.empty()) {
      idle_.push_back(&worker);
      return {};
    }
    Client* next = waiting_.front();
    waiting_.pop_front();
    return Hand(worker, *next);
  }
  if (is_first && worker.have > 0) worker.answer = buffer_;
  return {};
}

// `body` has kHeadroom - kLengthBytes bytes before it, which are free.
void Front::Answer(Client& client, char* body, size_t size) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), size).ptr;
  const std::string_view number(digits.data(), static_cast<size_t>(end - digits.data()));
  char* at = body;
  for (const std::string_view part : {kHeadEnd, number, kHead}) {
    at -= part.size();
    std::memcpy(at, part.data(), part.size());
  }
  client.complete = false;
  client.frame.resize(kLengthBytes);
  if (!SendAll(client.fd.get(), at, static_cast<size_t>(body + size - at))) Close(client);
}

void Front::Close(Client& client) {
  if (client.worker != nullptr) client.worker->client = nullptr;
  std::erase(waiting_, &client);
  client.fd.Reset();
  closed_.push_back(&client);
}

}  // namespace hearth::bench
