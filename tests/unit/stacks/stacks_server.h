// StacksServer: the API behind a real HTTP server, over fakes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "fakes.h"
#include "io/http_client.h"
#include "io/http_server.h"
#include "stacks/stacks_api.h"

namespace hearth::stacks {

class StacksServer : public StacksOverFakes {
 protected:
  StacksServer() {
    api = *StacksApi::Create({control, registry, code, disk, clock, {}}, database, writer);
    address = *server.Listen("127.0.0.1:0");
  }
  ~StacksServer() override {
    bool closed = false;
    server.CloseNow([&] { closed = true; });
    loop.RunUntil([&] { return closed; });
  }

  io::HttpResponse Ask(std::string method, std::string target, std::string body = "") {
    io::HttpClient client(loop, address);
    std::optional<io::HttpResponse> answer;
    client.Send({.method = std::move(method), .target = std::move(target), .body = std::move(body)},
                [&](base::Result<io::HttpResponse> result) { answer = MUST(std::move(result)); });
    loop.RunUntil([&] { return answer.has_value(); });
    return *answer;
  }
  // The events of a streamed answer.
  static std::vector<base::Json> Events(const io::HttpResponse& response) {
    std::vector<base::Json> events;
    size_t start = 0;
    for (size_t end; (end = response.body.find('\n', start)) != std::string::npos;
         start = end + 1) {
      events.push_back(MUST(base::ParseJson(response.body.substr(start, end - start))));
    }
    return events;
  }

  FakeControlPlane control{loop, registry};
  std::unique_ptr<StacksApi> api;
  io::HttpServer server{loop, {}, [this](io::HttpRequest request, io::HttpResponder responder) {
                          api->Handle({std::move(request), std::move(responder), "id"});
                        }};
  std::string address;
};

}  // namespace hearth::stacks
