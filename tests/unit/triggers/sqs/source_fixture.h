// Mappings of real queues, under a clock that the test moves, to a data plane that answers as it is
// told.
#pragma once

#include <deque>

#include "base/json.h"
#include "tests/unit/invoker/async_queue_fixture.h"
#include "tests/unit/triggers/sqs/engine_fixture.h"
#include "triggers/sqs/queue_source.h"

namespace hearth::sqs::test {

using base::Json;
using invoker::InvocationStatus;

// Keeps each call until it is answered, or answers at once.
class CountingInvoker final : public invoker::Invoker {
 public:
  struct Call {
    Json event;
    size_t size = 0;
    std::string arn;
    invoker::InvokeCallback callback;
  };
  explicit CountingInvoker(io::Loop& loop) : loop_(loop) {}
  void Invoke(invoker::InvokeRequest request, invoker::InvokeCallback callback) override {
    EXPECT_FALSE(is_answering_) << "a call made inside the answer of another";
    ++asked;
    Call call{.event = MUST(base::ParseJson(request.payload)),
              .size = request.payload.size(),
              .arn = request.invoked_arn,
              .callback = std::move(callback)};
    if (running.size() >= limit) return Tell(std::move(call.callback), throttled, {});
    for (const Json& record : call.event["Records"]) bodies.push_back(record["body"]);
    if (status) return Tell(std::move(call.callback), *status, answer);
    running.push_back(std::move(call));
    most_running = std::max(most_running, running.size());
  }
  // The oldest that runs.
  void Answer(InvocationStatus with = InvocationStatus::kSuccess, std::string payload = "null") {
    ASSERT_FALSE(running.empty());
    Tell(std::move(running.front().callback), with, std::move(payload));
    running.pop_front();
  }
  void Retire(const std::string&, const std::set<std::string>&) override {}
  void Reserve(const std::string&, std::optional<uint32_t>) override {}
  void Provision(invoker::FunctionRef, uint32_t) override {}
  uint32_t Provisioned(const invoker::FunctionVersion&) const override { return 0; }
  void Prepare(invoker::FunctionRef, std::function<void(base::Result<void>)>) override {}
  size_t EndIdle(const std::string&) override { return 0; }
  std::vector<invoker::InstanceInfo> Instances() const override { return {}; }
  invoker::InvokerCounters counters() const override { return {}; }
  bool IsQuiet() const override { return true; }
  void Drain(base::Deadline, std::function<void()>) override {}

  size_t limit = SIZE_MAX;  // As a function's reserved concurrency.
  InvocationStatus throttled = InvocationStatus::kThrottled;
  std::optional<InvocationStatus> status;  // Of every call; nullopt: it is kept.
  std::string answer = "null";
  size_t asked = 0;
  size_t most_running = 0;
  std::vector<std::string> bodies;  // Of all records of calls that were let in.
  std::deque<Call> running;

 private:
  void Tell(invoker::InvokeCallback callback, InvocationStatus with, std::string payload) {
    loop_.Post([this, callback = std::move(callback), with, payload = std::move(payload)] {
      is_answering_ = true;
      invoker::InvocationResult result;
      result.status = with;
      result.payload = payload;
      callback(std::move(result));
      is_answering_ = false;
    });
  }

  io::Loop& loop_;
  bool is_answering_ = false;
};

class SourceTest : public EngineTest {
 protected:
  SourceTest() {
    AddFunction();
    MakeSource();
  }
  ~SourceTest() override { source.reset(); }

  void MakeSource(size_t most_bytes = limits::kMaxQueueEventBytes) {
    source.reset();
    source = std::make_unique<QueueSource>(QueueSource::Parts{
        .loop = loop,
        .engine = *engine,
        .registry = registry,
        .invoker = invoker,
        .account = {},
        .report = [this](const std::string&, std::string text) { result = std::move(text); },
        .most_bytes = most_bytes});
  }
  void AddFunction() {
    registry.functions["F"] =
        std::make_shared<invoker::FunctionVersion>(invoker::FunctionVersion{.name = "F"});
  }
  void Start(invoker::EventSourceMapping mapping, const std::string& queue = "q") {
    mapping.uuid = mapping.uuid.empty() ? "M" : mapping.uuid;
    mapping.function = "F";
    mapping.source_arn = "arn:aws:sqs:us-east-1:000000000000:" + queue;
    source->Start(std::make_shared<const invoker::EventSourceMapping>(std::move(mapping)));
    SettleAll();
  }
  void Stop() {
    source->Stop("M", [this] { is_stopped = true; });
    SettleAll();
  }
  // Until nothing but calls and time is waited for.
  void SettleAll() {
    for (int quiet = 0; quiet < 6; ++quiet) {
      if (!engine->IsQuiet()) quiet = 0;
      loop.RunOnce();
    }
  }
  void PassAll(base::Duration time) {
    Pass(time);
    SettleAll();
  }
  void Answer(InvocationStatus with = InvocationStatus::kSuccess, std::string payload = "null") {
    invoker.Answer(with, std::move(payload));
    SettleAll();
  }
  void AnswerAll() {
    while (!invoker.running.empty()) Answer();
  }
  // In one send, so that one receive may have them all.
  void SendAll(const std::vector<std::string>& bodies) {
    std::vector<OutgoingMessage> messages;
    for (const std::string& body : bodies) messages.push_back({.body = body});
    ASSERT_TRUE(Send("q", std::move(messages)).has_value());
    SettleAll();
  }
  void SendMany(size_t count) {
    for (size_t i = 0; i < count; i += 10) {
      std::vector<OutgoingMessage> messages;
      for (size_t j = i; j < std::min(count, i + 10); ++j) {
        messages.push_back({.body = std::to_string(j)});
      }
      ASSERT_TRUE(Send("q", std::move(messages)).has_value());
    }
    SettleAll();
  }
  static std::vector<std::string> BodiesOf(const Json& event) {
    std::vector<std::string> out;
    for (const Json& record : event["Records"]) out.push_back(record["body"]);
    return out;
  }
  static std::string CountOf(const Json& event, size_t record = 0) {
    return event["Records"][record]["attributes"]["ApproximateReceiveCount"];
  }

  invoker::test::FixedRegistry registry;
  CountingInvoker invoker{loop};
  std::unique_ptr<QueueSource> source;
  std::string result;  // LastProcessingResult.
  bool is_stopped = false;
};

}  // namespace hearth::sqs::test
