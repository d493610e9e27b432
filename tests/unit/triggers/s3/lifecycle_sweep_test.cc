#include "triggers/s3/lifecycle_sweep.h"

#include <set>

#include "base/json.h"
#include "tests/unit/triggers/s3/store_fixture.h"
#include "triggers/s3/dates.h"

namespace hearth::s3 {
namespace {

using test::Versioning;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;

constexpr auto kDay = 24h;

// The clock begins at 2025-11-24T16:00:00Z: eight hours before a midnight.
class LifecycleSweepTest : public test::StoreTest {
 protected:
  ~LifecycleSweepTest() override { sweep.reset(); }

  // As a host begins: until what was missed has been done.
  void Begin() {
    store->OnOutbox([this](std::vector<OutboxRow> rows) {
      for (OutboxRow& row : rows) {
        const auto record = MUST(base::ParseJson(row.event.payload))["Records"][0];
        events.push_back(record["eventName"].get<std::string>() + " " +
                         record["s3"]["object"]["key"].get<std::string>());
        last = record;
      }
    });
    sweep = std::make_unique<LifecycleSweep>(loop, *store,
                                             [this](const std::string&) { return notifications; });
    Quiet();
  }
  void Quiet() {
    loop.RunUntil([&] { return sweep->IsQuiet() && store->IsQuiet(); });
  }
  void Move(base::Duration by) {
    service.Advance(by);
    loop.ClockMoved();
  }
  void Advance(base::Duration by) {
    Move(by);
    Quiet();
  }
  void SetRules(const std::string& bucket, LifecycleRules rules) {
    for (LifecycleRule& rule : rules) rule.is_enabled = true;
    const std::string text = rules.empty() ? "" : LifecycleXml(rules);
    ASSERT_TRUE(Ask<void>([&](auto done) {
                  store->ChangeBucket(
                      bucket,
                      [&](BucketRecord& record) {
                        record.texts.erase("lifecycle");
                        if (!text.empty()) record.texts["lifecycle"] = text;
                      },
                      std::move(done));
                }).has_value());
  }
  void Tell(std::vector<std::string> names) {
    NotificationConfig config{{{.id = "n",
                                .target = NotificationRule::Target::kQueue,
                                .arn = "arn:aws:sqs:us-east-1:000000000000:q",
                                .events = std::move(names)}},
                              false};
    notifications = std::make_shared<NotificationRules>(config, "b", invoker::Account{});
  }
  void PutMany(const std::string& bucket, int count, const std::string& prefix = "") {
    int left = count;
    for (int i = 0; i < count; ++i) {
      store->Put({.bucket = bucket, .object = {.key = prefix + std::to_string(10000 + i)}},
                 [&left](const Answer<ObjectRecord>& put) {
                   EXPECT_TRUE(put.has_value());
                   --left;
                 });
    }
    loop.RunUntil([&] { return left == 0; });
  }
  // All versions: "key", "key (marker)"; the newest of each key first.
  std::vector<std::string> Versions(const std::string& bucket) {
    std::vector<std::string> out;
    const auto page = MustHave(Ask<ListPage>([&](auto done) {
      store->ListVersions({.bucket = bucket, .most = 5000}, std::move(done));
    }));
    for (const ObjectRecord& one : page.objects) {
      out.push_back(one.key + (one.is_delete_marker ? " (marker)" : ""));
    }
    return out;
  }

  NotificationRulesRef notifications;
  std::vector<std::string> events;
  base::Json last;
  std::unique_ptr<LifecycleSweep> sweep;
};

TEST_F(LifecycleSweepTest, ObjectsGoAtTheMidnightAfterTheirDaysAndAreToldOf) {
  MakeBucket("b");
  SetRules("b", {{.id = "r", .expiration_days = 1}});
  Tell({"s3:LifecycleExpiration:*"});
  Begin();
  Put("b", "k", "hello");
  Advance(8h);
  EXPECT_EQ(Get("b", "k"), "hello") << "one night";
  Advance(kDay - 1ms);
  EXPECT_EQ(Get("b", "k"), "hello") << "a moment before midnight";
  Advance(1ms);
  EXPECT_EQ(Get("b", "k"), "NoSuchKey");
  EXPECT_THAT(events, ElementsAre("LifecycleExpiration:Delete k"));
  EXPECT_EQ(last["userIdentity"]["principalId"], "s3.amazonaws.com");
  EXPECT_EQ(last["requestParameters"]["sourceIPAddress"], "s3.amazonaws.com");
  EXPECT_EQ(last["eventVersion"], "2.3");
  Settle();
  EXPECT_EQ(CountFiles(), 0u);
}

TEST_F(LifecycleSweepTest, WhoHearsOfRemovalsDoesNotHearOfLifecycles) {
  MakeBucket("b");
  SetRules("b", {{.id = "r", .expiration_days = 1}});
  Tell({"s3:ObjectRemoved:*"});
  Begin();
  Put("b", "k", "x");
  Advance(2 * kDay);
  EXPECT_THAT(events, IsEmpty());
  EXPECT_EQ(sweep->counts().objects, 1u);
}

TEST_F(LifecycleSweepTest, OnlyWhatFitsItsFilterGoes) {
  MakeBucket("b");
  SetRules("b", {{.id = "prefix", .prefix = "logs/", .expiration_days = 2},
                 {.id = "tag", .tags = {{"keep", "no"}}, .expiration_days = 1},
                 {.id = "size", .prefix = "big/", .larger_than = 3, .expiration_days = 1},
                 {.id = "date", .prefix = "d/", .expiration_date_ms = 1764115200000}});
  Begin();
  for (const std::string key : {"big/1", "d/1", "logs/1", "other", "tagged", "tagged-else"}) {
    Put("b", key, "xxx");
  }
  Put("b", "big/2", "xxxx");
  const auto tag = [&](const std::string& key, const std::string& value) {
    MustHave(Ask<ObjectRecord>(
        [&](auto done) { store->SetTags("b", key, "", {{"keep", value}}, {}, std::move(done)); }));
  };
  tag("tagged", "no");
  tag("tagged-else", "yes");
  Advance(8h);
  EXPECT_THAT(Versions("b"), SizeIs(7));
  Advance(kDay);  // 2025-11-26T00:00:00Z, that of the date.
  EXPECT_THAT(Versions("b"), ElementsAre("big/1", "logs/1", "other", "tagged-else"));
  Advance(kDay);
  EXPECT_THAT(Versions("b"), ElementsAre("big/1", "other", "tagged-else"));
  Advance(30 * kDay);
  EXPECT_THAT(Versions("b"), ElementsAre("big/1", "other", "tagged-else"));
}

TEST_F(LifecycleSweepTest, AVersionedObjectIsHiddenThenItsVersionsGoThenItsMarker) {
  MakeBucket("b", Versioning::kEnabled);
  SetRules("b", {{.id = "r", .expiration_days = 1, .noncurrent_days = 2}});
  Tell({"s3:LifecycleExpiration:*"});
  Begin();
  Put("b", "k", "1");
  Put("b", "k", "2");
  Advance(8h + kDay);
  EXPECT_THAT(Versions("b"), ElementsAre("k (marker)", "k", "k"));
  EXPECT_THAT(events, ElementsAre("LifecycleExpiration:DeleteMarkerCreated k"));
  EXPECT_EQ(MustHave(Look("b", "k")).modified_ms % 86'400'000, 0) << "dated midnight";
  Advance(kDay);  // The first one has been noncurrent for two days and eight hours.
  EXPECT_THAT(Versions("b"), ElementsAre("k (marker)", "k"));
  Advance(kDay);  // The second one for two, since that midnight.
  EXPECT_THAT(Versions("b"), ElementsAre("k (marker)"));
  Advance(kDay);
  EXPECT_THAT(Versions("b"), IsEmpty());
  EXPECT_THAT(events, SizeIs(4));
  EXPECT_EQ(events.back(), "LifecycleExpiration:Delete k");
  EXPECT_EQ(sweep->counts().markers, 1u);
}

TEST_F(LifecycleSweepTest, OnlyAMarkerThatIsAloneIsExpired) {
  MakeBucket("b", Versioning::kEnabled);
  SetRules("b", {{.id = "r", .expires_delete_markers = true}});
  Begin();
  Put("b", "covered", "x");
  Delete({.bucket = "b", .key = "covered"});
  Delete({.bucket = "b", .key = "alone"});
  Delete({.bucket = "b", .key = "twice"});
  Delete({.bucket = "b", .key = "twice"});
  Delete({.bucket = "b", .key = "under"});
  Put("b", "under", "x");
  Advance(kDay);
  EXPECT_THAT(Versions("b"), ElementsAre("covered (marker)", "covered", "twice (marker)",
                                         "twice (marker)", "under", "under (marker)"));
}

TEST_F(LifecycleSweepTest, TheNewestOfTheOldVersionsAreKeptAcrossPages) {
  MakeBucket("b", Versioning::kEnabled);
  SetRules("b", {{.id = "r", .noncurrent_days = 1, .noncurrent_versions_kept = 5}});
  Begin();
  for (int i = 0; i < 2 * kLifecyclePage + 50; ++i) PutMany("b", 1);
  Put("b", "few", "x");
  Put("b", "few", "x");
  Advance(8h + kDay);
  EXPECT_THAT(Versions("b"), SizeIs(6 + 2));
}

TEST_F(LifecycleSweepTest, WhereVersionsAreSuspendedTheNullVersionIsReplaced) {
  MakeBucket("b");
  SetRules("b", {{.id = "r", .expiration_days = 1}});
  Put("b", "k", "null");
  SetVersioning("b", Versioning::kEnabled);
  Put("b", "older", "version");
  SetVersioning("b", Versioning::kSuspended);
  Put("b", "older", "null");
  Begin();
  Advance(2 * kDay);
  EXPECT_THAT(Versions("b"), ElementsAre("k (marker)", "older (marker)", "older"));
  EXPECT_EQ(MustHave(Look("b", "k")).version_id, "null");
}

TEST_F(LifecycleSweepTest, WhatIsReplacedOrTaggedMeanwhileStays) {
  MakeBucket("b");
  SetRules("b", {{.id = "r", .prefix = "a", .expiration_days = 1},
                 {.id = "t", .tags = {{"a", "b"}}, .expiration_days = 1}});
  PutRequest tagged{.bucket = "b", .object = {.key = "tagged", .tags = {{"a", "b"}}}};
  Put(tagged);
  PutMany("b", 300, "a");
  Begin();
  // It reads its first page while these are on their way.
  Move(2 * kDay);
  int left = 2;
  store->Put({.bucket = "b", .object = {.key = "a10000"}},
             [&](const Answer<ObjectRecord>&) { --left; });
  store->SetTags("b", "tagged", "", {}, {}, [&](const Answer<ObjectRecord>&) { --left; });
  loop.RunUntil([&] { return left == 0; });
  Quiet();
  EXPECT_THAT(Versions("b"), ElementsAre("a10000", "tagged"));
}

TEST_F(LifecycleSweepTest, RulesThatAreTakenAwayEndTheWalk) {
  MakeBucket("b");
  SetRules("b", {{.id = "r", .expiration_days = 1}});
  PutMany("b", 4 * kLifecyclePage);
  Begin();
  Move(2 * kDay);
  SetRules("b", {});
  Quiet();
  EXPECT_GE(Versions("b").size(), 3u * kLifecyclePage);
}

TEST_F(LifecycleSweepTest, ABucketThatGoesMeanwhileIsNoFailure) {
  MakeBucket("b");
  SetRules("b", {{.id = "r", .expiration_days = 1, .abort_uploads_days = 1}});
  MakeBucket("c");
  SetRules("c", {{.id = "r", .expiration_days = 1}});
  Put("c", "k", "x");
  Begin();
  Move(2 * kDay);
  EXPECT_TRUE(Ask<void>([&](auto done) { store->DeleteBucket("b", std::move(done)); }).has_value());
  Quiet();
  EXPECT_THAT(Versions("c"), IsEmpty());
}

TEST_F(LifecycleSweepTest, UploadsThatNobodyCompletesAreAborted) {
  MakeBucket("b");
  SetRules("b", {{.id = "r", .prefix = "in/", .abort_uploads_days = 1}});
  Begin();
  const auto begin = [&](const std::string& key) {
    return MustHave(Ask<UploadRecord>(
        [&](auto done) { store->CreateUpload({.bucket = "b", .key = key}, std::move(done)); }));
  };
  const auto stale = begin("in/k");
  for (int i = 0; i < kLifecyclePage + 10; ++i) begin("in/many");
  begin("out/k");
  const auto body = MustHave(Stage("part"));
  MustHave(Ask<PartRecord>([&](auto done) {
    store->PutPart("b", "in/k", stale.id,
                   {.number = 1, .size = body.size, .etag = body.md5, .extents = body.extents},
                   std::move(done));
  }));
  const auto keys = [&] {
    std::set<std::string> out;
    const auto page = MustHave(
        Ask<UploadsPage>([&](auto done) { store->ListUploads({.bucket = "b"}, std::move(done)); }));
    for (const UploadRecord& upload : page.uploads) out.insert(upload.key);
    return out;
  };
  Advance(8h);
  begin("in/young");
  EXPECT_THAT(keys(), SizeIs(4));
  Advance(kDay - 1ms);
  EXPECT_THAT(keys(), SizeIs(4));
  Advance(1ms);
  EXPECT_THAT(keys(), ElementsAre("out/k"));
  Settle();
  EXPECT_EQ(CountFiles(), 0u);
}

TEST_F(LifecycleSweepTest, AMidnightThatPassedWhileNobodyRanIsMadeUpForOnce) {
  MakeBucket("b");
  SetRules("b", {{.id = "r", .expiration_days = 1}});
  Begin();
  Put("b", "k", "x");
  sweep.reset();
  Reopen();
  service.Advance(3 * kDay);
  Begin();
  EXPECT_EQ(Get("b", "k"), "NoSuchKey");
  EXPECT_EQ(store->Find("b")->texts.at(kLifecycleRun), "2025-11-27T00:00:00.000Z");
  // Of today's midnight nothing is left to do, whatever the rules are now.
  Put("b", "new", "x");
  sweep.reset();
  Reopen();
  Begin();
  EXPECT_EQ(Get("b", "new"), "x");
}

TEST_F(LifecycleSweepTest, AWalkThatAKillCutShortIsDoneAgain) {
  constexpr int kCount = 3 * kLifecyclePage;
  MakeBucket("b");
  SetRules("b", {{.id = "r", .expiration_days = 1}});
  Tell({"s3:LifecycleExpiration:Delete"});
  PutMany("b", kCount);
  Begin();
  Move(2 * kDay);
  loop.RunUntil([&] { return !events.empty(); });
  sweep.reset();
  Reopen();
  EXPECT_THAT(Versions("b"), ::testing::Not(IsEmpty()));
  Begin();
  EXPECT_THAT(Versions("b"), IsEmpty());
  // Each has told exactly once, in the commit that removed it.
  const auto rows = MustHave(Ask<std::vector<OutboxRow>>(
      [&](auto done) { store->LoadOutbox(0, 2 * kCount, std::move(done)); }));
  std::set<std::string> keys;
  for (const OutboxRow& row : rows) {
    keys.insert(MUST(base::ParseJson(row.event.payload))["Records"][0]["s3"]["object"]["key"]);
  }
  EXPECT_EQ(rows.size(), static_cast<size_t>(kCount));
  EXPECT_THAT(keys, SizeIs(kCount));
}

TEST_F(LifecycleSweepTest, BucketsWithoutEnabledRulesAreLeftAlone) {
  MakeBucket("none");
  MakeBucket("off");
  ASSERT_TRUE(Ask<void>([&](auto done) {
                store->ChangeBucket(
                    "off",
                    [&](BucketRecord& record) {
                      record.texts["lifecycle"] = LifecycleXml({{.id = "r", .expiration_days = 1}});
                    },
                    std::move(done));
              }).has_value());
  Begin();
  Put("none", "k", "x");
  Put("off", "k", "x");
  Advance(100 * kDay);
  EXPECT_EQ(Get("none", "k"), "x");
  EXPECT_EQ(Get("off", "k"), "x");
}

}  // namespace
}  // namespace hearth::s3
