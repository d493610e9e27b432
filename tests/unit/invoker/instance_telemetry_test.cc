// Who is told what, and how it comes to a listener, to the byte.
#include "invoker/instance_telemetry.h"

#include <gmock/gmock.h>

#include "base/json.h"
#include "base/limits.h"
#include "invoker/platform_events.h"
#include "tests/unit/io/raw_client.h"
#include "tests/unit/io/raw_listener.h"

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;
using runtime::TelemetryApi;
using runtime::TelemetrySubscription;
using test::RawListener;
using test::Settle;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

constexpr char kOk[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

class InstanceTelemetryTest : public testing::Test {
 protected:
  void TearDown() override {
    telemetry_.reset();
    Settle(loop_);
  }
  void Advance(base::Duration by) {
    clock_.Advance(by);
    loop_.ClockMoved();
    Settle(loop_);
  }
  static TelemetrySubscription To(const RawListener& listener,
                                  const std::string& version = "2022-12-13",
                                  TelemetryApi api = TelemetryApi::kTelemetry) {
    TelemetrySubscription out;
    out.api = api;
    out.schema_version = version;
    out.types = {"platform", "function"};
    out.port = listener.port();
    out.host = "sandbox.localdomain:" + std::to_string(listener.port());
    out.target = "/told";
    return out;
  }
  // What the listener is told next, as records; its answer is good.
  std::vector<base::Json> Told(RawListener& listener) {
    Advance(1s);
    if (!peer_.valid()) peer_ = listener.Accept();
    EXPECT_TRUE(peer_.valid());
    last_ = RawListener::Read(peer_.get());
    RawListener::Say(peer_.get(), kOk);
    Settle(loop_);
    const auto body = base::ParseJson(last_.substr(last_.find("\r\n\r\n") + 4));
    if (!body || !body->is_array()) return {};
    return {body->begin(), body->end()};
  }
  std::vector<std::string> Types(RawListener& listener) {
    std::vector<std::string> out;
    for (const auto& record : Told(listener)) out.push_back(record["type"]);
    return out;
  }

  base::VirtualClock clock_{base::WallTime(std::chrono::seconds(1786019696))};
  io::Loop loop_{clock_};
  RawListener listener_;
  base::UniqueFd peer_;
  std::string last_;
  int sockets_ = 0;
  std::unique_ptr<InstanceTelemetry> telemetry_ = std::make_unique<InstanceTelemetry>(
      loop_, [this](std::function<void(base::Result<base::UniqueFd>)> callback) {
        ++sockets_;
        loop_.Post([callback = std::move(callback)] { callback(RawListener::Socket()); });
      });
};

TEST_F(InstanceTelemetryTest, WhoSubscribesIsToldWhatWasBefore) {
  telemetry_->Output("function", "early", false);
  telemetry_->Output("extension", "not asked for", false);
  EXPECT_EQ(telemetry_->Subscribe("e", To(listener_)), std::nullopt);
  EXPECT_TRUE(telemetry_->EndInit());
  telemetry_->Output("function", "late", false);
  EXPECT_THAT(Types(listener_),
              ElementsAre("function", "platform.telemetrySubscription", "function"));
  EXPECT_THAT(last_, StartsWith("POST /told HTTP/1.1\r\nHost: sandbox.localdomain:" +
                                std::to_string(listener_.port()) +
                                "\r\nContent-Type: application/json\r\nContent-Length: "));
  telemetry_->Output("function", "more", false);
  EXPECT_THAT(Types(listener_), ElementsAre("function"));
  EXPECT_EQ(sockets_, 1) << "one connection";
}

TEST_F(InstanceTelemetryTest, WhatTheInitSaysIsBounded) {
  const std::string line(1000, 'x');
  for (int i = 0; i < 1000; ++i) telemetry_->Output("function", line, false);
  EXPECT_EQ(telemetry_->Subscribe("e", To(listener_)), std::nullopt);
  const auto told = Told(listener_);
  const size_t lines =
      std::ranges::count(told, "function", [](const auto& r) { return r["type"]; });
  EXPECT_GT(lines, 200u);
  EXPECT_LT(lines, 270u);
  ASSERT_GT(told.size(), lines);
  EXPECT_EQ(told[lines]["type"], "platform.logsDropped");
  EXPECT_EQ(told[lines]["record"]["droppedRecords"], 1000 - lines);
}

TEST_F(InstanceTelemetryTest, WithoutASubscriberNothingIsKept) {
  telemetry_->Output("function", "x", false);
  EXPECT_FALSE(telemetry_->EndInit());
  EXPECT_TRUE(telemetry_->Drain([] { ADD_FAILURE(); }));
  Settle(loop_);
  EXPECT_EQ(sockets_, 0);
}

TEST_F(InstanceTelemetryTest, EachSchemaHasItsRecords) {
  const struct {
    TelemetryApi api;
    const char* version;
    unsigned hears;
  } kCases[] = {{TelemetryApi::kTelemetry, "2022-07-01", InstanceTelemetry::kTelemetry},
                {TelemetryApi::kTelemetry, "2022-12-13", InstanceTelemetry::kTelemetryObjects},
                {TelemetryApi::kTelemetry, "2025-01-29", InstanceTelemetry::kTelemetryObjects},
                {TelemetryApi::kLogs, "2020-08-15", InstanceTelemetry::kLogs},
                {TelemetryApi::kLogs, "2021-03-18", InstanceTelemetry::kLogsOfRuntime}};
  for (unsigned audience = 1; audience <= 8; audience *= 2) {
    telemetry_->Platform(audience, R"({"type":")" + std::to_string(audience) + R"("})");
  }
  telemetry_->Output("function", "{\"a\":1}", true);
  for (const auto& one : kCases) {
    RawListener listener;
    peer_.Reset();
    EXPECT_EQ(telemetry_->Subscribe(one.version, To(listener, one.version, one.api)), std::nullopt);
    const auto told = Told(listener);
    ASSERT_GE(told.size(), 3u) << one.version;
    EXPECT_EQ(told[0]["type"], std::to_string(one.hears));
    const bool is_object = one.hears == InstanceTelemetry::kTelemetryObjects;
    EXPECT_EQ(told[1]["record"].is_object(), is_object) << one.version;
    EXPECT_EQ(told[2]["type"], one.api == TelemetryApi::kLogs ? "platform.logsSubscription"
                                                              : "platform.telemetrySubscription");
  }
}

TEST_F(InstanceTelemetryTest, ALineThatOnlyLooksLikeAnObjectIsText) {
  EXPECT_EQ(telemetry_->Subscribe("e", To(listener_)), std::nullopt);
  for (const char* line : {"{", "{\"a\":}", "[1]", "7"}) telemetry_->Output("function", line, true);
  const auto told = Told(listener_);
  ASSERT_EQ(told.size(), 5u);
  for (size_t i = 1; i < told.size(); ++i) EXPECT_TRUE(told[i]["record"].is_string()) << told[i];
}

TEST_F(InstanceTelemetryTest, ASecondSubscriptionTakesTheFirstOnesPlace) {
  RawListener second;
  telemetry_->Output("function", "early", false);
  EXPECT_EQ(telemetry_->Subscribe("e", To(listener_)), std::nullopt);
  EXPECT_EQ(telemetry_->Subscribe("e", To(second)), std::nullopt);
  EXPECT_EQ(telemetry_->Subscribe("e", To(second)), std::nullopt);
  const auto told = Told(second);
  ASSERT_EQ(told.size(), 4u);
  EXPECT_EQ(told[0]["record"], "early");
  EXPECT_EQ(told[2]["record"]["state"], "Subscribed");
  EXPECT_EQ(told[3]["record"]["state"], "Already subscribed");
  EXPECT_FALSE(listener_.Accept().valid());
  const auto other = telemetry_->Subscribe("e", To(second, "2021-03-18", TelemetryApi::kLogs));
  ASSERT_TRUE(other.has_value());
  EXPECT_EQ(other->type, "Logs.AccessDenied");
  EXPECT_THAT(other->message, HasSubstr("The extension e is already subscribed to the Telemetry"));
}

TEST_F(InstanceTelemetryTest, AListenerThatFailsIsAskedAgain) {
  EXPECT_EQ(telemetry_->Subscribe("e", To(listener_)), std::nullopt);
  Advance(1s);
  base::UniqueFd first = listener_.Accept();
  RawListener::Say(first.get(), "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
  Settle(loop_);
  Advance(1s);
  first.Reset();  // It took the second attempt and went.
  Settle(loop_);
  EXPECT_THAT(Types(listener_), ElementsAre("platform.telemetrySubscription"));
}

TEST_F(InstanceTelemetryTest, OverTcpRecordsAreLines) {
  TelemetrySubscription to = To(listener_);
  to.is_tcp = true;
  EXPECT_EQ(telemetry_->Subscribe("e", to), std::nullopt);
  telemetry_->Output("function", "x", false);
  Advance(1s);
  const base::UniqueFd peer = listener_.Accept();
  std::string told = RawListener::Read(peer.get());
  EXPECT_THAT(told, HasSubstr("\"record\":\"x\"}\n"));
  EXPECT_EQ(std::ranges::count(told, '\n'), 2);
  RawListener::Say(peer.get(), "anything");  // Not read, and no harm.
  telemetry_->Output("function", "y", false);
  Advance(1s);
  EXPECT_THAT(RawListener::Read(peer.get()), HasSubstr("\"record\":\"y\"}\n"));
}

TEST_F(InstanceTelemetryTest, TheEndIsToldOnceWhenAllHaveTakenWhatWasLeft) {
  RawListener other;
  EXPECT_EQ(telemetry_->Subscribe("a", To(listener_)), std::nullopt);
  EXPECT_EQ(telemetry_->Subscribe("b", To(other)), std::nullopt);
  int drained = 0;
  EXPECT_FALSE(telemetry_->Drain([&] { ++drained; }));
  Settle(loop_);
  for (RawListener* listener : {&listener_, &other}) {
    EXPECT_EQ(drained, 0);
    const base::UniqueFd peer = listener->Accept();
    ASSERT_TRUE(peer.valid()) << "no time is waited for";
    RawListener::Say(peer.get(), kOk);
    Settle(loop_);
  }
  EXPECT_EQ(drained, 1);
}

TEST_F(InstanceTelemetryTest, AFrozenListenerGetsNothing) {
  EXPECT_EQ(telemetry_->Subscribe("e", To(listener_)), std::nullopt);
  telemetry_->Pause();
  Advance(1min);
  EXPECT_FALSE(listener_.Accept().valid());
  telemetry_->Resume();
  EXPECT_THAT(Types(listener_), Not(IsEmpty()));
}

}  // namespace
}  // namespace hearth::invoker
