// From a change of an object to its target: the store, the rules and the outbox together.
#include <random>

#include "base/json.h"
#include "tests/unit/triggers/s3/store_fixture.h"
#include "triggers/s3/event_outbox.h"
#include "triggers/s3/notification_rules.h"

namespace hearth::s3 {
namespace {

using base::Json;
using test::Versioning;

constexpr char kQueue[] = "arn:aws:sqs:us-east-1:000000000000:Jobs";

class EventDeliveryTest : public test::StoreTest {
 protected:
  ~EventDeliveryTest() override { outbox_.reset(); }

  void OpenOutbox() {
    outbox_ = std::make_unique<EventOutbox>(
        loop,
        [this](const OutgoingEvent& event, EventOutbox::Sent sent) {
          events_.push_back(MUST(base::ParseJson(event.payload))["Records"][0]);
          if (is_deaf_) return;
          sent({});
        },
        EventOutbox::Rows{
            .load = [this](int64_t after, int most,
                           auto done) { store->LoadOutbox(after, most, std::move(done)); },
            .forget = [this](std::vector<int64_t> ids) { store->ForgetOutbox(std::move(ids)); }});
    store->OnOutbox([this](std::vector<OutboxRow> rows) { outbox_->Add(std::move(rows)); });
  }
  // As a kill does it.
  void Crash() {
    outbox_.reset();
    Reopen();
    OpenOutbox();
  }
  void SettleAll() {
    loop.RunUntil([&] { return outbox_->IsQuiet() && store->IsQuiet(); });
  }
  Announce Telling(const std::string& created_by) {
    NotificationConfig config{
        {{.id = "all",
          .target = NotificationRule::Target::kQueue,
          .arn = kQueue,
          .events = {"s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*"}}},
        false};
    return MakeAnnounce(std::make_shared<const NotificationRules>(config, "b", invoker::Account()),
                        {.created_by = created_by, .time_ms = 1764000000000});
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> out;
    for (const Json& event : events_) out.push_back(event["eventName"]);
    return out;
  }

  std::unique_ptr<EventOutbox> outbox_;
  std::vector<Json> events_;
  bool is_deaf_ = false;
};

TEST_F(EventDeliveryTest, TellsOfEachChangeInItsOrderWithWhatTheObjectHas) {
  OpenOutbox();
  MakeBucket("b");
  const auto put = Put("b", "a b", "hello", Telling("ObjectCreated:Put"));
  ASSERT_TRUE(Ask<ObjectRecord>([&](auto done) {
                store->SetTags("b", "a b", "", {{"k", "v"}}, Telling(""), std::move(done));
              }).has_value());
  ASSERT_TRUE(Ask<ObjectRecord>([&](auto done) {
                store->SetTags("b", "a b", "", {}, Telling(""), std::move(done));
              }).has_value());
  SetVersioning("b", Versioning::kEnabled);
  Put("b", "a b", "again", Telling("ObjectCreated:Copy"));
  const auto marker = MustHave(Delete({.bucket = "b", .key = "a b", .announce = Telling("")}));
  ASSERT_TRUE(
      Delete(
          {.bucket = "b", .key = "a b", .version_id = marker.version_id, .announce = Telling("")})
          .has_value());
  SettleAll();
  EXPECT_EQ(Names(), (std::vector<std::string>{"ObjectCreated:Put", "ObjectTagging:Put",
                                               "ObjectTagging:Delete", "ObjectCreated:Copy",
                                               "ObjectRemoved:DeleteMarkerCreated",
                                               "ObjectRemoved:Delete"}));
  const Json& first = events_[0]["s3"]["object"];
  EXPECT_EQ(first["key"], "a+b");
  EXPECT_EQ(first["size"], 5);
  EXPECT_EQ(first["eTag"], put.etag);
  EXPECT_FALSE(first.contains("versionId"));
  EXPECT_TRUE(events_[3]["s3"]["object"].contains("versionId"));
  EXPECT_EQ(events_[4]["s3"]["object"]["versionId"], marker.version_id);
  EXPECT_EQ(events_[4]["s3"]["object"]["eTag"], "d41d8cd98f00b204e9800998ecf8427e");
  // Of one key, the sequencer tells what came after what.
  std::string before;
  for (const size_t i : {0, 3, 4}) {
    const std::string sequencer = events_[i]["s3"]["object"]["sequencer"];
    EXPECT_GT(sequencer, before) << Names()[i];
    before = sequencer;
  }
}

TEST_F(EventDeliveryTest, TellsNobodyOfWhatWasRefused) {
  OpenOutbox();
  MakeBucket("b");
  Put("b", "k", "1");
  EXPECT_FALSE(Put({.bucket = "b",
                    .object = Object("k", {}),
                    .condition = {.if_none_match = true},
                    .announce = Telling("ObjectCreated:Put")})
                   .has_value());
  EXPECT_FALSE(
      Put({.bucket = "none", .object = Object("k", {}), .announce = Telling("x")}).has_value());
  SettleAll();
  EXPECT_TRUE(events_.empty());
}

// Each put that was acknowledged gives its event at least once; one that never was gives none, or
// is there.
TEST_F(EventDeliveryTest, LosesNoEventOfAnAcknowledgedPutWhereverItIsCutOff) {
  std::mt19937 random(7);
  OpenOutbox();
  MakeBucket("b");
  std::set<std::string> acknowledged;
  int next = 0;
  for (int round = 0; round < 30; ++round) {
    is_deaf_ = random() % 2 == 0;
    const auto body = MustHave(Stage(std::to_string(round)));
    for (int i = 0; i < 8; ++i) {
      const std::string key = std::to_string(next++);
      ObjectRecord object = Object(key, i == 0 ? body : StagedBody());
      store->Put({.bucket = "b", .object = object, .announce = Telling("ObjectCreated:Put")},
                 [&acknowledged, key](Answer<ObjectRecord> answer) {
                   if (answer) acknowledged.insert(key);
                 });
    }
    if (random() % 4 != 0) {
      loop.RunUntil([&, before = acknowledged.size()] { return acknowledged.size() > before; });
    }
    for (size_t turns = random() % 4; turns > 0; --turns) loop.RunOnce();
    Crash();
  }
  is_deaf_ = false;
  Crash();
  SettleAll();
  std::set<std::string> told;
  for (const Json& event : events_) told.insert(event["s3"]["object"]["key"]);
  for (const std::string& key : acknowledged) EXPECT_TRUE(told.contains(key)) << key;
  EXPECT_GT(acknowledged.size(), 100u);
  for (const std::string& key : told) EXPECT_NE(Get("b", key), "NoSuchKey") << key;
  const auto left = MustHave(
      Ask<std::vector<OutboxRow>>([&](auto done) { store->LoadOutbox(0, 10, std::move(done)); }));
  EXPECT_TRUE(left.empty());
}

}  // namespace
}  // namespace hearth::s3
