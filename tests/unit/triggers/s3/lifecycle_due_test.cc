#include "triggers/s3/lifecycle_due.h"

#include <gtest/gtest.h>

#include "triggers/s3/dates.h"

namespace hearth::s3 {
namespace {

constexpr int64_t kDay = 86'400'000;

int64_t At(const char* time) { return ParseIsoTime(time).value(); }

// "2026-12-01T00:00:00.000Z id", or "never".
std::string Told(const std::optional<Due>& due) {
  return due ? IsoTime(due->at_ms) + " " + due->rule->id : "never";
}

// The user guide's own example.
TEST(LifecycleDue, IsTheMidnightAfterTheLastDay) {
  const LifecycleRules rules = {{.id = "r", .expiration_days = 3}};
  struct Case {
    const char* made;
    const char* due;
  };
  for (const auto& [made, due] : {Case{"2014-01-15T10:30:00Z", "2014-01-19T00:00:00.000Z r"},
                                  Case{"2014-01-15T00:00:00Z", "2014-01-18T00:00:00.000Z r"},
                                  Case{"2014-01-15T00:00:00.001Z", "2014-01-19T00:00:00.000Z r"},
                                  Case{"2014-01-15T23:59:59.999Z", "2014-01-19T00:00:00.000Z r"}}) {
    EXPECT_EQ(Told(CurrentDue(rules, {.key = "k", .modified_ms = At(made)})), due) << made;
  }
}

TEST(LifecycleDue, IsOfTheObjectsThatFitAllOfAFilter) {
  struct Case {
    const char* why;
    LifecycleRule rule;
    ObjectRecord object;
    bool fits;
  };
  const Tags two = {{"a", "1"}, {"b", "2"}};
  for (Case& each : std::vector<Case>{
           {"no filter", {}, {.key = "k"}, true},
           {"prefix", {.prefix = "in/"}, {.key = "in/k"}, true},
           {"prefix itself", {.prefix = "in/"}, {.key = "in/"}, true},
           {"other prefix", {.prefix = "in/"}, {.key = "in"}, false},
           {"bytes, not letters", {.prefix = "In/"}, {.key = "in/k"}, false},
           {"tag", {.tags = {{"a", "1"}}}, {.key = "k", .tags = two}, true},
           {"both tags", {.tags = two}, {.key = "k", .tags = two}, true},
           {"one of two tags", {.tags = two}, {.key = "k", .tags = {{"a", "1"}}}, false},
           {"tag of another value", {.tags = {{"a", "2"}}}, {.key = "k", .tags = two}, false},
           {"no tags", {.tags = {{"a", "1"}}}, {.key = "k"}, false},
           {"larger", {.larger_than = 10}, {.key = "k", .size = 11}, true},
           {"as large", {.larger_than = 10}, {.key = "k", .size = 10}, false},
           {"smaller", {.smaller_than = 10}, {.key = "k", .size = 9}, true},
           {"as small", {.smaller_than = 10}, {.key = "k", .size = 10}, false},
           {"larger than none", {.larger_than = 0}, {.key = "k", .size = 0}, false},
           {"all of them",
            {.prefix = "k", .tags = two, .larger_than = 1, .smaller_than = 3},
            {.key = "k", .size = 2, .tags = two},
            true},
           {"all but one",
            {.prefix = "k", .tags = two, .larger_than = 1, .smaller_than = 3},
            {.key = "k", .size = 3, .tags = two},
            false}}) {
    each.rule.expiration_days = 1;
    EXPECT_EQ(CurrentDue({each.rule}, each.object).has_value(), each.fits) << each.why;
    each.rule.expiration_days.reset();
    each.rule.noncurrent_days = 1;
    EXPECT_FALSE(CurrentDue({each.rule}, each.object)) << each.why;
    EXPECT_EQ(NoncurrentDue({each.rule}, each.object, 0, 0).has_value(), each.fits) << each.why;
  }
}

TEST(LifecycleDue, IsTheEarliestOfSeveralRules) {
  const ObjectRecord object = {.key = "a/k", .modified_ms = At("2026-11-01T12:00:00Z")};
  EXPECT_EQ(Told(CurrentDue({{.id = "ten", .expiration_days = 10},
                             {.id = "two", .prefix = "a/", .expiration_days = 2},
                             {.id = "other", .prefix = "b/", .expiration_days = 1}},
                            object)),
            "2026-11-04T00:00:00.000Z two");
  EXPECT_EQ(Told(CurrentDue({{.id = "date", .expiration_date_ms = At("2026-11-03")},
                             {.id = "two", .expiration_days = 2}},
                            object)),
            "2026-11-03T00:00:00.000Z date");
  EXPECT_EQ(Told(CurrentDue({}, object)), "never");
}

TEST(LifecycleDue, OfADateThatHasPassedIsTheNextMidnight) {
  EXPECT_EQ(Told(CurrentDue({{.id = "r", .expiration_date_ms = At("2020-01-01")}},
                            {.key = "k", .modified_ms = At("2026-11-01T12:00:00Z")})),
            "2026-11-02T00:00:00.000Z r");
}

TEST(LifecycleDue, OfAVersionCountsFromItsSuccessor) {
  const ObjectRecord version = {.key = "k", .modified_ms = 0};
  const int64_t since = At("2026-11-01T12:00:00Z");
  const LifecycleRules rules = {{.id = "kept", .noncurrent_days = 1, .noncurrent_versions_kept = 2},
                                {.id = "old", .noncurrent_days = 9}};
  EXPECT_EQ(Told(NoncurrentDue(rules, version, since, 1)), "2026-11-11T00:00:00.000Z old");
  EXPECT_EQ(Told(NoncurrentDue(rules, version, since, 2)), "2026-11-03T00:00:00.000Z kept");
  EXPECT_EQ(Told(NoncurrentDue({{.expiration_days = 1}}, version, since, 0)), "never");
}

TEST(LifecycleDue, OfADeleteMarkerIsThatOfRulesWithoutTagsAndSizes) {
  const ObjectRecord marker = {
      .key = "k", .is_delete_marker = true, .modified_ms = At("2026-11-01T12:00:00Z")};
  EXPECT_EQ(Told(MarkerDue({{.id = "r", .expires_delete_markers = true}}, marker)),
            "2026-11-02T00:00:00.000Z r");
  EXPECT_EQ(Told(MarkerDue({{.id = "r", .expiration_days = 5}}, marker)),
            "2026-11-07T00:00:00.000Z r");
  EXPECT_EQ(Told(MarkerDue({{.tags = {{"a", "b"}}, .expiration_days = 5}}, marker)), "never");
  EXPECT_EQ(Told(MarkerDue({{.smaller_than = 5, .expiration_days = 5}}, marker)), "never");
  EXPECT_EQ(Told(MarkerDue({{.noncurrent_days = 5}}, marker)), "never");
  EXPECT_EQ(Told(CurrentDue({{.expiration_days = 5}}, marker)), "never");
}

TEST(LifecycleDue, OfAnUploadCountsFromItsBeginning) {
  const UploadRecord upload = {.key = "in/k", .started_ms = At("2026-11-01T12:00:00Z")};
  EXPECT_EQ(Told(UploadDue({{.id = "r", .prefix = "in/", .abort_uploads_days = 7}}, upload)),
            "2026-11-09T00:00:00.000Z r");
  EXPECT_EQ(Told(UploadDue({{.prefix = "out/", .abort_uploads_days = 7}}, upload)), "never");
  EXPECT_EQ(Told(UploadDue({{.expiration_days = 1}}, upload)), "never");
}

// What a client can write: the most days that a rule may have.
TEST(LifecycleDue, OfMillionsOfYearsIsStillATime) {
  const auto due = CurrentDue({{.id = "a b/\"ü", .expiration_days = INT32_MAX}},
                              {.key = "k", .modified_ms = At("2026-11-01T12:00:00Z")});
  ASSERT_TRUE(due);
  EXPECT_EQ(due->at_ms % kDay, 0);
  EXPECT_GT(due->at_ms, int64_t{INT32_MAX} * kDay);
}

TEST(LifecycleDue, IsToldWithItsRule) {
  const LifecycleRule rule = {.id = "a b\"ü"};
  EXPECT_EQ(ExpirationHeader({At("2026-12-01"), &rule}),
            "expiry-date=\"Tue, 01 Dec 2026 00:00:00 GMT\", rule-id=\"a+b%22%C3%BC\"");
}

TEST(LifecycleDue, RulesShareWhatAllTheirKeysBeginWith) {
  const auto shared = [](std::vector<std::string> prefixes) {
    LifecycleRules rules;
    for (std::string& prefix : prefixes) rules.push_back({.prefix = std::move(prefix)});
    return SharedPrefix(rules);
  };
  EXPECT_EQ(shared({"logs/a", "logs/b"}), "logs/");
  EXPECT_EQ(shared({"logs/a", "logs/a"}), "logs/a");
  EXPECT_EQ(shared({"logs/", "logs/a"}), "logs/");
  EXPECT_EQ(shared({"logs/a", "logs/"}), "logs/");
  EXPECT_EQ(shared({"logs/a", ""}), "");
  EXPECT_EQ(shared({}), "");
}

TEST(LifecycleDue, RulesAreReadAgainWhenTheirTextIsAnother) {
  const auto text = [](const std::string& status) {
    return LifecycleXml({{.id = "r", .is_enabled = status == "on", .expiration_days = 1}});
  };
  LifecycleCache cache;
  BucketRecord bucket{.name = "b"};
  EXPECT_EQ(cache.Of(bucket), nullptr);
  bucket.texts["lifecycle"] = text("on");
  const auto rules = cache.Of(bucket);
  ASSERT_NE(rules, nullptr);
  EXPECT_EQ(cache.Of(bucket), rules);
  bucket.texts["lifecycle"] = text("off");
  EXPECT_EQ(cache.Of(bucket), nullptr);
  bucket.texts.erase("lifecycle");
  EXPECT_EQ(cache.Of(bucket), nullptr);
  bucket.texts["lifecycle"] = "<not ours>";
  EXPECT_EQ(cache.Of(bucket), nullptr);
}

}  // namespace
}  // namespace hearth::s3
