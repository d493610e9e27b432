// Log groups and streams: made, listed, tagged, kept for their time, deleted.
#include "tests/unit/logs/logs_api_fixture.h"

namespace hearth::logs {
namespace {

using base::Json;
using invoker::test::kGroup;
using test::LogsApiTest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;

TEST_F(LogsApiTest, AFunctionsGroupIsListedWithItsSizeAndTime) {
  Append("s", "m");
  const Json groups = Ask("DescribeLogGroups").at("logGroups");
  ASSERT_THAT(groups, SizeIs(1));
  EXPECT_EQ(groups[0].at("logGroupName"), kGroup);
  EXPECT_EQ(groups[0].at("arn"), "arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/F:*");
  EXPECT_EQ(groups[0].at("creationTime"), 1764000000000);
  EXPECT_GT(groups[0].at("storedBytes"), 0);
  EXPECT_FALSE(groups[0].contains("retentionInDays"));
}

TEST_F(LogsApiTest, GroupsComeInPagesByPrefixOrPattern) {
  for (const char* name : {"/a/3", "/a/1", "/b/2", "/a/2", ".", "..", "@", "../x"}) {
    Ask("CreateLogGroup", {{"logGroupName", name}});
  }
  Json page = Ask("DescribeLogGroups", {{"logGroupNamePrefix", "/a/"}, {"limit", 2}});
  EXPECT_THAT(Names(page.at("logGroups"), "logGroupName"), ElementsAre("/a/1", "/a/2"));
  page = Ask("DescribeLogGroups",
             {{"logGroupNamePrefix", "/a/"}, {"limit", 2}, {"nextToken", page.at("nextToken")}});
  EXPECT_THAT(Names(page.at("logGroups"), "logGroupName"), ElementsAre("/a/3"));
  EXPECT_FALSE(page.contains("nextToken"));
  page = Ask("DescribeLogGroups", {{"logGroupNamePattern", "/2"}});
  EXPECT_THAT(Names(page.at("logGroups"), "logGroupName"), ElementsAre("/a/2", "/b/2"));
}

TEST_F(LogsApiTest, GroupsTheirTagsAndStreamsSurviveARestart) {
  const std::string name(512, 'x');
  for (const std::string& group : {name, std::string("../.."), std::string("/g")}) {
    ASSERT_EQ(Shown("CreateLogGroup", {{"logGroupName", group}, {"tags", {{"k", "v"}}}}), "200");
    ASSERT_EQ(Shown("CreateLogStream", {{"logGroupName", group}, {"logStreamName", "a/b"}}), "200");
    ASSERT_EQ(Shown("PutRetentionPolicy", {{"logGroupName", group}, {"retentionInDays", 7}}),
              "200");
  }
  Restart();
  const Json groups = Ask("DescribeLogGroups").at("logGroups");
  EXPECT_THAT(Names(groups, "logGroupName"), ElementsAre("../..", "/g", name));
  EXPECT_EQ(groups[0].at("retentionInDays"), 7);
  EXPECT_EQ(Ask("ListTagsLogGroup", {{"logGroupName", name}}).at("tags"), (Json{{"k", "v"}}));
  const Json streams = Ask("DescribeLogStreams", {{"logGroupName", "../.."}}).at("logStreams");
  ASSERT_THAT(streams, SizeIs(1));
  EXPECT_EQ(streams[0].at("logStreamName"), "a/b");
  EXPECT_FALSE(streams[0].contains("lastEventTimestamp"));
}

TEST_F(LogsApiTest, OfTwoClientsAtOnceOnlyOneMakesAGroup) {
  io::HttpClient first(loop, address), second(loop, address);
  std::vector<int> statuses;
  for (auto* client : {&first, &second}) {
    io::HttpRequest request{.method = "POST", .target = "/", .body = R"({"logGroupName":"/g"})"};
    request.headers.Add("X-Amz-Target", "Logs_20140328.CreateLogGroup");
    client->Send(std::move(request), [&](base::Result<io::HttpResponse> result) {
      statuses.push_back(MUST(std::move(result)).status);
    });
  }
  loop.RunUntil([&] { return statuses.size() == 2; });
  EXPECT_THAT(statuses, ::testing::UnorderedElementsAre(200, 400));
}

TEST_F(LogsApiTest, TagsAreAddedListedAndRemoved) {
  Append("s", "m");
  const std::string arn = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/F";
  EXPECT_EQ(Shown("TagResource", {{"resourceArn", arn}, {"tags", {{"a", "1"}, {"b", "2"}}}}),
            "200");
  EXPECT_EQ(Shown("TagLogGroup", {{"logGroupName", kGroup}, {"tags", {{"a", "3"}}}}), "200");
  EXPECT_EQ(Ask("ListTagsForResource", {{"resourceArn", arn + ":*"}}).at("tags"),
            (Json{{"a", "3"}, {"b", "2"}}));
  EXPECT_EQ(Shown("UntagResource", {{"resourceArn", arn}, {"tagKeys", Json::array({"a"})}}), "200");
  EXPECT_EQ(Shown("UntagLogGroup", {{"logGroupName", kGroup}, {"tags", Json::array({"x"})}}),
            "200");
  EXPECT_EQ(Ask("ListTagsLogGroup", {{"logGroupName", kGroup}}).at("tags"), (Json{{"b", "2"}}));
  Json many = Json::object();
  for (int i = 0; i < 50; ++i) many[std::to_string(i)] = "x";
  EXPECT_THAT(Shown("TagLogGroup", {{"logGroupName", kGroup}, {"tags", many}}),
              HasSubstr("TooManyTagsException"));
  EXPECT_THAT(Shown("TagResource", {{"resourceArn", "arn:aws:sqs:us-east-1:1:q"}, {"tags", many}}),
              HasSubstr("The ARN is not of a log group"));
}

TEST_F(LogsApiTest, StreamsAreListedByNameOrByTheirLastEvent) {
  for (const char* stream : {"b", "a", "c"}) {
    Append(stream, "m");
    Pass(1s);
  }
  const auto list = [&](Json more) {
    more["logGroupName"] = kGroup;
    return Names(Ask("DescribeLogStreams", more).at("logStreams"), "logStreamName");
  };
  EXPECT_THAT(list(Json::object()), ElementsAre("a", "b", "c"));
  EXPECT_THAT(list({{"descending", true}}), ElementsAre("c", "b", "a"));
  EXPECT_THAT(list({{"orderBy", "LastEventTime"}}), ElementsAre("b", "a", "c"));
  EXPECT_THAT(list({{"orderBy", "LastEventTime"}, {"descending", true}}),
              ElementsAre("c", "a", "b"));
  EXPECT_THAT(list({{"logStreamNamePrefix", "b"}}), ElementsAre("b"));
  Json page = Ask("DescribeLogStreams", {{"logGroupName", kGroup}, {"limit", 2}});
  page = Ask("DescribeLogStreams",
             {{"logGroupName", kGroup}, {"limit", 2}, {"nextToken", page.at("nextToken")}});
  EXPECT_THAT(Names(page.at("logStreams"), "logStreamName"), ElementsAre("c"));
  EXPECT_EQ(page.at("logStreams")[0].at("firstEventTimestamp"), 1764000002000);
  EXPECT_EQ(page.at("logStreams")[0].at("arn"),
            "arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/F:log-stream:c");
}

TEST_F(LogsApiTest, ADeletedGroupOrStreamIsGoneAlsoAfterARestart) {
  Append("a", "one");
  Append("b", "two");
  Append("a", "three");
  EXPECT_EQ(Shown("DeleteLogStream", {{"logGroupName", kGroup}, {"logStreamName", "a"}}), "200");
  EXPECT_THAT(MessagesOf(Ask("FilterLogEvents", {{"logGroupName", kGroup}})), ElementsAre("two"));
  EXPECT_THAT(invoker::test::Messages(store->Read(kGroup, 0, 10)), ElementsAre("two"));
  Append("b", "four");
  Restart();
  Append("b", "five");
  EXPECT_THAT(MessagesOf(Ask("FilterLogEvents", {{"logGroupName", kGroup}})),
              ElementsAre("two", "five"));
  EXPECT_EQ(Shown("DeleteLogGroup", {{"logGroupName", kGroup}}), "200");
  EXPECT_EQ(Shown("CreateLogGroup", {{"logGroupName", kGroup}}), "200");
  EXPECT_THAT(MessagesOf(Ask("FilterLogEvents", {{"logGroupName", kGroup}})), IsEmpty());
  Restart();
  EXPECT_THAT(Ask("DescribeLogGroups").at("logGroups"), SizeIs(1));
  EXPECT_EQ(Shown("DeleteLogGroup", {{"logGroupName", kGroup}}), "200");
  Restart();
  EXPECT_THAT(Ask("DescribeLogGroups").at("logGroups"), IsEmpty());
}

TEST_F(LogsApiTest, RetentionKeepsWhatWasWrittenBeforeAnEventOfLongAgo) {
  EXPECT_EQ(Shown("CreateLogGroup", {{"logGroupName", kGroup}}), "200");
  EXPECT_EQ(Shown("PutRetentionPolicy", {{"logGroupName", kGroup}, {"retentionInDays", 1}}), "200");
  Append("s", "fresh");
  const int64_t now = base::EpochMillis(clock.WallNow());
  store->AppendAt(kGroup, "s", now - (24 * 3600 - 60) * 1000, "of yesterday");
  Flush();
  Pass(2min);
  EXPECT_EQ(Shown("PutRetentionPolicy", {{"logGroupName", kGroup}, {"retentionInDays", 1}}), "200");
  Pass(2h);
  Flush();
  EXPECT_THAT(MessagesOf(Ask("FilterLogEvents", {{"logGroupName", kGroup}})), ElementsAre("fresh"));
}

TEST_F(LogsApiTest, DeletingStreamsBeginsNoFilesOfTheirOwn) {
  Append("kept", "first");
  Flush();
  for (int i = 0; i < 70; ++i) {
    Append("gone", "x");
    Flush();
    EXPECT_EQ(Shown("DeleteLogStream", {{"logGroupName", kGroup}, {"logStreamName", "gone"}}),
              "200");
  }
  EXPECT_THAT(MessagesOf(Ask("FilterLogEvents", {{"logGroupName", kGroup}})), ElementsAre("first"));
  EXPECT_THAT(Files(), SizeIs(1));
}

TEST_F(LogsApiTest, RetentionHidesOldEventsAndRemovesTheirFiles) {
  Append("s", "old");
  Flush();
  Pass(2h);
  EXPECT_EQ(Shown("PutRetentionPolicy", {{"logGroupName", kGroup}, {"retentionInDays", 1}}), "200");
  EXPECT_THAT(MessagesOf(Ask("FilterLogEvents", {{"logGroupName", kGroup}})), ElementsAre("old"));
  Pass(23h);
  EXPECT_THAT(MessagesOf(Ask("FilterLogEvents", {{"logGroupName", kGroup}})), IsEmpty());
  Append("s", "new");
  Flush();
  Restart();
  Append("s", "newer");
  Flush();
  Pass(23h + 59min);
  Flush();
  EXPECT_THAT(MessagesOf(Ask("FilterLogEvents", {{"logGroupName", kGroup}})),
              ElementsAre("new", "newer"));
  Pass(2h);  // The hourly sweep.
  Flush();
  EXPECT_THAT(Files(), IsEmpty());
  Restart();
  Append("s", "last");
  EXPECT_GT(store->Tail(kGroup, 1).at(0).sequence, 3u);
}

}  // namespace
}  // namespace hearth::logs
