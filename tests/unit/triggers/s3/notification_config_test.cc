#include "triggers/s3/notification_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"

namespace hearth::s3 {
namespace {

using testing::HasSubstr;
using Target = NotificationRule::Target;

constexpr char kFunction[] = "arn:aws:lambda:us-east-1:000000000000:function:Thumbs";
constexpr char kQueue[] = "arn:aws:sqs:us-east-1:000000000000:Jobs";

NotificationRule Rule(std::vector<std::string> events, std::string prefix = "",
                      std::string suffix = "") {
  return {.id = "",
          .target = Target::kFunction,
          .arn = kFunction,
          .events = std::move(events),
          .prefix = std::move(prefix),
          .suffix = std::move(suffix)};
}

std::optional<ApiError> Check(std::vector<NotificationRule> rules) {
  NotificationConfig config{std::move(rules)};
  return CheckNotifications(config);
}

TEST(NotificationConfig, GivesAnIdToEachRuleThatHasNone) {
  NotificationConfig config{{Rule({"s3:ObjectCreated:*"}), Rule({"s3:ObjectRemoved:*"})}};
  config.rules[1].id = "mine";
  ASSERT_FALSE(CheckNotifications(config));
  EXPECT_FALSE(config.rules[0].id.empty());
  EXPECT_EQ(config.rules[1].id, "mine");
}

TEST(NotificationConfig, KnowsEveryEventOfObjectsAndNamesThoseThatItDoesNotMake) {
  for (const char* event :
       {"s3:ObjectCreated:*", "s3:ObjectCreated:Put", "s3:ObjectCreated:Post",
        "s3:ObjectCreated:Copy", "s3:ObjectCreated:CompleteMultipartUpload", "s3:ObjectRemoved:*",
        "s3:ObjectRemoved:Delete", "s3:ObjectRemoved:DeleteMarkerCreated", "s3:ObjectTagging:*",
        "s3:ObjectTagging:Put", "s3:ObjectTagging:Delete", "s3:LifecycleExpiration:*",
        "s3:LifecycleExpiration:Delete", "s3:LifecycleExpiration:DeleteMarkerCreated"}) {
    EXPECT_FALSE(Check({Rule({event})})) << event;
  }
  const auto unmade = Check({Rule({"s3:ObjectCreated:Put", "s3:ObjectAcl:Put"})});
  ASSERT_TRUE(unmade);
  EXPECT_EQ(unmade->status, 501);
  EXPECT_EQ(unmade->extra["ArgumentValue"], "s3:ObjectAcl:Put");
  for (const char* event : {"", "s3:*", "*", "ObjectCreated:Put", "s3:ObjectCreated:put",
                            "s3:ObjectCreated", "s3:TestEvent", "s3:ObjectCreated:*x"}) {
    const auto unknown = Check({Rule({event})});
    ASSERT_TRUE(unknown) << event;
    EXPECT_EQ(unknown->type, "InvalidArgument");
    EXPECT_EQ(unknown->message,
              "The event '" + std::string(event) + "' is not supported for notifications");
    EXPECT_EQ(unknown->extra["ArgumentName"], "Event");
  }
  EXPECT_EQ(Check({Rule({})})->type, "MalformedXML");
}

TEST(NotificationConfig, RefusesArnsThatAreNoneOrOfAnotherService) {
  struct Case {
    Target target;
    const char* arn;
    const char* element;
  };
  for (const auto& [target, arn, element] : std::vector<Case>{
           {Target::kQueue, "invalid-queue", "Queue"},
           {Target::kQueue, "", "Queue"},
           {Target::kQueue, kFunction, "Queue"},
           {Target::kQueue, "arn:aws:sqs:us-east-1:000000000000:", "Queue"},
           {Target::kFunction, kQueue, "CloudFunction"},
           {Target::kFunction, "arn:aws:lambda:us-east-1:000000000000:layer:x", "CloudFunction"},
           {Target::kTopic, "arn:aws:sqs:us-east-1:000000000000:Jobs", "Topic"}}) {
    const auto refusal =
        Check({{.id = "", .target = target, .arn = arn, .events = {"s3:ObjectCreated:*"}}});
    ASSERT_TRUE(refusal) << arn;
    EXPECT_EQ(refusal->message, "The ARN could not be parsed");
    EXPECT_EQ(refusal->extra["ArgumentName"], element);
    EXPECT_EQ(refusal->extra["ArgumentValue"], arn);
  }
}

TEST(NotificationConfig, RefusesRulesOfWhichAWSCouldNotTellWhoseAnEventIs) {
  constexpr char kPlain[] = "Configurations overlap. ";
  constexpr char kFiltered[] = "Configuration is ambiguously defined. ";
  const std::vector<std::string> created{"s3:ObjectCreated:*"}, put{"s3:ObjectCreated:Put"},
      removed{"s3:ObjectRemoved:*"};
  struct Case {
    NotificationRule a, b;
    const char* refusal;  // nullptr: none.
  };
  for (const Case& one :
       std::vector<Case>{{Rule(created), Rule(put), kPlain},
                         {Rule(put), Rule(created), kPlain},
                         {Rule(put), Rule(put), kPlain},
                         {Rule(created), Rule(removed), nullptr},
                         {Rule(put), Rule({"s3:ObjectCreated:Post"}), nullptr},
                         {Rule(created, "a/"), Rule(put, "a/b"), kFiltered},
                         {Rule(created, "a/"), Rule(put, "b/"), nullptr},
                         {Rule(created, "a/"), Rule(put), kFiltered},
                         {Rule(created, "", ".jpg"), Rule(put, "", ".png"), nullptr},
                         {Rule(created, "", ".jpg"), Rule(put, "", "x.jpg"), kFiltered},
                         {Rule(created, "a/", ".jpg"), Rule(put, "", ".jpg"), kFiltered},
                         {Rule(created, "a/", ".jpg"), Rule(put, "b/", ".jpg"), nullptr},
                         {Rule(created, "a/", ".jpg"), Rule(removed, "a/", ".jpg"), nullptr},
                         {Rule(created, "a/", ".jpg"), Rule(put, "a/", ".png"), nullptr}}) {
    const auto refusal = Check({one.a, one.b});
    EXPECT_EQ(refusal.has_value(), one.refusal != nullptr)
        << one.a.prefix << one.a.suffix << " " << one.b.prefix << one.b.suffix;
    if (refusal && one.refusal != nullptr) {
      EXPECT_THAT(refusal->message, HasSubstr(one.refusal));
    }
  }
}

TEST(NotificationConfig, HasItsLimits) {
  NotificationRule twice = Rule({"s3:ObjectCreated:*"}, "a");
  twice.id = "same";
  NotificationRule other = Rule({"s3:ObjectCreated:*"}, "b");
  other.id = "same";
  EXPECT_EQ(Check({twice, other})->message,
            "Same ID used for multiple configurations. IDs must be unique");
  EXPECT_FALSE(Check({Rule({"s3:ObjectCreated:*"}, std::string(1024, 'x'))}));
  EXPECT_EQ(Check({Rule({"s3:ObjectCreated:*"}, std::string(1025, 'x'))})->extra["ArgumentName"],
            "FilterRule.Value");
  EXPECT_TRUE(Check({Rule({"s3:ObjectCreated:*"}, "", std::string(1025, 'x'))}));
  twice.id = std::string(256, 'x');
  EXPECT_TRUE(Check({twice}));
  std::vector<NotificationRule> many;
  for (size_t i = 0; i < limits::kMaxNotifications; ++i) {
    many.push_back(Rule({"s3:ObjectCreated:*"}, std::to_string(1000 + i)));
  }
  EXPECT_FALSE(Check(many));
  many.push_back(Rule({"s3:ObjectRemoved:*"}));
  EXPECT_THAT(Check(many)->message, HasSubstr("maximum number of configurations is 100"));
  many.clear();
  for (int i = 0; i < 80; ++i) {
    many.push_back(Rule({"s3:ObjectCreated:*"}, std::to_string(1000 + i) + std::string(900, 'x')));
  }
  EXPECT_EQ(Check(many)->type, "MaxMessageLengthExceeded");
}

TEST(NotificationConfig, IsKeptAsATextAndComesBackTheSame) {
  NotificationConfig config{
      {Rule({"s3:ObjectCreated:*", "s3:ObjectTagging:Put"}, "ä \"", "\\x"),
       {.id = "", .target = Target::kQueue, .arn = kQueue, .events = {"s3:ObjectRemoved:Delete"}}},
      true};
  ASSERT_FALSE(CheckNotifications(config));
  const auto again = NotificationOfText(NotificationText(config));
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, config);
  EXPECT_EQ(*NotificationOfText(""), NotificationConfig());
  for (const char* bad : {"x", "{}", "[]", R"({"rules":[{}],"event_bridge":false})",
                          R"({"rules":[{"id":1,"target":"Queue"}],"event_bridge":false})",
                          R"({"rules":[],"event_bridge":"x"})"}) {
    EXPECT_FALSE(NotificationOfText(bad)) << bad;
  }
}

}  // namespace
}  // namespace hearth::s3
