// A listener on 127.0.0.1 whose peers a test serves by hand, to the byte.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace hearth::test {

class RawListener {
 public:
  RawListener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    struct sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof name;
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&name), size), 0);
    EXPECT_EQ(::listen(fd_.get(), 16), 0);
    ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&name), &size);
    port_ = ntohs(name.sin_port);
  }
  uint16_t port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // Nobody is refused any more, nobody is served.
  void Close() { fd_.Reset(); }

  // The next peer, or an invalid one.
  base::UniqueFd Accept() {
    return base::UniqueFd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  }
  // What is there now.
  static std::string Read(int peer) {
    std::string out;
    char bytes[4096];
    ssize_t got = 0;
    while ((got = ::recv(peer, bytes, sizeof bytes, 0)) > 0) {
      out.append(bytes, static_cast<size_t>(got));
    }
    return out;
  }
  static void Say(int peer, std::string_view bytes) {
    EXPECT_EQ(::send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // A socket for a client.
  static base::UniqueFd Socket() {
    return base::UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  }

 private:
  base::UniqueFd fd_;
  uint16_t port_ = 0;
};

}  // namespace hearth::test
