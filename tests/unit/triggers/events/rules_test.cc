// Buses, rules and targets on the wire.
#include "tests/unit/triggers/events/events_fixture.h"

namespace hearth::events::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RulesTest : public EventsTest {
 protected:
  std::vector<std::string> Names(const Json& answer, const char* list) {
    std::vector<std::string> out;
    for (const Json& each : answer.at(list)) out.push_back(each.value("Name", ""));
    return out;
  }
};
const char kPattern[] = R"({"source": ["shop"]})";

TEST_F(RulesTest, AreRefusedInAwsWords) {
  struct Case {
    std::string operation;
    Json input;
    std::string error;
  };
  Must("CreateEventBus", {{"Name", "own"}});
  PutRule("full", {{"source", {"s"}}});
  const Case cases[] = {
      {"DescribeRule",
       {{"Name", "x"}},
       "ResourceNotFoundException: Rule x does not exist on EventBus default."},
      {"DescribeRule",
       {{"Name", "x"}, {"EventBusName", "no"}},
       "ResourceNotFoundException: Event bus no does not exist."},
      {"PutRule",
       {{"Name", "x"}},
       "ValidationException: Parameter(s) EventPattern or ScheduleExpression must be specified."},
      {"PutRule",
       {{"Name", "x"}, {"EventBusName", "own"}, {"ScheduleExpression", "rate(1 minute)"}},
       "ValidationException: ScheduleExpression is supported only on the default event bus."},
      {"PutRule",
       {{"Name", "x"}, {"EventBusName", "no"}, {"EventPattern", kPattern}},
       "ResourceNotFoundException: Event bus no does not exist."},
      {"DeleteRule",
       {{"Name", "full"}},
       "ValidationException: Rule can't be deleted since it has targets."},
      {"DeleteEventBus",
       {{"Name", "default"}},
       "ValidationException: Cannot delete event bus default."},
      {"CreateEventBus",
       {{"Name", "own"}},
       "ResourceAlreadyExistsException: Event bus own already exists."},
      {"DescribeEventBus",
       {{"Name", "no"}},
       "ResourceNotFoundException: Event bus no does not exist."},
      {"PutTargets",
       {{"Rule", "x"}, {"Targets", {{{"Id", "1"}, {"Arn", Queue("q")}}}}},
       "ResourceNotFoundException: Rule x does not exist on EventBus default."},
      {"PutTargets",
       {{"Rule", "full"}, {"Targets", {{{"Id", "!@#$@!#$"}, {"Arn", Queue("q")}}}}},
       "ValidationException: 1 validation error detected: Value '!@#$@!#$' at "
       "'targets.1.member.id' failed to satisfy constraint: Member must satisfy regular expression "
       "pattern: [\\.\\-_A-Za-z0-9]+"},
      {"PutTargets",
       {{"Rule", "full"}, {"Targets", {{{"Id", "1"}, {"Arn", "queue"}}}}},
       "ValidationException: Parameter queue is not valid. Reason: Provided Arn is not in correct "
       "format."},
      {"PutTargets",
       {{"Rule", "full"},
        {"Targets", {{{"Id", "1"}, {"Arn", Queue("q")}, {"Input", "1"}, {"InputPath", "$"}}}}},
       "ValidationException: Only one of Input, InputPath, or InputTransformer must be provided "
       "for target 1."},
      {"RemovePermission",
       {{"StatementId", "x"}},
       "ResourceNotFoundException: Statement with the provided id does not exist."},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(Shown(each.operation, each.input), each.error) << each.operation << each.input;
  }
  EXPECT_THAT(Shown("PutRule", {{"Name", "x"}, {"EventPattern", "{\"source\": \"shop\"}"}}),
              HasSubstr("InvalidEventPatternException: Event pattern is not valid. Reason: "));
  EXPECT_THAT(Shown("PutRule", {{"Name", "x"}, {"ScheduleExpression", "rate(1 minutes)"}}),
              HasSubstr("ValidationException: Parameter ScheduleExpression is not valid."));
  EXPECT_THAT(Shown("PutRule", {{"Name", "a b"}, {"EventPattern", kPattern}, {"State", "ON"}}),
              HasSubstr("2 validation errors detected: Value 'a b' at 'name' failed"));
}

TEST_F(RulesTest, RefuseByNameWhatIsNotServed) {
  PutRule("r", {{"source", {"s"}}});
  const auto target = [this](const Json& more) {
    Json out = {{"Id", "1"}, {"Arn", Queue("q")}};
    out.update(more);
    return Shown("PutTargets", {{"Rule", "r"}, {"Targets", {out}}});
  };
  EXPECT_THAT(target({{"Arn", "arn:aws:states:us-east-1:000000000000:stateMachine:x"}}),
              HasSubstr("Hearth does not serve targets of the service 'states' (target 1:"));
  for (const char* const member :
       {"EcsParameters", "BatchParameters", "RunCommandParameters", "HttpParameters",
        "RedshiftDataParameters", "SageMakerPipelineParameters", "AppSyncParameters"}) {
    EXPECT_THAT(target({{member, Json::object()}}), HasSubstr("does not serve the parameter"));
  }
  EXPECT_THAT(target({{"Arn", Queue("q.fifo")}}), HasSubstr("SqsParameters must be specified"));
  EXPECT_EQ(target({{"Arn", Queue("q.fifo")}, {"SqsParameters", {{"MessageGroupId", "g"}}}}),
            "200");
  EXPECT_THAT(target({{"DeadLetterConfig", {{"Arn", Queue("q.fifo")}}}}),
              HasSubstr("standard queue"));
  EXPECT_THAT(target({{"Arn", Bus("b")}, {"Input", "{}"}}), HasSubstr("as they are"));
  for (const char* const member :
       {"KmsKeyIdentifier", "DeadLetterConfig", "LogConfig", "EventSourceName"}) {
    EXPECT_THAT(Shown("CreateEventBus", {{"Name", "b"}, {member, "x"}}),
                HasSubstr("does not serve the parameter"));
  }
  EXPECT_THAT(Shown("CreateConnection", Json::object()),
              HasSubstr("OperationDisabledException: Hearth does not serve the operation "
                        "CreateConnection."));
  EXPECT_THAT(Shown("Fly", Json::object()), HasSubstr("UnknownOperationException"));
}

TEST_F(RulesTest, AreShownAsTheyWerePut) {
  Must("CreateEventBus", {{"Name", "own"}, {"Description", "mine"}});
  const Json put = Ask("PutRule", {{"Name", "r"},
                                   {"EventBusName", "own"},
                                   {"EventPattern", kPattern},
                                   {"Description", "d"},
                                   {"State", "DISABLED"},
                                   {"Tags", {{{"Key", "k"}, {"Value", "v"}}}}});
  EXPECT_EQ(put, (Json{{"RuleArn", RuleOf("own/r")}}));
  const Json shown = {{"Name", "r"},
                      {"Arn", RuleOf("own/r")},
                      {"EventBusName", "own"},
                      {"Description", "d"},
                      {"State", "DISABLED"},
                      {"EventPattern", kPattern},
                      {"CreatedBy", "000000000000"}};
  EXPECT_EQ(Ask("DescribeRule", {{"Name", "r"}, {"EventBusName", Bus("own")}}), shown);
  EXPECT_EQ(Ask("ListTagsForResource", {{"ResourceARN", RuleOf("own/r")}}),
            (Json{{"Tags", {{{"Key", "k"}, {"Value", "v"}}}}}));
  // Put again: it is what is said now, but for its tags and targets.
  PutTarget("r", Json::object(), "own");
  Must("PutRule", {{"Name", "r"}, {"EventBusName", "own"}, {"EventPattern", kPattern}});
  EXPECT_EQ(Ask("DescribeRule", {{"Name", "r"}, {"EventBusName", "own"}}).value("State", ""),
            "ENABLED");
  EXPECT_THAT(Ask("ListTargetsByRule", {{"Rule", "r"}, {"EventBusName", "own"}}).at("Targets"),
              SizeIs(1));
  EXPECT_THAT(Ask("ListTagsForResource", {{"ResourceARN", RuleOf("own/r")}}).at("Tags"), SizeIs(1));
  EXPECT_EQ(Shown("DeleteEventBus", {{"Name", "own"}}),
            "ValidationException: EventBus can't be deleted since it has rules.");
  Reopen();
  EXPECT_EQ(Ask("DescribeEventBus", {{"Name", "own"}}).value("Description", ""), "mine");
}

TEST_F(RulesTest, AreListedInPages) {
  for (const char* const name : {"a1", "a2", "a3", "b1"}) PutRule(name, {{"source", {"s"}}});
  Json page = Ask("ListRules", {{"Limit", 2}, {"NamePrefix", "a"}});
  EXPECT_THAT(Names(page, "Rules"), ElementsAre("a1", "a2"));
  page = Ask("ListRules", {{"Limit", 2}, {"NamePrefix", "a"}, {"NextToken", page.at("NextToken")}});
  EXPECT_THAT(Names(page, "Rules"), ElementsAre("a3"));
  EXPECT_FALSE(page.contains("NextToken"));
  EXPECT_EQ(Ask("ListRuleNamesByTarget", {{"TargetArn", Queue("q")}, {"Limit", 3}}).at("RuleNames"),
            (Json{"a1", "a2", "a3"}));
  EXPECT_THAT(Shown("ListRules", {{"NextToken", "%"}}), HasSubstr("NextToken is not valid"));
  Must("CreateEventBus", {{"Name", "z"}});
  page = Ask("ListEventBuses", {{"Limit", 1}});
  EXPECT_THAT(Names(page, "EventBuses"), ElementsAre("default"));
  EXPECT_THAT(Names(Ask("ListEventBuses", {{"NextToken", page.at("NextToken")}}), "EventBuses"),
              ElementsAre("z"));
}

TEST_F(RulesTest, HaveFiveTargetsAndNoMore) {
  Must("PutRule", {{"Name", "r"}, {"EventPattern", kPattern}});
  const auto put = [this](int from, int count) {
    Json targets = Json::array();
    for (int i = from; i < from + count; ++i) {
      targets.push_back({{"Id", std::to_string(i)}, {"Arn", Queue("q")}});
    }
    return Shown("PutTargets", {{"Rule", "r"}, {"Targets", targets}});
  };
  EXPECT_EQ(put(0, 5), "200");
  EXPECT_EQ(put(0, 5), "200");  // The same ones again.
  EXPECT_EQ(put(5, 1),
            "LimitExceededException: The requested resource exceeds the maximum number allowed.");
  EXPECT_THAT(Ask("ListTargetsByRule", {{"Rule", "r"}}).at("Targets"), SizeIs(5));
  EXPECT_EQ(Ask("RemoveTargets", {{"Rule", "r"}, {"Ids", {"0", "nobody"}}}),
            (Json{{"FailedEntryCount", 0}, {"FailedEntries", Json::array()}}));
  Json page = Ask("ListTargetsByRule", {{"Rule", "r"}, {"Limit", 3}});
  EXPECT_THAT(page.at("Targets"), SizeIs(3));
  EXPECT_THAT(
      Ask("ListTargetsByRule", {{"Rule", "r"}, {"NextToken", page.at("NextToken")}}).at("Targets"),
      SizeIs(1));
}

TEST_F(RulesTest, PermissionsOfABusMakeItsPolicy) {
  const auto policy = [this] {
    const Json bus = Ask("DescribeEventBus", Json::object());
    return bus.contains("Policy") ? MUST(base::ParseJson(bus.value("Policy", ""))) : Json();
  };
  Must("PutPermission",
       {{"Action", "events:PutEvents"}, {"Principal", "111111111111"}, {"StatementId", "one"}});
  Must("PutPermission",
       {{"Action", "events:PutEvents"}, {"Principal", "*"}, {"StatementId", "two"}});
  EXPECT_EQ(policy().at("Statement").at(0),
            (Json{{"Sid", "one"},
                  {"Effect", "Allow"},
                  {"Principal", {{"AWS", "arn:aws:iam::111111111111:root"}}},
                  {"Action", "events:PutEvents"},
                  {"Resource", Bus("default")}}));
  EXPECT_EQ(policy().at("Statement").at(1).at("Principal"), "*");
  Must("RemovePermission", {{"StatementId", "one"}});
  EXPECT_THAT(policy().at("Statement"), SizeIs(1));
  Must("RemovePermission", {{"RemoveAllPermissions", true}});
  EXPECT_TRUE(policy().is_null());
  EXPECT_THAT(Shown("PutPermission", {{"Policy", "{}"}}), HasSubstr("ValidationException"));
}

TEST_F(RulesTest, TagsComeAndGo) {
  const std::string arn = Bus("default");
  Must("TagResource", {{"ResourceARN", arn}, {"Tags", {{{"Key", "a"}, {"Value", "1"}}}}});
  Must("TagResource", {{"ResourceARN", arn}, {"Tags", {{{"Key", "b"}, {"Value", ""}}}}});
  Must("UntagResource", {{"ResourceARN", arn}, {"TagKeys", {"a"}}});
  Reopen();
  EXPECT_EQ(Ask("ListTagsForResource", {{"ResourceARN", arn}}),
            (Json{{"Tags", {{{"Key", "b"}, {"Value", ""}}}}}));
  EXPECT_EQ(Shown("TagResource", {{"ResourceARN", RuleOf("no")}, {"Tags", Json::array()}}),
            "ResourceNotFoundException: Rule no does not exist on EventBus default.");
  Json many = Json::array();
  for (int i = 0; i < 51; ++i) many.push_back({{"Key", std::to_string(i)}, {"Value", ""}});
  EXPECT_THAT(Shown("TagResource", {{"ResourceARN", arn}, {"Tags", many}}),
              HasSubstr("at most 50 tags"));
}

TEST_F(RulesTest, PatternsAreTriedOnEventsThatHaveWhatAwsWants) {
  Json event = {{"id", "1"},
                {"account", "1"},
                {"source", "shop"},
                {"time", "now"},
                {"region", "us-east-1"},
                {"resources", Json::array()},
                {"detail-type", "order"}};
  const auto test = [this](const Json& tried) {
    return Ask("TestEventPattern",
               {{"EventPattern", kPattern}, {"Event", base::ToJsonText(tried)}});
  };
  EXPECT_EQ(test(event), (Json{{"Result", true}}));
  event["source"] = "other";
  EXPECT_EQ(test(event), (Json{{"Result", false}}));
  event.erase("region");
  EXPECT_THAT(test(event).value("message", ""), HasSubstr("region is missing"));
  EXPECT_THAT(test(Json::array()).value("message", ""), HasSubstr("Event is not valid"));
  event["region"] = std::string(1024 * 1024, 'x');
  EXPECT_THAT(test(event).value("message", ""),
              HasSubstr("Member must have length less than or equal to 1048576"));
}

// A record's JSON is the request that makes it.
TEST_F(RulesTest, RecordsAreReadAsTheyAreWritten) {
  const Json rule = {{"Name", "r"},
                     {"EventBusName", "b"},
                     {"EventPattern", kPattern},
                     {"RoleArn", "arn:aws:iam::000000000000:role/x"},
                     {"State", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"},
                     {"Description", "d"},
                     {"Tags", {{{"Key", "k"}, {"Value", "v"}}}}};
  EXPECT_EQ(ToJson(ReadRule(rule, invoker::Account{}).value()), rule);
  const Json targets = {
      {{"Id", "1"}, {"Arn", Queue("q")}, {"Input", "1"}},
      {{"Id", "2"},
       {"Arn", Queue("q.fifo")},
       {"InputPath", "$.detail"},
       {"SqsParameters", {{"MessageGroupId", "g"}}},
       {"RetryPolicy", {{"MaximumRetryAttempts", 0}, {"MaximumEventAgeInSeconds", 60}}},
       {"DeadLetterConfig", {{"Arn", Queue("d")}}},
       {"KinesisParameters", {{"PartitionKeyPath", "$.detail.k"}}},
       {"InputTransformer", nullptr}},
      {{"Id", "3"},
       {"Arn", Queue("q")},
       {"InputTransformer",
        {{"InputPathsMap", {{"a", "$.detail.a"}}}, {"InputTemplate", "{\"a\": <a>}"}}}}};
  const auto read = ReadTargets(targets);
  ASSERT_TRUE(read.has_value()) << read.error().message;
  Json written = Json::array();
  for (const TargetRecord& each : *read) written.push_back(ToJson(each));
  Json wanted = targets;
  wanted[1].erase("InputTransformer");
  EXPECT_EQ(written, wanted);
}

TEST_F(RulesTest, KeepTheFailureOfOneThatCannotBeReadToItself) {
  PutRule("r", {{"source", {"shop"}}});
  MUST(database->Run("UPDATE event_rules SET body = '{}'"));
  std::vector<std::string> answers;
  const auto note = [&](const std::expected<void, aws::ApiError>& result) {
    answers.push_back(result ? "done" : result.error().type);
  };
  // In one transaction.
  service->buses().ChangeRule({.name = "r"}, [](RuleRecord&) { return std::nullopt; }, note);
  service->buses().PutRule({.key = {.name = "r"}, .pattern = R"({"source":["a"]})"}, note);
  service->buses().CreateBus({.name = "mine"}, note);
  loop.RunUntil([&] { return answers.size() == 3; });
  EXPECT_THAT(answers, ElementsAre("InternalException", "InternalException", "done"));
  Reopen();
  EXPECT_EQ(Shown("DescribeEventBus", {{"Name", "mine"}}), "200");
}

}  // namespace
}  // namespace hearth::events::test
