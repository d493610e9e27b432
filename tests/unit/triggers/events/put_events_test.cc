// What is put on a bus, and what its targets are told.
#include <set>

#include "tests/unit/triggers/events/events_fixture.h"

namespace hearth::events::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class PutEventsTest : public EventsTest {};

TEST_F(PutEventsTest, TellsTheTargetOfAMatchingRuleTheEventAsAwsWritesIt) {
  PutRule("orders", {{"source", {"shop"}}});
  const Json answer = PutEntry({{"Source", "shop"},
                                {"DetailType", "order \"made\""},
                                {"Detail", " {\"n\": 1.50} "},
                                {"Resources", {"arn:a", "b"}},
                                {"Time", 1'700'000'000.9},
                                {"TraceHeader", "Root=1"}});
  EXPECT_EQ(answer.at("FailedEntryCount"), 0);
  const auto taken = Taken();
  ASSERT_THAT(taken, SizeIs(1));
  const std::string id = answer.at("Entries").at(0).at("EventId");
  EXPECT_EQ(taken[0].to.record,
            R"({"version":"0","id":")" + id +
                R"(","detail-type":"order \"made\"","source":"shop","account":"000000000000",)"
                R"("time":"2023-11-14T22:13:20Z","region":"us-east-1","resources":["arn:a","b"],)"
                R"("detail":{"n": 1.50}})");
  EXPECT_EQ(taken[0].to.arn, Queue("q"));
  EXPECT_EQ(taken[0].to.trace_id, "Root=1");
  EXPECT_EQ(taken[0].from.service, "events.amazonaws.com");
  EXPECT_EQ(taken[0].from.arn, RuleOf("orders"));
  EXPECT_EQ(taken[0].max_retries, 185);
  EXPECT_EQ(taken[0].max_age_s, 86'400);
}

TEST_F(PutEventsTest, RefusesEachEntryInAwsWordsAndTakesTheOthers) {
  PutRule("all", {{"source", {{{"exists", true}}}}});
  struct Case {
    Json entry;
    std::string code;
    std::string message;
  };
  const auto required = [](const std::string& name) {
    return "Parameter " + name + " is not valid. Reason: " + name + " is a required argument.";
  };
  const Case cases[] = {
      {{{"DetailType", "d"}, {"Detail", "{}"}}, "InvalidArgument", required("Source")},
      {{{"Source", ""}, {"DetailType", "d"}, {"Detail", "{}"}},
       "InvalidArgument",
       required("Source")},
      {{{"Source", "s"}, {"Detail", "{}"}}, "InvalidArgument", required("DetailType")},
      {{{"Source", "s"}, {"DetailType", "d"}}, "InvalidArgument", required("Detail")},
      {Entry("s", "text"), "MalformedDetail", "Detail is malformed."},
      {Entry("s", "[1]"), "MalformedDetail", "Detail is malformed."},
      {Entry("s", "\"{}\""), "MalformedDetail", "Detail is malformed."},
      {Entry("s", "{\"a\":}"), "MalformedDetail", "Detail is malformed."},
      {Entry("s", "{} x"), "MalformedDetail", "Detail is malformed."},
      {Entry("s", "{\"a\":" + std::string(2000, '[') + std::string(2000, ']') + "}"),
       "MalformedDetail", "Detail is malformed."},
      {Entry("aws.s3"), "NotAuthorizedForSourceException", "Not authorized for the source."},
  };
  for (const Case& each : cases) {
    const Json answer = Ask("PutEvents", {{"Entries", {each.entry, Entry()}}});
    EXPECT_EQ(answer.at("FailedEntryCount"), 1) << each.entry;
    EXPECT_EQ(answer.at("Entries").at(0),
              (Json{{"ErrorCode", each.code}, {"ErrorMessage", each.message}}));
    EXPECT_TRUE(answer.at("Entries").at(1).contains("EventId"));
    EXPECT_THAT(Taken(), SizeIs(1)) << each.entry;
  }
}

TEST_F(PutEventsTest, RefusesTheWholeCallInAwsWords) {
  const auto shown = [this](const Json& input) { return Shown("PutEvents", input); };
  EXPECT_EQ(shown(Json::object()),
            "ValidationException: 1 validation error detected: Value null at 'entries' failed to "
            "satisfy constraint: Member must not be null");
  EXPECT_EQ(shown({{"Entries", Json::array()}}),
            "ValidationException: 1 validation error detected: Value '[]' at 'entries' failed to "
            "satisfy constraint: Member must have length greater than or equal to 1");
  EXPECT_THAT(
      shown({{"Entries", std::vector<Json>(11, Entry("s", "{\"a\": 1}"))}}),
      ::testing::AllOf(
          HasSubstr("Value '[PutEventsRequestEntry(time=null, source=s, resources=null, "
                    "detailType=order, detail={\"a\": 1}, eventBusName=null, traceHeader=null, "
                    "kmsKeyIdentifier=null, internalMetadata=null), PutEventsRequestEntry("),
          HasSubstr(")]' at 'entries' failed to satisfy constraint: Member must have length less "
                    "than or equal to 10")));
  EXPECT_EQ(shown({{"Entries", {Entry("s", "{\"a\":\"" + std::string(1 << 20, 'x') + "\"}")}}}),
            "ValidationException: Total size of the entries in the request is over the limit.");
  Json bad = Entry();
  bad["EventBusName"] = "a b";
  EXPECT_THAT(shown({{"Entries", {bad}}}), HasSubstr("'entries.1.member.eventBusName' failed"));
  EXPECT_THAT(shown({{"Entries", {Entry()}}, {"EndpointId", "abc.def"}}),
              HasSubstr("Hearth does not serve the parameter 'endpointId'"));
  bad = Entry();
  bad["Colour"] = "red";
  EXPECT_THAT(shown({{"Entries", {bad}}}), HasSubstr("'entries.1.member.Colour'"));
  for (const Json& wrong : {Json{{"Source", 1}}, Json{{"Resources", {1}}}, Json{{"Time", "now"}},
                            Json("text"), Json{{"Time", -1}}, Json{{"Time", 1e300}}}) {
    EXPECT_THAT(shown({{"Entries", {wrong}}}), HasSubstr("SerializationException")) << wrong;
  }
  AskText("PutEvents", "{\"Entries\": [");
  EXPECT_EQ(status, 400);
}

TEST_F(PutEventsTest, DropsWhatIsForABusThatIsNotThereAsAwsDoes) {
  PutRule("all", {{"source", {"shop"}}});
  Json entry = Entry();
  entry["EventBusName"] = "nobodys";
  const Json answer = PutEntry(entry);
  EXPECT_TRUE(answer.at("Entries").at(0).contains("EventId"));
  EXPECT_THAT(Taken(), IsEmpty());
}

TEST_F(PutEventsTest, FindsABusByItsArnAndRefusesAnotherAccounts) {
  Must("CreateEventBus", {{"Name", "own"}});
  PutRule("r", {{"source", {"shop"}}}, Json::object(), "own");
  Json entry = Entry();
  entry["EventBusName"] = Bus("own");
  PutEntry(entry);
  EXPECT_THAT(Taken(), SizeIs(1));
  entry["EventBusName"] = "arn:aws:events:us-east-1:111111111111:event-bus/own";
  EXPECT_EQ(PutEntry(entry).at("Entries").at(0).at("ErrorCode"), "InvalidArgument");
}

TEST_F(PutEventsTest, GivesEachTargetTheInputThatItWasPromised) {
  Must("PutRule", {{"Name", "r"}, {"EventPattern", R"({"source":["shop"]})"}});
  const Json targets = {
      {{"Id", "a"}, {"Arn", Queue("a")}, {"Input", "{\"fixed\": true}"}},
      {{"Id", "b"}, {"Arn", Queue("b")}, {"InputPath", "$.detail.items[1]"}},
      {{"Id", "c"}, {"Arn", Queue("c")}, {"InputPath", "$.detail.absent"}},
      {{"Id", "d"},
       {"Arn", Queue("d")},
       {"InputTransformer",
        {{"InputPathsMap", {{"id", "$.detail.id"}}},
         {"InputTemplate", R"({"order": <id>, "rule": "<aws.events.rule-name>"})"}}}}};
  Must("PutTargets", {{"Rule", "r"}, {"Targets", targets}});
  PutEntry(Entry("shop", R"({"id": 7, "items": ["x", "y"]})"));
  EXPECT_THAT(Records(),
              ElementsAre("{\"fixed\": true}", "\"y\"", "null", R"({"order": 7, "rule": "r"})"));
}

TEST_F(PutEventsTest, MarksDeadLettersWithTheRuleAndKeepsTheOriginalEventForThem) {
  PutRule("r", {{"source", {"shop"}}},
          {{"Input", "1"},
           {"DeadLetterConfig", {{"Arn", Queue("dead")}}},
           {"RetryPolicy", {{"MaximumRetryAttempts", 3}, {"MaximumEventAgeInSeconds", 90}}},
           {"RoleArn", "arn:aws:iam::000000000000:role/x"}});
  PutEntry(Entry());
  const auto taken = Taken();
  ASSERT_THAT(taken, SizeIs(1));
  EXPECT_EQ(taken[0].to.record, "1");
  EXPECT_THAT(taken[0].dead_letter_body, HasSubstr("\"source\":\"shop\""));
  EXPECT_EQ(taken[0].dead_letter_arn, Queue("dead"));
  ASSERT_THAT(taken[0].marks, SizeIs(1));
  EXPECT_EQ(taken[0].marks[0].name, "RULE_ARN");
  EXPECT_EQ(taken[0].marks[0].value, RuleOf("r"));
  EXPECT_EQ(taken[0].max_retries, 3);
  EXPECT_EQ(taken[0].max_age_s, 90);
  EXPECT_EQ(taken[0].from.service, "");  // The role may; the target's policy is not asked.
}

TEST_F(PutEventsTest, PassesAnEventOnToAnotherBusWithItsIdAndToNoThird) {
  Must("CreateEventBus", {{"Name", "second"}});
  Must("CreateEventBus", {{"Name", "third"}});
  PutRule("on", {{"source", {"shop"}}}, {{"Arn", Bus("second")}});
  PutRule("on", {{"source", {"shop"}}}, {{"Arn", Bus("third")}}, "second");
  PutRule("here", {{"source", {"shop"}}}, Json::object(), "second");
  const Json answer = PutEntry(Entry());
  auto taken = Taken();
  ASSERT_THAT(taken, SizeIs(1));
  EXPECT_TRUE(DeliverToBus(taken[0]).has_value());
  taken = Taken();
  ASSERT_THAT(taken, SizeIs(1));
  EXPECT_EQ(taken[0].to.arn, Queue("q"));
  EXPECT_EQ(MUST(base::ParseJson(taken[0].to.record)).at("id"),
            answer.at("Entries").at(0).at("EventId"));
}

TEST_F(PutEventsTest, MakesAnEventOfWhatAServiceTells) {
  PutRule("results", {{"source", {"lambda"}}, {"detail", {{"ok", {true}}}}});
  const auto send = [this](Destinations::Delivery delivery) {
    return DeliverToBus({.to = std::move(delivery)});
  };
  EXPECT_TRUE(send({.arn = Bus("default"),
                    .record = "{\"ok\": true}",
                    .event = Destinations::BusEvent{"lambda", "Result - Success", {"arn:f"}}})
                  .has_value());
  const auto records = Records();
  ASSERT_THAT(records, SizeIs(1));
  const Json event = MUST(base::ParseJson(records[0]));
  EXPECT_EQ(event.at("detail-type"), "Result - Success");
  EXPECT_EQ(event.at("resources"), Json::array({"arn:f"}));
  EXPECT_EQ(event.at("time"), "2026-08-06T12:34:56Z");
  EXPECT_EQ(send({.arn = Bus("gone"), .record = "{}"}).error().kind, base::ErrorKind::kNotFound);
  for (const char* const wrong :
       {"{}", "1", "{", R"({"id":"1","source":"s","detail-type":"d","time":"soon","detail":{}})",
        R"({"id":"1","source":"s","detail-type":"d","time":"2026-13-01T00:00:00Z","detail":{}})"}) {
    EXPECT_EQ(send({.arn = Bus("default"), .record = wrong}).error().kind,
              base::ErrorKind::kInvalid)
        << wrong;
  }
}

TEST_F(PutEventsTest, AsksABussPolicyWhichOtherAccountMayPutEvents) {
  using enum Destinations::Admission;
  Must("CreateEventBus", {{"Name", "own"}});
  const Destinations::Source rule{"events.amazonaws.com", "r", "111111111111"};
  EXPECT_EQ(destinations.Ask(Bus("gone"), rule), kAbsent);
  EXPECT_EQ(destinations.Ask(Bus("own"), rule), kAdmitted);
  const auto put_policy = [this](const std::string& effect, const std::string& service) {
    const Json statement = {{"Sid", "a"},
                            {"Effect", effect},
                            {"Principal", {{"Service", service}}},
                            {"Action", "events:PutEvents"},
                            {"Resource", Bus("own")}};
    const Json policy = {{"Version", "2012-10-17"}, {"Statement", {statement}}};
    Must("PutPermission", {{"EventBusName", "own"}, {"Policy", base::ToJsonText(policy)}});
  };
  put_policy("Allow", "s3.amazonaws.com");
  EXPECT_EQ(destinations.Ask(Bus("own"), rule), kForbidden);
  put_policy("Allow", "events.amazonaws.com");
  EXPECT_EQ(destinations.Ask(Bus("own"), rule), kAdmitted);
}

TEST_F(PutEventsTest, LetsABussOwnAccountInUnlessItsPolicyDeniesIt) {
  using enum Destinations::Admission;
  const Destinations::Source rule{"events.amazonaws.com", "r", "000000000000"};
  Must("PutPermission",
       {{"Action", "events:PutEvents"}, {"Principal", "111111111111"}, {"StatementId", "s"}});
  EXPECT_EQ(destinations.Ask(Bus("default"), rule), kAdmitted);
  const Json denied = {{"Effect", "Deny"},
                       {"Principal", {{"Service", "events.amazonaws.com"}}},
                       {"Action", "events:*"},
                       {"Resource", Bus("default")}};
  Must("PutPermission", {{"Policy", base::ToJsonText({{"Statement", denied}})}});
  EXPECT_EQ(destinations.Ask(Bus("default"), rule), kForbidden);
  EXPECT_EQ(destinations.Ask(Bus("default"), {"s3.amazonaws.com", "b", "000000000000"}), kAdmitted);
}

TEST_F(PutEventsTest, WritesWhatIsMuchInPartsAndLosesNothing) {
  for (int rule = 0; rule < 16; ++rule) PutRuleOfFiveTargets("r" + std::to_string(rule));
  const Json large = Entry("shop", "{\"a\":\"" + std::string(1'000'000, 'x') + "\"}");
  EXPECT_EQ(PutEntry(large).at("FailedEntryCount"), 0);
  EXPECT_THAT(deliveries->part_bytes, SizeIs(2));
  for (const size_t bytes : deliveries->part_bytes) EXPECT_LT(bytes, kMaxRoutedBytes + 6'000'000);
  std::set<std::string> queues;
  for (const TargetDelivery& each : deliveries->kept) queues.insert(each.to.arn);
  EXPECT_THAT(queues, SizeIs(80));
  EXPECT_THAT(Taken(), SizeIs(80));
  PutEntry(Entry());
  EXPECT_THAT(Taken(), SizeIs(80));
  EXPECT_THAT(deliveries->part_bytes, SizeIs(3));
}

TEST_F(PutEventsTest, GoesOnWithItsOtherEventsBehindALargeOne) {
  for (int rule = 0; rule < 16; ++rule) PutRuleOfFiveTargets("r" + std::to_string(rule));
  const Json large = Entry("shop", "{\"a\":\"" + std::string(900'000, 'x') + "\"}");
  const Json answer = Ask("PutEvents", {{"Entries", {Entry(), large, Entry("nobody"), Entry()}}});
  EXPECT_EQ(answer.at("FailedEntryCount"), 0);
  EXPECT_THAT(Taken(), SizeIs(240));
}

TEST_F(PutEventsTest, TakesNoDetailThatWouldNotBeJsonWithinItsEvent) {
  PutRule("r", {{"source", {"shop"}}});
  const auto nested = [](size_t lists) {
    return "{\"a\":" + std::string(lists, '[') + std::string(lists, ']') + "}";
  };
  for (const std::string& detail : {std::string("\xEF\xBB\xBF{}"), nested(511)}) {
    EXPECT_EQ(PutEntry(Entry("shop", detail)).at("Entries").at(0).at("ErrorCode"),
              "MalformedDetail");
    const auto sent = DeliverToBus({.to = {.arn = Bus("default"),
                                           .record = detail,
                                           .event = Destinations::BusEvent{"shop", "d", {}}}});
    EXPECT_EQ(sent.error().kind, base::ErrorKind::kInvalid);
  }
  EXPECT_FALSE(ReadEvent("default",
                         "\xEF\xBB\xBF{\"id\":\"1\",\"source\":\"s\",\"detail-type\":\"d\","
                         "\"time\":\"2026-08-06T12:34:56Z\",\"detail\":{}}"));
  EXPECT_THAT(Taken(), IsEmpty());
  EXPECT_EQ(PutEntry(Entry("shop", nested(510))).at("FailedEntryCount"), 0);
  const auto records = Records();
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_TRUE(base::ParseJson(records[0]));
}

TEST_F(PutEventsTest, WritesNothingForWhatNobodyWants) {
  PutRule("r", {{"source", {"other"}}});
  PutEntry(Entry());
  EXPECT_THAT(Taken(), IsEmpty());
  EXPECT_EQ(service->counters().put, 1u);
  EXPECT_EQ(service->counters().matched, 0u);
}

TEST_F(PutEventsTest, MeetsRulesThatACrashLeft) {
  PutRule("kept", {{"source", {"shop"}}});
  PutRule("gone", {{"source", {"shop"}}});
  Must("RemoveTargets", {{"Rule", "gone"}, {"Ids", {"t"}}});
  Must("DeleteRule", {{"Name", "gone"}});
  PutRule("off", {{"source", {"shop"}}});
  Must("DisableRule", {{"Name", "off"}});
  Reopen();
  PutEntry(Entry());
  const auto taken = Taken();
  ASSERT_THAT(taken, SizeIs(1));
  EXPECT_EQ(taken[0].from.arn, RuleOf("kept"));
  Must("EnableRule", {{"Name", "off"}});
  PutEntry(Entry());
  EXPECT_THAT(Taken(), SizeIs(2));
}

}  // namespace
}  // namespace hearth::events::test
