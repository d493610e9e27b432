#include "cli/load_cold.h"

#include <gmock/gmock.h>

#include "io/http_server.h"

namespace hearth::cli {
namespace {

using testing::ElementsAre;

// A server on the same loop: what it is asked and what the runner ends, in order.
class ColdRunnerTest : public testing::Test {
 protected:
  ColdRunnerTest() {
    server_ = std::make_unique<io::HttpServer>(
        loop_, io::HttpServerOptions{}, [this](io::HttpRequest request, io::HttpResponder to) {
          happened_.emplace_back(request.target);
          if (request.method == "GET") return to.Send({});
          held_.push_back(std::move(to));
          if (held_.size() >= answer_at_) Answer();
        });
    address_ = server_->Listen("127.0.0.1:0").value();
  }
  ~ColdRunnerTest() override {
    bool closed = false;
    server_->CloseNow([&closed] { closed = true; });
    loop_.RunUntil([&closed] { return closed; });
  }
  void Answer() {
    for (io::HttpResponder& each : held_) {
      io::HttpResponse response{.status = status_};
      response.headers.Add("X-Hearth-Spans", "cold=1;queue=1;start=700;start.mounts=40");
      each.Send(std::move(response));
    }
    held_.clear();
  }
  std::shared_ptr<const std::string> Request(const std::string& target) {
    return std::make_shared<const std::string>("POST " + target +
                                               " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
  }
  std::expected<LoadResult, Failure> Run(const ColdPlan& plan) {
    ColdTarget target{.address = address_, .requests = {Request("/f"), Request("/g")}};
    target.end_idle = [this]() -> std::expected<uint64_t, Failure> {
      if (refusal_) return std::unexpected(*refusal_);
      happened_.push_back("end");
      return busy_ > 0 ? busy_-- : 0;
    };
    return ColdRunner(loop_, plan, std::move(target)).Run();
  }

  base::SystemClock clock_;
  io::Loop loop_{clock_};
  std::unique_ptr<io::HttpServer> server_;
  std::string address_;
  std::vector<std::string> happened_;
  std::vector<io::HttpResponder> held_;
  size_t answer_at_ = 1;
  int status_ = 200;
  uint64_t busy_ = 0;
  std::optional<Failure> refusal_;
};

TEST_F(ColdRunnerTest, EndsWhatIsWarmBeforeEachCallAndTakesFunctionsInTurn) {
  const auto result = Run({.calls = 3});
  ASSERT_TRUE(result);
  EXPECT_THAT(happened_, ElementsAre("/_hearth/health", "end", "/f", "end", "/g", "end", "/f"));
  EXPECT_EQ(result->cold.count(), 3u);
  EXPECT_EQ(result->calls, 3u);
  EXPECT_EQ(result->warm_up_calls, 0u);
  ASSERT_EQ(result->steps.size(), 3u);
  EXPECT_EQ(result->steps[2].name, "start.mounts");
  EXPECT_EQ(result->steps[2].time.count(), 3u);
}

TEST_F(ColdRunnerTest, WaitsForAnInstanceThatIsStillBusy) {
  busy_ = 2;
  ASSERT_TRUE(Run({.calls = 1}));
  EXPECT_THAT(happened_, ElementsAre("/_hearth/health", "end", "end", "end", "/f"));
}

TEST_F(ColdRunnerTest, ABurstIsSentWholeBeforeItsFirstReply) {
  answer_at_ = 20;  // Only the last call's arrival releases the replies.
  const auto result = Run({.order = ColdPlan::Order::kAtOnce, .calls = 20});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->cold.count(), 20u);
  EXPECT_EQ(std::ranges::count(happened_, "/f"), 10);
  EXPECT_EQ(std::ranges::count(happened_, "/g"), 10);
  // Connected first, ended once, and then called.
  EXPECT_EQ(happened_.at(19), "/_hearth/health");
  EXPECT_EQ(happened_.at(20), "end");
  EXPECT_EQ(happened_.size(), 41u);
  EXPECT_GE(result->elapsed, result->all.max());
}

TEST_F(ColdRunnerTest, CallsThatFailAreErrorsOfTheResult) {
  status_ = 429;
  const auto result = Run({.calls = 2});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->errors.at("HTTP 429"), 2u);
  EXPECT_EQ(result->all.count(), 0u);
}

TEST_F(ColdRunnerTest, AHostThatCannotEndInstancesEndsTheRunInItsWords) {
  refusal_ = Failure{kHostError, "no such path"};
  const auto result = Run({.calls = 2});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "no such path");
  EXPECT_THAT(happened_, ElementsAre("/_hearth/health"));
}

TEST_F(ColdRunnerTest, WhereNobodyListensTheFailureNamesTheAddress) {
  address_ = "127.0.0.1:1";
  const auto result = Run({.calls = 2});
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, testing::HasSubstr("127.0.0.1:1"));
}

}  // namespace
}  // namespace hearth::cli
