// The Logs API, asked through a socket, over logs on disk.
#pragma once

#include <gmock/gmock.h>

#include <optional>

#include "io/http_client.h"
#include "io/http_server.h"
#include "logs/logs_api.h"
#include "tests/unit/invoker/log_store_fixture.h"

namespace hearth::logs::test {

using base::Json;
using invoker::test::kGroup;
using invoker::test::kStream;

class LogsApiTest : public invoker::test::LogStoreOnDisk {
 protected:
  LogsApiTest() {
    api = std::make_unique<LogsApi>(loop, *store, invoker::Account{});
    address = MUST(server.Listen("127.0.0.1:0"));
  }
  ~LogsApiTest() override {
    bool closed = false;
    server.CloseNow([&] { closed = true; });
    loop.RunUntil([&] { return closed; });
    api.reset();
  }
  void Restart() {
    api.reset();
    Reopen();
    api = std::make_unique<LogsApi>(loop, *store, invoker::Account{});
  }

  Json AskText(const std::string& operation, std::string body) {
    io::HttpClient client(loop, address);
    std::optional<io::HttpResponse> answer;
    io::HttpRequest request{.method = "POST", .target = "/", .body = std::move(body)};
    request.headers.Add("X-Amz-Target", "Logs_20140328." + operation);
    client.Send(std::move(request),
                [&](base::Result<io::HttpResponse> result) { answer = MUST(std::move(result)); });
    loop.RunUntil([&] { return answer.has_value(); });
    status = answer->status;
    content_type = answer->headers.Get("Content-Type");
    return answer->body.empty() ? Json() : MUST(base::ParseJson(answer->body));
  }
  Json Ask(const std::string& operation, const Json& input = Json::object()) {
    return AskText(operation, base::ToJsonText(input));
  }
  // "400 ResourceNotFoundException: …", or "200".
  std::string Shown(const std::string& operation, const Json& input = Json::object()) {
    const Json body = Ask(operation, input);
    if (status < 300) return std::to_string(status);
    return std::to_string(status) + " " + body.value("__type", "") + ": " +
           body.value("message", "");
  }
  static std::vector<std::string> MessagesOf(const Json& page) {
    std::vector<std::string> out;
    for (const Json& event : page.at("events")) out.push_back(event.at("message"));
    return out;
  }
  static std::vector<std::string> Names(const Json& list, const char* member) {
    std::vector<std::string> out;
    for (const Json& each : list) out.push_back(each.at(member));
    return out;
  }
  void Append(const std::string& stream, const std::string& message) {
    store->Append(kGroup, stream, message);
  }

  std::unique_ptr<LogsApi> api;
  io::HttpServer server{loop, io::HttpServerOptions{},
                        [this](io::HttpRequest request, io::HttpResponder responder) {
                          api->Handle({std::move(request), std::move(responder), "id"});
                        }};
  std::string address;
  int status = 0;
  std::string content_type;
};

}  // namespace hearth::logs::test
