#include "cli/load_runner.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "io/http_server.h"
#include "io/timer.h"

namespace hearth::cli {
namespace {

using namespace std::chrono_literals;

std::shared_ptr<const std::string> Request() {
  return std::make_shared<const std::string>(
      "POST /2015-03-31/functions/F/invocations HTTP/1.1\r\nHost: x\r\nContent-Length: "
      "2\r\n\r\n{}");
}

// A server on the same loop whose handler may stall.
class LoadRunnerTest : public testing::Test {
 protected:
  void Start(io::HttpHandler handler) {
    server_ = std::make_unique<io::HttpServer>(loop_, io::HttpServerOptions{}, std::move(handler));
    address_ = server_->Listen("127.0.0.1:0").value();
  }
  void TearDown() override {
    if (server_ == nullptr) return;
    bool closed = false;
    server_->CloseNow([&closed] { closed = true; });
    loop_.RunUntil([&closed] { return closed; });
  }
  base::SystemClock clock_;
  io::Loop loop_{clock_};
  std::unique_ptr<io::HttpServer> server_;
  std::string address_;
};

TEST_F(LoadRunnerTest, SendsExactlyTheCallsOfAnOpenLoopAndChargesThemForAStall) {
  io::Timer stall(loop_);
  std::vector<io::HttpResponder> held;
  int calls = 0;
  Start([&](io::HttpRequest, io::HttpResponder responder) {
    if (++calls != 20)
      return held.empty() ? responder.Send({}) : held.push_back(std::move(responder));
    // From the 20th call on, nobody is answered for 100 ms.
    held.push_back(std::move(responder));
    stall.Start(100ms, [&] {
      for (io::HttpResponder& each : held) each.Send({});
      held.clear();
    });
  });
  const LoadPlan plan{.connections = 2, .rate = 200, .duration = 500ms};
  LoadRunner runner(loop_, plan, {address_, Request()});
  const auto result = runner.Run();
  ASSERT_TRUE(result);
  EXPECT_EQ(calls, 100);
  EXPECT_EQ(result->all.count(), 100u);
  EXPECT_EQ(result->failed(), 0u);
  // At 200/s a stall of 100 ms delays 20 calls, half of them by 50 ms or more; a closed loop over
  // two connections would have charged two.
  EXPECT_GE(result->all.Percentile(0.92), 40ms);
}

TEST_F(LoadRunnerTest, CountsTheKindsOfErrorsAndLeavesTheWarmUpOut) {
  int calls = 0;
  Start([&](io::HttpRequest, io::HttpResponder responder) {
    responder.Send({.status = ++calls % 2 == 0 ? 429 : 200});
  });
  const LoadPlan plan{.connections = 1, .rate = 500, .warm_up = 20ms, .duration = 200ms};
  LoadRunner runner(loop_, plan, {address_, Request()});
  const auto result = runner.Run();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->warm_up_calls, 10u);
  EXPECT_EQ(result->calls, 100u);
  EXPECT_EQ(result->errors.at("HTTP 429"), 50u);
}

TEST_F(LoadRunnerTest, EndsAtOnceWhereNobodyListens) {
  Start([](io::HttpRequest, io::HttpResponder responder) { responder.Send({}); });
  TearDown();
  server_ = nullptr;
  LoadRunner runner(loop_, {.connections = 4, .duration = 1h}, {address_, Request()});
  const auto result = runner.Run();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->all.count(), 0u);
  EXPECT_GE(result->failed(), 1u);
}

TEST_F(LoadRunnerTest, TakesLittleProcessorTimePerCall) {
  Start([](io::HttpRequest, io::HttpResponder responder) {
    responder.Send({.status = 200, .body = "{}"});
  });
  LoadRunner runner(loop_, {.connections = 8, .duration = 300ms}, {address_, Request()});
  const auto result = runner.Run();
  ASSERT_TRUE(result);
  EXPECT_GT(result->all.count(), 100u);
  // Told, not judged: the server's own share is in it, as both run in this process.
  std::printf("client and server together: %.1f us of CPU a call\n",
              static_cast<double>(result->generator_cpu.count()) / 1000.0 /
                  static_cast<double>(result->calls));
}

}  // namespace
}  // namespace hearth::cli
