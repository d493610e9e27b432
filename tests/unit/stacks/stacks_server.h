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
    api = *StacksApi::Create(
        {control, registry, code, disk, clock, {}, destinations, queues, *mappings, objects},
        database, writer);
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
  // What a host that starts after a kill reports of what the last one left.
  std::vector<std::string> RecoverAnew() {
    FakeControlPlane reborn(loop, registry);
    auto again = *StacksApi::Create(
        {reborn, registry, code, disk, clock, {}, destinations, queues, *mappings, objects},
        database, writer);
    std::optional<std::vector<std::string>> report;
    again->Recover([&](std::vector<std::string> lines) { report = std::move(lines); });
    loop.RunUntil([&] { return report.has_value(); });
    return *report;
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

  // The events of a deployment whose code is `zip`, "create Hello:1 done", and then how it ended.
  std::vector<std::string> Deploy(const std::string& text, const std::string& zip) {
    const std::string digest = code.Put(zip)->digest;
    const base::Json body = {{"template", text}, {"artifacts", {{"src/", digest}}}};
    return Shown(Ask("POST", "/_hearth/stacks/shop", base::ToJsonText(body)));
  }
  std::vector<std::string> Shown(const io::HttpResponse& answer) {
    std::vector<std::string> events;
    for (const base::Json& event : Events(answer)) {
      const std::string what = event.value("event", "");  // A refusal has none.
      if (what == "done") {
        last = event;
        events.push_back(event["status"]);
      } else if (what == "resource" && event["status"] != "started") {
        events.push_back(event["action"].get<std::string>() + " " +
                         event["physical_id"].get<std::string>() + " " +
                         event["status"].get<std::string>());
      }
    }
    if (events.empty()) events.push_back(answer.body);
    return events;
  }

  base::Json last;  // The last event of what Shown has shown.
  FakeControlPlane control{loop, registry};
  std::unique_ptr<StacksApi> api;
  io::HttpServer server{loop, {}, [this](io::HttpRequest request, io::HttpResponder responder) {
                          api->Handle({std::move(request), std::move(responder), "id"});
                        }};
  std::string address;
};

}  // namespace hearth::stacks
