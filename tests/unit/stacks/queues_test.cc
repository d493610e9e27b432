// Queues in templates: from their properties to the engine, forward and back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan_helper.h"
#include "stacks/deployment.h"
#include "stacks/queue_resource.h"
#include "stacks_server.h"

namespace hearth::stacks {
namespace {

using base::Json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kTop = "Transform: AWS::Serverless-2016-10-31\nResources:\n" + kHello;
const std::string kQueue = "  Jobs:\n    Type: AWS::SQS::Queue\n";
const std::string kDead = "  Dead:\n    Type: AWS::SQS::Queue\n";
const std::string kRedrive =
    "    Properties:\n"
    "      VisibilityTimeout: 40\n"
    "      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}\n";

TEST(QueueInATemplate, HasEveryPropertyAsTheAttributeThatItIs) {
  const auto plan =
      PlanOf("Resources:\n" + kQueue +
             "    Properties:\n"
             "      QueueName: !Sub '${AWS::StackName}-jobs.fifo'\n"
             "      FifoQueue: true\n"
             "      ContentBasedDeduplication: true\n"
             "      DeduplicationScope: messageGroup\n"
             "      FifoThroughputLimit: perMessageGroupId\n"
             "      DelaySeconds: 1\n"
             "      MaximumMessageSize: '2048'\n"
             "      MessageRetentionPeriod: 60\n"
             "      ReceiveMessageWaitTimeSeconds: 2\n"
             "      VisibilityTimeout: 3\n"
             "      KmsMasterKeyId: alias/x\n"
             "      KmsDataKeyReusePeriodSeconds: 300\n"
             "      SqsManagedSseEnabled: false\n"
             "      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}\n"
             "      RedriveAllowPolicy: {redrivePermission: denyAll}\n"
             "      Tags: [{Key: team, Value: x}]\n"
             "    DeletionPolicy: Retain\n"
             "  Dead:\n    Type: AWS::SQS::Queue\n    Properties: {FifoQueue: true}\n"
             "Outputs:\n"
             "  A: {Value: !Join [' ', [!Ref Jobs, !GetAtt Jobs.Arn, !GetAtt Jobs.QueueName]]}\n"
             "  B: {Value: !GetAtt Dead.QueueUrl}\n");
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  ASSERT_EQ(plan->queues.size(), 2u);
  EXPECT_EQ(plan->queues[0].name, "Dead.fifo") << "what others use comes first";
  const PlannedQueue& jobs = plan->queues[1];
  EXPECT_TRUE(jobs.retain);
  EXPECT_FALSE(jobs.retain_replaced);
  EXPECT_EQ(jobs.told["Tags"], (Json{{"team", "x"}}));
  const Json& attributes = jobs.told["Attributes"];
  EXPECT_EQ(attributes.size(), 14u) << attributes;
  EXPECT_EQ(attributes["MaximumMessageSize"], "2048");
  EXPECT_EQ(attributes["SqsManagedSseEnabled"], "false");
  EXPECT_EQ(jobs.settings.redrive->max_receives, 3);
  EXPECT_EQ(jobs.settings.redrive->target_arn, "arn:aws:sqs:us-east-1:000000000000:Dead.fifo");
  EXPECT_EQ(plan->outputs[0].value,
            "http://localhost/000000000000/shop-jobs.fifo "
            "arn:aws:sqs:us-east-1:000000000000:shop-jobs.fifo shop-jobs.fifo");
  EXPECT_EQ(plan->outputs[1].value, "http://localhost/000000000000/Dead.fifo");
}

TEST(QueueInATemplate, MayDoWithoutPropertiesAndSayThatItIsNoFifoQueue) {
  const auto plan =
      PlanOf("Resources:\n" + kQueue + kDead + "    Properties: {FifoQueue: false}\n");
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  EXPECT_EQ(plan->queues[0].name, "Jobs");
  EXPECT_EQ(plan->queues[1].told["Attributes"], Json::object());
}

struct Bad {
  std::string lines;
  std::string error;
};

TEST(QueueInATemplate, IsRefusedWhereItIsWrong) {
  for (const Bad& bad : {
           Bad{"{Colour: red}", ":4:18: unknown property 'Colour' of AWS::SQS::Queue"},
           Bad{"{VisibilityTimeOut: 3}", "(did you mean 'VisibilityTimeout'?)"},
           Bad{"{VisibilityTimeout: 43201}",
               ":4:18: Jobs: Invalid value for the parameter VisibilityTimeout."},
           Bad{"{FifoQueue: maybe}", ":4:29: 'FifoQueue' is true or false, not 'maybe'"},
           Bad{"{QueueName: jobs, FifoQueue: true}",
               ":4:18: 'QueueName' 'jobs' is no name of a FIFO queue: letters, digits, '-' and "
               "'_', and '.fifo' at the end, at most 80 characters"},
           Bad{"{QueueName: jobs.fifo}",
               "'QueueName' 'jobs.fifo' is no name of a queue without FifoQueue"},
           Bad{"{QueueName: [a]}", "'QueueName' is text, not a list"},
           Bad{"{ContentBasedDeduplication: true}",
               ":4:18: Jobs: Unknown Attribute ContentBasedDeduplication."},
           Bad{"{RedrivePolicy: x}", ":4:33: 'RedrivePolicy' is a map, not 'x'"},
           Bad{"{RedrivePolicy: {maxReceiveCount: 3}}",
               "does not contain mandatory attribute: deadLetterTargetArn"},
           Bad{"{RedrivePolicy: {deadLetterTargetArn: !GetAtt Jobs.Arn, maxReceiveCount: 3}}",
               "resources depend on each other in a circle: Jobs -> Jobs"},
           Bad{"{RedriveAllowPolicy: {redrivePermission: some}}", "redrivePermission must be one"},
           Bad{"{Tags: {a: b}}", "'Tags' is a list of {Key, Value}"},
           Bad{"{Tags: [{Key: 'aws:x', Value: y}]}", ":4:18: Jobs: "},
       }) {
    const std::string errors =
        ErrorsOf(PlanOf("Resources:\n" + kQueue + "    Properties: " + bad.lines + "\n"));
    EXPECT_THAT(errors, HasSubstr(bad.error)) << bad.lines;
  }
  const std::string two = "Resources:\n" + kQueue + kDead + "    Properties: {QueueName: Jobs}\n";
  EXPECT_THAT(ErrorsOf(PlanOf(two)),
              HasSubstr(":6:18: the queue name 'Jobs' of 'Dead' is also that of 'Jobs'"));
  EXPECT_THAT(ErrorsOf(PlanOf("Resources:\n" + kQueue + "    DeletionPolicy: Snapshot\n")),
              HasSubstr("DeletionPolicy 'Snapshot' is not served yet"));
}

TEST(QueuePolicyInATemplate, IsForQueuesOfTheTemplateByTheirUrls) {
  const std::string policy = "  P:\n    Type: AWS::SQS::QueuePolicy\n    Properties: ";
  const auto plan = PlanOf("Resources:\n" + policy +
                           "{Queues: [!Ref Jobs, !GetAtt Dead.QueueUrl], PolicyDocument: {Version: "
                           "2012-10-17, Statement: [{Effect: Allow, N: 1, T: true}]}}\n" +
                           kQueue + kDead);
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  ASSERT_EQ(plan->queue_policies.size(), 2u);
  EXPECT_EQ(plan->queue_policies[0].queue, "Jobs");
  EXPECT_EQ(plan->queue_policies[1].told["Policy"],
            R"({"Statement":[{"Effect":"Allow","N":1,"T":true}],"Version":"2012-10-17"})");
  for (const Bad& bad :
       {Bad{"{Queues: [!Ref Jobs]}", ":2:3: 'P' has no PolicyDocument"},
        Bad{"{PolicyDocument: {}}", ":2:3: 'P' has no Queues"},
        Bad{"{Queues: ['http://h/000000000000/other'], PolicyDocument: {}}",
            ":4:18: 'Queues': 'http://h/000000000000/other' is the URL of no queue of this "
            "template (!Ref MyQueue): only those are served"},
        Bad{"{Queues: [!Ref Jobs], PolicyDocument: x}", "'PolicyDocument' is a map, not 'x'"},
        Bad{"{Queues: [!Ref Jobs, !Ref Jobs], PolicyDocument: {}}",
            "'P' is for the queue Jobs, for which 'P' is already"},
        Bad{"{Queues: [!Ref Jobs], PolicyDocument: {X: " + std::string(20500, 'x') + "}}",
            "It is a map of at most 20480 bytes as JSON"}}) {
    EXPECT_THAT(ErrorsOf(PlanOf("Resources:\n" + policy + bad.lines + "\n" + kQueue)),
                HasSubstr(bad.error))
        << bad.lines.substr(0, 100);
  }
}

class DeployedQueues : public StacksServer {
 protected:
  std::string Attribute(const std::string& queue, const std::string& name) {
    const auto found = queues.queues.find(queue);
    if (found == queues.queues.end()) return "no queue";
    const auto attribute = found->second.settings.set.find(name);
    return attribute == found->second.settings.set.end() ? "" : attribute->second;
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const auto& [name, queue] : queues.queues) names.push_back(name);
    return names;
  }
  // Of somebody else.
  void Put(const std::string& name) { queues.queues[name] = {.name = name}; }
};

TEST_F(DeployedQueues, AreMadeBroughtBackChangedAndTakenAwayLast) {
  const std::string policy =
      "  P:\n    Type: AWS::SQS::QueuePolicy\n"
      "    Properties: {Queues: [!Ref Jobs], PolicyDocument: {Statement: []}}\n";
  const std::string text = kTop + kQueue + kRedrive + kDead + policy;
  EXPECT_THAT(Deploy(text, "zip"),
              ElementsAre("create Hello done", "create Dead done", "create Jobs done",
                          "create Jobs done", "succeeded"));
  EXPECT_EQ(Attribute("Jobs", "VisibilityTimeout"), "40");
  EXPECT_EQ(Attribute("Jobs", "Policy"), R"({"Statement":[]})");
  EXPECT_EQ(queues.queues["Jobs"].tags[kStackNameTag], "shop");
  EXPECT_EQ(queues.queues["Jobs"].tags[kLogicalIdTag], "Jobs");
  EXPECT_EQ(Deploy(text, "zip")[2], "unchanged Jobs done");

  // What somebody else changed; and a user's word about the policy is none about the queue.
  queues.queues["Jobs"].settings = *sqs::ReadSettings({{"DelaySeconds", "5"}});
  queues.queues["Jobs"].tags.clear();
  EXPECT_THAT(Deploy(text, "zip"),
              ElementsAre("unchanged Hello done", "unchanged Dead done", "update Jobs done",
                          "create Jobs done", "succeeded"));
  EXPECT_EQ(Attribute("Jobs", "VisibilityTimeout"), "40");
  EXPECT_EQ(Attribute("Jobs", "DelaySeconds"), "");
  EXPECT_EQ(queues.queues["Jobs"].tags[kStackNameTag], "shop");

  const std::string less = kTop + kQueue + kDead;
  EXPECT_THAT(Deploy(less, "zip"),
              ElementsAre("unchanged Hello done", "update Jobs done", "unchanged Dead done",
                          "delete Jobs done", "succeeded"));
  EXPECT_EQ(Attribute("Jobs", "Policy"), "");
  EXPECT_THAT(
      Shown(Ask("DELETE", "/_hearth/stacks/shop")),
      ElementsAre("delete Hello done", "delete Dead done", "delete Jobs done", "succeeded"));
  EXPECT_THAT(Names(), IsEmpty());
  EXPECT_THAT(database.intents, IsEmpty());
}

TEST_F(DeployedQueues, AreReplacedWhereTheirNameOrKindChanges) {
  EXPECT_EQ(Deploy(kTop + kQueue, "zip").back(), "succeeded");
  EXPECT_THAT(Deploy(kTop + kQueue + "    Properties: {FifoQueue: true}\n", "zip"),
              ElementsAre("unchanged Hello done", "create Jobs.fifo done", "delete Jobs done",
                          "succeeded"));
  EXPECT_EQ(Deploy(kTop + kQueue + "    Properties: {QueueName: x}\n" +
                       "    UpdateReplacePolicy: Retain\n    DeletionPolicy: Retain\n",
                   "zip")
                .back(),
            "succeeded");
  EXPECT_THAT(Names(), ElementsAre("Jobs.fifo", "x"));
  EXPECT_EQ(Deploy(kTop, "zip").back(), "succeeded");
  EXPECT_THAT(Names(), ElementsAre("Jobs.fifo", "x"));
  // What the stack left it takes up again, and is free to remove then.
  EXPECT_THAT(Deploy(kTop + kQueue + "    Properties: {QueueName: x}\n", "zip"),
              Contains("unchanged x done"));
  EXPECT_THAT(Shown(Ask("DELETE", "/_hearth/stacks/shop")), Contains("delete x done"));
  EXPECT_THAT(Names(), ElementsAre("Jobs.fifo"));
}

TEST_F(DeployedQueues, OfSomebodyElseAreRefusedByName) {
  Put("Jobs");
  EXPECT_THAT(Deploy(kTop + kQueue, "zip")[0],
              HasSubstr("the queue 'Jobs' exists already and belongs to no stack: set another "
                        "QueueName, or delete it first"));
  queues.queues.clear();
  EXPECT_EQ(Deploy(kTop + kQueue, "zip").back(), "succeeded");
  const Json body = {{"template", "Resources:\n" + kQueue}};
  EXPECT_THAT(Ask("POST", "/_hearth/stacks/other", base::ToJsonText(body)).body,
              HasSubstr("belongs to the stack 'shop'"));
}

TEST_F(DeployedQueues, OfSomebodyElseAreNotRemovedThoughTheNameWasOurs) {
  EXPECT_EQ(Deploy(kTop + kQueue, "zip").back(), "succeeded");
  queues.queues.clear();
  const Json body = {{"template", "Resources:\n" + kQueue}};
  EXPECT_THAT(Ask("POST", "/_hearth/stacks/other", base::ToJsonText(body)).body,
              HasSubstr("belongs to the stack 'shop'"))
      << "it is gone, and the stack will bring it back";
  Put("Jobs");
  EXPECT_THAT(Shown(Ask("DELETE", "/_hearth/stacks/shop")), Contains("succeeded"));
  EXPECT_THAT(Names(), ElementsAre("Jobs"));
}

TEST_F(DeployedQueues, HaveADeadLetterQueueThatIsThereAndOfTheirKind) {
  const auto redrive = [](const std::string& target) {
    return kTop + kQueue + "    Properties:\n      RedrivePolicy: {deadLetterTargetArn: " + target +
           ", maxReceiveCount: 3}\n";
  };
  const std::string arn = "'arn:aws:sqs:us-east-1:000000000000:theirs'";
  EXPECT_THAT(Deploy(redrive(arn), "zip")[0],
              HasSubstr("Reason: Dead letter target does not exist."));
  Put("theirs");
  EXPECT_EQ(Deploy(redrive(arn), "zip").back(), "succeeded");
  EXPECT_THAT(
      Deploy(redrive("!GetAtt Dead.Arn") + kDead + "    Properties: {FifoQueue: true}\n", "zip")[0],
      HasSubstr("Dead-letter queue must be same type of queue as the source."));
  EXPECT_THAT(Deploy(redrive("!GetAtt Dead.Arn") + kDead +
                         "    Properties: {RedriveAllowPolicy: {redrivePermission: denyAll}}\n",
                     "zip")[0],
              HasSubstr("redrive allow policy does not allow this queue"));
}

TEST_F(DeployedQueues, AFailureBringsThemBackAndRemovesNoneThatWasThere) {
  EXPECT_EQ(Deploy(kTop + kQueue + "    Properties: {DelaySeconds: 1}\n" + kDead, "zip").back(),
            "succeeded");
  const std::string next = kTop + kQueue + "    Properties: {DelaySeconds: 2}\n" +
                           "  New:\n    Type: AWS::SQS::Queue\n" +
                           "  Other:\n    Type: AWS::Serverless::Function\n    DependsOn: New\n"
                           "    Properties: {CodeUri: src/, Handler: a.b, Runtime: python3.12}\n";
  control.failing = {"create Other"};
  EXPECT_THAT(
      Deploy(next, "zip"),
      ElementsAre("unchanged Hello done", "update Jobs done", "create New done",
                  "create Other failed", "delete New done", "update Jobs done", "rolled back"));
  EXPECT_THAT(Names(), ElementsAre("Dead", "Jobs")) << "and the messages of Dead";
  EXPECT_EQ(Attribute("Jobs", "DelaySeconds"), "1");
  control.failing.clear();
  queues.failing = {"create New"};
  EXPECT_EQ(Deploy(next, "zip").back(), "rolled back");
  EXPECT_EQ(Attribute("Jobs", "DelaySeconds"), "1");
  EXPECT_THAT(database.intents, IsEmpty());
}

TEST_F(DeployedQueues, AQueueThatCannotBeRemovedDoesNotUndoADeployment) {
  EXPECT_EQ(Deploy(kTop + kQueue, "zip").back(), "succeeded");
  queues.failing = {"remove Jobs"};
  EXPECT_THAT(Deploy(kTop, "zip"),
              ElementsAre("unchanged Hello done", "delete Jobs failed", "succeeded"));
  EXPECT_EQ(Deploy(kTop + kQueue, "zip").back(), "succeeded") << "it is the stack's own still";
}

// A kill before and after every call to the queues of a deployment that changes one, makes one and
// takes one away.
class QueuesKilledAt : public DeployedQueues,
                       public ::testing::WithParamInterface<std::pair<const char*, bool>> {};

TEST_P(QueuesKilledAt, AllIsOldOrAllIsNew) {
  EXPECT_EQ(Deploy(kTop + kQueue + "    Properties: {DelaySeconds: 1}\n" + kDead, "zip").back(),
            "succeeded");
  const auto [call, is_after] = GetParam();
  (is_after ? queues.dies_after : queues.dies_before).insert(call);
  DeployUntilItDies(kTop + kQueue + "    Properties: {DelaySeconds: 2}\n" +
                    "  New:\n    Type: AWS::SQS::Queue\n");
  const bool is_new = std::string_view(call) == "remove Dead";
  EXPECT_THAT(Reborn(),
              ElementsAre(HasSubstr(is_new ? "what was left to do is done" : "rolled back")));
  EXPECT_EQ(Attribute("Jobs", "DelaySeconds"), is_new ? "2" : "1");
  EXPECT_EQ(Names(), is_new ? (std::vector<std::string>{"Jobs", "New"})
                            : (std::vector<std::string>{"Dead", "Jobs"}));
  EXPECT_THAT(database.intents, IsEmpty());
  EXPECT_EQ(database.stacks["shop"].find(":New\"") != std::string::npos, is_new);
}

INSTANTIATE_TEST_SUITE_P(
    Calls, QueuesKilledAt,
    ::testing::Values(std::pair{"change Jobs", false}, std::pair{"change Jobs", true},
                      std::pair{"create New", false}, std::pair{"create New", true},
                      std::pair{"remove Dead", false}, std::pair{"remove Dead", true}));

TEST_F(DeployedQueues, RecoveryLeavesAQueueOfSomebodyElseAlone) {
  queues.dies_before = {"create Jobs"};
  DeployUntilItDies(kTop + kQueue);
  Put("Jobs");
  EXPECT_THAT(Reborn(), ElementsAre(HasSubstr("rolled back")));
  EXPECT_THAT(Names(), ElementsAre("Jobs"));
}

TEST_F(DeployedQueues, OneThatSomebodyMakesMeanwhileIsNotTaken) {
  // The check has passed; the function's creation gives another client its time.
  control.dies_before = {"create Hello"};
  DeployUntilItDies(kTop + kQueue);
  EXPECT_THAT(Reborn(), ElementsAre(HasSubstr("rolled back")));
  sqs::QueueRecord theirs{.name = "Jobs"};
  theirs.tags["of"] = "them";
  Change change{.logical_id = "Jobs",
                .function = "Jobs",
                .before = {},
                .after = {},
                .kind = ResourceKind::kQueue,
                .version = {},
                .alias = {}};
  change.told_after = Json{{"Attributes", Json::object()}, {"Tags", {{kStackNameTag, "shop"}}}};
  queues.queues["Jobs"] = theirs;
  auto stacks = *StackStore::Load(database, writer);
  std::optional<DeploymentStatus> status;
  std::string reason;
  Deployment::Start(
      {reborn_control, registry, code, disk, *stacks, clock, destinations, account, queues,
       *mappings, objects, buses, archives, schedules},
      "shop", {change}, StackRecord{.name = "shop"}, [](const Json&) {},
      [&](DeploymentStatus result, const std::string& why) {
        status = result;
        reason = why;
      });
  loop.RunUntil([&] { return status.has_value(); });
  EXPECT_EQ(status, DeploymentStatus::kRolledBack);
  EXPECT_THAT(reason, HasSubstr("the queue 'Jobs' exists already"));
  EXPECT_EQ(queues.queues["Jobs"].tags, theirs.tags);
}

}  // namespace
}  // namespace hearth::stacks
