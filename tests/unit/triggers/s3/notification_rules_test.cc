#include "triggers/s3/notification_rules.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace hearth::s3 {
namespace {

using base::Json;
using Target = NotificationRule::Target;

constexpr char kFunction[] = "arn:aws:lambda:us-east-1:000000000000:function:Thumbs";
constexpr char kQueue[] = "arn:aws:sqs:us-east-1:000000000000:Jobs";

NotificationConfig Config() {
  return {{{.id = "pictures",
            .target = Target::kFunction,
            .arn = kFunction,
            .events = {"s3:ObjectCreated:*"},
            .prefix = "in/",
            .suffix = ".jpg"},
           {.id = "removed",
            .target = Target::kQueue,
            .arn = kQueue,
            .events = {"s3:ObjectRemoved:Delete", "s3:ObjectTagging:*"}}},
          false};
}

std::vector<std::string> Arns(const std::vector<OutgoingEvent>& events) {
  std::vector<std::string> out;
  for (const OutgoingEvent& event : events) out.push_back(event.arn);
  return out;
}

TEST(NotificationRules, TellThoseWhoseEventsPrefixAndSuffixMatch) {
  const NotificationRules rules(Config(), "photos", {});
  struct Case {
    const char* name;
    const char* key;
    std::vector<std::string> to;
  };
  for (const auto& [name, key, to] :
       std::vector<Case>{{"ObjectCreated:Put", "in/a.jpg", {kFunction}},
                         {"ObjectCreated:CompleteMultipartUpload", "in/.jpg", {kFunction}},
                         {"ObjectCreated:Put", "in/a.png", {}},
                         {"ObjectCreated:Put", "out/a.jpg", {}},
                         {"ObjectCreated:Put", "in/a.JPG", {}},
                         {"ObjectCreated:Put", ".jpg", {}},
                         {"ObjectRemoved:Delete", "any", {kQueue}},
                         {"ObjectRemoved:DeleteMarkerCreated", "any", {}},
                         {"ObjectTagging:Put", "in/a.jpg", {kQueue}}}) {
    EXPECT_EQ(Arns(rules.Match({.name = name, .bucket = "photos", .key = key})), to)
        << name << " " << key;
  }
}

// A filter is of the key as it is, not of what the record shows.
TEST(NotificationRules, FilterTheKeyBeforeItIsEncoded) {
  NotificationConfig config = Config();
  config.rules[0].prefix = "in ü/";
  const NotificationRules rules(config, "photos", {});
  const auto events =
      rules.Match({.name = "ObjectCreated:Put", .bucket = "photos", .key = "in ü/a.jpg"});
  ASSERT_EQ(events.size(), 1u);
  const Json record = MUST(base::ParseJson(events[0].payload))["Records"][0];
  EXPECT_EQ(record["s3"]["object"]["key"], "in+%C3%BC/a.jpg");
  EXPECT_EQ(record["s3"]["configurationId"], "pictures");
}

TEST(NotificationRules, TellTheBusOfEverythingWhereItIsConfigured) {
  NotificationConfig config = Config();
  config.event_bridge = true;
  const NotificationRules rules(config, "photos", {"us-east-1", "000000000000"});
  const auto events =
      rules.Match({.name = "ObjectRemoved:DeleteMarkerCreated", .bucket = "photos", .key = "k"});
  EXPECT_EQ(Arns(events),
            std::vector<std::string>{"arn:aws:events:us-east-1:000000000000:event-bus/default"});
  EXPECT_EQ(MUST(base::ParseJson(events[0].payload))["source"], "aws.s3");
}

TEST(NotificationRules, TestQueuesAndTopicsOnceAndNoFunctions) {
  NotificationConfig config = Config();
  config.rules.push_back(config.rules[1]);
  const auto tests = NotificationRules(config, "photos", {}).Tests(0, "id-1");
  EXPECT_EQ(Arns(tests), std::vector<std::string>{kQueue});
  EXPECT_EQ(MUST(base::ParseJson(tests[0].payload))["Event"], "s3:TestEvent");
}

TEST(NotificationRules, AreReadFromABucketAndEmptyWhereItHasNone) {
  BucketRecord bucket{.name = "photos"};
  EXPECT_TRUE(RulesOf(bucket, {})->empty());
  bucket.texts["notification"] = NotificationText(Config());
  EXPECT_EQ(RulesOf(bucket, {})->config(), Config());
  bucket.texts["notification"] = "broken";
  EXPECT_TRUE(RulesOf(bucket, {})->empty());
}

TEST(NotificationRules, AreReadOnceForEachTextOfABucket) {
  RulesCache cache({});
  BucketRecord bucket{.name = "photos"};
  EXPECT_EQ(cache.Of(bucket), nullptr);
  bucket.texts["notification"] = NotificationText(Config());
  const auto first = cache.Of(bucket);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(cache.Of(bucket), first);
  EXPECT_EQ(cache.Of({.name = "other", .texts = bucket.texts})->bucket(), "other");
  NotificationConfig changed = Config();
  changed.rules.pop_back();
  bucket.texts["notification"] = NotificationText(changed);
  EXPECT_EQ(cache.Of(bucket)->config(), changed);
  EXPECT_EQ(first->config(), Config()) << "a put that began before still asks what it began with";
  bucket.texts["notification"] = NotificationText({});
  EXPECT_EQ(cache.Of(bucket), nullptr);
}

TEST(NotificationRules, AnnounceEachKindOfChange) {
  NotificationConfig config = Config();
  config.rules = {{.id = "all",
                   .target = Target::kQueue,
                   .arn = kQueue,
                   .events = {"s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*"}}};
  const auto rules =
      std::make_shared<const NotificationRules>(config, "photos", invoker::Account());
  const Announce announce = MakeAnnounce(rules, {.created_by = "ObjectCreated:Copy",
                                                 .request_id = "id-1",
                                                 .source_ip = "10.0.0.1",
                                                 .principal = "AWS:AKID",
                                                 .time_ms = 1786019696789});
  ObjectRecord object{.sequence = 16, .key = "a b", .size = 5, .etag = "e"};
  for (const auto& [kind, name] : std::vector<std::pair<Change::Kind, std::string>>{
           {Change::Kind::kCreated, "ObjectCreated:Copy"},
           {Change::Kind::kDeleted, "ObjectRemoved:Delete"},
           {Change::Kind::kMarkerCreated, "ObjectRemoved:DeleteMarkerCreated"},
           {Change::Kind::kTagged, "ObjectTagging:Put"},
           {Change::Kind::kUntagged, "ObjectTagging:Delete"}}) {
    const auto events = announce({kind, object});
    ASSERT_EQ(events.size(), 1u) << name;
    const Json record = MUST(base::ParseJson(events[0].payload))["Records"][0];
    EXPECT_EQ(record["eventName"], name);
    EXPECT_EQ(record["eventTime"], "2026-08-06T12:34:56.789Z");
    EXPECT_EQ(record["s3"]["object"]["key"], "a+b");
    EXPECT_FALSE(record["s3"]["object"].contains("versionId"));
  }
  object.version_id = "v1";
  const Json record =
      MUST(base::ParseJson(announce({Change::Kind::kCreated, object})[0].payload))["Records"][0];
  EXPECT_EQ(record["s3"]["object"]["versionId"], "v1");
  EXPECT_EQ(record["s3"]["object"]["sequencer"], Sequencer(16));
  // Nobody listens: the store has nothing to ask.
  EXPECT_FALSE(MakeAnnounce(RulesOf({.name = "photos"}, {}), {}));
  EXPECT_FALSE(MakeAnnounce(nullptr, {}));
}

}  // namespace
}  // namespace hearth::s3
