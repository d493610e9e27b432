// The queue of asynchronous events over a real SQLite file, and a data plane that answers as it is
// told.
#pragma once

#include <gmock/gmock.h>

#include <deque>
#include <map>
#include <optional>

#include "invoker/async_queue.h"
#include "tests/unit/base/temporary_folder.h"

namespace hearth::invoker::test {

using namespace std::chrono_literals;

// Answers each call at once, or keeps it until the test answers.
class ScriptedInvoker final : public Invoker {
 public:
  explicit ScriptedInvoker(io::Loop& loop) : loop_(loop) {}
  void Invoke(InvokeRequest request, InvokeCallback callback) override {
    EXPECT_FALSE(answering_) << "a call made inside the answer of another";
    ids.push_back(request.request_id);
    if (keep) {
      waiting.emplace_back(std::move(request), std::move(callback));
      return;
    }
    InvocationResult result;
    result.status = status;
    Tell(std::move(callback), result);
  }
  void Retire(const std::string&, const std::set<std::string>&) override {}
  void Reserve(const std::string&, std::optional<uint32_t>) override {}
  void Provision(FunctionRef, uint32_t) override {}
  uint32_t Provisioned(const FunctionVersion&) const override { return 0; }
  void Prepare(FunctionRef, std::function<void(base::Result<void>)>) override {}
  size_t EndIdle(const std::string&) override { return 0; }
  std::vector<InstanceInfo> Instances() const override { return {}; }
  InvokerCounters counters() const override { return {}; }
  bool IsQuiet() const override { return true; }
  void Drain(base::Deadline, std::function<void()>) override {}
  void Answer(InvocationStatus with, std::string payload = {}) {
    auto [request, callback] = std::move(waiting.front());
    waiting.pop_front();
    InvocationResult result;
    result.status = with;
    result.payload = std::move(payload);
    Tell(std::move(callback), result);
  }

  InvocationStatus status = InvocationStatus::kSuccess;
  bool keep = false;
  std::vector<std::string> ids;  // Every call's, in order.
  std::deque<std::pair<InvokeRequest, InvokeCallback>> waiting;

 private:
  void Tell(InvokeCallback callback, const InvocationResult& result) {
    loop_.Post([this, callback = std::move(callback), result] {
      answering_ = true;
      callback(result);
      answering_ = false;
    });
  }

  io::Loop& loop_;
  bool answering_ = false;
};

class FixedRegistry final : public Registry {
 public:
  FunctionRef Find(const std::string& name) const override {
    const auto found = functions.find(name);
    return found == functions.end() ? nullptr : found->second;
  }
  std::vector<FunctionRef> List() const override { return {}; }
  RecordRef Record(const std::string& name) const override {
    auto record = std::make_shared<FunctionRecord>();
    record->latest = Find(name);
    const auto config = event_invoke.find(name);
    if (config != event_invoke.end()) record->event_invoke["$LATEST"] = config->second;
    return record->latest == nullptr ? nullptr : record;
  }
  uint64_t LastVersion(const std::string&) const override { return 0; }
  std::optional<FunctionName> FindUrl(std::string_view) const override { return std::nullopt; }
  void Change(const std::string&, Edit, Done) override {}
  std::map<std::string, FunctionRef> functions;
  std::map<std::string, EventInvokeConfig> event_invoke;  // Of $LATEST.
};

class AsyncQueueTest : public ::testing::Test {
 protected:
  AsyncQueueTest() {
    registry.functions["F"] = std::make_shared<FunctionVersion>(FunctionVersion{.name = "F"});
    Open();
  }
  ~AsyncQueueTest() override { Close(); }

  void Open() {
    database = MUST(store::Database::Open(folder / "state.db", AsyncQueueMigrations()));
    writer = std::make_unique<io::Offload>(loop, 1);
    queue = MUST(AsyncQueue::Open(loop, *database, *writer, registry, invoker));
  }
  // As a kill does it: calls that run are never heard of again.
  void Close() {
    queue.reset();
    writer.reset();
    database.reset();
    invoker.waiting.clear();
    invoker.ids.clear();
  }
  void Reopen() {
    Close();
    Open();
    Settle();
  }

  AsyncEvent Event(const std::string& id, std::string payload = "{}") {
    return {.request_id = id,
            .function_name = "F",
            .invoked_arn = "arn:F",
            .trace_id = "Root=1",
            .payload = std::move(payload)};
  }
  void Put(const std::string& id) {
    std::optional<base::Result<void>> result;
    queue->Put(Event(id), [&](base::Result<void> done) { result = std::move(done); });
    EXPECT_FALSE(result.has_value()) << "answered inside Put";
    loop.RunUntil([&] { return result.has_value(); });
    EXPECT_TRUE(result->has_value());
  }
  // Everything that is written or due now has been dealt with.
  void Settle() {
    for (int quiet = 0; quiet < 8; ++quiet) {
      if (writer->pending() > 0) quiet = 0;
      loop.RunOnce();
    }
  }
  void Pass(base::Duration time) {
    clock.Advance(time);
    loop.ClockMoved();
    Settle();
  }
  // What is stored, read past the queue.
  std::vector<std::string> Stored() {
    Settle();
    std::vector<std::string> ids;
    MUST(database->Run("SELECT request_id FROM async_events", {},
                       [&](const store::Row& row) { ids.emplace_back(row.Text(0)); }));
    return ids;
  }

  hearth::test::TemporaryFolder folder;
  base::VirtualClock clock{base::WallTime(1764000000000ms)};
  io::Loop loop{clock};
  ScriptedInvoker invoker{loop};
  FixedRegistry registry;
  std::unique_ptr<store::Database> database;
  std::unique_ptr<io::Offload> writer;
  std::unique_ptr<AsyncQueue> queue;
};

}  // namespace hearth::invoker::test
