// Custom runtimes: the same life, over the Runtime API's listener inside the sandbox.
#include "tests/unit/invoker/data_plane.h"
#include "tests/unit/io/raw_client.h"

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;
using test::CallPtr;

class DataRuntimeApi : public test::DataPlane {
 protected:
  FunctionRef Custom() { return Function("F", {.runtime = "provided.al2023"}); }
  void Connect(size_t index) {
    process(index).Launched();
    Turn();
    client = std::make_unique<hearth::test::RawClient>(loop, process(index).address());
    ASSERT_TRUE(client->connected());
  }
  void TearDown() override { client.reset(); }
  void Next() {
    client->Send("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  void Post(const std::string& path, const std::string& body, const std::string& headers = "") {
    client->Send("POST /2018-06-01/runtime/" + path + " HTTP/1.1\r\nHost: x\r\n" + headers +
                 "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  }
  void WaitAnswered(const CallPtr& call) {
    loop.RunUntil([&] { return call->answered(); });
  }

  std::unique_ptr<hearth::test::RawClient> client;
};

TEST_F(DataRuntimeApi, ServesACallAndIsIdleOnlyWhenItAsksForTheNext) {
  const auto call = Invoke(Custom(), {.payload = "{\"n\":1}"});
  Connect(0);
  Next();
  ASSERT_TRUE(client->WaitFor("{\"n\":1}"));
  EXPECT_NE(client->received().find("Lambda-Runtime-Aws-Request-Id: r1"), std::string::npos);
  Post("invocation/r1/response", "\"done\"");
  WaitAnswered(call);
  EXPECT_EQ(call->result.payload, "\"done\"");
  EXPECT_EQ(States(), "busy");  // It has not asked again.
  Next();
  loop.RunUntil([&] { return States() == "idle"; });
  const auto second = Invoke(Custom(), {.payload = "{\"n\":2}"});
  ASSERT_TRUE(client->WaitFor("{\"n\":2}"));
  Post("invocation/r2/error", "{\"errorMessage\":\"no\"}",
       "Lambda-Runtime-Function-Error-Type: Runtime.Bad\r\n");
  WaitAnswered(second);
  EXPECT_EQ(second->status(), InvocationStatus::kFunctionError);
  EXPECT_EQ(second->result.payload, "{\"errorMessage\":\"no\"}");
  EXPECT_EQ(zygote.processes.size(), 1u);
}

TEST_F(DataRuntimeApi, ACallWaitsAMomentForOneThatHasJustAnswered) {
  const auto call = Invoke(Custom());
  Connect(0);
  Next();
  ASSERT_TRUE(client->WaitFor("200 OK"));
  Post("invocation/r1/response", "1");
  WaitAnswered(call);
  const auto second = Invoke(Custom(), {.payload = "{\"n\":2}"});
  Turn();
  EXPECT_EQ(zygote.processes.size(), 1u);
  Next();
  ASSERT_TRUE(client->WaitFor("{\"n\":2}"));
  Post("invocation/r2/response", "2");
  WaitAnswered(second);
  // One that has more to do after its answer is not waited for.
  const auto third = Invoke(Custom());
  Turn();
  EXPECT_EQ(zygote.processes.size(), 1u);
  Pass(5ms);
  EXPECT_EQ(zygote.processes.size(), 2u);
}

TEST_F(DataRuntimeApi, OneThatAnswersAndNeverAsksAgainEndsWithTheTimeout) {
  const auto call = Invoke(Custom());
  Connect(0);
  Next();
  ASSERT_TRUE(client->WaitFor("200 OK"));
  Post("invocation/r1/response", "1");
  WaitAnswered(call);
  Pass(3s);
  EXPECT_EQ(call->answers, 1);
  EXPECT_EQ(process(0).kills, 1);
  EXPECT_EQ(States(), "");
}

TEST_F(DataRuntimeApi, AnInitErrorIsTriedOnceMoreThenAnswered) {
  const auto call = Invoke(Custom());
  for (size_t round = 0; round < 2; ++round) {
    Connect(round);
    Post("init/error", "{\"errorMessage\":\"bad\"}",
         "Lambda-Runtime-Function-Error-Type: Runtime.BadConfig\r\n");
    loop.RunUntil([&] { return call->answered() || zygote.processes.size() == round + 2; });
  }
  EXPECT_EQ(call->status(), InvocationStatus::kInitError);
  EXPECT_EQ(call->result.payload, "{\"errorMessage\":\"bad\"}");
  EXPECT_EQ(zygote.processes.size(), 2u);
}

TEST_F(DataRuntimeApi, AResponseOverTheLimitIsAnErrorAndTheInstanceLives) {
  const auto call = Invoke(Custom());
  Connect(0);
  Next();
  ASSERT_TRUE(client->WaitFor("200 OK"));
  Post("invocation/r1/response", std::string(6291557, 'x'));
  WaitAnswered(call);
  EXPECT_TRUE(IsFunctionError(call->status()));
  EXPECT_NE(call->result.payload.find("Function.ResponseSizeTooLarge"), std::string::npos);
  EXPECT_EQ(process(0).kills, 0);
}

TEST_F(DataRuntimeApi, AConnectionLostWhileIdleDoesNotEndTheInstance) {
  const auto call = Invoke(Custom());
  Connect(0);
  Next();
  ASSERT_TRUE(client->WaitFor("200 OK"));
  Post("invocation/r1/response", "1");
  WaitAnswered(call);
  client = std::make_unique<hearth::test::RawClient>(loop, process(0).address());
  Next();
  loop.RunUntil([&] { return States() == "idle"; });
  const auto second = Invoke(Custom(), {.payload = "{\"n\":2}"});
  ASSERT_TRUE(client->WaitFor("{\"n\":2}"));
  Post("invocation/r2/response", "2");
  WaitAnswered(second);
  EXPECT_EQ(second->result.payload, "2");
}

}  // namespace
}  // namespace hearth::invoker
