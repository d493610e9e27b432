// Extensions: from their start to their share of the instance's end, over a fake hearth-init.
#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>

#include "base/file.h"
#include "sandbox/init.h"
#include "tests/unit/base/temporary_folder.h"
#include "tests/unit/invoker/data_plane.h"
#include "tests/unit/io/raw_client.h"

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;
using hearth::test::RawClient;
using sandbox::InitReport;
using test::CallPtr;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class DataExtensions : public test::DataPlane {
 protected:
  void SetUp() override {
    test::DataPlane::SetUp();
    options.layers_folder = [this](const std::vector<std::string>&) { return layers_.path(); };
  }
  void TearDown() override { clients_.clear(); }

  void HaveExtension(const std::string& name) {
    std::filesystem::create_directories(layers_.path() + "/extensions");
    ASSERT_TRUE(base::WriteFileAtomically(layers_.path() + "/extensions/" + name, "").has_value());
  }
  FunctionRef WithLayer(FunctionVersion settings = {}) {
    settings.layers = {
        {.arn = "arn:aws:lambda:us-east-1:000000000000:layer:L:1", .code_digest = "layer"}};
    return Function("F", std::move(settings));
  }
  // On a connection that stays.
  RawClient& Ask(size_t index, const std::string& method, const std::string& path,
                 const std::string& headers, const std::string& body = "") {
    clients_.push_back(std::make_unique<RawClient>(loop, process(index).address()));
    clients_.back()->Send(method + " /2020-01-01/extension/" + path + " HTTP/1.1\r\nHost: x\r\n" +
                          headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                          body);
    Turn();
    return *clients_.back();
  }
  // Its identifier header.
  std::string Register(size_t index, const std::string& name,
                       const std::string& events = "[\"INVOKE\",\"SHUTDOWN\"]") {
    RawClient& client = Ask(index, "POST", "register", "Lambda-Extension-Name: " + name + "\r\n",
                            "{\"events\":" + events + "}");
    EXPECT_TRUE(client.WaitFor("functionName")) << client.received();
    const auto at = client.received().find("Lambda-Extension-Identifier: ");
    return client.received().substr(at, 29 + 36) + "\r\n";
  }
  RawClient& Next(size_t index, const std::string& id) {
    return Ask(index, "GET", "event/next", id);
  }
  // A process with one extension "watch" that waits, as its runtime does.
  std::string StartWatched(size_t index, const std::string& events = "[\"INVOKE\",\"SHUTDOWN\"]") {
    process(index).Launched();
    Turn();
    const std::string id = Register(index, "watch", events);
    process(index).TakePrograms();
    process(index).Ready();
    Turn();
    next_ = &Next(index, id);
    return id;
  }
  void Exits(size_t index, uint32_t program, int status) {
    process(index).ProgramEnds(program, InitReport::kExited, status);
    Turn();
  }

  hearth::test::TemporaryFolder layers_;
  std::vector<std::unique_ptr<RawClient>> clients_;
  RawClient* next_ = nullptr;
};

TEST_F(DataExtensions, AFunctionWithoutThemIsStartedAsEver) {
  std::filesystem::create_directories(layers_.path() + "/lib");
  Invoke(WithLayer());
  EXPECT_EQ(process(0).spec.executable, "/usr/bin/python3");
  EXPECT_THAT(process(0).spec.listen_ports, IsEmpty());
}

TEST_F(DataExtensions, AllRegisterThenTheRuntimeStartsThenAllAskAndTheCallRuns) {
  HaveExtension("a");
  HaveExtension("b");
  const auto call = Invoke(WithLayer(), {.payload = "7"});
  EXPECT_EQ(process(0).spec.executable, sandbox::kInitProgram);
  EXPECT_THAT(process(0).spec.environment, IsEmpty());
  process(0).Launched();
  Turn();
  EXPECT_THAT(process(0).TakePrograms(),
              ElementsAre("program 1: /opt/extensions/a", "program 2: /opt/extensions/b"));
  const std::string a = Register(0, "a");
  EXPECT_THAT(process(0).TakePrograms(), IsEmpty());
  const std::string b = Register(0, "b", "[]");
  EXPECT_THAT(process(0).TakePrograms(), ElementsAre("program 0: /usr/bin/python3"));
  process(0).Ready();
  Turn();
  RawClient& next = Next(0, a);
  EXPECT_FALSE(process(0).Take());
  Next(0, b);
  const auto event = process(0).Take();
  ASSERT_TRUE(event);
  EXPECT_TRUE(next.WaitFor("\"requestId\":\"r1\"")) << "both get it at once";
  process(0).Respond("r1", event->payload);
  Turn();
  EXPECT_TRUE(call->answered());
  EXPECT_EQ(States(), "busy") << "an extension is still at work";
  EXPECT_THAT(Lines("F"), Not(Contains(StartsWith("REPORT"))));
  Pass(40ms);
  Next(0, a);
  EXPECT_EQ(States(), "idle");
  EXPECT_THAT(Lines("F").back(), HasSubstr("\tDuration: 40.00 ms\tBilled Duration: 40 ms\t"));
  EXPECT_THAT(Lines("F"), Contains("EXTENSION\tName: a\tState: Ready\tEvents: [INVOKE,SHUTDOWN]"));
}

TEST_F(DataExtensions, TwoThatCrashAtOnceEndTheInitOnce) {
  HaveExtension("a");
  HaveExtension("b");
  const auto call = Invoke(WithLayer());
  for (size_t round = 0; round < 2; ++round) {
    process(round).lingers = true;
    process(round).Launched();
    Turn();
    process(round).ProgramEnds(1, InitReport::kExited, 1);
    process(round).ProgramEnds(2, InitReport::kExited, 1);
    process(round).ProgramEnds(0, InitReport::kExited, 1);  // Which never ran.
    Pass(250ms);                                            // So long its end is waited for.
  }
  EXPECT_EQ(call->answers, 1);
  EXPECT_EQ(States(), "ending ending");
}

TEST_F(DataExtensions, OneThatComesBackTooLateFindsTheEnd) {
  HaveExtension("watch");
  const auto call = Invoke(WithLayer());
  const std::string id = StartWatched(0);
  Serve(0, call);
  Pass(3s);
  EXPECT_EQ(States(), "ending");
  RawClient& next = Next(0, id);
  EXPECT_EQ(States(), "ending");
  Pass(500ms);
  EXPECT_TRUE(next.WaitFor("\"shutdownReason\":\"timeout\""));
}

TEST_F(DataExtensions, WhatTheyWriteIsInTheFunctionsLog) {
  HaveExtension("watch");
  Invoke(WithLayer());
  StartWatched(0);
  process(0).PrintAsExtension("from the extension\n");
  Turn();
  EXPECT_THAT(Lines("F"), Contains("from the extension"));
}

TEST_F(DataExtensions, OneThatDoesNotRegisterEndsTheInitAfterTenSeconds) {
  HaveExtension("watch");
  const auto call = Invoke(WithLayer());
  process(0).Launched();
  Turn();
  Pass(10s);
  EXPECT_EQ(process(0).kills, 1) << "nobody is to be heard";
  EXPECT_THAT(Lines("F"), Contains(HasSubstr("INIT_REPORT Init Duration: 10000.00 ms\t"
                                             "Phase: init\tStatus: timeout")));
  // Once more, as a part of the call.
  ASSERT_EQ(zygote.processes.size(), 2u);
  StartWatched(1);
  Serve(1, call);
}

TEST_F(DataExtensions, OneThatDoesNotComeBackEndsWithTheCallsTimeout) {
  HaveExtension("watch");
  const auto call = Invoke(WithLayer());
  StartWatched(0);
  Serve(0, call);
  Pass(3s);
  EXPECT_THAT(Lines("F"), Contains(HasSubstr("\tStatus: timeout")));
  EXPECT_EQ(call->answers, 1);
  EXPECT_EQ(States(), "ending");
}

TEST_F(DataExtensions, TheirTimeAfterTheAnswerIsMeasuredAndBilled) {
  HaveExtension("watch");
  const auto call = Invoke(WithLayer());
  const std::string id = StartWatched(0);
  Serve(0, call);
  const uint64_t answered = invoker().metrics().TakeUnbilled().at("F").mib_ms;
  Pass(40ms);
  Next(0, id);
  const auto metrics = invoker().metrics().Of("F");
  EXPECT_EQ(metrics->post_runtime_extensions.sum_ms(), 40);
  EXPECT_EQ(metrics->duration.sum_ms(), 0) << "what the caller waited for";
  EXPECT_EQ(metrics->unbilled.requests, 0u);
  EXPECT_EQ(metrics->unbilled.mib_ms, 40u * 128 - answered % (40 * 128));
}

TEST_F(DataExtensions, ACrashFailsTheInitOrTheCall) {
  HaveExtension("watch");
  const auto call = Invoke(WithLayer());
  for (size_t round = 0; round < 2; ++round) {
    process(round).Launched();
    Turn();
    Exits(round, 1, 0);
  }
  EXPECT_EQ(call->status(), InvocationStatus::kInitError);
  EXPECT_THAT(call->result.payload, HasSubstr("\"errorType\":\"Extension.Crash\""));
  EXPECT_THAT(call->result.payload, HasSubstr("RequestId: r1 Error: exit code 0\""));
  const auto second = Invoke(WithLayer());
  StartWatched(2);
  process(2).ProgramEnds(1, InitReport::kSignaled, SIGSEGV);
  Turn();
  EXPECT_EQ(second->status(), InvocationStatus::kExited);
  EXPECT_THAT(second->result.payload, HasSubstr("Error: signal: segmentation fault\""));
  EXPECT_EQ(States(), "ending");
  EXPECT_THAT(Lines("F").back(), HasSubstr("Status: error\tError Type: Extension.Crash"));
}

TEST_F(DataExtensions, WhatTheRuntimeEndsWithIsToldAsWithoutThem) {
  HaveExtension("watch");
  const auto call = Invoke(WithLayer());
  StartWatched(0);
  process(0).CloseChannel();  // As its end does, a moment before that is told.
  Turn();
  EXPECT_EQ(process(0).kills, 0) << "only the runtime is to end";
  EXPECT_THAT(process(0).TakeSignals(), ElementsAre("program 0: 9"));
  Exits(0, 0, 3);
  EXPECT_THAT(call->result.payload, HasSubstr("Runtime exited with error: exit status 3"));
}

TEST_F(DataExtensions, ARuntimeThatCannotBeExecutedIsAnInvalidEntrypoint) {
  HaveExtension("watch");
  const auto call = Invoke(WithLayer({.runtime = "provided.al2023"}));
  for (size_t round = 0; round < 2; ++round) {
    process(round).Launched();
    Turn();
    Register(round, "watch");
    process(round).ProgramEnds(0, InitReport::kStartFailed, ENOENT);
    Turn();
  }
  EXPECT_THAT(call->result.payload, HasSubstr("Runtime.InvalidEntrypoint"));
  EXPECT_THAT(call->result.payload, HasSubstr("/var/task/bootstrap: no such file or directory"));
}

// --- The end

TEST_F(DataExtensions, TheEndIsSigtermThenShutdownThenDeath) {
  HaveExtension("watch");
  const auto call = Invoke(WithLayer());
  const std::string id = StartWatched(0);
  Serve(0, call);
  RawClient& next = Next(0, id);
  Pass(60ms);
  EXPECT_TRUE(process(0).frozen);
  EXPECT_EQ(invoker().EndIdle("F"), 1u);
  Turn();
  EXPECT_FALSE(process(0).frozen);
  EXPECT_EQ(process(0).kills, 0);
  EXPECT_THAT(process(0).TakeSignals(), ElementsAre("program 0: 15"));
  EXPECT_THAT(next.received(), IsEmpty()) << "the runtime has its share first";
  process(0).ProgramEnds(0, InitReport::kSignaled, SIGTERM);
  ASSERT_TRUE(next.WaitFor("\"shutdownReason\":\"spindown\""));
  EXPECT_EQ(process(0).kills, 0);
  EXPECT_EQ(States(), "ending");
  Exits(0, 1, 0);
  EXPECT_EQ(process(0).kills, 1);
  EXPECT_EQ(States(), "");
}

TEST_F(DataExtensions, WhoDoesNotEndIsKilledWhenItsShareIsOver) {
  HaveExtension("watch");
  const auto call = Invoke(WithLayer());
  const std::string id = StartWatched(0);
  Serve(0, call);
  RawClient& next = Next(0, id);
  invoker().EndIdle("F");
  Pass(499ms);
  EXPECT_THAT(process(0).TakeSignals(), ElementsAre("program 0: 15"));
  Pass(1ms);
  EXPECT_THAT(process(0).TakeSignals(), ElementsAre("program 0: 9"));
  ASSERT_TRUE(next.WaitFor("SHUTDOWN"));
  Pass(1499ms);
  EXPECT_EQ(process(0).kills, 0);
  Pass(1ms);
  EXPECT_EQ(process(0).kills, 1);
}

TEST_F(DataExtensions, AFrozenOneWakesForItsEndOnlyWhereThereIsRoomForAllItMayUse) {
  options.memory_budget = base::Bytes::MiB(250);
  HaveExtension("watch");
  const auto call = Invoke(WithLayer());
  const std::string id = StartWatched(0);
  process(0).memory.now = base::Bytes::MiB(20);
  Serve(0, call);
  Next(0, id);
  Pass(60ms);
  ASSERT_TRUE(process(0).frozen);
  const auto other = Invoke(Function("G"));
  Start(1);
  EXPECT_EQ(invoker().EndIdle("F"), 1u);
  Turn();
  EXPECT_TRUE(process(0).frozen) << "102 MiB are free, and it might grow by 108";
  EXPECT_EQ(process(0).kills, 1);
  Serve(1, other);
}

TEST_F(DataExtensions, OneThatIsEvictedIsNotWaitedFor) {
  options.memory_budget = base::Bytes::MiB(128);
  HaveExtension("watch");
  const auto call = Invoke(WithLayer());
  const std::string id = StartWatched(0);
  Serve(0, call);
  Next(0, id);
  const auto other = Invoke(Function("G"));
  Turn();
  EXPECT_EQ(process(0).kills, 1);
  Start(1);
  Serve(1, other);
}

TEST_F(DataExtensions, OneThatDidNotAskForTheEndIsNotWaitedFor) {
  HaveExtension("watch");
  const auto call = Invoke(WithLayer());
  StartWatched(0, "[]");
  Serve(0, call);
  invoker().EndIdle("F");
  Pass(500ms);
  EXPECT_EQ(process(0).kills, 1);
}

TEST_F(DataExtensions, TheReasonOfTheEndIsTold) {
  HaveExtension("watch");
  const auto late = Invoke(WithLayer());
  const std::string id = StartWatched(0);
  RawClient& first = Next(0, id);
  Pass(3s);
  EXPECT_EQ(late->status(), InvocationStatus::kTimeout);
  Pass(500ms);
  EXPECT_TRUE(first.WaitFor("\"shutdownReason\":\"timeout\""));
  const auto dead = Invoke(WithLayer());
  const std::string second_id = StartWatched(1);
  RawClient& second = Next(1, second_id);
  Exits(1, 0, 1);
  EXPECT_EQ(dead->status(), InvocationStatus::kExited);
  Pass(1ms);
  EXPECT_TRUE(second.WaitFor("\"shutdownReason\":\"failure\""))
      << "there is no runtime to wait for";
}

TEST_F(DataExtensions, ADrainWaitsForTheEndOfExtensions) {
  HaveExtension("watch");
  const auto call = Invoke(WithLayer());
  const std::string id = StartWatched(0);
  Serve(0, call);
  Next(0, id);
  bool drained = false;
  invoker().Drain(base::Deadline::After(clock, 30s), [&] { drained = true; });
  Turn();
  EXPECT_FALSE(drained);
  Pass(500ms);  // The share of the runtime, which does not end by itself.
  EXPECT_FALSE(drained);
  Pass(1500ms);
  EXPECT_TRUE(drained);
}

// --- Internal ones

TEST_F(DataExtensions, APartOfACustomRuntimeRegistersWithoutAnyPreparation) {
  const auto call = Invoke(Function("F", {.runtime = "provided.al2023"}));
  process(0).Launched();
  Turn();
  const std::string id = Register(0, "inner", "[\"INVOKE\"]");
  clients_.push_back(std::make_unique<RawClient>(loop, process(0).address()));
  clients_.back()->Send("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n");
  RawClient& runtime = *clients_.back();
  Turn();
  EXPECT_THAT(runtime.received(), IsEmpty());
  RawClient& next = Next(0, id);
  EXPECT_TRUE(runtime.WaitFor("Lambda-Runtime-Aws-Request-Id: r1"));
  EXPECT_TRUE(next.WaitFor("\"requestId\":\"r1\""));
  Pass(3s);
  EXPECT_EQ(call->status(), InvocationStatus::kTimeout);
  EXPECT_EQ(process(0).terminations, 1);
  EXPECT_EQ(process(0).kills, 0);
  Pass(300ms);
  EXPECT_EQ(process(0).kills, 1);
}

TEST_F(DataExtensions, OneThatComesAfterTheInitIsRefused) {
  const auto call = Invoke(Function("F", {.environment = {{"PYTHONWARNINGS", "ignore"}}}));
  EXPECT_EQ(process(0).spec.listen_ports.size(), 1u) << "a part of it may want to be one";
  Start(0);
  Serve(0, call);
  RawClient& late = Ask(0, "POST", "register", "Lambda-Extension-Name: late\r\n", "{}");
  EXPECT_TRUE(late.WaitFor("Extension.RegistrationClosed"));
  // Nor does it cost anything at the end.
  invoker().EndIdle("F");
  Turn();
  EXPECT_EQ(process(0).kills, 1);
}

}  // namespace
}  // namespace hearth::invoker
