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
    api = NewApi(control);
    address = *server.Listen("127.0.0.1:0");
  }
  ~StacksServer() override {
    hanging.reset();
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
  std::unique_ptr<StacksApi> NewApi(FakeControlPlane& over) {
    return *StacksApi::Create({over,
                               registry,
                               code,
                               disk,
                               clock,
                               {},
                               destinations,
                               queues,
                               *mappings,
                               objects,
                               buses,
                               archives,
                               schedules},
                              database, writer);
  }
  // Sends what one of the fakes lets die on the way.
  void Hang(io::HttpRequest request) {
    hanging.emplace(loop, address);
    hanging->Send(std::move(request), [](const base::Result<io::HttpResponse>&) {});
    const auto is_dead = [](const auto& fake) {
      return !fake.calls.empty() && (fake.dies_before.contains(fake.calls.back()) ||
                                     fake.dies_after.contains(fake.calls.back()));
    };
    loop.RunUntil([&] {
      return is_dead(control) || is_dead(queues) || is_dead(objects) || is_dead(buses) ||
             is_dead(archives) || is_dead(schedules);
    });
  }
  void DeployUntilItDies(const std::string& text, const std::string& zip = "zip") {
    Hang({.method = "POST", .target = "/_hearth/stacks/shop", .body = BodyOf(text, zip)});
  }
  // What a host that starts after a kill reports of what the last one left; it takes its place.
  std::vector<std::string> Reborn() {
    const auto revive = [](auto& fake) {
      fake.dies_before.clear();
      fake.dies_after.clear();
    };
    revive(queues);
    revive(objects);
    revive(buses);
    revive(archives);
    revive(schedules);
    dead = std::move(api);
    api = NewApi(reborn_control);
    std::optional<std::vector<std::string>> report;
    api->Recover([&](std::vector<std::string> lines) { report = std::move(lines); });
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
    return Shown(Ask("POST", "/_hearth/stacks/shop", BodyOf(text, zip)));
  }
  std::string BodyOf(const std::string& text, const std::string& zip) {
    const base::Json body = {{"template", text}, {"artifacts", {{"src/", code.Put(zip)->digest}}}};
    return base::ToJsonText(body);
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
  FakeControlPlane reborn_control{loop, registry};
  std::unique_ptr<StacksApi> api;
  std::unique_ptr<StacksApi> dead;  // It waits for answers that never come.
  io::HttpServer server{loop, {}, [this](io::HttpRequest request, io::HttpResponder responder) {
                          api->Handle({std::move(request), std::move(responder), "id"});
                        }};
  std::string address;
  std::optional<io::HttpClient> hanging;
};

}  // namespace hearth::stacks
