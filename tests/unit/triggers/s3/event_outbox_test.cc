#include "triggers/s3/event_outbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <set>

#include "base/limits.h"

namespace hearth::s3 {
namespace {

using namespace std::chrono_literals;
using base::ErrorKind;

// The store's table, and targets that answer as the test says.
class EventOutboxTest : public testing::Test {
 protected:
  ~EventOutboxTest() override { outbox_.reset(); }

  void Open() {
    outbox_.reset();
    held_.clear();
    outbox_ = std::make_unique<EventOutbox>(
        loop_,
        [this](const OutgoingEvent& event, EventOutbox::Sent sent) {
          Deliver(event, std::move(sent));
        },
        EventOutbox::Rows{.load =
                              [this](int64_t after, int most, Done<std::vector<OutboxRow>> done) {
                                ++loads_;
                                loop_.Post([this, after, most, done] { done(Page(after, most)); });
                              },
                          .forget =
                              [this](const std::vector<int64_t>& ids) {
                                ++forgets_;
                                for (const int64_t id : ids) EXPECT_EQ(table_.erase(id), 1u) << id;
                              }});
    Settle();
  }

  Answer<std::vector<OutboxRow>> Page(int64_t after, int most) {
    if (broken_) return std::unexpected(Refusal("InternalError"));
    std::vector<OutboxRow> out;
    for (auto at = table_.upper_bound(after); at != table_.end(); ++at) {
      if (out.size() == static_cast<size_t>(most)) break;
      out.push_back({at->first, at->second});
    }
    return out;
  }

  void Deliver(const OutgoingEvent& event, EventOutbox::Sent sent) {
    ++in_flight_[event.arn];
    most_in_flight_ = std::max(most_in_flight_, in_flight_[event.arn]);
    tried_.push_back(event.payload);
    if (slow_.contains(event.arn)) {
      held_.push_back({event, std::move(sent)});
      return;
    }
    Tell(event, std::move(sent));
  }
  void Tell(const OutgoingEvent& event, const EventOutbox::Sent& sent) {
    --in_flight_[event.arn];
    const auto failing = failing_.find(event.arn);
    if (failing != failing_.end()) {
      return sent(base::MakeError(failing->second, "send", "told to fail"));
    }
    delivered_.push_back(event.payload);
    sent({});
  }
  void AnswerHeld() {
    for (auto& [event, sent] : std::exchange(held_, {})) Tell(event, sent);
    Settle();
  }

  // Commits a row of each, and tells the outbox.
  void Commit(const std::string& arn, int count = 1) {
    std::vector<OutboxRow> rows;
    for (int i = 0; i < count; ++i) {
      ++last_id_;
      table_[last_id_] = {arn, arn + " " + std::to_string(last_id_)};
      rows.push_back({last_id_, table_[last_id_]});
    }
    outbox_->Add(std::move(rows));
  }
  void Settle() {
    loop_.RunUntil([this] { return outbox_->IsQuiet() || !held_.empty() || broken_; });
    for (int i = 0; i < 20; ++i) loop_.RunOnce();
  }
  void Pass(base::Duration time) {
    clock_.Advance(time);
    loop_.ClockMoved();
    Settle();
  }

  base::VirtualClock clock_{base::WallTime(1786019696s)};
  io::Loop loop_{clock_};
  std::map<int64_t, OutgoingEvent> table_;
  int64_t last_id_ = 0;
  std::set<std::string> slow_;
  std::map<std::string, ErrorKind> failing_;
  bool broken_ = false;
  std::deque<std::pair<OutgoingEvent, EventOutbox::Sent>> held_;
  std::map<std::string, size_t> in_flight_;
  size_t most_in_flight_ = 0;
  std::vector<std::string> tried_;
  std::vector<std::string> delivered_;
  int loads_ = 0;
  int forgets_ = 0;
  std::unique_ptr<EventOutbox> outbox_;
};

TEST_F(EventOutboxTest, DeliversInOrderAndForgetsTogether) {
  Open();
  forgets_ = 0;
  const int loads = loads_;
  Commit("a", 3);
  Settle();
  EXPECT_EQ(delivered_, (std::vector<std::string>{"a 1", "a 2", "a 3"}));
  EXPECT_TRUE(table_.empty());
  EXPECT_EQ(forgets_, 1);
  EXPECT_EQ(loads_, loads) << "what was just committed is in memory";
  EXPECT_EQ(outbox_->counters().delivered, 3u);
  EXPECT_EQ(outbox_->held(), 0u);
}

TEST_F(EventOutboxTest, BeginsWithWhatAnEarlierProcessLeft) {
  for (int i = 0; i < 1000; ++i) table_[++last_id_] = {"a", std::to_string(last_id_)};
  Open();
  EXPECT_EQ(delivered_.size(), 1000u);
  EXPECT_TRUE(std::ranges::is_sorted(delivered_, {},
                                     [](const std::string& text) { return std::stoi(text); }));
  EXPECT_TRUE(table_.empty());
}

// What was committed while the pages of before are read comes once, and after them.
TEST_F(EventOutboxTest, LosesNothingThatIsCommittedWhileItReads) {
  for (int i = 0; i < 300; ++i) table_[++last_id_] = {"a", "a " + std::to_string(last_id_)};
  Open();
  for (int round = 0; round < 20; ++round) {
    slow_ = {"a"};
    Commit("a", 700);
    loop_.RunOnce();
    slow_.clear();
    for (auto& [event, sent] : std::exchange(held_, {})) Tell(event, sent);
    Commit("a", 2000);
    loop_.RunOnce();
    Commit("a", 100);
  }
  Settle();
  EXPECT_EQ(delivered_.size(), 300u + 20 * 2800);
  EXPECT_EQ(std::set(delivered_.begin(), delivered_.end()).size(), delivered_.size());
  EXPECT_TRUE(table_.empty());
  EXPECT_EQ(outbox_->held(), 0u);
}

TEST_F(EventOutboxTest, DeliversAgainWhatWasNotForgottenBeforeACrash) {
  Open();
  slow_ = {"a"};
  Commit("a", 2);
  Settle();
  ASSERT_EQ(held_.size(), 2u);
  slow_.clear();
  Open();
  EXPECT_EQ(delivered_, (std::vector<std::string>{"a 1", "a 2"}));
}

TEST_F(EventOutboxTest, DropsWhatATargetRefusesForGood) {
  Open();
  for (const ErrorKind kind :
       {ErrorKind::kInvalid, ErrorKind::kNotFound, ErrorKind::kUnsupported}) {
    failing_["gone"] = kind;
    Commit("gone");
    Commit("here");
    Settle();
    EXPECT_TRUE(table_.empty());
  }
  EXPECT_EQ(outbox_->counters().given_up, 3u);
  EXPECT_EQ(outbox_->counters().delivered, 3u);
  EXPECT_EQ(outbox_->counters().retries, 0u);
}

TEST_F(EventOutboxTest, ProbesATargetThatFailsWithOneRowAndBacksOff) {
  Open();
  failing_["a"] = ErrorKind::kLimit;
  Commit("a", 5);
  Settle();
  const size_t first = tried_.size();  // As many as were on their way.
  EXPECT_EQ(first, 5u);
  Commit("b");
  Settle();
  EXPECT_EQ(delivered_, std::vector<std::string>{"b 6"});
  tried_.clear();
  Pass(999ms);
  EXPECT_TRUE(tried_.empty());
  Pass(1ms);
  EXPECT_EQ(tried_, std::vector<std::string>{"a 1"});
  Pass(1999ms);
  EXPECT_EQ(tried_.size(), 1u);
  Pass(1ms);
  EXPECT_EQ(tried_.size(), 2u);
  for (int i = 0; i < 20; ++i) Pass(5min);
  EXPECT_EQ(tried_.size(), 22u);
  failing_.clear();
  Pass(5min);
  EXPECT_TRUE(table_.empty());
  EXPECT_EQ(delivered_, (std::vector<std::string>{"b 6", "a 1", "a 2", "a 3", "a 4", "a 5"}));
}

TEST_F(EventOutboxTest, GivesUpAfterADayOfFailures) {
  Open();
  failing_["a"] = ErrorKind::kSystem;
  Commit("a", 3);
  Settle();
  for (int i = 0; i < 12 * 24 - 1; ++i) Pass(5min);
  EXPECT_EQ(table_.size(), 3u);
  for (int i = 0; i < 2; ++i) Pass(5min);
  EXPECT_TRUE(table_.empty());
  EXPECT_EQ(outbox_->counters().given_up, 3u);
  EXPECT_EQ(outbox_->held(), 0u);
}

TEST_F(EventOutboxTest, KeepsATargetsFailuresFromTheOthersAndWhatIsHeldBounded) {
  Open();
  slow_ = {"slow"};
  Commit("slow", 20000);
  Settle();
  EXPECT_LE(outbox_->held(), kMaxHeldEventsOfOne + kMaxEventsInFlightOfOne);
  EXPECT_EQ(held_.size(), kMaxEventsInFlightOfOne);
  for (int i = 0; i < 50; ++i) Commit("fast", 10);
  Settle();
  for (int i = 0; i < 200; ++i) loop_.RunOnce();
  EXPECT_EQ(delivered_.size(), 500u);
  // Then all that was left on the disk, in its order.
  delivered_.clear();
  while (!held_.empty()) AnswerHeld();
  EXPECT_EQ(delivered_.size(), 20000u);
  EXPECT_TRUE(std::ranges::is_sorted(
      delivered_, {}, [](const std::string& text) { return std::stoi(text.substr(5)); }));
  EXPECT_LE(most_in_flight_, kMaxEventsInFlightOfOne);
  EXPECT_TRUE(table_.empty());
  EXPECT_EQ(outbox_->held(), 0u);
}

TEST_F(EventOutboxTest, HoldsAllTogetherNoMoreThanItsLimits) {
  Open();
  std::vector<std::string> arns;
  for (int i = 0; i < 30; ++i) arns.push_back("slow " + std::to_string(i));
  slow_.insert(arns.begin(), arns.end());
  for (int round = 0; round < 10; ++round) {
    for (const std::string& arn : arns) Commit(arn, 100);
  }
  Settle();
  EXPECT_LE(outbox_->held(), kMaxHeldEvents + arns.size());
  EXPECT_LE(held_.size(), limits::kMaxObjectEvents);
  while (!held_.empty()) AnswerHeld();
  EXPECT_EQ(delivered_.size(), 30000u);
  EXPECT_TRUE(table_.empty());
}

TEST_F(EventOutboxTest, TriesAgainWhereTheStoreCannotBeRead) {
  table_[++last_id_] = {"a", "a 1"};
  broken_ = true;
  Open();
  EXPECT_TRUE(delivered_.empty());
  const int before = loads_;
  for (int i = 0; i < 50; ++i) loop_.RunOnce();
  EXPECT_EQ(loads_, before) << "it hammers the store";
  broken_ = false;
  Pass(1s);
  EXPECT_EQ(delivered_, std::vector<std::string>{"a 1"});
}

TEST_F(EventOutboxTest, CallsNobodyAfterItsEnd) {
  Open();
  slow_ = {"a"};
  Commit("a");
  Settle();
  auto held = std::exchange(held_, {});
  ASSERT_EQ(held.size(), 1u);
  outbox_.reset();
  held[0].second({});
  for (int i = 0; i < 5; ++i) loop_.RunOnce();
  EXPECT_EQ(table_.size(), 1u);
}

}  // namespace
}  // namespace hearth::s3
