// A client that says exactly the bytes it is told to, on the loop of the server it talks to.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/sys.h"
#include "base/unique_fd.h"
#include "io/fd_watcher.h"
#include "io/loop.h"

namespace hearth::test {

// What is ready now, and what that makes ready; nothing is waited for.
inline void Settle(io::Loop& loop) {
  for (int turn = 0; turn < 50; ++turn) loop.RunOnce();
}

class RawClient {
 public:
  // `address` is "127.0.0.1:PORT".
  RawClient(io::Loop& loop, const std::string& address)
      : loop_(loop), fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const auto colon = address.rfind(':');
    struct sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(colon + 1))));
    ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &where.sin_addr);
    // The kernel completes the handshake: the server need not have accepted yet.
    connected_ = ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) == 0;
    MUST(base::sys::SetNonBlocking(fd_.get()));
    watcher_ = MUST(io::FdWatcher::Create(loop, fd_.get(), io::FdWatcher::kReadable,
                                          [this](int events) { OnEvents(events); }));
  }

  bool connected() const { return connected_; }
  const std::string& received() const { return received_; }
  bool ended() const { return ended_; }
  size_t unsent() const { return unsent_.size(); }
  int local_port() const {
    struct sockaddr_in name{};
    socklen_t size = sizeof name;
    ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&name), &size);
    return ntohs(name.sin_port);
  }

  void Send(std::string_view bytes) {
    unsent_ += bytes;
    Write();
  }
  // Says that it will send no more, and goes on listening.
  void EndSending() { ::shutdown(fd_.get(), SHUT_WR); }
  void Close() {
    watcher_.reset();
    fd_.Reset();
    ended_ = true;
  }
  // Leaves with a reset instead of a farewell.
  void Reset() {
    const struct linger now{1, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    Close();
  }
  void SetReading(bool on) {
    reading_ = on;
    Watch();
  }

  // Turns the loop until `text` has arrived (again, if it is taken) or the server has closed.
  bool WaitFor(std::string_view text) {
    loop_.RunUntil([&] { return ended_ || received_.find(text) != std::string::npos; });
    return received_.find(text) != std::string::npos;
  }
  bool WaitForBytes(size_t count) {
    loop_.RunUntil([&] { return ended_ || received_.size() >= count; });
    return received_.size() >= count;
  }
  std::string ReadToEnd() {
    loop_.RunUntil([&] { return ended_; });
    return received_;
  }
  void Forget() { received_.clear(); }

 private:
  void OnEvents(int events) {
    if ((events & io::FdWatcher::kWritable) != 0) Write();
    if ((events & io::FdWatcher::kReadable) != 0 && reading_) Read();
  }

  void Read() {
    char block[65536];
    const ssize_t got = ::recv(fd_.get(), block, sizeof block, 0);
    if (got > 0) {
      received_.append(block, static_cast<size_t>(got));
    } else if (got == 0 || errno != EAGAIN) {
      ended_ = true;
      watcher_->SetEvents(0);
    }
  }

  void Write() {
    while (!unsent_.empty()) {
      const ssize_t put = ::send(fd_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
      if (put < 0 && errno == EAGAIN) break;
      if (put < 0) {
        unsent_.clear();  // The server has closed; reading finds it.
        break;
      }
      unsent_.erase(0, static_cast<size_t>(put));
    }
    Watch();
  }

  void Watch() {
    if (watcher_ == nullptr || ended_) return;
    watcher_->SetEvents((reading_ ? io::FdWatcher::kReadable : 0) |
                        (unsent_.empty() ? 0 : io::FdWatcher::kWritable));
  }

  io::Loop& loop_;
  base::UniqueFd fd_;
  std::unique_ptr<io::FdWatcher> watcher_;
  std::string unsent_;
  std::string received_;
  bool connected_ = false;
  bool reading_ = true;
  bool ended_ = false;
};

}  // namespace hearth::test
