// The wire API over a real database and code store; only the data plane is a fake.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <map>
#include <span>

#include "base/digest.h"
#include "base/file.h"
#include "invoker/lambda_api.h"
#include "layers/archive.h"

namespace hearth::invoker {

namespace {

using base::Json;

class FakeInvoker final : public Invoker {
 public:
  explicit FakeInvoker(io::Loop& loop) : loop_(loop) {}
  void Invoke(InvokeRequest request, InvokeCallback callback) override {
    payloads.push_back(request.payload);
    loop_.Post([this, callback = std::move(callback)] { callback(next); });
  }
  void Retire(const std::string& name, const std::string& revision) override {
    retired[name] = revision;
  }
  void Prepare(FunctionRef, std::function<void(base::Result<void>)>) override {}
  std::vector<InstanceInfo> Instances() const override { return {}; }
  InvokerCounters counters() const override { return {}; }
  void Drain(base::Deadline, std::function<void()> drained) override { loop_.Post(drained); }

  InvocationResult next{.payload = "42", .executed_version = "$LATEST", .throttle_reason = {}};
  std::vector<std::string> payloads;
  std::map<std::string, std::string> retired;

 private:
  io::Loop& loop_;
};

class ControlApi : public testing::Test {
 protected:
  ControlApi() {
    char folder[] = "/tmp/hearth-control-XXXXXX";
    root_ = ::mkdtemp(folder);
    Start();
  }
  ~ControlApi() override {
    Stop();
    MUST(base::RemoveTree(root_));
  }
  void Start() {
    database = MUST(store::Database::Open(root_ + "/state.db", RegistryMigrations()));
    writer = std::make_unique<io::Offload>(loop, 1);
    code = MUST(layers::CodeStore::Open(root_ + "/code"));
    registry = MUST(Registry::Load(*database, *writer));
    events = MUST(AsyncQueue::Open(loop, *database, *writer, *registry, invoker));
    control = ControlPlane::Create(*registry, invoker, *code, *writer, catalog, clock, {});
  }
  void Stop() {
    control.reset();
    events.reset();
    registry.reset();
    code.reset();
    writer.reset();
    database.reset();
  }
  std::expected<FunctionRef, aws::ApiError> Create(const std::string& name) {
    return Wait([&](ControlPlane::Done done) {
      control->Create({.name = name, .runtime = "provided.al2023", .handler = "h",
                       .role = "arn:aws:iam::000000000000:role/r", .description = {},
                       .environment = {}, .tags = {}},
                      MUST(layers::PackZipOfText("bootstrap", "#!/bin/sh\n")), std::move(done));
    });
  }
  template <typename Start>
  std::expected<FunctionRef, aws::ApiError> Wait(Start start) {
    std::optional<std::expected<FunctionRef, aws::ApiError>> answer;
    start([&](std::expected<FunctionRef, aws::ApiError> result) { answer = std::move(result); });
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
  std::unique_ptr<AsyncQueue> events;
  std::unique_ptr<ControlPlane> control;
};

TEST_F(ControlApi, AFunctionSurvivesARestartAndItsNameIsTaken) {
  const auto made = Create("Hello");
  ASSERT_TRUE(made) << made.error().message;
  Stop();
  Start();
  ASSERT_NE(registry->Find("Hello"), nullptr);
  EXPECT_EQ(ToStored(*registry->Find("Hello")), ToStored(**made));
  const auto again = Create("Hello");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().status, 409);
  EXPECT_EQ(again.error().message, "Function already exist: Hello");
}

TEST_F(ControlApi, AnUpdateRetiresOldRevisionsAndAStaleRevisionIsRefused) {
  const auto made = Create("Hello");
  ASSERT_TRUE(made);
  const auto changed = Wait([&](ControlPlane::Done done) {
    control->UpdateConfiguration(
        "Hello", {{"Timeout", 9}, {"RevisionId", (*made)->revision_id}}, std::move(done));
  });
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_EQ((*changed)->timeout, std::chrono::seconds(9));
  EXPECT_EQ((*changed)->code_digest, (*made)->code_digest);
  EXPECT_EQ(invoker.retired["Hello"], (*changed)->revision_id);
  const auto stale = Wait([&](ControlPlane::Done done) {
    control->UpdateConfiguration(
        "Hello", {{"Timeout", 5}, {"RevisionId", (*made)->revision_id}}, std::move(done));
  });
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().status, 412);
}

TEST_F(ControlApi, AnEventOutlivesARestartUntilItIsDelivered) {
  ASSERT_TRUE(Create("Hello"));
  invoker.next.status = InvocationStatus::kFunctionError;  // Due again in a minute.
  bool durable = false;
  events->Put({.request_id = "r1", .function_name = "Hello", .invoked_arn = "a",
               .trace_id = "t", .payload = "{\"n\":1}"},
              [&](base::Result<void> result) { durable = result.has_value(); });
  loop.RunUntil([&] { return events->counters().retries == 1; });
  EXPECT_TRUE(durable);
  Stop();
  Start();
  EXPECT_EQ(events->pending(), 1u);
  EXPECT_EQ(invoker.payloads, std::vector<std::string>{"{\"n\":1}"});
}

}  // namespace
}  // namespace hearth::invoker
