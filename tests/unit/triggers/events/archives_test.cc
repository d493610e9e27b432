// Archives and replays.
#include <map>

#include "tests/unit/triggers/events/events_fixture.h"

namespace hearth::events::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr double kStart = 1'786'019'696;

class ArchivesTest : public EventsTest {
 protected:
  void CreateArchive(const Json& more = Json::object()) {
    Json input = {{"ArchiveName", "kept"}, {"EventSourceArn", Bus("default")}};
    input.update(more);
    Must("CreateArchive", input);
  }
  Json Replay(const std::string& name, const Json& more = Json::object()) {
    Json input = {{"ReplayName", name},
                  {"EventSourceArn", Archive("kept")},
                  {"EventStartTime", kStart - 10},
                  {"EventEndTime", kStart + 1'000'000},
                  {"Destination", {{"Arn", Bus("default")}}}};
    input.update(more);
    return input;
  }
  static std::string Archive(const std::string& name) {
    return "arn:aws:events:us-east-1:000000000000:archive/" + name;
  }
  Json Described() { return Ask("DescribeArchive", {{"ArchiveName", "kept"}}); }
  void PutMany(int count) {
    for (int i = 0; i < count; ++i) {
      Json entry = Entry("shop", "{\"n\":" + std::to_string(i) + "}");
      entry["Time"] = kStart + i;
      PutEntry(entry);
    }
  }
  // In this turn of the loop.
  void PutNow() {
    std::vector<Event> events;
    events.push_back(MUST(ReadEvent(
        "default", R"({"id":"1","source":"shop","detail-type":"t","time":"2026-08-06T12:34:56Z",)"
                   R"("detail":{}})")));
    service->buses().Put(std::move(events), [this](const auto& put) { is_put = put.has_value(); });
  }
  std::vector<int> Numbers() {
    std::vector<int> out;
    for (const std::string& record : Records()) {
      out.push_back(MUST(base::ParseJson(record)).at("detail").value("n", -1));
    }
    return out;
  }
  std::string StateOf(const std::string& replay) {
    return Ask("DescribeReplay", {{"ReplayName", replay}}).value("State", "");
  }

  bool is_put = false;
};

TEST_F(ArchivesTest, KeepWhatTheirPatternWantsAndCountIt) {
  CreateArchive({{"EventPattern", R"({"detail":{"n":[1,2]}})"}, {"RetentionDays", 3}});
  PutMany(5);
  const Json shown = Described();
  EXPECT_EQ(shown.at("EventCount"), 2);
  EXPECT_GT(shown.at("SizeBytes"), 300);
  EXPECT_EQ(shown.at("State"), "ENABLED");
  EXPECT_EQ(shown.at("RetentionDays"), 3);
  EXPECT_EQ(shown.at("EventSourceArn"), Bus("default"));
  Must("UpdateArchive", {{"ArchiveName", "kept"}, {"EventPattern", R"({"detail":{"n":[0]}})"}});
  PutMany(5);
  EXPECT_EQ(Described().at("EventCount"), 3);
  Reopen();
  PutMany(1);
  EXPECT_EQ(Described().at("EventCount"), 4);
}

TEST_F(ArchivesTest, HaveARuleThatAServiceManages) {
  CreateArchive();
  const Json rule = Ask("DescribeRule", {{"Name", "Events-Archive-kept"}});
  EXPECT_EQ(rule.value("ManagedBy", ""), "prod.vhs.events.aws.internal");
  EXPECT_EQ(rule.value("EventPattern", ""), R"({"replay-name":[{"exists":false}]})");
  EXPECT_THAT(Shown("DisableRule", {{"Name", "Events-Archive-kept"}}),
              HasSubstr("ManagedRuleException"));
  EXPECT_THAT(Shown("DeleteRule", {{"Name", "Events-Archive-kept"}}),
              HasSubstr("ManagedRuleException"));
  Must("DeleteArchive", {{"ArchiveName", "kept"}});
  EXPECT_THAT(Shown("DescribeRule", {{"Name", "Events-Archive-kept"}}),
              HasSubstr("does not exist"));
}

TEST_F(ArchivesTest, AreRefusedInAwsWords) {
  CreateArchive();
  Must("CreateEventBus", {{"Name", "own"}});
  EXPECT_EQ(Shown("CreateArchive", {{"ArchiveName", "kept"}, {"EventSourceArn", Bus("default")}}),
            "ResourceAlreadyExistsException: Archive kept already exists.");
  EXPECT_EQ(Shown("CreateArchive", {{"ArchiveName", "x"}, {"EventSourceArn", Bus("no")}}),
            "ResourceNotFoundException: Event bus no does not exist.");
  EXPECT_EQ(Shown("DescribeArchive", {{"ArchiveName", "x"}}),
            "ResourceNotFoundException: Archive x does not exist.");
  EXPECT_EQ(Shown("DeleteArchive", {{"ArchiveName", "x"}}),
            "ResourceNotFoundException: Archive x does not exist.");
  EXPECT_EQ(Shown("ListArchives", {{"EventSourceArn", Bus("no")}}),
            "ResourceNotFoundException: Event bus no does not exist.");
  EXPECT_EQ(Shown("StartReplay", Replay("r", {{"EventSourceArn", Archive("no")}})),
            "ValidationException: Parameter EventSourceArn is not valid. Reason: Archive no does "
            "not exist.");
  EXPECT_EQ(Shown("StartReplay", Replay("r", {{"Destination", {{"Arn", Bus("no")}}}})),
            "ResourceNotFoundException: Event bus no does not exist.");
  EXPECT_EQ(Shown("StartReplay", Replay("r", {{"Destination", {{"Arn", Bus("own")}}}})),
            "ValidationException: Parameter Destination.Arn is not valid. Reason: Cross event bus "
            "replay is not permitted.");
  EXPECT_EQ(Shown("StartReplay", Replay("r", {{"EventEndTime", kStart - 10}})),
            "ValidationException: Parameter EventEndTime is not valid. Reason: EventStartTime must "
            "be before EventEndTime.");
  const std::string longest = R"({"source":[")" + std::string(4096 - 15, 'x') + R"("]})";
  EXPECT_THAT(
      Shown("CreateArchive",
            {{"ArchiveName", "x"}, {"EventSourceArn", Bus("default")}, {"EventPattern", longest}}),
      HasSubstr("InvalidEventPatternException: Event pattern is not valid. Reason: "));
  Must("StartReplay", Replay("r"));
  EXPECT_EQ(Shown("StartReplay", Replay("r")),
            "ResourceAlreadyExistsException: Replay r already exists.");
  EXPECT_EQ(Shown("CancelReplay", {{"ReplayName", "x"}}),
            "ResourceNotFoundException: Replay x does not exist.");
  Settle();
  EXPECT_THAT(Shown("CancelReplay", {{"ReplayName", "r"}}), HasSubstr("IllegalStatusException"));
}

TEST_F(ArchivesTest, AreReplayedInTheOrderOfTimesUnderTheirNameAndNotKeptAgain) {
  CreateArchive();
  PutRule("r", {{"source", {"shop"}}});
  PutRule("other", {{"source", {"shop"}}});
  PutMany(3);
  Taken();
  Must(
      "StartReplay",
      Replay("again", {{"EventStartTime", kStart + 1},
                       {"Destination", {{"Arn", Bus("default")}, {"FilterArns", {RuleOf("r")}}}}}));
  Settle();
  const auto taken = Taken();
  ASSERT_THAT(taken, SizeIs(2));
  const Json event = MUST(base::ParseJson(taken[0].to.record));
  EXPECT_EQ(event.at("replay-name"), "again");
  EXPECT_EQ(event.at("detail").at("n"), 1);
  EXPECT_EQ(taken[0].from.arn, RuleOf("r"));
  EXPECT_EQ(Described().at("EventCount"), 3);
  const Json shown = Ask("DescribeReplay", {{"ReplayName", "again"}});
  EXPECT_EQ(shown.at("State"), "COMPLETED");
  EXPECT_EQ(shown.at("EventLastReplayedTime"), kStart + 2);
  EXPECT_TRUE(shown.contains("ReplayEndTime"));
  EXPECT_EQ(Ask("ListReplays", {{"State", "COMPLETED"}}).at("Replays").size(), 1u);
  EXPECT_EQ(Ask("ListReplays", {{"State", "FAILED"}}).at("Replays").size(), 0u);
}

TEST_F(ArchivesTest, AreReplayedPageByPageToTheirEnd) {
  CreateArchive();
  PutRule("r", {{"source", {"shop"}}});
  for (int call = 0; call < 50; ++call) {
    Json entries = Json::array();
    for (int i = 0; i < 10; ++i) {
      entries.push_back(Entry("shop", "{\"n\":" + std::to_string(call * 10 + i) + "}"));
      entries.back()["Time"] = kStart + 5;  // All at once: their order is that of their arrival.
    }
    Ask("PutEvents", {{"Entries", entries}});
  }
  Taken();
  Must("StartReplay", Replay("all"));
  Settle();
  const auto numbers = Numbers();
  ASSERT_THAT(numbers, SizeIs(500));
  EXPECT_TRUE(std::ranges::is_sorted(numbers));
}

TEST_F(ArchivesTest, GoOnWhereACrashStoppedTheirReplay) {
  CreateArchive();
  PutRule("r", {{"source", {"shop"}}});
  PutMany(450);
  Taken();
  Must("StartReplay", Replay("all"));
  std::vector<int> numbers;
  // Dies as soon as the first page is committed.
  loop.RunUntil([&] { return !deliveries->kept.empty(); });
  for (const int each : Numbers()) numbers.push_back(each);
  EXPECT_LT(numbers.size(), 450u);
  Reopen();
  loop.RunUntil([&] { return StateOf("all") == "COMPLETED"; });
  for (const int each : Numbers()) numbers.push_back(each);
  EXPECT_GE(numbers.size(), 450u);
  EXPECT_EQ(std::set<int>(numbers.begin(), numbers.end()).size(), 450u);
}

TEST_F(ArchivesTest, StopReplayingWhenTheyAreToldTo) {
  CreateArchive();
  PutRule("r", {{"source", {"shop"}}});
  PutMany(450);
  Taken();
  Must("StartReplay", Replay("all"));
  EXPECT_EQ(Ask("CancelReplay", {{"ReplayName", "all"}}).value("State", ""), "CANCELLING");
  Settle();
  EXPECT_EQ(StateOf("all"), "CANCELLED");
  EXPECT_LT(Numbers().size(), 450u);
}

TEST_F(ArchivesTest, FailAReplayWhenTheyAreDeleted) {
  CreateArchive();
  PutMany(2);
  Must("DeleteArchive", {{"ArchiveName", "kept"}});
  CreateArchive();
  EXPECT_EQ(Described().at("EventCount"), 0);  // Nothing of the old one is in the new one.
  Must("StartReplay", Replay("none"));
  Settle();
  EXPECT_EQ(StateOf("none"), "COMPLETED");
}

TEST_F(ArchivesTest, ForgetWhatIsOlderThanTheirRetention) {
  CreateArchive({{"RetentionDays", 2}});
  PutMany(2);
  Pass(36h);
  PutMany(1);
  EXPECT_EQ(Described().at("EventCount"), 3);
  Pass(13h);
  EXPECT_EQ(Described().at("EventCount"), 1);
  Pass(48h);
  EXPECT_EQ(Described().at("EventCount"), 0);
  EXPECT_EQ(Described().at("SizeBytes"), 0);
}

TEST_F(ArchivesTest, AgeByTheDayHoweverLongTheyKeep) {
  CreateArchive({{"RetentionDays", 1'000'000}});
  PutMany(1);
  Pass(25h);  // Ends, as what is due in three thousand years is no moment of a timer's.
  Pass(25h);
  EXPECT_EQ(Described().at("EventCount"), 1);
}

TEST_F(ArchivesTest, AgeWhatComesDuringASweep) {
  CreateArchive({{"RetentionDays", 1}});
  CreateArchive({{"ArchiveName", "other"}, {"EventPattern", R"({"source":["none"]})"}});
  Settle();
  // Which begins a sweep.
  service->archives().Delete("other", [this](const auto&) { PutNow(); });
  loop.RunUntil([this] { return is_put; });
  Settle();
  EXPECT_EQ(Described().at("EventCount"), 1);
  Pass(25h);
  Pass(25h);
  EXPECT_EQ(Described().at("EventCount"), 0);
}

TEST_F(ArchivesTest, HoldTheirBusAndCanAlwaysBeDeleted) {
  Must("CreateEventBus", {{"Name", "b"}});
  CreateArchive({{"EventSourceArn", Bus("b")}});
  const Json rule = {{"Name", "Events-Archive-kept"}, {"EventBusName", "b"}};
  Json forced = rule;
  forced["Force"] = true;
  Must("DeleteRule", forced);
  EXPECT_EQ(Shown("DeleteEventBus", {{"Name", "b"}}),
            "ValidationException: EventBus can't be deleted since it has archives.");
  PutRule("Events-Archive-kept", {{"source", {"shop"}}}, Json::object(), "b");
  Must("DeleteArchive", {{"ArchiveName", "kept"}});
  EXPECT_EQ(Shown("DescribeRule", rule), "200");  // Somebody's own, of its name.
  Must("RemoveTargets", {{"Rule", "Events-Archive-kept"}, {"EventBusName", "b"}, {"Ids", {"t"}}});
  Must("DeleteRule", rule);
  Must("DeleteEventBus", {{"Name", "b"}});
}

TEST_F(ArchivesTest, AskWhatTheirPatternSaysWithNothingLeftOut) {
  CreateArchive({{"EventPattern", " {\"source\": [\"shop\"]}\n"}});
  EXPECT_EQ(Ask("DescribeRule", {{"Name", "Events-Archive-kept"}}).value("EventPattern", ""),
            " {\"source\": [\"shop\"],\"replay-name\":[{\"exists\":false}]}\n");
  PutMany(1);
  EXPECT_EQ(Described().at("EventCount"), 1);
  Must("UpdateArchive",
       {{"ArchiveName", "kept"}, {"EventPattern", R"({"replay-name":[{"exists":false}]})"}});
  for (const char* const pattern :
       {R"({"replay-name":[{"exists":true}]})", R"({"replay-name":["a"],"source":["shop"]})",
        R"({"$or":[{"replay-name":["a"]},{"source":["shop"]}]})",
        R"({"replay-name":[{"exists":false}],"$or":[{"replay-name":["a"]},{"source":["s"]}]})"}) {
    EXPECT_EQ(Shown("UpdateArchive", {{"ArchiveName", "kept"}, {"EventPattern", pattern}}),
              "ValidationException: Hearth does not serve archives of replayed events: the "
              "pattern may not ask for a replay-name.")
        << pattern;
  }
}

TEST_F(ArchivesTest, ReplayOnlyWhatWasThereWhenTheReplayBegan) {
  CreateArchive();
  PutMany(3);
  ArchiveRows::Refusal refusal;
  ArchiveRows rows(*database, refusal);
  const auto read = ReadReplay(Replay("again"), invoker::Account{});
  ASSERT_TRUE(read.has_value());
  const ReplayRecord replay = MUST(rows.StartReplay(*read));
  const ArchivedEvent late[] = {{.archive = 1, .time_ms = replay.from_ms + 1, .text = "{}"}};
  EXPECT_TRUE(ArchiveRows::Append(*database, late, 0).has_value());
  EXPECT_EQ(Described().at("EventCount"), 4);
  EXPECT_THAT(MUST(rows.Page(replay, {})).entries, SizeIs(3));
}

TEST_F(ArchivesTest, ReplayAnEventThatCausesMoreThanOneTransactionTakes) {
  CreateArchive();
  PutEntry(Entry("shop", "{\"a\":\"" + std::string(1'000'000, 'x') + "\"}"));
  for (int rule = 0; rule < 16; ++rule) PutRuleOfFiveTargets("r" + std::to_string(rule));
  PutMany(1);
  Taken();
  Must("StartReplay", Replay("again"));
  Settle();
  EXPECT_EQ(StateOf("again"), "COMPLETED");
  std::map<std::string, int> told;
  for (const TargetDelivery& each : Taken()) ++told[each.to.arn];
  EXPECT_THAT(told, SizeIs(80));
  for (const auto& [queue, count] : told) EXPECT_EQ(count, 2) << queue;
}

TEST_F(ArchivesTest, ListTheirReplaysInPagesAndForgetThemAfterNinetyDays) {
  CreateArchive();
  for (const char* const name : {"a1", "a2", "a3", "b1"}) {
    Must("StartReplay", Replay(name));
    Settle();
  }
  const auto names = [this](const Json& input) {
    std::vector<std::string> out;
    const Json page = Ask("ListReplays", input);
    for (const Json& each : page.at("Replays")) out.push_back(each.at("ReplayName"));
    if (page.contains("NextToken")) out.emplace_back("...");
    return out;
  };
  EXPECT_THAT(names({{"Limit", 2}}), ElementsAre("a1", "a2", "..."));
  const Json page = Ask("ListReplays", {{"Limit", 2}});
  EXPECT_THAT(names({{"NextToken", page.at("NextToken")}}), ElementsAre("a3", "b1"));
  EXPECT_THAT(names({{"NamePrefix", "a"}, {"Limit", 3}}), ElementsAre("a1", "a2", "a3"));
  EXPECT_THAT(names({{"NamePrefix", "b"}}), ElementsAre("b1"));
  EXPECT_THAT(names({{"EventSourceArn", Archive("kept")}, {"State", "COMPLETED"}}), SizeIs(4));
  EXPECT_THAT(names({{"EventSourceArn", Archive("other")}}), IsEmpty());
  EXPECT_THAT(names({{"EventSourceArn", Bus("default")}}), IsEmpty());
  for (int day = 0; day < 89; ++day) Pass(24h);
  EXPECT_THAT(names(Json::object()), SizeIs(4));
  for (int day = 0; day < 3; ++day) Pass(24h);
  EXPECT_THAT(names(Json::object()), IsEmpty());
}

TEST_F(ArchivesTest, AreListedInPages) {
  for (const char* const name : {"a", "b", "c"}) CreateArchive({{"ArchiveName", name}});
  const Json page = Ask("ListArchives", {{"Limit", 2}});
  EXPECT_EQ(page.at("Archives").size(), 2u);
  EXPECT_EQ(Ask("ListArchives", {{"NextToken", page.at("NextToken")}})
                .at("Archives")
                .at(0)
                .at("ArchiveName"),
            "c");
}

}  // namespace
}  // namespace hearth::events::test
