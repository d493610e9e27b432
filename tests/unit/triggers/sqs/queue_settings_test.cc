// What a queue's attributes may say, and what holds between them.
#include "triggers/sqs/queue_settings.h"

#include <gmock/gmock.h>

namespace hearth::sqs {
namespace {

// "", or "InvalidAttributeValue: …".
std::string Shown(const std::expected<QueueSettings, aws::ApiError>& read) {
  return read ? "" : read.error().type + ": " + read.error().message;
}
std::string BadValue(const std::string& name) {
  return "InvalidAttributeValue: Invalid value for the parameter " + name + ".";
}
std::string BadName(const std::string& name) {
  return "InvalidAttributeName: Unknown Attribute " + name + ".";
}
std::string BadPolicy(const std::string& text, const std::string& name, const std::string& reason) {
  return "InvalidParameterValueException: Value " + text + " for parameter " + name +
         " is invalid. Reason: " + reason;
}

TEST(QueueSettings, TakesEachAttributeWithinItsBounds) {
  const std::tuple<const char*, int, int> numbers[] = {{"DelaySeconds", 0, 900},
                                                       {"MaximumMessageSize", 1024, 1048576},
                                                       {"MessageRetentionPeriod", 60, 1209600},
                                                       {"ReceiveMessageWaitTimeSeconds", 0, 20},
                                                       {"VisibilityTimeout", 0, 43200},
                                                       {"KmsDataKeyReusePeriodSeconds", 60, 86400}};
  for (const auto& [name, least, most] : numbers) {
    for (const int good : {least, most}) {
      EXPECT_EQ(Shown(ReadSettings({{name, std::to_string(good)}})), "") << name << good;
    }
    for (const std::string& bad :
         {std::to_string(least - 1), std::to_string(most + 1), std::string("x"), std::string("1 "),
          std::string(), std::string("+5"), std::string("99999999999999999999")}) {
      EXPECT_EQ(Shown(ReadSettings({{name, bad}})), BadValue(name)) << name << bad;
    }
  }
  EXPECT_EQ(Shown(ReadSettings({{"KmsMasterKeyId", std::string(2048, 'k')}})), "");
  EXPECT_EQ(Shown(ReadSettings({{"KmsMasterKeyId", std::string(2049, 'k')}})),
            BadValue("KmsMasterKeyId"));
  EXPECT_EQ(Shown(ReadSettings({{"Policy", "[]"}})), BadValue("Policy"));
  EXPECT_EQ(Shown(ReadSettings({{"Policy", "{\"a\":\"" + std::string(20480, 'x') + "\"}"}})),
            BadValue("Policy"));
  EXPECT_EQ(Shown(ReadSettings({{"FifoQueue", "yes"}})), BadValue("FifoQueue"));
  EXPECT_EQ(Shown(ReadSettings({{"Nothing", "1"}})), BadName("Nothing"));
}

TEST(QueueSettings, ReadsRedrivePoliciesAndNamesWhatIsWrong) {
  const std::string arn = "arn:aws:sqs:us-east-1:000000000000:dead";
  const auto policy = [&arn](const std::string& count) {
    return R"({"deadLetterTargetArn":")" + arn + R"(","maxReceiveCount":)" + count + "}";
  };
  for (const std::string count : {"1", "1000", "\"5\""}) {
    const auto read = ReadSettings({{"RedrivePolicy", policy(count)}});
    ASSERT_EQ(Shown(read), "") << count;
    EXPECT_EQ(read->redrive->target_arn, arn);
  }
  for (const std::string count : {"0", "1001", "\"x\"", "1.5", "null"}) {
    EXPECT_EQ(Shown(ReadSettings({{"RedrivePolicy", policy(count)}})),
              BadPolicy(policy(count), "RedrivePolicy",
                        "Invalid value for maxReceiveCount: " + count +
                            ", valid values are from 1 to 1000 both inclusive."));
  }
  const std::pair<std::string, std::string> cases[] = {
      {"x", "Redrive policy is not a valid JSON map."},
      {"[]", "Redrive policy is not a valid JSON map."},
      {R"({"a":"b"})",
       "Only following attributes are supported: [deadLetterTargetArn, maxReceiveCount]."},
      {R"({"maxReceiveCount":1})",
       "Redrive policy does not contain mandatory attribute: deadLetterTargetArn."},
      {R"({"deadLetterTargetArn":"x","maxReceiveCount":1})",
       "Invalid value for deadLetterTargetArn."},
      {R"({"deadLetterTargetArn":"arn:aws:sns:us-east-1:000000000000:t","maxReceiveCount":1})",
       "Invalid value for deadLetterTargetArn."},
      {R"({"deadLetterTargetArn":")" + arn + R"("})",
       "Redrive policy does not contain mandatory attribute: maxReceiveCount."},
  };
  for (const auto& [text, reason] : cases) {
    EXPECT_EQ(Shown(ReadSettings({{"RedrivePolicy", text}})),
              BadPolicy(text, "RedrivePolicy", reason));
  }
  const std::string huge = policy("1") + std::string(5000, ' ');
  EXPECT_EQ(
      Shown(ReadSettings({{"RedrivePolicy", huge}})),
      BadPolicy(huge.substr(0, 2000), "RedrivePolicy", "Redrive policy is not a valid JSON map."));
}

TEST(QueueSettings, AnAllowPolicySaysWhoseLettersCome) {
  const std::string arn = "arn:aws:sqs:us-east-1:000000000000:q";
  const auto allows = [&](const std::string& text) {
    const auto read = ReadSettings({{"RedriveAllowPolicy", text}});
    EXPECT_EQ(Shown(read), "");
    return read && read->redrive_allow.Allows(arn);
  };
  EXPECT_TRUE(allows(R"({"redrivePermission":"allowAll"})"));
  EXPECT_FALSE(allows(R"({"redrivePermission":"denyAll"})"));
  EXPECT_TRUE(allows(R"({"redrivePermission":"byQueue","sourceQueueArns":[")" + arn + "\"]}"));
  EXPECT_FALSE(allows(R"({"redrivePermission":"byQueue","sourceQueueArns":["other"]})"));
  for (const char* bad : {"x", R"({"redrivePermission":"some"})", R"({"redrivePermission":5})",
                          R"({"redrivePermission":"byQueue"})",
                          R"({"redrivePermission":"byQueue","sourceQueueArns":[]})",
                          R"({"redrivePermission":"byQueue","sourceQueueArns":[1]})",
                          R"({"redrivePermission":"allowAll","sourceQueueArns":["a"]})"}) {
    EXPECT_FALSE(ReadSettings({{"RedriveAllowPolicy", bad}}).has_value()) << bad;
  }
}

TEST(QueueSettings, SomeGoTogetherAndSomeDoNot) {
  for (const char* name : {"ContentBasedDeduplication", "FifoQueue"}) {
    EXPECT_EQ(Shown(ReadSettings({{name, "false"}})), BadName(name));
  }
  EXPECT_EQ(Shown(ReadSettings({{"FifoQueue", "true"}, {"DeduplicationScope", "all"}})),
            BadValue("DeduplicationScope"));
  EXPECT_EQ(
      Shown(ReadSettings({{"FifoQueue", "true"}, {"FifoThroughputLimit", "perMessageGroupId"}})),
      "InvalidAttributeValue: The perMessageGroupId value is allowed only when the value for "
      "DeduplicationScope is messageGroup.");
  EXPECT_EQ(Shown(ReadSettings({{"FifoQueue", "true"},
                                {"DeduplicationScope", "messageGroup"},
                                {"FifoThroughputLimit", "perMessageGroupId"}})),
            "");
  EXPECT_EQ(Shown(ReadSettings({{"SqsManagedSseEnabled", "true"}, {"KmsMasterKeyId", "k"}})),
            "InvalidAttributeName: You can use one type of server-side encryption (SSE) at one "
            "time. You can either enable KMS SSE or SQS SSE.");
}

TEST(QueueSettings, AChangeKeepsTheRestAndAnEmptyPolicyIsNone) {
  const auto before = ReadSettings({{"DelaySeconds", "5"}, {"Policy", "{}"}});
  const auto after = ChangeSettings(*before, {{"VisibilityTimeout", "60"}, {"Policy", ""}});
  ASSERT_TRUE(after.has_value());
  EXPECT_EQ(after->delay_s, 5);
  EXPECT_EQ(after->visibility_s, 60);
  EXPECT_FALSE(after->set.contains("Policy"));
  EXPECT_EQ(Shown(ChangeSettings(*before, {{"FifoQueue", "true"}})), BadValue("FifoQueue"));
  const auto fifo = ReadSettings({{"FifoQueue", "true"}});
  EXPECT_EQ(Shown(ChangeSettings(*fifo, {{"FifoQueue", "true"}})), "");
  EXPECT_EQ(Shown(ChangeSettings(*fifo, {{"FifoQueue", "false"}})), BadValue("FifoQueue"));
}

TEST(QueueSettings, ShowsWhatWasNotSetWithItsDefault) {
  const Attributes shown = ShownSettings(*ReadSettings({}));
  EXPECT_EQ(shown, (Attributes{{"DelaySeconds", "0"},
                               {"MaximumMessageSize", "1048576"},
                               {"MessageRetentionPeriod", "345600"},
                               {"ReceiveMessageWaitTimeSeconds", "0"},
                               {"SqsManagedSseEnabled", "true"},
                               {"VisibilityTimeout", "30"}}));
  const Attributes fifo = ShownSettings(*ReadSettings({{"FifoQueue", "true"}}));
  EXPECT_EQ(fifo.at("DeduplicationScope"), "queue");
  EXPECT_EQ(fifo.at("ContentBasedDeduplication"), "false");
  for (const auto& [name, _] : fifo) EXPECT_TRUE(IsAttributeName(name)) << name;
}

TEST(QueueSettings, NamesOfFifoQueuesHaveTheirEnding) {
  for (const std::string& good : {std::string("a"), std::string("A-z_9"), std::string(80, 'a')}) {
    EXPECT_TRUE(IsQueueName(good, false)) << good;
  }
  for (const std::string& bad :
       {std::string(), std::string("a b"), std::string("a.fifo"), std::string(81, 'a')}) {
    EXPECT_FALSE(IsQueueName(bad, false)) << bad;
  }
  EXPECT_TRUE(IsQueueName("a.fifo", true));
  EXPECT_TRUE(IsQueueName(std::string(75, 'a') + ".fifo", true));
  for (const std::string& bad :
       {std::string("a"), std::string(".fifo"), std::string(76, 'a') + ".fifo"}) {
    EXPECT_FALSE(IsQueueName(bad, true)) << bad;
  }
}

}  // namespace
}  // namespace hearth::sqs
