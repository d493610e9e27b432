#include "triggers/s3/notification_targets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "invoker/target_sender.h"
#include "tests/unit/stacks/fake_queues.h"
#include "triggers/sqs/queue_target.h"

namespace hearth::s3 {
namespace {

using base::Json;
using testing::HasSubstr;
using Target = NotificationRule::Target;

constexpr char kFunction[] = "arn:aws:lambda:us-east-1:000000000000:function:Thumbs";
constexpr char kQueue[] = "arn:aws:sqs:us-east-1:000000000000:Jobs";
constexpr char kTopic[] = "arn:aws:sns:us-east-1:000000000000:News";

class OneFunction final : public invoker::Registry {
 public:
  OneFunction() {
    record->latest =
        std::make_shared<invoker::FunctionVersion>(invoker::FunctionVersion{.name = "Thumbs"});
  }
  invoker::FunctionRef Find(const std::string&) const override { return nullptr; }
  invoker::RecordRef Record(const std::string& name) const override {
    return name == "Thumbs" ? record : nullptr;
  }
  std::vector<invoker::FunctionRef> List() const override { return {}; }
  uint64_t LastVersion(const std::string&) const override { return 0; }
  std::optional<invoker::FunctionName> FindUrl(std::string_view) const override { return {}; }
  void Change(const std::string&, Edit, Done) override {}
  std::shared_ptr<invoker::FunctionRecord> record = std::make_shared<invoker::FunctionRecord>();
};

class NotificationTargetsTest : public testing::Test {
 protected:
  NotificationTargetsTest() {
    destinations_.Attach("lambda", [](auto, auto) {}, invoker::MakeFunctionAdmission(registry_));
    destinations_.Attach("sqs", [](auto, auto) {}, sqs::MakeQueueAdmission(queues_, {}));
    queues_.queues["Jobs"] = {.name = "Jobs"};
    queues_.queues["Jobs.fifo"] = {.name = "Jobs.fifo", .settings = {.is_fifo = true}};
  }
  std::optional<ApiError> Check(
      const std::vector<std::pair<Target, std::string>>& targets,
      NotificationTargets::Validation validation = NotificationTargets::Validation::kFull) {
    NotificationConfig config;
    for (const auto& [target, arn] : targets) {
      config.rules.push_back({.id = arn, .target = target, .arn = arn, .events = {}});
    }
    return NotificationTargets{destinations_, {}}.Check(config, "photos", validation);
  }

  base::VirtualClock clock_{base::WallTime{}};
  io::Loop loop_{clock_};
  OneFunction registry_;
  invoker::Destinations destinations_;
  stacks::FakeQueues queues_{loop_};
};

TEST_F(NotificationTargetsTest, AcceptWhatIsHereAndHasNoPolicy) {
  EXPECT_FALSE(Check({{Target::kFunction, kFunction}, {Target::kQueue, kQueue}}));
  EXPECT_FALSE(Check({{Target::kFunction, std::string(kFunction) + ":$LATEST"}}));
}

TEST_F(NotificationTargetsTest, NameEachThatIsNotHereInAWSsWords) {
  const std::string gone = std::string(kFunction) + "Gone";
  const std::string far = "arn:aws:sqs:eu-west-1:000000000000:Jobs";
  const auto refusal = Check({{Target::kQueue, std::string(kQueue) + "2"},
                              {Target::kFunction, kFunction},
                              {Target::kFunction, gone},
                              {Target::kQueue, far},
                              {Target::kQueue, std::string(kQueue) + ".fifo"}});
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->type, "InvalidArgument");
  EXPECT_EQ(refusal->message, "Unable to validate the following destination configurations");
  EXPECT_EQ(refusal->extra,
            Json({{"ArgumentName1", std::string(kQueue) + "2"},
                  {"ArgumentValue1", "The destination queue does not exist"},
                  {"ArgumentName2", gone + ", null"},
                  {"ArgumentValue2", "Not authorized to invoke function [" + gone + "]"},
                  {"ArgumentName3", far},
                  {"ArgumentValue3", "The destination queue does not exist"},
                  {"ArgumentName4", std::string(kQueue) + ".fifo"},
                  {"ArgumentValue4", "FIFO SQS queues are not supported"}}));
  EXPECT_TRUE(Check({{Target::kFunction, std::string(kFunction) + ":PROD"}}));
  EXPECT_FALSE(Check({{Target::kQueue, far}}, NotificationTargets::Validation::kSkip));
}

TEST_F(NotificationTargetsTest, RefuseByNameWhatNobodyServes) {
  for (const auto validation :
       {NotificationTargets::Validation::kFull, NotificationTargets::Validation::kSkip}) {
    const auto refusal = Check({{Target::kTopic, kTopic}}, validation);
    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->status, 501);
    EXPECT_EQ(refusal->extra["ArgumentValue"], kTopic);
  }
  NotificationConfig bus{{}, true};
  const NotificationTargets targets{destinations_, {}};
  EXPECT_THAT(targets.Check(bus, "photos")->message, HasSubstr("EventBridge"));
  destinations_.Attach("sns", [](auto, auto) {});
  destinations_.Attach("events", [](auto, auto) {});
  EXPECT_FALSE(Check({{Target::kTopic, kTopic}}));
  EXPECT_FALSE(targets.Check(bus, "photos"));
}

TEST_F(NotificationTargetsTest, AskAFunctionsPolicyWhereItHasOne) {
  const auto with = [&](invoker::PolicyStatement statement) {
    registry_.record->policies[""] = {std::move(statement)};
    return !Check({{Target::kFunction, kFunction}});
  };
  using Statement = invoker::PolicyStatement;
  const Statement good{.action = "lambda:InvokeFunction", .principal = "s3.amazonaws.com"};
  EXPECT_TRUE(with(good));
  const auto change = [&](std::string Statement::* member, const char* value) {
    Statement changed = good;
    changed.*member = value;
    return with(changed);
  };
  EXPECT_TRUE(change(&Statement::principal, "*"));
  EXPECT_TRUE(change(&Statement::action, "lambda:*"));
  EXPECT_TRUE(change(&Statement::source_arn, "arn:aws:s3:::photos"));
  EXPECT_TRUE(change(&Statement::source_arn, "arn:aws:s3:::*"));
  EXPECT_TRUE(change(&Statement::source_arn, "arn:*:s3:*:*:ph?t*s"));
  EXPECT_TRUE(change(&Statement::source_account, "000000000000"));
  EXPECT_FALSE(change(&Statement::principal, "sns.amazonaws.com"));
  EXPECT_FALSE(change(&Statement::action, "lambda:InvokeFunctionUrl"));
  EXPECT_FALSE(change(&Statement::source_arn, "arn:aws:s3:::other"));
  EXPECT_FALSE(change(&Statement::source_arn, "arn:aws:s3:::photos/*"));
  EXPECT_FALSE(change(&Statement::source_account, "111111111111"));
  EXPECT_FALSE(change(&Statement::organization, "o-abcdefghij"));
  EXPECT_FALSE(change(&Statement::event_source_token, "token"));
}

TEST_F(NotificationTargetsTest, AskAQueuesPolicyWhereItHasOne) {
  const std::string principal = R"("Principal":{"Service":"s3.amazonaws.com"})";
  const std::string allow = R"("Effect":"Allow","Action":"sqs:SendMessage")";
  const auto resource = [](const std::string& arn) { return R"("Resource":")" + arn + "\""; };
  const std::string here = resource(kQueue);
  const auto condition = [](const std::string& text) { return R"("Condition":{)" + text + "}"; };
  struct Case {
    std::vector<std::vector<std::string>> statements;
    bool is_allowed;
  };
  for (const auto& [statements, is_allowed] : std::vector<Case>{
           {{{principal, allow, here}}, true},
           {{{R"("Principal":"*")", allow, here}}, true},
           {{{R"("Principal":{"AWS":["*"]})", allow, here}}, true},
           {{{R"("Principal":{"Service":["sns.amazonaws.com","s3.amazonaws.com"]})", allow, here}},
            true},
           {{{principal, R"("Effect":"Allow","Action":["SQS:*"])", resource("*")}}, true},
           {{{principal, R"("Effect":"Allow","Action":"SQS:SendMessage")", here}}, true},
           {{{principal, allow, here,
              condition(R"("ArnLike":{"aws:SourceArn":"arn:aws:s3:*:*:photos"},)"
                        R"("StringEquals":{"AWS:SourceAccount":["1","000000000000"]})")}},
            true},
           {{{principal, allow, here, condition(R"("Bool":{"aws:SecureTransport":true})")}}, true},
           {{{principal, allow, here, condition(R"("ArnEquals":{"aws:SourceArn":"arn:x"})")}},
            false},
           {{{principal, allow, here, condition(R"("StringEquals":{"aws:PrincipalOrgID":"o-1"})")}},
            false},
           {{{principal, allow, here, condition(R"("StringNotEquals":{"aws:SourceArn":"x"})")}},
            false},
           {{{R"("Principal":{"Service":"sns.amazonaws.com"})", allow, here}}, false},
           {{{principal, R"("Effect":"Allow","Action":"sqs:ReceiveMessage")", here}}, false},
           {{{principal, allow, resource("arn:aws:sqs:us-east-1:000000000000:Other")}}, false},
           {{{principal, allow, here},
             {R"("Principal":"*","Effect":"Deny","Action":"sqs:*")", here}},
            false},
           {{{principal, allow, here},
             {R"("Principal":"*","Effect":"Deny","Action":"sqs:*")", here,
              condition(R"("Bool":{"aws:SecureTransport":"false"})")}},
            true},
           {{{allow, here}}, false},
           {{}, false}}) {
    std::string text = R"({"Version":"2012-10-17","Statement":[)";
    for (const auto& members : statements) {
      if (!text.ends_with('[')) text += ",";
      text += "{";
      for (const std::string& member : members) text += (text.ends_with('{') ? "" : ",") + member;
      text += "}";
    }
    text += "]}";
    queues_.queues["Jobs"].settings.set["Policy"] = text;
    const auto refusal = Check({{Target::kQueue, kQueue}});
    EXPECT_EQ(!refusal, is_allowed) << text;
    if (refusal) {
      EXPECT_EQ(refusal->extra["ArgumentValue1"],
                "Permissions on the destination queue do not allow S3 to publish notifications "
                "from this bucket");
    }
  }
  for (const char* odd : {"x", "[]", "7", R"({"Statement":7})", R"({"Statement":[7,null,"x"]})",
                          R"({"Statement":[{"Principal":7,"Action":7,"Resource":{},"Effect":[]}]})",
                          R"({"Statement":[{"Principal":"*","Action":"*","Effect":"Allow",)"
                          R"("Condition":[]}]})"}) {
    queues_.queues["Jobs"].settings.set["Policy"] = odd;
    EXPECT_TRUE(Check({{Target::kQueue, kQueue}})) << odd;
  }
  // One statement may stand without an array.
  queues_.queues["Jobs"].settings.set["Policy"] =
      R"({"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}})";
  EXPECT_FALSE(Check({{Target::kQueue, kQueue}}));
}

}  // namespace
}  // namespace hearth::s3
