// The host's own paths, over a real server and gateway; what they show is fake.
#include "host/admin_api.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <map>

#include "io/offload.h"
#include "tests/unit/invoker/fakes.h"
#include "tests/unit/io/raw_client.h"

namespace hearth::host {
namespace {

using namespace std::chrono_literals;
using base::Json;
using ::testing::HasSubstr;

constexpr char kGroup[] = "/aws/lambda/F";

class ShownInvoker final : public invoker::Invoker {
 public:
  void Invoke(invoker::InvokeRequest, invoker::InvokeCallback) override {}
  void Retire(const std::string&, const std::set<std::string>&) override {}
  void Prepare(invoker::FunctionRef, std::function<void(base::Result<void>)>) override {}
  void Reserve(const std::string&, std::optional<uint32_t>) override {}
  void Provision(invoker::FunctionRef, uint32_t) override {}
  uint32_t Provisioned(const invoker::FunctionVersion&) const override { return 0; }
  size_t EndIdle(const std::string& name) override {
    return std::erase_if(instances, [&name](const invoker::InstanceInfo& each) {
      return each.function == name && each.state == "idle";
    });
  }
  std::vector<invoker::InstanceInfo> Instances() const override { return instances; }
  invoker::InvokerCounters counters() const override { return shown; }
  bool IsQuiet() const override { return true; }
  void Drain(base::Deadline, std::function<void()>) override {}
  std::vector<invoker::InstanceInfo> instances;
  invoker::InvokerCounters shown;
};

class ShownRegistry final : public invoker::Registry {
 public:
  invoker::FunctionRef Find(const std::string& name) const override {
    const auto found = functions.find(name);
    return found == functions.end() ? nullptr : found->second;
  }
  std::vector<invoker::FunctionRef> List() const override {
    std::vector<invoker::FunctionRef> all;
    for (const auto& [name, function] : functions) all.push_back(function);
    return all;
  }
  invoker::RecordRef Record(const std::string& name) const override {
    auto record = std::make_shared<invoker::FunctionRecord>();
    record->latest = Find(name);
    return record->latest == nullptr ? nullptr : record;
  }
  uint64_t LastVersion(const std::string&) const override { return 0; }
  std::optional<invoker::FunctionName> FindUrl(std::string_view) const override {
    return std::nullopt;
  }
  void Change(const std::string&, Edit, Done) override {}
  std::map<std::string, invoker::FunctionRef> functions;
};

// Deletes, later; what is asked beside that is not asked here.
class DeletingControlPlane final : public invoker::ControlPlane {
 public:
  DeletingControlPlane(io::Loop& loop, ShownRegistry& registry, ShownInvoker& data_plane)
      : loop_(loop), registry_(registry), versions_(registry, data_plane, loop.clock(), {}, 1000) {}
  std::expected<Checked, aws::ApiError> Check(const invoker::FunctionSettings&) const override {
    return {};
  }
  void Create(invoker::FunctionSettings, std::string, invoker::Publication, Done) override {}
  void UpdateCode(const std::string&, invoker::CodeUpdate, Done) override {}
  invoker::VersionsControl& versions() override { return versions_; }
  invoker::LayerRegistry& layers() override { std::abort(); }  // Nothing here asks for one.
  void UpdateConfiguration(const std::string&, const Json&, Done) override {}
  void Replace(invoker::FunctionSettings, std::string, Done) override {}
  void Delete(const std::string& name, Done done) override {
    loop_.Post([this, name, done = std::move(done)] {
      if (name == stuck) {
        done(std::unexpected(aws::ApiError{409, "ResourceConflictException", name + " is busy"}));
        return;
      }
      registry_.functions.erase(name);
      done(nullptr);
    });
  }
  std::string stuck;

 private:
  io::Loop& loop_;
  ShownRegistry& registry_;
  invoker::VersionsControl versions_;
};

class AdminApiTest : public ::testing::Test {
 protected:
  AdminApiTest() {
    registry.functions["F"] =
        std::make_shared<invoker::FunctionVersion>(invoker::FunctionVersion{.name = "F"});
    logs = MUST(invoker::LogStore::Open(loop, disk, ""));
    admin = std::make_unique<AdminApi>(
        AdminApi::Parts{loop, options, zygote, registry, invoker, control, *logs});
    admin->Register(gateway);
    server = std::make_unique<io::HttpServer>(
        loop, io::HttpServerOptions{},
        [this](io::HttpRequest request, io::HttpResponder responder) {
          gateway.Handle(std::move(request), std::move(responder));
        });
    address = MUST(server->Listen("127.0.0.1:0"));
  }
  ~AdminApiTest() override {
    bool closed = false;
    server->CloseNow([&] { closed = true; });
    loop.RunUntil([&] { return closed; });
  }

  std::unique_ptr<test::RawClient> Ask(const std::string& method, const std::string& target) {
    auto client = std::make_unique<test::RawClient>(loop, address);
    client->Send(method + " " + target + " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    return client;
  }
  // The whole answer that has come, or that comes.
  static Json BodyOf(test::RawClient& client) {
    EXPECT_TRUE(client.WaitFor("\r\n\r\n"));
    const std::string& text = client.received();
    const auto length = text.find("Content-Length: ");
    EXPECT_NE(length, std::string::npos) << text;
    client.WaitForBytes(text.find("\r\n\r\n") + 4 + std::stoul(text.substr(length + 16)));
    return MUST(base::ParseJson(client.received().substr(client.received().find("\r\n\r\n") + 4)));
  }
  Json Get(const std::string& target) { return BodyOf(*Ask("GET", target)); }
  std::string Head(const std::string& method, const std::string& target) {
    auto client = Ask(method, target);
    BodyOf(*client);
    return client->received().substr(0, client->received().find("\r\n\r\n"));
  }
  void AddInstances(const std::string& name, const std::vector<std::string>& states) {
    for (const std::string& state : states) {
      invoker.instances.push_back({.function = name, .version = "$LATEST", .state = state});
    }
  }
  void Append(const std::string& message) { logs->Append(kGroup, "s", message); }
  static std::vector<std::string> Messages(const Json& answer) {
    std::vector<std::string> out;
    for (const auto& event : answer.at("events")) out.push_back(event.at("message"));
    return out;
  }

  base::VirtualClock clock{base::WallTime(1764000000000ms)};
  io::Loop loop{clock};
  io::Offload disk{loop, 1};
  Options options;
  invoker::test::FakeZygote zygote{loop};
  ShownRegistry registry;
  ShownInvoker invoker;
  DeletingControlPlane control{loop, registry, invoker};
  std::unique_ptr<invoker::LogStore> logs;
  std::unique_ptr<AdminApi> admin;
  aws::Gateway gateway;
  std::unique_ptr<io::HttpServer> server;
  std::string address;
};

TEST_F(AdminApiTest, HealthCountsAndSaysWhenItDrains) {
  invoker.instances.resize(3);
  const Json ok = Get("/_hearth/health");
  EXPECT_EQ(ok.at("status"), "ok");
  EXPECT_EQ(ok.at("functions"), 1);
  EXPECT_EQ(ok.at("instances"), 3);
  EXPECT_EQ(ok.at("region"), "us-east-1");
  EXPECT_TRUE(ok.at("machine").at("unenforced").empty());
  admin->SetDraining();
  EXPECT_EQ(Get("/_hearth/health").at("status"), "draining");
}

TEST_F(AdminApiTest, PsShowsEachInstanceInNamedUnits) {
  invoker.instances.push_back({.id = 7,
                               .function = "F",
                               .version = "$LATEST",
                               .state = "frozen",
                               .pid = 42,
                               .memory_now = base::Bytes(10),
                               .memory_peak = base::Bytes(20),
                               .memory_limit = base::Bytes::MiB(128),
                               .age = 1500ms,
                               .invocations = 9});
  invoker.shown = {.invocations = 5, .errors = 1, .throttles = 2, .cold_starts = 3, .evictions = 4};
  const Json answer = Get("/_hearth/ps");
  EXPECT_EQ(answer.at("instances"), (Json::array({{{"id", 7},
                                                   {"function", "F"},
                                                   {"version", "$LATEST"},
                                                   {"state", "frozen"},
                                                   {"pid", 42},
                                                   {"memory_now", 10},
                                                   {"memory_peak", 20},
                                                   {"memory_limit", 134217728},
                                                   {"age_s", 1.5},
                                                   {"invocations", 9}}})));
  EXPECT_EQ(answer.at("counters"), (Json{{"invocations", 5},
                                         {"errors", 1},
                                         {"throttles", 2},
                                         {"cold_starts", 3},
                                         {"evictions", 4}}));
}

TEST_F(AdminApiTest, AMethodThatAPathDoesNotTakeIsRefused) {
  for (const char* path : {"/_hearth/health", "/_hearth/ps", "/_hearth/logs/F"}) {
    EXPECT_THAT(Head("POST", path), HasSubstr(" 405 "));
  }
  EXPECT_THAT(Head("GET", "/_hearth/reset"), HasSubstr(" 405 "));
  EXPECT_THAT(Head("GET", "/_hearth/nothing"), HasSubstr(" 404 "));
}

TEST_F(AdminApiTest, InstancesThatAreIdleEndWhenAskedAndThoseLeftAreCounted) {
  AddInstances("F", {"idle", "idle", "busy", "starting", "ending"});
  AddInstances("G", {"idle"});
  auto client = Ask("DELETE", "/_hearth/functions/%46/instances");
  EXPECT_EQ(BodyOf(*client), (Json{{"ended", 2}, {"left", 2}}));
  EXPECT_THAT(client->received(), HasSubstr(" 200 "));
  EXPECT_EQ(invoker.instances.size(), 4u);
}

TEST_F(AdminApiTest, InstancesOfWhatIsNoFunctionAreNotFound) {
  for (const char* target : {"/_hearth/functions/G/instances", "/_hearth/functions//instances",
                             "/_hearth/functions/F", "/_hearth/functions/F/instances/1",
                             "/_hearth/functions/", "/_hearth/functions/instances"}) {
    EXPECT_THAT(Head("DELETE", target), HasSubstr(" 404 ")) << target;
  }
  EXPECT_THAT(Head("GET", "/_hearth/functions/F/instances"), HasSubstr(" 405 "));
}

TEST_F(AdminApiTest, LogsOfAFunctionThatIsNotThereAreNotFound) {
  EXPECT_THAT(Head("GET", "/_hearth/logs/G"), HasSubstr(" 404 "));
  EXPECT_THAT(Head("GET", "/_hearth/logs/"), HasSubstr(" 404 "));
  EXPECT_THAT(Head("GET", "/_hearth/logs/F%2Fx"), HasSubstr(" 404 "));
  EXPECT_THAT(Head("GET", "/_hearth/logs/%FF%00"), HasSubstr(" 404 "));
}

TEST_F(AdminApiTest, LogsGiveTheNewestOrWhatFollowsACursor) {
  for (int i = 1; i <= 5; ++i) Append(std::to_string(i));
  const Json tail = Get("/_hearth/logs/F?tail=2");
  EXPECT_THAT(Messages(tail), ::testing::ElementsAre("4", "5"));
  EXPECT_EQ(tail.at("next"), 5);
  EXPECT_EQ(tail.at("events")[0].at("timestamp_ms"), 1764000000000);
  EXPECT_EQ(tail.at("events")[0].at("stream"), "s");
  const Json after = Get("/_hearth/logs/F?after=3");
  EXPECT_THAT(Messages(after), ::testing::ElementsAre("4", "5"));
  const Json none = Get("/_hearth/logs/F?after=5");
  EXPECT_TRUE(none.at("events").empty());
  EXPECT_EQ(none.at("next"), 5);  // The cursor stays.
  EXPECT_THAT(Messages(Get("/_hearth/logs/%46")), ::testing::SizeIs(5));
  EXPECT_THAT(Messages(Get("/_hearth/logs/F?tail=x")), ::testing::SizeIs(5));
  EXPECT_TRUE(Get("/_hearth/logs/F?after=99999999999999999999").at("events").is_array());
}

TEST_F(AdminApiTest, ALineThatIsNotUtf8IsShownAllTheSame) {
  Append(
      "a\xff\xfe"
      "b");
  const auto messages = Messages(Get("/_hearth/logs/F?tail=1"));
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_TRUE(messages[0].starts_with("a") && messages[0].ends_with("b"));
}

TEST_F(AdminApiTest, AReaderWaitsUntilThereIsSomethingNew) {
  auto first = Ask("GET", "/_hearth/logs/F?after=0&wait_s=30");
  auto second = Ask("GET", "/_hearth/logs/F?after=0&wait_s=30");
  test::Settle(loop);
  EXPECT_EQ(first->received(), "");
  Append("news");
  Append("more");
  EXPECT_THAT(Messages(BodyOf(*first)), ::testing::ElementsAre("news", "more"));
  EXPECT_THAT(Messages(BodyOf(*second)), ::testing::ElementsAre("news", "more"));
  Append("late");
  test::Settle(loop);
  EXPECT_EQ(first->received().find("late"), std::string::npos);
}

TEST_F(AdminApiTest, AReadersWaitEndsWithItsTimeAndIsBounded) {
  auto client = Ask("GET", "/_hearth/logs/F?after=0&wait_s=5");
  auto longest = Ask("GET", "/_hearth/logs/F?after=0&wait_s=99999");
  test::Settle(loop);
  clock.Advance(4999ms);
  loop.ClockMoved();
  test::Settle(loop);
  EXPECT_EQ(client->received(), "");
  clock.Advance(1ms);
  loop.ClockMoved();
  EXPECT_TRUE(BodyOf(*client).at("events").empty());
  clock.Advance(55s);
  loop.ClockMoved();
  EXPECT_TRUE(BodyOf(*longest).at("events").empty());
}

TEST_F(AdminApiTest, AReaderThatLeavesWhileItWaitsHarmsNobody) {
  auto gone = Ask("GET", "/_hearth/logs/F?after=0&wait_s=30");
  auto stays = Ask("GET", "/_hearth/logs/F?after=0&wait_s=30");
  test::Settle(loop);
  gone->Reset();
  test::Settle(loop);
  Append("news");
  EXPECT_THAT(Messages(BodyOf(*stays)), ::testing::ElementsAre("news"));
}

TEST_F(AdminApiTest, ADrainReleasesWaitingReadersAndNobodyWaitsAfter) {
  auto waiting = Ask("GET", "/_hearth/logs/F?after=0&wait_s=30");
  test::Settle(loop);
  admin->SetDraining();
  admin->ReleaseWaiters();
  EXPECT_TRUE(BodyOf(*waiting).at("events").empty());
  EXPECT_TRUE(Get("/_hearth/logs/F?after=0&wait_s=30").at("events").empty());
}

TEST_F(AdminApiTest, OneThatEndsWithReadersWaitingLeavesNoFollower) {
  auto waiting = Ask("GET", "/_hearth/logs/F?after=0&wait_s=30");
  test::Settle(loop);
  admin.reset();
  Append("news");
  test::Settle(loop);
  EXPECT_EQ(waiting->received().find("news"), std::string::npos);
}

TEST_F(AdminApiTest, ResetIsRefusedUnlessAllowed) {
  EXPECT_THAT(Head("POST", "/_hearth/reset"), HasSubstr(" 403 "));
  EXPECT_EQ(registry.functions.size(), 1u);
}

TEST_F(AdminApiTest, ResetDeletesEveryFunctionBeforeItAnswers) {
  options.allow_reset = true;
  registry.functions["G"] =
      std::make_shared<invoker::FunctionVersion>(invoker::FunctionVersion{.name = "G"});
  auto client = Ask("POST", "/_hearth/reset");
  EXPECT_EQ(BodyOf(*client).at("deleted"), 2);
  EXPECT_TRUE(registry.functions.empty());
  auto again = Ask("POST", "/_hearth/reset");
  EXPECT_EQ(BodyOf(*again).at("deleted"), 0);
}

TEST_F(AdminApiTest, AResetThatCannotDeleteOneSaysSoOnceAllHaveBeenTried) {
  options.allow_reset = true;
  registry.functions["A"] =
      std::make_shared<invoker::FunctionVersion>(invoker::FunctionVersion{.name = "A"});
  control.stuck = "A";
  auto client = Ask("POST", "/_hearth/reset");
  EXPECT_EQ(BodyOf(*client).at("message"), "A is busy");
  EXPECT_THAT(client->received(), HasSubstr(" 500 "));
  EXPECT_EQ(registry.functions.size(), 1u);
}

}  // namespace
}  // namespace hearth::host
