#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "triggers/s3/notification_config.h"

namespace hearth::s3 {
namespace {

using testing::HasSubstr;
using Target = NotificationRule::Target;

constexpr char kFunction[] = "arn:aws:lambda:us-east-1:000000000000:function:Thumbs";
constexpr char kQueue[] = "arn:aws:sqs:us-east-1:000000000000:Jobs";
constexpr char kTopic[] = "arn:aws:sns:us-east-1:000000000000:News";

std::string Whole(const std::string& inside) {
  return "<NotificationConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" + inside +
         "</NotificationConfiguration>";
}
std::string Element(const std::string& name, const std::string& inside) {
  return "<" + name + ">" + inside + "</" + name + ">";
}
std::string FilterRule(const std::string& name, const std::string& value) {
  return Element("FilterRule", Element("Name", name) + Element("Value", value));
}
std::string Function(const std::string& more) {
  return Whole(
      Element("CloudFunctionConfiguration",
              Element("CloudFunction", kFunction) + Element("Event", "s3:ObjectCreated:*") + more));
}
std::string Filtered(const std::string& rules) {
  return Function(Element("Filter", Element("S3Key", rules)));
}

// As boto3 sends it: elements in any order, names of filters in any case.
TEST(NotificationXml, IsReadAsClientsSendIt) {
  const auto config = ReadNotificationXml(
      "<?xml version=\"1.0\"?>\n" +
      Whole("\n" +
            Element("QueueConfiguration", Element("Id", "q") + Element("Queue", kQueue) +
                                              Element("Event", "s3:ObjectRemoved:*") +
                                              Element("Event", "s3:ObjectTagging:Put")) +
            Element("CloudFunctionConfiguration",
                    Element("Filter", Element("S3Key", FilterRule("suffix", ".jpg") +
                                                           FilterRule("PREFIX", "in &amp; out/"))) +
                        Element("Event", "s3:ObjectCreated:*") +
                        Element("CloudFunction", kFunction) + Element("Id", "f")) +
            Element("TopicConfiguration", Element("Id", "t") + Element("Topic", kTopic) +
                                              Element("Event", "s3:ObjectTagging:Delete")) +
            "<EventBridgeConfiguration/>"));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(*config,
            (NotificationConfig{{{.id = "q",
                                  .target = Target::kQueue,
                                  .arn = kQueue,
                                  .events = {"s3:ObjectRemoved:*", "s3:ObjectTagging:Put"}},
                                 {.id = "f",
                                  .target = Target::kFunction,
                                  .arn = kFunction,
                                  .events = {"s3:ObjectCreated:*"},
                                  .prefix = "in & out/",
                                  .suffix = ".jpg"},
                                 {.id = "t",
                                  .target = Target::kTopic,
                                  .arn = kTopic,
                                  .events = {"s3:ObjectTagging:Delete"}}},
                                true}));
  // What Get answers is what Put takes.
  const auto again = ReadNotificationXml(NotificationXml(*config));
  ASSERT_TRUE(again) << again.error().message;
  NotificationConfig sorted = *config;
  std::swap(sorted.rules[0], sorted.rules[2]);
  std::swap(sorted.rules[1], sorted.rules[2]);
  EXPECT_EQ(*again, sorted);
}

TEST(NotificationXml, IsAnsweredWithAWSsElements) {
  EXPECT_THAT(NotificationXml({}), HasSubstr("<NotificationConfiguration "
                                             "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                                             "</NotificationConfiguration>"));
  const NotificationConfig config{{{.id = "q<",
                                    .target = Target::kQueue,
                                    .arn = kQueue,
                                    .events = {"s3:ObjectCreated:*"},
                                    .prefix = "a&b"}},
                                  true};
  EXPECT_THAT(NotificationXml(config),
              HasSubstr(std::string("<QueueConfiguration><Id>q&lt;</Id><Queue>") + kQueue +
                        "</Queue><Event>s3:ObjectCreated:*</Event><Filter><S3Key><FilterRule>"
                        "<Name>Prefix</Name><Value>a&amp;b</Value></FilterRule></S3Key></Filter>"
                        "</QueueConfiguration><EventBridgeConfiguration>"
                        "</EventBridgeConfiguration>"));
}

TEST(NotificationXml, TurnsEverythingOffWhereItIsEmpty) {
  for (const std::string& body : {Whole(""), std::string("<NotificationConfiguration/>")}) {
    const auto config = ReadNotificationXml(body);
    ASSERT_TRUE(config) << body;
    EXPECT_EQ(*config, NotificationConfig());
  }
}

TEST(NotificationXml, IsRefusedWhereSomethingIsMissingOrUnknown) {
  struct Case {
    std::string body;
    const char* code;
  };
  const std::string event = Element("Event", "s3:ObjectCreated:*");
  for (const auto& [body, code] : std::vector<Case>{
           {"", "MalformedXML"},
           {"x", "MalformedXML"},
           {"<Other/>", "MalformedXML"},
           {"<NotificationConfiguration>", "MalformedXML"},
           {"<!DOCTYPE x [<!ENTITY a \"b\">]>" + Whole("&a;"), "MalformedXML"},
           {Whole(Element("QueueConfiguration", event)), "MalformedXML"},
           {Whole(Element("QueueConfiguration", Element("Queue", kQueue))), "MalformedXML"},
           {Whole(Element("QueueConfiguration", Element("Topic", kTopic) + event)),
            "NotImplemented"},
           {Whole(Element(
                "CloudFunctionConfiguration",
                Element("CloudFunction", kFunction) + Element("InvocationRole", "arn:x") + event)),
            "NotImplemented"},
           {Whole("<OtherConfiguration/>"), "NotImplemented"},
           {Function(Element("Filter", "<S3Metadata/>")), "NotImplemented"},
           {Filtered(Element("Other", "x")), "NotImplemented"},
           {Filtered(Element("FilterRule", Element("Value", "x"))), "MalformedXML"},
           {Filtered(FilterRule("Regex", "x")), "InvalidArgument"},
           {Filtered(FilterRule("prefix", "x") + FilterRule("Prefix", "x")), "InvalidArgument"},
           {Filtered(FilterRule("prefix", std::string(1025, 'x'))), "InvalidArgument"}}) {
    const auto config = ReadNotificationXml(body);
    ASSERT_FALSE(config) << body;
    EXPECT_EQ(config.error().type, code) << body << ": " << config.error().message;
  }
  const auto regex = ReadNotificationXml(Filtered(FilterRule("INVALID", "x"))).error();
  EXPECT_EQ(regex.message, "filter rule name must be either prefix or suffix");
  EXPECT_EQ(regex.extra["ArgumentName"], "FilterRule.Name");
  EXPECT_EQ(regex.extra["ArgumentValue"], "INVALID");
}

// The console writes filters with empty values: they filter nothing.
TEST(NotificationXml, TakesAFilterWithoutAValueForNone) {
  const auto config =
      ReadNotificationXml(Filtered(FilterRule("Prefix", "") + FilterRule("Suffix", ".jpg")));
  ASSERT_TRUE(config);
  EXPECT_EQ(config->rules[0].prefix, "");
  EXPECT_EQ(config->rules[0].suffix, ".jpg");
}

}  // namespace
}  // namespace hearth::s3
