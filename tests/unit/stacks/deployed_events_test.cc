// Rules, buses, archives and schedules of stacks: made, changed, taken away, brought back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan_helper.h"
#include "stacks/deployment.h"
#include "stacks_server.h"

namespace hearth::stacks {
namespace {

using base::Json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::string kTop = "Transform: AWS::Serverless-2016-10-31\nResources:\n" + kHello;
const std::string kBus =
    "  Orders:\n    Type: AWS::Events::EventBus\n    Properties: {Name: orders}\n";
const std::string kQueue = "  Q:\n    Type: AWS::SQS::Queue\n";

std::string Rule(const std::string& properties) {
  return "  Big:\n    Type: AWS::Events::Rule\n    Properties: {Name: big, EventBusName: !Ref "
         "Orders, EventPattern: {source: [shop]}, " +
         properties + "}\n";
}
const std::string kTarget = "Targets: [{Id: q, Arn: !GetAtt Q.Arn}]";
const std::string kArchive =
    "  Kept:\n    Type: AWS::Events::Archive\n    Properties: {ArchiveName: kept, SourceArn: "
    "!GetAtt "
    "Orders.Arn, RetentionDays: 7}\n";
const std::string kGroup =
    "  Mine:\n    Type: AWS::Scheduler::ScheduleGroup\n    Properties: {Name: mine}\n";
std::string Nightly(const std::string& expression) {
  return "  Nightly:\n    Type: AWS::Scheduler::Schedule\n    Properties: {Name: nightly, "
         "GroupName: "
         "!Ref Mine, ScheduleExpression: " +
         expression +
         ", Target: {Arn: !GetAtt Q.Arn, RoleArn: 'arn:aws:iam::000000000000:role/r'}}\n";
}
const std::string kAll =
    kTop + kQueue + kBus + Rule(kTarget) + kArchive + kGroup + Nightly("rate(1 hour)");

class DeployedEvents : public StacksServer {
 protected:
  DeployedEvents() {
    destinations.Attach("lambda", [](const auto&, const auto&) {});
    destinations.Attach("sqs", [](const auto&, const auto&) {});
  }
  std::vector<std::string> DeleteStack() { return Shown(Ask("DELETE", "/_hearth/stacks/shop")); }
  events::RuleRecord& Big() { return buses.rules.at({"orders", "big"}); }
  std::string Expression() {
    const auto found = schedules.schedules.find({"mine", "nightly"});
    return found == schedules.schedules.end() ? "" : found->second.expression;
  }
  // "bus orders", "rule big", ... but for what is there from the beginning.
  std::vector<std::string> Names() {
    std::vector<std::string> out;
    for (const auto& [name, bus] : buses.buses) out.push_back("bus " + name);
    for (const auto& [key, rule] : buses.rules) out.push_back("rule " + key.name);
    for (const auto& [name, archive] : archives.archives) out.push_back("archive " + name);
    for (const auto& [name, group] : schedules.groups) out.push_back("group " + name);
    for (const auto& [key, schedule] : schedules.schedules) out.push_back("schedule " + key.name);
    std::erase(out, "bus default");
    std::erase(out, "group default");
    return out;
  }
  // Of somebody else.
  void PutRule(const std::string& bus, const std::string& name) {
    buses.rules[{bus, name}] = {.key = {bus, name}, .pattern = R"({"a":[1]})"};
  }
};

TEST_F(DeployedEvents, AreMadeBroughtBackAndTakenAway) {
  EXPECT_THAT(Deploy(kAll, "zip"),
              ElementsAre("create Hello done", "create Q done", "create orders done",
                          "create orders|big done", "create kept done", "create mine done",
                          "create mine/nightly done", "succeeded"));
  EXPECT_THAT(Names(), ElementsAre("bus orders", "rule big", "archive kept", "group mine",
                                   "schedule nightly"));
  EXPECT_EQ(Big().pattern, R"({"source":["shop"]})");
  EXPECT_EQ(Big().tags.at(kStackNameTag), "shop");
  EXPECT_EQ(Big().tags.at(kLogicalIdTag), "Big");
  EXPECT_EQ(buses.buses["orders"].tags.at(kStackNameTag), "shop");
  EXPECT_EQ(schedules.groups["mine"].tags.at(kStackNameTag), "shop");
  EXPECT_EQ(archives.archives["kept"].retention_days, 7);
  EXPECT_THAT(Deploy(kAll, "zip"),
              ElementsAre("unchanged Hello done", "unchanged Q done", "unchanged orders done",
                          "unchanged orders|big done", "unchanged kept done", "unchanged mine done",
                          "unchanged mine/nightly done", "succeeded"));

  // What somebody else changed.
  Big().state = events::RuleState::kDisabled;
  Big().tags.clear();
  buses.targets[{"orders", "big"}] = {{"z", {.id = "z", .arn = "arn:aws:sqs:us-east-1:0:z"}}};
  buses.buses["orders"].description = "theirs";
  archives.archives["kept"].pattern = R"({"a":[1]})";
  schedules.groups["mine"].tags.clear();
  schedules.schedules[{"mine", "nightly"}].expression = "rate(2 hours)";
  EXPECT_THAT(Deploy(kAll, "zip"),
              ElementsAre("unchanged Hello done", "unchanged Q done", "update orders done",
                          "update orders|big done", "update kept done", "update mine done",
                          "update mine/nightly done", "succeeded"));
  EXPECT_TRUE(Big().is_enabled());
  EXPECT_EQ(Big().tags.at(kStackNameTag), "shop");
  const auto& targets = buses.targets[{"orders", "big"}];
  ASSERT_EQ(targets.size(), 1u);
  EXPECT_EQ(targets.at("q").arn, "arn:aws:sqs:us-east-1:000000000000:Q");
  EXPECT_EQ(Expression(), "rate(1 hour)");
  EXPECT_EQ(archives.archives["kept"].pattern, "");

  // What sends goes before whom it sends to; what holds others goes last.
  EXPECT_THAT(DeleteStack(),
              ElementsAre("delete mine/nightly done", "delete orders|big done", "delete Hello done",
                          "delete mine done", "delete kept done", "delete orders done",
                          "delete Q done", "succeeded"));
  EXPECT_THAT(Names(), IsEmpty());
  EXPECT_THAT(database.intents, IsEmpty());
}

TEST_F(DeployedEvents, AreChangedInPlaceOrReplacedByName) {
  EXPECT_EQ(Deploy(kAll, "zip").back(), "succeeded");
  EXPECT_THAT(Deploy(kTop + kQueue + kBus + Rule("State: DISABLED") + kArchive + kGroup +
                         Nightly("rate(3 hours)"),
                     "zip"),
              ElementsAre("unchanged Hello done", "unchanged Q done", "unchanged orders done",
                          "update orders|big done", "unchanged kept done", "unchanged mine done",
                          "update mine/nightly done", "succeeded"));
  EXPECT_FALSE(Big().is_enabled());
  EXPECT_THAT((buses.targets[{"orders", "big"}]), IsEmpty());
  EXPECT_EQ(Expression(), "rate(3 hours)");
  const std::string renamed =
      "  Big:\n    Type: AWS::Events::Rule\n    Properties: {Name: bigger, EventPattern: {a: "
      "[1]}}\n";
  EXPECT_THAT(Deploy(kTop + kQueue + renamed, "zip"),
              ElementsAre("unchanged Hello done", "unchanged Q done", "create bigger done",
                          "delete mine/nightly done", "delete orders|big done", "delete mine done",
                          "delete kept done", "delete orders done", "succeeded"));
  EXPECT_THAT(Names(), ElementsAre("rule bigger"));
}

TEST_F(DeployedEvents, AnArchiveStaysWithItsBus) {
  EXPECT_EQ(Deploy(kTop + kBus + kArchive, "zip").back(), "succeeded");
  std::string other = kArchive;
  other.replace(other.find("Orders.Arn"), 10, "Other.Arn");
  EXPECT_EQ(Deploy(kTop + kBus + other +
                       "  Other:\n    Type: AWS::Events::EventBus\n    Properties: {Name: other}\n",
                   "zip")
                .back(),
            "rolled back");
  EXPECT_THAT(last["reason"], HasSubstr("the archive 'kept' is of the event bus 'orders': give it "
                                        "another ArchiveName for another bus"));
  EXPECT_THAT(Names(), ElementsAre("bus orders", "archive kept"));
}

TEST_F(DeployedEvents, WhatIsRetainedStaysAndIsTakenUpAgain) {
  const std::string retained =
      kTop + kBus + "    DeletionPolicy: Retain\n" + kArchive + "    DeletionPolicy: Retain\n";
  EXPECT_EQ(Deploy(retained, "zip").back(), "succeeded");
  EXPECT_EQ(Deploy(kTop, "zip").back(), "succeeded");
  EXPECT_THAT(Names(), ElementsAre("bus orders", "archive kept"));
  EXPECT_THAT(Deploy(kTop + kBus + kArchive, "zip"), Contains("unchanged kept done"));
  EXPECT_EQ(DeleteStack().back(), "succeeded");
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(DeployedEvents, OfSomebodyElseAreRefusedByNameAndNotRemoved) {
  buses.buses["orders"] = {.name = "orders"};
  PutRule("orders", "big");
  schedules.groups["mine"] = {.name = "mine"};
  schedules.schedules[{"mine", "nightly"}] = {.key = {"mine", "nightly"},
                                              .expression = "rate(9 days)"};
  archives.archives["kept"] = {.name = "kept", .bus = "default"};
  const std::string refused = Deploy(kAll, "zip")[0];
  for (const char* name :
       {"'orders' (AWS::Events::EventBus)", "'orders|big' (AWS::Events::Rule)",
        "'kept' (AWS::Events::Archive)", "'mine' (AWS::Scheduler::ScheduleGroup)",
        "'mine/nightly' (AWS::Scheduler::Schedule)"}) {
    EXPECT_THAT(refused, HasSubstr(std::string(name) + " exists already and belongs to no stack"));
  }
  EXPECT_THAT(buses.calls, IsEmpty());
  EXPECT_THAT(schedules.calls, IsEmpty());
  buses.buses.erase("orders");
  buses.rules.clear();
  schedules.groups.erase("mine");
  schedules.schedules.clear();
  archives.archives.clear();
  EXPECT_EQ(Deploy(kAll, "zip").back(), "succeeded");
  const Json body = {{"template", "Resources:\n" + kBus}};
  EXPECT_THAT(Ask("POST", "/_hearth/stacks/other", base::ToJsonText(body)).body,
              HasSubstr("belongs to the stack 'shop'"));
  // Theirs by now.
  PutRule("orders", "big");
  schedules.groups["mine"].tags.clear();
  EXPECT_EQ(DeleteStack().back(), "succeeded");
  EXPECT_THAT(Names(), Contains("rule big"));
  EXPECT_THAT(Names(), Contains("group mine"));
}

TEST_F(DeployedEvents, OnesThatSomebodyMakesMeanwhileAreNotTaken) {
  control.on_call = [this](const std::string&) {
    PutRule("default", "mine");
    buses.buses["orders"] = {.name = "orders"};
  };
  const std::string rule =
      "  R:\n    Type: AWS::Events::Rule\n    DependsOn: Hello\n    Properties: {Name: mine, "
      "EventPattern: {b: [2]}}\n";
  EXPECT_EQ(Deploy(kTop + rule, "zip").back(), "rolled back");
  EXPECT_EQ(last["reason"], "R: 'mine' exists already");
  EXPECT_EQ((buses.rules[{"default", "mine"}].pattern), R"({"a":[1]})");
}

TEST_F(DeployedEvents, WhoIsNotThereIsRefusedAtItsLine) {
  EXPECT_THAT(
      Deploy("Resources:\n  R:\n    Type: AWS::Events::Rule\n    Properties: {EventBusName: "
             "none, EventPattern: {a: [1]}}\n",
             "zip")[0],
      HasSubstr("R: Event bus none does not exist."));
  EXPECT_THAT(
      Deploy("Resources:\n  R:\n    Type: AWS::Events::Rule\n    Properties: {EventPattern: "
             "{a: [1]}, Targets: [{Id: a, Arn: 'arn:aws:sns:us-east-1:000000000000:t'}]}\n",
             "zip")[0],
      HasSubstr("R: Hearth does not serve the target "
                "arn:aws:sns:us-east-1:000000000000:t yet"));
}

TEST_F(DeployedEvents, AFailureBringsThemBack) {
  EXPECT_EQ(Deploy(kAll, "zip").back(), "succeeded");
  const std::string other =
      "  Other:\n    Type: AWS::Serverless::Function\n    DependsOn: [New]\n"
      "    Properties: {CodeUri: src/, Handler: a.b, Runtime: python3.12}\n";
  const std::string made =
      "  New:\n    Type: AWS::Events::Rule\n    Properties: {Name: new, EventPattern: {a: [1]}}\n";
  control.failing = {"create Other"};
  EXPECT_THAT(
      Deploy(kTop + kQueue + kBus + Rule("Description: x") + kGroup + Nightly("rate(5 hours)") +
                 made + other,
             "zip"),
      ElementsAre("unchanged Hello done", "unchanged Q done", "unchanged orders done",
                  "update orders|big done", "unchanged mine done", "update mine/nightly done",
                  "create new done", "create Other failed", "delete new done",
                  "update mine/nightly done", "update orders|big done", "rolled back"));
  EXPECT_EQ(Big().description, "");
  EXPECT_EQ((buses.targets[{"orders", "big"}].size()), 1u);
  EXPECT_EQ(Expression(), "rate(1 hour)");
  EXPECT_THAT(Names(), ElementsAre("bus orders", "rule big", "archive kept", "group mine",
                                   "schedule nightly"));
  // A removal is brought back too.
  control.failing = {"delete Hello"};
  EXPECT_EQ(DeleteStack().back(), "rolled back");
  EXPECT_EQ((buses.targets[{"orders", "big"}].size()), 1u);
  EXPECT_EQ(Big().tags.at(kStackNameTag), "shop");
  EXPECT_EQ(Expression(), "rate(1 hour)");
  control.failing.clear();
  buses.failing = {"put targets big"};
  EXPECT_EQ(Deploy(kTop + kQueue + kBus + Rule(kTarget + ", Description: y"), "zip").back(),
            "rolled back");
  EXPECT_THAT(last["reason"], HasSubstr("Big: told to fail"));
}

// A kill before and after every call of a deployment that changes, makes and takes away.
class EventsKilledAt : public DeployedEvents,
                       public ::testing::WithParamInterface<std::pair<const char*, bool>> {};

TEST_P(EventsKilledAt, AllIsOldOrAllIsNew) {
  EXPECT_EQ(Deploy(kAll, "zip").back(), "succeeded");
  const auto [call, is_after] = GetParam();
  for (FakeAnswers* fake : {static_cast<FakeAnswers*>(&buses), static_cast<FakeAnswers*>(&archives),
                            static_cast<FakeAnswers*>(&schedules)}) {
    fake->calls.clear();
    (is_after ? fake->dies_after : fake->dies_before).insert(call);
  }
  DeployUntilItDies(
      kTop + kQueue + kBus + Rule("Targets: [{Id: other, Arn: !GetAtt Q.Arn}]") +
      "  New:\n    Type: AWS::Events::Rule\n    Properties: {Name: new, EventPattern: {a: [1]}}\n"
      "  Soon:\n    Type: AWS::Scheduler::Schedule\n    Properties: {Name: soon, "
      "ScheduleExpression: rate(1 day), Target: {Arn: !GetAtt Q.Arn, RoleArn: "
      "'arn:aws:iam::000000000000:role/r'}}\n");
  const std::string_view what(call);
  const bool is_new = what == "delete archive kept" || what == "delete group mine";
  EXPECT_THAT(Reborn(),
              ElementsAre(HasSubstr(is_new ? "what was left to do is done" : "rolled back")));
  if (is_new) {
    EXPECT_THAT(Names(), ElementsAre("bus orders", "rule new", "rule big", "schedule soon"));
  } else {
    EXPECT_THAT(Names(), ElementsAre("bus orders", "rule big", "archive kept", "group mine",
                                     "schedule nightly"));
  }
  const auto& targets = buses.targets[{"orders", "big"}];
  EXPECT_EQ(targets.size(), 1u);
  EXPECT_EQ(targets.contains("other"), is_new);
  EXPECT_THAT(database.intents, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Calls, EventsKilledAt,
    ::testing::Values(
        std::pair{"put rule big", false}, std::pair{"put rule big", true},
        std::pair{"remove targets big", false}, std::pair{"remove targets big", true},
        std::pair{"put targets big", false}, std::pair{"put targets big", true},
        std::pair{"put rule new", false}, std::pair{"put rule new", true},
        std::pair{"create schedule soon", false}, std::pair{"create schedule soon", true},
        std::pair{"delete schedule nightly", false}, std::pair{"delete schedule nightly", true},
        std::pair{"delete archive kept", false}, std::pair{"delete archive kept", true},
        std::pair{"delete group mine", false}, std::pair{"delete group mine", true}));

TEST_F(DeployedEvents, RecoveryLeavesThoseOfSomebodyElseAlone) {
  buses.dies_before = {"put rule mine"};
  schedules.dies_before = {"create schedule theirs"};
  DeployUntilItDies(
      kTop + kQueue +
      "  S:\n    Type: AWS::Events::Rule\n    Properties: {Name: mine, EventPattern: {b: [2]}}\n"
      "  T:\n    Type: AWS::Scheduler::Schedule\n    Properties: {Name: theirs, "
      "ScheduleExpression: rate(1 day), Target: {Arn: !GetAtt Q.Arn, RoleArn: "
      "'arn:aws:iam::000000000000:role/r'}}\n");
  PutRule("default", "mine");
  schedules.schedules[{"default", "theirs"}] = {.key = {"default", "theirs"},
                                                .expression = "rate(9 days)"};
  EXPECT_THAT(Reborn(), ElementsAre(HasSubstr("rolled back")));
  EXPECT_THAT(Names(), ElementsAre("rule mine", "schedule theirs"));
}

TEST_F(DeployedEvents, ASamEventComesAndGoesWithItsFunction) {
  const std::string event =
      "      Events: {E: {Type: EventBridgeRule, Properties: {RuleName: e, Pattern: {a: [1]}, "
      "DeadLetterConfig: {Type: SQS}}}}\n";
  EXPECT_THAT(Deploy(kTop + event, "zip"),
              ElementsAre("create Hello done", "create HelloEQueue done", "create HelloEQueue done",
                          "create Hello|shop-HelloEPermission done", "create e done", "succeeded"));
  EXPECT_THAT(Deploy(kTop + event, "zip"), Not(Contains(HasSubstr("update"))));
  EXPECT_THAT(Deploy(kTop, "zip"),
              ElementsAre("unchanged Hello done", "delete e done",
                          "delete Hello|shop-HelloEPermission done", "delete HelloEQueue done",
                          "delete HelloEQueue done", "succeeded"));
}

TEST_F(DeployedEvents, StatementsOfABusArePutBesideThoseOfOthers) {
  buses.buses["default"].policy = R"({"Statement":[{"Sid":"Theirs"}],"Version":"2012-10-17"})";
  const std::string policy =
      "  P:\n    Type: AWS::Events::EventBusPolicy\n    Properties: {StatementId: Ours, Action: "
      "'events:PutEvents', Principal: '111111111111'}\n";
  EXPECT_THAT(Deploy(kTop + policy, "zip"), Contains("create default|Ours done"));
  EXPECT_THAT(buses.buses["default"].policy, HasSubstr("\"Theirs\""));
  EXPECT_THAT(buses.buses["default"].policy, HasSubstr("arn:aws:iam::111111111111:root"));
  EXPECT_THAT(Deploy(kTop + policy, "zip"), Contains("unchanged default|Ours done"));
  EXPECT_THAT(DeleteStack(), Contains("delete default|Ours done"));
  EXPECT_EQ(buses.buses["default"].policy,
            R"({"Statement":[{"Sid":"Theirs"}],"Version":"2012-10-17"})");
}

TEST_F(DeployedEvents, ABusIsADestinationOfAsynchronousCallsWhereItIsThere) {
  destinations.Attach("events", [](const auto&, const auto&) {});
  const auto config = [](const std::string& arn) {
    return kTop +
           "      EventInvokeConfig: {DestinationConfig: {OnFailure: {Type: EventBridge, "
           "Destination: " +
           arn + "}}}\n";
  };
  EXPECT_EQ(Deploy(config("!GetAtt Orders.Arn") + kBus, "zip").back(), "succeeded") << last;
  EXPECT_THAT(Deploy(config("'arn:aws:events:us-east-1:000000000000:event-bus/none'"), "zip")[0],
              HasSubstr("is invalid: there is no such event bus."));
}

}  // namespace
}  // namespace hearth::stacks
