// Batches, their order, what is tried again and what is dropped: by a fake consumer, in virtual
// time.
#include "invoker/telemetry_stream.h"

#include <gmock/gmock.h>

#include "base/json.h"
#include "base/limits.h"
#include "tests/unit/io/raw_client.h"

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct FakeConsumer {
  std::vector<std::string> batches;  // Every attempt.
  TelemetryTransport::Callback answer;
  int cancelled = 0;
};

class FakeTransport final : public TelemetryTransport {
 public:
  explicit FakeTransport(FakeConsumer& consumer) : consumer_(consumer) {}
  void Send(std::shared_ptr<const std::string> batch, Callback callback) override {
    EXPECT_EQ(consumer_.answer, nullptr) << "one at a time";
    consumer_.batches.push_back(*batch);
    consumer_.answer = std::move(callback);
  }
  void Cancel() override {
    ++consumer_.cancelled;
    consumer_.answer = nullptr;
  }

 private:
  FakeConsumer& consumer_;
};

class TelemetryStreamTest : public testing::Test {
 protected:
  void SetUp() override { Make({.max_items = 3, .max_bytes = 100, .timeout = 1s}); }
  void TearDown() override {
    stream_.reset();
    EXPECT_EQ(allowance_.held, 0u);
    test::Settle(loop_);
  }
  void Make(const TelemetryStream::Options& options) {
    stream_.reset();
    consumer_ = {};
    stream_ = std::make_unique<TelemetryStream>(loop_, options, allowance_,
                                                std::make_unique<FakeTransport>(consumer_),
                                                [this] { ++drained_; });
  }
  void Advance(base::Duration by) {
    clock_.Advance(by);
    loop_.ClockMoved();
    test::Settle(loop_);
  }
  void Take() { std::exchange(consumer_.answer, nullptr)({}); }
  void Fail() { std::exchange(consumer_.answer, nullptr)(base::Invalid("deliver", "no")); }
  const std::vector<std::string>& batches() const { return consumer_.batches; }

  base::VirtualClock clock_{base::WallTime(std::chrono::seconds(1786019696))};
  io::Loop loop_{clock_};
  TelemetryAllowance allowance_{10000};
  FakeConsumer consumer_;
  std::unique_ptr<TelemetryStream> stream_;
  int drained_ = 0;
};

TEST_F(TelemetryStreamTest, ABatchGoesAtTheFirstOfItemsBytesAndTime) {
  for (const char* record : {"1", "2", "3", "4"}) stream_->Add(record);
  EXPECT_THAT(batches(), ElementsAre("[1,2,3]"));
  Take();
  EXPECT_THAT(batches(), SizeIs(1));
  Advance(999ms);
  EXPECT_THAT(batches(), SizeIs(1));
  Advance(1ms);
  EXPECT_THAT(batches(), ElementsAre("[1,2,3]", "[4]"));
  Take();
  const std::string large(100, 'x');
  stream_->Add(large);
  EXPECT_EQ(batches().back(), "[" + large + "]");
  Take();
}

TEST_F(TelemetryStreamTest, LinesHaveNoBrackets) {
  Make({.framing = TelemetryStream::Framing::kLines, .max_items = 2, .max_bytes = 100});
  stream_->Add("{}");
  stream_->Add("{1}");
  EXPECT_THAT(batches(), ElementsAre("{}\n{1}\n"));
}

TEST_F(TelemetryStreamTest, OneBatchIsUnderwayAtATimeAndOrderIsKept) {
  for (int i = 0; i < 9; ++i) stream_->Add(std::to_string(i));
  EXPECT_THAT(batches(), ElementsAre("[0,1,2]"));
  Take();
  EXPECT_THAT(batches(), ElementsAre("[0,1,2]", "[3,4,5]"));
  Take();
  Take();
  EXPECT_THAT(batches(), ElementsAre("[0,1,2]", "[3,4,5]", "[6,7,8]"));
}

TEST_F(TelemetryStreamTest, AFailureIsTriedAgainEverLater) {
  for (const char* record : {"1", "2", "3"}) stream_->Add(record);
  Fail();
  Advance(49ms);
  EXPECT_THAT(batches(), SizeIs(1));
  Advance(1ms);
  EXPECT_THAT(batches(), SizeIs(2));
  Fail();
  Advance(50ms);
  EXPECT_THAT(batches(), SizeIs(2)) << "twice as long";
  Advance(50ms);
  EXPECT_THAT(batches(), ElementsAre("[1,2,3]", "[1,2,3]", "[1,2,3]"));
  Take();
  Advance(1min);
  EXPECT_THAT(batches(), SizeIs(3));
}

TEST_F(TelemetryStreamTest, WhoNeverAnswersIsGivenUp) {
  for (const char* record : {"1", "2", "3"}) stream_->Add(record);
  Advance(limits::kTelemetryDelivery);
  EXPECT_EQ(consumer_.cancelled, 1);
  Advance(1s);
  EXPECT_THAT(batches(), SizeIs(2));
  for (int i = 0; i < 20 * limits::kMaxTelemetryAttempts; ++i) Advance(limits::kTelemetryDelivery);
  EXPECT_THAT(batches(), SizeIs(limits::kMaxTelemetryAttempts)) << "then it is dropped";
  stream_->Add("4");
  Advance(1s);
  EXPECT_THAT(batches().back(), HasSubstr("platform.logsDropped"));
  EXPECT_THAT(batches().back(), HasSubstr("\"droppedRecords\":3,\"droppedBytes\":3"));
  Take();
  Advance(1s);
  EXPECT_EQ(batches().back(), "[4]");
}

TEST_F(TelemetryStreamTest, WhatFindsNoRoomIsDroppedAndToldInItsPlace) {
  Make({.max_items = 1000, .max_bytes = 300, .timeout = 1s});
  for (int i = 0; i < 40; ++i) stream_->Add(std::string(30, 'a'));  // 900 bytes fit.
  EXPECT_EQ(allowance_.held, 900u);
  for (int i = 0; i < 3; ++i) Take();
  Advance(1s);
  stream_->Add("last");
  Advance(1s);
  std::string all;
  for (const auto& batch : batches()) all += batch;
  const auto told = all.find("platform.logsDropped");
  ASSERT_NE(told, std::string::npos);
  EXPECT_THAT(all, HasSubstr("\"droppedRecords\":10,\"droppedBytes\":300"));
  EXPECT_THAT(all, HasSubstr("Consumer seems to have fallen behind"));
}

TEST_F(TelemetryStreamTest, WhoHasNotSubscribedToPlatformIsNotToldOfDrops) {
  Make({.max_items = 1000, .max_bytes = 300, .timeout = 1s, .tells_drops = false});
  for (int i = 0; i < 40; ++i) stream_->Add(std::string(30, 'a'));
  for (int i = 0; i < 3; ++i) Take();
  stream_->Add("last");
  Advance(1s);
  for (const auto& batch : batches()) EXPECT_THAT(batch, Not(HasSubstr("logsDropped")));
  EXPECT_EQ(batches().back(), "[last]");
}

TEST_F(TelemetryStreamTest, StreamsOfOneInstanceShareWhatMayBeHeld) {
  allowance_.most = 50;
  FakeConsumer other;
  TelemetryStream second(loop_, {.max_items = 100, .max_bytes = 1000, .timeout = 1s}, allowance_,
                         std::make_unique<FakeTransport>(other), [] {});
  stream_->Add(std::string(30, 'a'));
  second.Add(std::string(30, 'b'));
  Advance(1s);
  EXPECT_THAT(batches(), SizeIs(1));
  EXPECT_THAT(other.batches, IsEmpty());
}

TEST_F(TelemetryStreamTest, ARecordLargerThanTheBufferIsTakenAlone) {
  stream_->Add(std::string(5000, 'x'));
  EXPECT_THAT(batches(), SizeIs(1));
  stream_->Add(std::string(5000, 'y'));
  Take();
  EXPECT_THAT(batches(), SizeIs(2));
  EXPECT_THAT(batches().back(), HasSubstr("\"droppedRecords\":1,\"droppedBytes\":5000"));
}

TEST_F(TelemetryStreamTest, NothingIsSentToAFrozenSandboxAndNoTimeCountsAgainstIt) {
  for (const char* record : {"1", "2", "3"}) stream_->Add(record);
  stream_->Pause();
  Advance(10min);
  EXPECT_EQ(consumer_.cancelled, 0);
  stream_->Add("4");
  Advance(10min);
  Take();
  EXPECT_THAT(batches(), SizeIs(1));
  stream_->Resume();
  EXPECT_THAT(batches(), ElementsAre("[1,2,3]", "[4]"));
  stream_->Pause();
  stream_->Resume();
  Advance(limits::kTelemetryDelivery);
  EXPECT_EQ(consumer_.cancelled, 1) << "awake, its time counts";
}

TEST_F(TelemetryStreamTest, ARetryThatIsDueWhileFrozenComesWithTheThaw) {
  for (const char* record : {"1", "2", "3"}) stream_->Add(record);
  stream_->Pause();
  Fail();
  Advance(1min);
  stream_->Resume();
  Advance(1s);
  EXPECT_THAT(batches(), SizeIs(2));
}

TEST_F(TelemetryStreamTest, TheEndWaitsForNothing) {
  EXPECT_TRUE(stream_->Drain()) << "nothing is left";
  stream_->Add("1");
  EXPECT_THAT(batches(), ElementsAre("[1]"));
  stream_->Add("2");
  stream_->Add("3");
  EXPECT_FALSE(stream_->Drain());
  Take();
  EXPECT_THAT(batches(), ElementsAre("[1]", "[2,3]"));
  EXPECT_EQ(drained_, 0);
  Take();
  EXPECT_EQ(drained_, 1);
}

TEST_F(TelemetryStreamTest, TheEndGivesUpSoonWhereNobodyListens) {
  stream_->Add("1");
  EXPECT_FALSE(stream_->Drain());
  for (int i = 0; i < limits::kMaxTelemetryAttempts && consumer_.answer; ++i) {
    Fail();
    Advance(100ms);
  }
  EXPECT_EQ(drained_, 1);
}

}  // namespace
}  // namespace hearth::invoker
