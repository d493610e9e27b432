// What bench/objects drives an object store, a web server and a disk with; prints one line of JSON.
//
//   object_load get ADDRESS CONNECTIONS SECONDS PATH          requests and bytes a second
//   object_load put ADDRESS CONNECTIONS COUNT PREFIX SIZE     as many new keys: PREFIX000000000,
//   ... object_load upload ADDRESS PATH BYTES                     one body; seconds object_load
//   write FILE BYTES                              the same to a file, and fdatasync
//
// ADDRESS is 127.0.0.1:PORT. One thread; requests are bytes that are made once, answers are read
// up to their Content-Length, so that the client costs little beside what it measures.
#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/unique_fd.h"

namespace {

using Clock = std::chrono::steady_clock;
using hearth::base::UniqueFd;

constexpr size_t kBlock = 1 << 20;

double Since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

UniqueFd Connect(const std::string& address) {
  const auto colon = address.rfind(':');
  struct sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(colon + 1))));
  CHECK(::inet_pton(AF_INET, address.substr(0, colon).c_str(), &where.sin_addr) == 1);
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  CHECK(::connect(fd.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) == 0);
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

void SendAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    CHECK(put > 0);
    bytes.remove_prefix(static_cast<size_t>(put));
  }
}

// One answer as it comes: its head, then so many bytes.
class Answer {
 public:
  // True: it is whole.
  bool Read(int fd, char* block) {
    const ssize_t got = ::recv(fd, block, kBlock, 0);
    CHECK(got > 0);
    auto size = static_cast<size_t>(got);
    if (left_ < 0) {
      head_.append(block, size);
      const size_t end = head_.find("\r\n\r\n");
      if (end == std::string::npos) return false;
      if (head_.compare(9, 1, "2") != 0) {
        std::fprintf(stderr, "%s\n", head_.c_str());
        std::exit(1);
      }
      size = head_.size() - end - 4;
      head_.resize(end);
      std::ranges::transform(head_, head_.begin(), [](char c) { return std::tolower(c); });
      const size_t at = head_.find("content-length:");
      left_ = at == std::string::npos ? 0 : std::atoll(head_.c_str() + at + 15);
    }
    bytes_ += size;
    left_ -= static_cast<int64_t>(size);
    if (left_ > 0) return false;
    head_.clear();
    left_ = -1;
    return true;
  }
  uint64_t bytes() const { return bytes_; }

 private:
  std::string head_;
  int64_t left_ = -1;
  uint64_t bytes_ = 0;  // Of bodies.
};

struct Connection {
  UniqueFd fd;
  Answer answer;
  Clock::time_point begun;
};

// `next` gives one request after the other; empty: no more.
template <typename Next>
void Load(const std::string& address, int count, Next next) {
  const UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  std::vector<Connection> connections(static_cast<size_t>(count));
  std::vector<char> block(kBlock);
  std::vector<double> times;
  int open = 0;
  const auto begin = Clock::now();
  const auto send = [&](Connection& connection) {
    const std::string request = next();
    if (request.empty()) {
      --open;
      return;
    }
    connection.begun = Clock::now();
    SendAll(connection.fd.get(), request);
  };
  for (Connection& connection : connections) {
    connection.fd = Connect(address);
    struct epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &connection;
    CHECK(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, connection.fd.get(), &event) == 0);
    ++open;
    send(connection);
  }
  while (open > 0) {
    struct epoll_event events[64];
    const int ready = ::epoll_wait(epoll.get(), events, 64, 10000);
    CHECK(ready > 0);
    for (int i = 0; i < ready; ++i) {
      auto& connection = *static_cast<Connection*>(events[i].data.ptr);
      if (!connection.answer.Read(connection.fd.get(), block.data())) continue;
      times.push_back(Since(connection.begun));
      send(connection);
    }
  }
  const double seconds = Since(begin);
  uint64_t bytes = 0;
  for (const Connection& connection : connections) bytes += connection.answer.bytes();
  std::ranges::sort(times);
  fmt::print(
      "{{\"rate\": {:.1f}, \"bytes_per_second\": {:.0f}, \"p50_ms\": {:.3f}, "
      "\"p99_ms\": {:.3f}, \"seconds\": {:.3f}}}\n",
      static_cast<double>(times.size()) / seconds, static_cast<double>(bytes) / seconds,
      times[times.size() / 2] * 1e3, times[times.size() * 99 / 100] * 1e3, seconds);
}

void Get(const std::string& address, int connections, double seconds, const std::string& path) {
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: " + address + "\r\n\r\n";
  const auto begin = Clock::now();
  Load(address, connections, [&] { return Since(begin) < seconds ? request : std::string(); });
}

void Put(const std::string& address, int connections, int count, const std::string& prefix,
         size_t size) {
  const std::string body(size, 'x');
  int at = 0;
  Load(address, connections, [&] {
    if (at == count) return std::string();
    return fmt::format("PUT {}{:09} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n{}", prefix,
                       at++, address, size, body);
  });
}

std::string Noise() {
  std::string block(kBlock, '\0');
  uint32_t state = 1;
  for (char& c : block) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return block;
}

void Print(Clock::time_point begin, uint64_t bytes) {
  const double seconds = Since(begin);
  fmt::print("{{\"bytes_per_second\": {:.0f}, \"seconds\": {:.3f}}}\n",
             static_cast<double>(bytes) / seconds, seconds);
}

void Upload(const std::string& address, const std::string& path, uint64_t bytes) {
  const std::string block = Noise();
  const auto begin = Clock::now();
  const UniqueFd fd = Connect(address);
  SendAll(fd.get(), fmt::format("PUT {} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n", path,
                                address, bytes));
  for (uint64_t left = bytes; left > 0; left -= std::min<uint64_t>(left, kBlock)) {
    SendAll(fd.get(), std::string_view(block).substr(0, std::min<uint64_t>(left, kBlock)));
  }
  Answer answer;
  std::vector<char> answered(kBlock);
  while (!answer.Read(fd.get(), answered.data())) {
  }
  Print(begin, bytes);
}

void Write(const std::string& file, uint64_t bytes) {
  const std::string block = Noise();
  const auto begin = Clock::now();
  const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  CHECK(fd.valid());
  for (uint64_t left = bytes; left > 0;) {
    const ssize_t put = ::write(fd.get(), block.data(), std::min<uint64_t>(left, kBlock));
    CHECK(put > 0);
    left -= static_cast<uint64_t>(put);
  }
  CHECK(::fdatasync(fd.get()) == 0);
  Print(begin, bytes);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> given(argv + 1, argv + argc);
  const std::string_view what = given.empty() ? "" : given[0];
  if (what == "get" && given.size() == 5) {
    Get(given[1], std::stoi(given[2]), std::stod(given[3]), given[4]);
  } else if (what == "put" && given.size() == 6) {
    Put(given[1], std::stoi(given[2]), std::stoi(given[3]), given[4], std::stoul(given[5]));
  } else if (what == "upload" && given.size() == 4) {
    Upload(given[1], given[2], std::stoull(given[3]));
  } else if (what == "write" && given.size() == 3) {
    Write(given[1], std::stoull(given[2]));
  } else {
    std::fputs("usage: see the head of bench/object_load.cc\n", stderr);
    return 2;
  }
}
