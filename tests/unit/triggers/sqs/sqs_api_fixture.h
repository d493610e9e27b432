// The queue service, asked through a socket in either protocol, over an engine on disk.
#pragma once

#include <gmock/gmock.h>

#include <memory>
#include <optional>

#include "aws/query_protocol.h"
#include "io/http_client.h"
#include "io/http_server.h"
#include "tests/unit/triggers/sqs/engine_fixture.h"
#include "triggers/sqs/query_shapes.h"
#include "triggers/sqs/sqs_api.h"

namespace hearth::sqs::test {

using base::Json;

// JSON as a form, by the shapes that the service reads it with.
inline std::string Escaped(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const unsigned char c : text) {
    if (std::isalnum(c) != 0) {
      out.push_back(static_cast<char>(c));
    } else {
      out.append({'%', kHex[c >> 4], kHex[c & 15]});
    }
  }
  return out;
}
inline void AddToForm(const Json& json, const aws::QueryShape& shape, const std::string& name,
                      std::string& form) {
  using Kind = aws::QueryShape::Kind;
  const std::string dot = name.empty() ? "" : name + ".";
  if (shape.kind == Kind::kStructure) {
    for (const auto& [key, value] : json.items()) {
      const auto known = std::ranges::find(shape.members, key, &aws::QueryMember::name);
      if (known == shape.members.end()) {
        form += "&" + Escaped(dot + key) + "=" + Escaped(value.get<std::string>());
      } else {
        AddToForm(value, *known->shape, dot + std::string(known->wire), form);
      }
    }
    return;
  }
  int number = 0;
  for (const auto& [key, value] : json.items()) {
    const std::string place = dot + std::to_string(++number);
    if (shape.kind == Kind::kList) {
      AddToForm(value, *shape.element, place, form);
    } else if (shape.kind == Kind::kMap) {
      form += "&" + Escaped(place + "." + std::string(shape.key)) + "=" + Escaped(key);
      AddToForm(value, *shape.element, place + "." + std::string(shape.value), form);
    } else {
      form += "&" + Escaped(name) + "=" +
              Escaped(json.is_string() ? json.get<std::string>() : base::ToJsonText(json));
    }
  }
}

class SqsApiTest : public EngineTest {
 protected:
  SqsApiTest() {
    Serve();
    address = MUST(server.Listen("127.0.0.1:0"));
  }
  ~SqsApiTest() override {
    bool closed = false;
    server.CloseNow([&] { closed = true; });
    loop.RunUntil([&] { return closed; });
    api.reset();
    tasks.reset();
  }
  void Serve() {
    api.reset();
    tasks = std::make_unique<MoveTasks>(loop, *engine);
    api = std::make_unique<SqsApi>(loop, *engine, *tasks, invoker::Account{});
  }

  struct Asked {
    std::unique_ptr<io::HttpClient> client;
    std::optional<io::HttpResponse> answer;
  };
  // Not waited for, so that several are under way at once.
  std::shared_ptr<Asked> Start(io::HttpRequest request) {
    auto asked = std::make_shared<Asked>();
    asked->client = std::make_unique<io::HttpClient>(loop, address);
    asked->client->Send(std::move(request), [asked](base::Result<io::HttpResponse> result) {
      asked->answer = MUST(std::move(result));
    });
    return asked;
  }
  std::shared_ptr<Asked> StartJson(const std::string& operation, const Json& input) {
    io::HttpRequest request{.method = "POST", .target = "/", .body = base::ToJsonText(input)};
    request.headers.Add("X-Amz-Target", "AmazonSQS." + operation);
    request.headers.Add("Content-Type", "application/x-amz-json-1.0");
    return Start(std::move(request));
  }
  std::shared_ptr<Asked> StartQuery(const std::string& operation, const Json& input) {
    std::string form = "Action=" + operation + "&Version=2012-11-05";
    AddToForm(input, InputShape(operation), "", form);
    io::HttpRequest request{.method = "POST", .target = "/", .body = std::move(form)};
    request.headers.Add("Content-Type", "application/x-www-form-urlencoded");
    return Start(std::move(request));
  }
  io::HttpResponse Answer(const std::shared_ptr<Asked>& asked) {
    loop.RunUntil([&] { return asked->answer.has_value(); });
    asked->client.reset();
    return std::move(*asked->answer);
  }
  Json Ask(const std::string& operation, const Json& input) {
    const io::HttpResponse answer = Answer(StartJson(operation, input));
    status = answer.status;
    return answer.body.empty() ? Json() : MUST(base::ParseJson(answer.body));
  }
  // "400 QueueDoesNotExist (AWS.…NonExistentQueue;Sender): …", or "200".
  std::string ShownJson(const std::string& operation, const Json& input) {
    const io::HttpResponse answer = Answer(StartJson(operation, input));
    if (answer.status < 300) return std::to_string(answer.status);
    const Json body = MUST(base::ParseJson(answer.body));
    const std::string type = body.value("__type", "");
    return std::to_string(answer.status) + " " + type.substr(type.find('#') + 1) + " (" +
           std::string(answer.headers.Get("x-amzn-query-error")) +
           "): " + body.value("message", "");
  }
  // "400 AWS.…NonExistentQueue;Sender: …", or "200".
  std::string ShownQuery(const std::string& operation, const Json& input) {
    const io::HttpResponse answer = Answer(StartQuery(operation, input));
    if (answer.status < 300) return std::to_string(answer.status);
    const auto element = [&answer](const std::string& name) {
      const auto begin = answer.body.find("<" + name + ">");
      const auto end = answer.body.find("</" + name + ">");
      if (begin == std::string::npos || end == std::string::npos) return std::string("?");
      return answer.body.substr(begin + name.size() + 2, end - begin - name.size() - 2);
    };
    return std::to_string(answer.status) + " " + element("Code") + ";" + element("Type") + ": " +
           element("Message");
  }
  static std::string Url(const std::string& name) {
    return "http://localhost/000000000000/" + name;
  }
  static std::string Arn(const std::string& name) {
    return "arn:aws:sqs:us-east-1:000000000000:" + name;
  }

  std::unique_ptr<MoveTasks> tasks;
  std::unique_ptr<SqsApi> api;
  io::HttpServer server{loop, io::HttpServerOptions{},
                        [this](io::HttpRequest request, io::HttpResponder responder) {
                          api->Handle({std::move(request), std::move(responder), "id"});
                        }};
  std::string address;
  int status = 0;
};

}  // namespace hearth::sqs::test
