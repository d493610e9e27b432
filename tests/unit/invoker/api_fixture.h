// Lambda's wire API over a real control plane, asked through a socket.
#pragma once

#include <optional>
#include <string>

#include "control_fixture.h"
#include "io/http_client.h"
#include "io/http_server.h"

namespace hearth::invoker::test {

class ApiFixture : public ControlFixture {
 protected:
  ApiFixture() {
    Serve();
    address = MUST(server.Listen("127.0.0.1:0"));
  }
  ~ApiFixture() override {
    bool closed = false;
    server.CloseNow([&] { closed = true; });
    loop.RunUntil([&] { return closed; });
  }
  void Serve() {
    lambda = MakeLambdaApi(*control, *registry, invoker, *code, *writer, loop, {}, events.get());
    gateway = std::make_unique<aws::Gateway>();
    gateway->Register(*lambda);
  }
  void Restart() {
    gateway.reset();
    lambda.reset();
    Stop();
    Start();
    Serve();
  }

  io::HttpResponse AskPath(std::string method, std::string target, std::string body = "") {
    io::HttpClient client(loop, address);
    std::optional<io::HttpResponse> answer;
    client.Send({.method = std::move(method), .target = std::move(target), .body = std::move(body)},
                [&](base::Result<io::HttpResponse> result) { answer = MUST(std::move(result)); });
    loop.RunUntil([&] { return answer.has_value(); });
    last = std::move(*answer);
    return last;
  }
  io::HttpResponse Ask(std::string method, const std::string& part, std::string body = "") {
    return AskPath(std::move(method), "/2015-03-31/functions/Hello/" + part, std::move(body));
  }
  base::Json Body() { return last.body.empty() ? base::Json() : MUST(base::ParseJson(last.body)); }
  // "409 ResourceConflictException: ..." of the last answer; "201" of a good one.
  std::string Shown() {
    const std::string status = std::to_string(last.status);
    if (last.status < 300) return status;
    return status + " " + std::string(last.headers.Get("x-amzn-ErrorType")) + ": " +
           Body().value("message", "");
  }

  std::unique_ptr<aws::Gateway> gateway;
  std::unique_ptr<aws::Service> lambda;
  io::HttpServer server{loop, io::HttpServerOptions{},
                        [this](io::HttpRequest request, io::HttpResponder responder) {
                          gateway->Handle(std::move(request), std::move(responder));
                        }};
  std::string address;
  io::HttpResponse last;
};

}  // namespace hearth::invoker::test
