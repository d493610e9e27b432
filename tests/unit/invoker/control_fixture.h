// A control plane over a real database and code store; only the data plane is a fake.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <map>
#include <optional>
#include <set>

#include "base/file.h"
#include "invoker/lambda_api.h"
#include "layers/archive.h"

namespace hearth::invoker::test {

// Answers calls with `next`; prepares at once, or when the test says so.
class FakeInvoker final : public Invoker {
 public:
  explicit FakeInvoker(io::Loop& loop) : loop_(loop) {}
  void Invoke(InvokeRequest request, InvokeCallback callback) override {
    payloads.push_back(request.payload);
    requests.push_back(request);
    InvocationResult result = next;
    result.executed_version = request.function->version;
    loop_.Post([callback = std::move(callback), result] { callback(result); });
  }
  void Retire(const std::string& name, const std::set<std::string>& live) override {
    live_revisions[name] = live;
  }
  void Prepare(FunctionRef version, std::function<void(base::Result<void>)> done) override {
    prepared.push_back(version->name + ":" + version->version);
    preparing = std::move(done);
    if (!holds_preparations) Prepared({});
  }
  void Prepared(base::Result<void> result) {
    loop_.Post([done = std::exchange(preparing, nullptr), result] { done(result); });
  }
  void Reserve(const std::string& function, std::optional<uint32_t> calls) override {
    reserved[function] = calls;
  }
  void Provision(FunctionRef version, uint32_t count) override {
    provisioned[version->version] = count;
  }
  uint32_t Provisioned(const FunctionVersion& version) const override {
    const auto found = provisioned.find(version.version);
    return found == provisioned.end() ? 0 : found->second;
  }
  size_t EndIdle(const std::string&) override { return 0; }
  std::vector<InstanceInfo> Instances() const override { return {}; }
  InvokerCounters counters() const override { return {}; }
  bool IsQuiet() const override { return true; }
  void Drain(base::Deadline, std::function<void()> drained) override { loop_.Post(drained); }

  InvocationResult next{.payload = "42", .executed_version = {}, .throttle_reason = {}};
  std::vector<std::string> payloads;
  std::vector<InvokeRequest> requests;
  std::map<std::string, std::set<std::string>> live_revisions;
  std::vector<std::string> prepared;
  std::function<void(base::Result<void>)> preparing;
  bool holds_preparations = false;
  std::map<std::string, std::optional<uint32_t>> reserved;  // By function, the last told.
  std::map<std::string, uint32_t> provisioned;              // By version.

 private:
  io::Loop& loop_;
};

class ControlFixture : public testing::Test {
 protected:
  ControlFixture() {
    char folder[] = "/tmp/hearth-control-XXXXXX";
    root_ = ::mkdtemp(folder);
    Start();
  }
  ~ControlFixture() override {
    Stop();
    MUST(base::RemoveTree(root_));
  }
  void Start() {
    std::vector<store::Migration> migrations = RegistryMigrations();
    for (auto& step : VersionMigrations()) migrations.push_back(std::move(step));
    for (auto& step : LayerMigrations()) migrations.push_back(std::move(step));
    for (auto& step : PolicyMigrations()) migrations.push_back(std::move(step));
    for (auto& step : FunctionUrlMigrations()) migrations.push_back(std::move(step));
    database = MUST(store::Database::Open(root_ + "/state.db", migrations));
    writer = std::make_unique<io::Offload>(loop, 1);
    code = MUST(layers::CodeStore::Open(root_ + "/code"));
    registry = MUST(Registry::Load(*database, *writer));
    layers = MUST(LayerRegistry::Load(*database, *writer));
    events = MUST(AsyncQueue::Open(loop, *database, *writer, *registry, invoker));
    control = ControlPlane::Create(*registry, *layers, invoker, *code, *writer, catalog, clock, {});
  }
  void Stop() {
    control.reset();
    events.reset();
    layers.reset();
    registry.reset();
    code.reset();
    writer.reset();
    database.reset();
  }
  std::expected<FunctionRef, aws::ApiError> Create(const std::string& name,
                                                   Publication publication = Publication::kNone) {
    return Wait([&](ControlPlane::Done done) {
      control->Create({.name = name,
                       .runtime = "provided.al2023",
                       .handler = "h",
                       .role = "arn:aws:iam::000000000000:role/r",
                       .description = {},
                       .environment = {},
                       .layers = {},
                       .tags = {}},
                      MUST(layers::PackZipOfText("bootstrap", "#!/bin/sh\n")), publication,
                      std::move(done));
    });
  }
  template <typename T = FunctionRef, typename Start>
  std::expected<T, aws::ApiError> Wait(Start start) {
    std::optional<std::expected<T, aws::ApiError>> answer;
    start([&](std::expected<T, aws::ApiError> result) { answer = std::move(result); });
    EXPECT_FALSE(answer.has_value()) << "answered inside the call";
    loop.RunUntil([&] { return answer.has_value(); });
    return *answer;
  }

  std::string root_;
  base::SystemClock clock;
  io::Loop loop{clock};
  runtime::Catalog catalog = runtime::Catalog::Probe();
  FakeInvoker invoker{loop};
  std::unique_ptr<store::Database> database;
  std::unique_ptr<io::Offload> writer;
  std::unique_ptr<layers::CodeStore> code;
  std::unique_ptr<Registry> registry;
  std::unique_ptr<LayerRegistry> layers;
  std::unique_ptr<AsyncQueue> events;
  std::unique_ptr<ControlPlane> control;
};

}  // namespace hearth::invoker::test
