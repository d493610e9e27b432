// A server on a loop with a virtual clock. It answers "METHOD target body" at once, unless the test
// sets a handler of its own; it must close with no handle left, which the loop's destructor checks.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "io/http_server.h"
#include "tests/unit/io/raw_client.h"

namespace hearth::test {

class HttpServerTest : public testing::Test {
 protected:
  void Start(io::HttpServerOptions options = {}) {
    server_ = std::make_unique<io::HttpServer>(
        loop_, std::move(options), [this](io::HttpRequest request, io::HttpResponder responder) {
          requests_.push_back(request);
          if (handler_) {
            handler_(std::move(request), std::move(responder));
            return;
          }
          responder.Send({.body = request.method + " " + request.target + " " + request.body});
        });
    address_ = MUST(server_->Listen("127.0.0.1:0"));
  }

  RawClient Connect() { return RawClient(loop_, address_); }

  // Sends `request` to a server that keeps the answer for `responder`, which outlives it.
  RawClient Ask(std::string_view request, io::HttpResponder& responder) {
    handler_ = [&responder](io::HttpRequest, io::HttpResponder given) {
      responder = std::move(given);
    };
    Start();
    RawClient client = Connect();
    client.Send(request);
    Settle(loop_);
    return client;
  }

  // One good request on a connection of its own: the server goes on.
  bool Serves() {
    RawClient client(loop_, address_);
    client.Send("GET /alive HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    return client.ReadToEnd().starts_with("HTTP/1.1 200 ");
  }

  // What was sent before is worked on before; what falls due is worked on after.
  void Advance(base::Duration by) {
    Settle(loop_);
    clock_.Advance(by);
    loop_.ClockMoved();
    Settle(loop_);
  }

  void Close() {
    if (server_ == nullptr) return;
    bool closed = false;
    server_->CloseNow([&closed] { closed = true; });
    loop_.RunUntil([&closed] { return closed; });
    server_.reset();
  }
  void TearDown() override {
    handler_ = nullptr;
    Close();
  }

  base::VirtualClock clock_{base::WallTime(std::chrono::seconds(1786019696))};
  io::Loop loop_{clock_};
  io::HttpHandler handler_;
  std::vector<io::HttpRequest> requests_;
  std::unique_ptr<io::HttpServer> server_;
  std::string address_;
};

}  // namespace hearth::test
