// The event bus, asked through a socket, over a database of its own and a queue of deliveries that
// keeps what it is given; under a clock that the test moves.
#pragma once

#include <gmock/gmock.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/http_client.h"
#include "io/http_server.h"
#include "io/timer_queue.h"
#include "tests/unit/base/temporary_folder.h"
#include "triggers/events/event_bus_service.h"

namespace hearth::events::test {

using namespace std::chrono_literals;
using base::Json;
using invoker::Destinations;
using invoker::TargetDelivery;

// Has them when they are committed, with their work.
class KeptDeliveries final : public invoker::DeliveryQueue {
 public:
  explicit KeptDeliveries(store::GroupCommit& commits) : commits_(commits) {}
  void Put(std::vector<TargetDelivery> deliveries, store::GroupCommit::Work work,
           Done done) override {
    part_bytes.push_back(0);
    for (const TargetDelivery& each : deliveries) part_bytes.back() += each.to.record.size();
    commits_.Write(
        [work = std::move(work)](store::Database& database) {
          return work ? work(database) : base::Result<void>();
        },
        [this, deliveries = std::move(deliveries),
         done = std::move(done)](const base::Result<void>& result) {
          if (result) kept.insert(kept.end(), deliveries.begin(), deliveries.end());
          done(result);
        });
  }
  invoker::DeliveryCounters counters() const override { return {}; }
  bool IsQuiet() const override { return true; }

  std::vector<TargetDelivery> kept;
  std::vector<size_t> part_bytes;  // Of each Put.

 private:
  store::GroupCommit& commits_;
};

class EventsTest : public ::testing::Test {
 protected:
  EventsTest() {
    for (const char* service_name : {"sqs", "lambda"}) {
      destinations.Attach(service_name, [](const Destinations::Delivery&,
                                           const Destinations::Done& done) { done({}); });
    }
    Open();
    address = MUST(server.Listen("127.0.0.1:0"));
  }
  ~EventsTest() override {
    bool closed = false;
    server.CloseNow([&] { closed = true; });
    loop.RunUntil([&] { return closed; });
    Close();
  }

  void Open() {
    const auto migrations = EventMigrations();
    database = MUST(store::Database::Open(folder / "events.db", migrations));
    writer = std::make_unique<io::Offload>(loop, 1);
    commits = std::make_unique<store::GroupCommit>(loop, *database, *writer);
    deliveries = std::make_unique<KeptDeliveries>(*commits);
    service = MUST(EventBusService::Open(
        {loop, *database, *commits, *deliveries, destinations, invoker::Account{}}));
  }
  void Close() {
    service.reset();
    deliveries.reset();
    commits.reset();
    writer.reset();
    database.reset();
  }
  // What a crash leaves is what was committed.
  void Reopen() {
    Close();
    Open();
  }
  // Until what is due was told, and what that set off is done.
  void Settle() {
    const auto is_quiet = [&] { return service->IsQuiet() && commits->IsQuiet(); };
    while (true) {
      loop.RunUntil(is_quiet);
      const auto next = loop.timers(io::Time::kService).next();
      if (!next || *next > clock.Now()) return;
      loop.ClockMoved();
    }
  }
  void Pass(base::Duration time) {
    clock.Advance(time);
    loop.ClockMoved();
    Settle();
  }

  Json Ask(const std::string& operation, const Json& input) {
    return AskText(operation, base::ToJsonText(input));
  }
  Json AskText(const std::string& operation, std::string body) {
    io::HttpRequest request{.method = "POST", .target = "/", .body = std::move(body)};
    request.headers.Add("X-Amz-Target", "AWSEvents." + operation);
    request.headers.Add("Content-Type", "application/x-amz-json-1.1");
    io::HttpClient client(loop, address);
    std::optional<io::HttpResponse> answer;
    client.Send(std::move(request),
                [&](base::Result<io::HttpResponse> result) { answer = MUST(std::move(result)); });
    loop.RunUntil([&] { return answer.has_value(); });
    status = answer->status;
    return answer->body.empty() ? Json() : MUST(base::ParseJson(answer->body));
  }
  // "ValidationException: …", or "200".
  std::string Shown(const std::string& operation, const Json& input) {
    const Json body = Ask(operation, input);
    if (status < 300) return std::to_string(status);
    return body.value("__type", "") + ": " + body.value("message", "");
  }
  void Must(const std::string& operation, const Json& input) {
    EXPECT_EQ(Shown(operation, input), "200") << operation << " " << input;
  }
  // A rule with one queue as its target.
  void PutRule(const std::string& name, const Json& pattern, const Json& more = Json::object(),
               const std::string& bus = "default") {
    Must("PutRule",
         {{"Name", name}, {"EventBusName", bus}, {"EventPattern", base::ToJsonText(pattern)}});
    PutTarget(name, more, bus);
  }
  void PutTarget(const std::string& rule, const Json& more = Json::object(),
                 const std::string& bus = "default") {
    Json target = {{"Id", "t"}, {"Arn", Queue("q")}};
    target.update(more);
    Must("PutTargets", {{"Rule", rule}, {"EventBusName", bus}, {"Targets", Json::array({target})}});
  }
  static Json Entry(const std::string& source = "shop", const std::string& detail = "{}") {
    return {{"Source", source}, {"DetailType", "order"}, {"Detail", detail}};
  }
  Json PutEntry(const Json& entry) { return Ask("PutEvents", {{"Entries", {entry}}}); }

  void PutRuleOfFiveTargets(const std::string& name) {
    Must("PutRule", {{"Name", name}, {"EventPattern", R"({"source":["shop"]})"}});
    Json targets = Json::array();
    for (int id = 0; id < 5; ++id) {
      targets.push_back({{"Id", std::to_string(id)}, {"Arn", Queue(name + std::to_string(id))}});
    }
    Must("PutTargets", {{"Rule", name}, {"Targets", targets}});
  }
  // Takes what was kept.
  std::vector<TargetDelivery> Taken() { return std::exchange(deliveries->kept, {}); }
  std::vector<std::string> Records() {
    std::vector<std::string> out;
    for (TargetDelivery& each : Taken()) out.push_back(std::move(each.to.record));
    return out;
  }
  // To buses, as the real queue would; whether all were taken.
  base::Result<void> DeliverToBus(TargetDelivery delivery) {
    std::optional<base::Result<void>> result;
    destinations.Send(std::move(delivery.to),
                      [&](base::Result<void> done) { result = std::move(done); });
    loop.RunUntil([&] { return result.has_value(); });
    return *result;
  }
  static std::string Queue(const std::string& name) {
    return "arn:aws:sqs:us-east-1:000000000000:" + name;
  }
  static std::string Bus(const std::string& name) {
    return "arn:aws:events:us-east-1:000000000000:event-bus/" + name;
  }
  static std::string RuleOf(const std::string& name) {
    return "arn:aws:events:us-east-1:000000000000:rule/" + name;
  }

  const hearth::test::TemporaryFolder folder;
  base::SystemClock machine;
  base::VirtualClock clock{base::WallTime(1'786'019'696s)};  // 2026-08-06T12:34:56Z
  io::Loop loop{machine, clock};
  Destinations destinations;
  std::unique_ptr<store::Database> database;
  std::unique_ptr<io::Offload> writer;
  std::unique_ptr<store::GroupCommit> commits;
  std::unique_ptr<KeptDeliveries> deliveries;
  std::unique_ptr<EventBusService> service;
  io::HttpServer server{loop, io::HttpServerOptions{},
                        [this](io::HttpRequest request, io::HttpResponder responder) {
                          service->api().Handle({std::move(request), std::move(responder), "id"});
                        }};
  std::string address;
  int status = 0;
};

}  // namespace hearth::events::test
