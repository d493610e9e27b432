// The Logs API, asked through a socket, over logs on disk.
#include "logs/logs_api.h"

#include <gmock/gmock.h>

#include <optional>

#include "base/limits.h"
#include "io/http_client.h"
#include "io/http_server.h"
#include "tests/unit/invoker/log_store_fixture.h"

namespace hearth::logs {
namespace {

using base::Json;
using invoker::test::kGroup;
using invoker::test::kStream;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;

class LogsApiTest : public invoker::test::LogStoreOnDisk {
 protected:
  LogsApiTest() {
    api = std::make_unique<LogsApi>(loop, *store, invoker::Account{});
    address = MUST(server.Listen("127.0.0.1:0"));
  }
  ~LogsApiTest() override {
    bool closed = false;
    server.CloseNow([&] { closed = true; });
    loop.RunUntil([&] { return closed; });
    api.reset();
  }
  void Restart() {
    api.reset();
    Reopen();
    api = std::make_unique<LogsApi>(loop, *store, invoker::Account{});
  }

  Json AskText(const std::string& operation, std::string body) {
    io::HttpClient client(loop, address);
    std::optional<io::HttpResponse> answer;
    io::HttpRequest request{.method = "POST", .target = "/", .body = std::move(body)};
    request.headers.Add("X-Amz-Target", "Logs_20140328." + operation);
    client.Send(std::move(request),
                [&](base::Result<io::HttpResponse> result) { answer = MUST(std::move(result)); });
    loop.RunUntil([&] { return answer.has_value(); });
    status = answer->status;
    content_type = answer->headers.Get("Content-Type");
    return answer->body.empty() ? Json() : MUST(base::ParseJson(answer->body));
  }
  Json Ask(const std::string& operation, const Json& input = Json::object()) {
    return AskText(operation, base::ToJsonText(input));
  }
  // "400 ResourceNotFoundException: …", or "200".
  std::string Shown(const std::string& operation, const Json& input = Json::object()) {
    const Json body = Ask(operation, input);
    if (status < 300) return std::to_string(status);
    return std::to_string(status) + " " + body.value("__type", "") + ": " +
           body.value("message", "");
  }
  static std::vector<std::string> MessagesOf(const Json& page) {
    std::vector<std::string> out;
    for (const Json& event : page.at("events")) out.push_back(event.at("message"));
    return out;
  }
  static std::vector<std::string> Names(const Json& list, const char* member) {
    std::vector<std::string> out;
    for (const Json& each : list) out.push_back(each.at(member));
    return out;
  }
  void Append(const std::string& stream, const std::string& message) {
    store->Append(kGroup, stream, message);
  }

  std::unique_ptr<LogsApi> api;
  io::HttpServer server{loop, io::HttpServerOptions{},
                        [this](io::HttpRequest request, io::HttpResponder responder) {
                          api->Handle({std::move(request), std::move(responder), "id"});
                        }};
  std::string address;
  int status = 0;
  std::string content_type;
};

TEST_F(LogsApiTest, EachNamedErrorHasAwsWords) {
  Append("s", "m");
  const Json group = {{"logGroupName", kGroup}};
  const auto with = [&](const char* name, const Json& value) {
    Json out = group;
    out[name] = value;
    return out;
  };
  const Json stream = with("logStreamName", "s");
  struct Case {
    const char* operation;
    Json input;
    const char* answer;
  };
  const std::string no_group =
      "400 ResourceNotFoundException: The specified log group does not exist.";
  const Json unknown = {{"logGroupName", "/none"}, {"logStreamName", "s"}};
  for (const char* operation : {"GetLogEvents", "CreateLogStream", "DeleteLogStream"}) {
    EXPECT_EQ(Shown(operation, unknown), no_group) << operation;
  }
  for (const char* operation : {"DeleteLogGroup", "DescribeLogStreams", "FilterLogEvents",
                                "DeleteRetentionPolicy", "ListTagsLogGroup"}) {
    EXPECT_EQ(Shown(operation, {{"logGroupName", "/none"}}), no_group) << operation;
  }
  const Case cases[] = {
      {"CreateLogGroup", group,
       "400 ResourceAlreadyExistsException: The specified log group already exists"},
      {"CreateLogGroup",
       {{"logGroupName", "a b"}},
       "400 InvalidParameterException: 1 validation error detected: Value 'a b' at 'logGroupName' "
       "failed to satisfy constraint: Member must satisfy regular expression pattern: "
       R"([\.\-_/#A-Za-z0-9]+)"},
      {"CreateLogGroup",
       {{"logGroupName", ""}},
       "400 InvalidParameterException: 1 validation error detected: Value '' at 'logGroupName' "
       "failed to satisfy constraint: Member must have length greater than or equal to 1"},
      {"CreateLogGroup", Json::object(),
       "400 InvalidParameterException: 1 validation error detected: Value null at 'logGroupName' "
       "failed to satisfy constraint: Member must not be null"},
      {"CreateLogGroup",
       {{"logGroupName", "g"}, {"kmsKeyId", "k"}},
       "400 InvalidParameterException: Hearth does not serve the member 'kmsKeyId'"},
      {"CreateLogGroup",
       {{"logGroupName", 5}},
       "400 SerializationException: logGroupName is to be a string"},
      {"GetLogEvents", with("logStreamName", "none"),
       "400 ResourceNotFoundException: The specified log stream does not exist."},
      {"DeleteLogStream", with("logStreamName", "none"),
       "400 ResourceNotFoundException: The specified log stream does not exist."},
      {"FilterLogEvents", with("logStreamNames", Json::array({"none"})),
       "400 ResourceNotFoundException: The specified log stream does not exist."},
      {"FilterLogEvents", with("filterPattern", "{ $.a"),
       "400 InvalidParameterException: Invalid filter pattern: a comparison is missing"},
      {"FilterLogEvents", with("nextToken", "x"),
       "400 InvalidParameterException: The specified nextToken is invalid."},
      {"FilterLogEvents", with("limit", 10001),
       "400 InvalidParameterException: 1 validation error detected: Value '10001' at 'limit' "
       "failed "
       "to satisfy constraint: Member must have value less than or equal to 10000"},
      {"FilterLogEvents", with("startTime", -1),
       "400 InvalidParameterException: 1 validation error detected: Value '-1' at 'startTime' "
       "failed to satisfy constraint: Member must have value greater than or equal to 0"},
      {"DescribeLogGroups",
       {{"limit", 51}},
       "400 InvalidParameterException: 1 validation error detected: Value '51' at 'limit' failed "
       "to "
       "satisfy constraint: Member must have value less than or equal to 50"},
      {"DescribeLogGroups",
       {{"logGroupNamePrefix", "a"}, {"logGroupNamePattern", "b"}},
       "400 InvalidParameterException: LogGroup name prefix and LogGroup name pattern are mutually "
       "exclusive parameters."},
      {"DescribeLogGroups",
       {{"nextToken", "x"}},
       "400 InvalidParameterException: The specified nextToken is invalid."},
      {"DescribeLogStreams",
       {{"logGroupName", kGroup}, {"orderBy", "LastEventTime"}, {"logStreamNamePrefix", "s"}},
       "400 InvalidParameterException: Cannot order by LastEventTime with a logStreamNamePrefix."},
      {"DescribeLogStreams", with("orderBy", "Size"),
       "400 InvalidParameterException: 1 validation error detected: Value 'Size' at 'orderBy' "
       "failed to satisfy constraint: Member must satisfy enum value set: [LogStreamName, "
       "LastEventTime]"},
      {"PutLogEvents", stream,
       "400 InvalidParameterException: 1 validation error detected: Value null at 'logEvents' "
       "failed to satisfy constraint: Member must not be null"},
  };
  for (const Case& each : cases) EXPECT_EQ(Shown(each.operation, each.input), each.answer);
  EXPECT_THAT(Shown("PutRetentionPolicy", with("retentionInDays", 2)),
              HasSubstr("Value '2' at 'retentionInDays' failed to satisfy constraint: Member must "
                        "satisfy enum value set: [1, 3, 5, "));
  EXPECT_THAT(Shown("StartLiveTail"),
              HasSubstr("501 NotImplementedException: Hearth does not "
                        "serve CloudWatch Logs' operation 'StartLiveTail'"));
  AskText("CreateLogGroup", "{\"logGroupName\":");
  EXPECT_EQ(status, 400);
  EXPECT_EQ(content_type, "application/x-amz-json-1.1");
}

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

TEST_F(LogsApiTest, AStreamIsReadForwardAndBackwardToItsEnds) {
  for (int i = 0; i < 10; ++i) {
    Append(i % 2 == 0 ? "s" : "other", std::to_string(i));
    if (i == 4) Restart();  // A file of its own.
  }
  const auto get = [&](Json more) {
    more["logGroupName"] = kGroup;
    more["logStreamName"] = "s";
    return Ask("GetLogEvents", more);
  };
  // "4" was in memory when the store was lost.
  EXPECT_THAT(MessagesOf(get({{"limit", 2}})), ElementsAre("6", "8"));
  Json page = get({{"limit", 2}, {"startFromHead", true}});
  const std::vector<std::string> first = MessagesOf(page);
  std::vector<std::string> all = first;
  for (std::string token; page.at("nextForwardToken") != token;) {
    token = page.at("nextForwardToken");
    page = get({{"limit", 2}, {"nextToken", token}});
    for (auto& message : MessagesOf(page)) all.push_back(message);
  }
  const std::vector<std::string> whole = MessagesOf(get({{"startFromHead", true}}));
  EXPECT_EQ(all, whole);
  std::vector<std::string> backward;
  page = get({{"limit", 2}});
  for (std::string token;;
       token = page.at("nextBackwardToken"), page = get({{"limit", 2}, {"nextToken", token}})) {
    auto messages = MessagesOf(page);
    backward.insert(backward.begin(), messages.begin(), messages.end());
    if (page.at("nextBackwardToken") == token) break;
  }
  EXPECT_EQ(backward, whole);
  // What comes later is behind the token that was the end.
  Append("s", "new");
  page = get({{"nextToken", get(Json::object()).at("nextForwardToken")}});
  EXPECT_THAT(MessagesOf(page), IsEmpty());
  EXPECT_THAT(MessagesOf(get({{"limit", 1}})), ElementsAre("new"));
}

TEST_F(LogsApiTest, TimesBoundWhatIsFound) {
  for (int i = 0; i < 5; ++i) {
    Append("s", std::to_string(i));
    Pass(1s);
  }
  const int64_t start = 1764000000000;
  EXPECT_THAT(MessagesOf(Ask("FilterLogEvents", {{"logGroupName", kGroup},
                                                 {"startTime", start + 1000},
                                                 {"endTime", start + 3000}})),
              ElementsAre("1", "2", "3"));
  EXPECT_THAT(MessagesOf(Ask("GetLogEvents", {{"logGroupName", kGroup},
                                              {"logStreamName", "s"},
                                              {"startTime", start + 1000},
                                              {"endTime", start + 3000}})),
              ElementsAre("1", "2"));
}

TEST_F(LogsApiTest, AGroupIsSearchedByStreamsPatternAndPages) {
  for (int i = 0; i < 100; ++i) {
    Append(i % 2 == 0 ? "even/a" : "odd/b", (i % 10 == 0 ? "ERROR " : "INFO ") + std::to_string(i));
  }
  const auto filter = [&](Json more) {
    more["logGroupName"] = kGroup;
    return Ask("FilterLogEvents", more);
  };
  EXPECT_THAT(filter({{"filterPattern", "ERROR"}}).at("events"), SizeIs(10));
  EXPECT_THAT(filter({{"filterPattern", "ERROR"}, {"logStreamNamePrefix", "odd"}}).at("events"),
              IsEmpty());
  EXPECT_THAT(filter({{"logStreamNames", Json::array({"odd/b"})}}).at("events"), SizeIs(50));
  EXPECT_THAT(filter({{"logGroupIdentifier", kGroup}}).at("message"), HasSubstr("exclusive"));
  std::set<std::string> ids;
  std::vector<std::string> all;
  Json more = {{"filterPattern", "?INFO ?ERROR"}, {"limit", 30}};
  for (Json page = filter(more);; page = filter(more)) {
    for (const Json& event : page.at("events")) {
      ids.insert(event.at("eventId"));
      all.push_back(event.at("message"));
    }
    if (!page.contains("nextToken")) break;
    more["nextToken"] = page.at("nextToken");
  }
  EXPECT_THAT(all, SizeIs(100));
  EXPECT_THAT(ids, SizeIs(100));
  EXPECT_EQ(all.back(), "INFO 99");
}

TEST_F(LogsApiTest, APageHoldsAtMostOneMegabyteAndNothingIsLeftOut) {
  const std::string line(100000, 'x');
  for (int i = 0; i < 25; ++i) Append("s", std::to_string(i) + line);
  Json input = {{"logGroupName", kGroup}};
  int found = 0, pages = 0;
  for (Json page = Ask("FilterLogEvents", input);; page = Ask("FilterLogEvents", input)) {
    ++pages;
    EXPECT_LE(page.at("events").size(), 10u);
    for (const auto& message : MessagesOf(page)) EXPECT_EQ(std::stoi(message), found++);
    if (!page.contains("nextToken")) break;
    input["nextToken"] = page.at("nextToken");
  }
  EXPECT_EQ(found, 25);
  EXPECT_EQ(pages, 3);
}

TEST_F(LogsApiTest, EventsThatArePutAreReadAndOutliveAKill) {
  const Json stream = {{"logGroupName", "/g"}, {"logStreamName", "s"}};
  Ask("CreateLogGroup", {{"logGroupName", "/g"}});
  Ask("CreateLogStream", stream);
  const int64_t now = 1764000000000, day = 86'400'000;
  const auto put = [&](const Json& events) {
    Json input = stream;
    input["logEvents"] = events;
    return Ask("PutLogEvents", input);
  };
  const auto event = [](int64_t time, const std::string& text) {
    return Json{{"timestamp", time}, {"message", text}};
  };
  EXPECT_FALSE(put(Json::array({event(now - 5, "a\nb"), event(now, "c")}))
                   .contains("rejectedLogEventsInfo"));
  Restart();
  const Json page = Ask("GetLogEvents", stream);
  EXPECT_THAT(MessagesOf(page), ElementsAre("a\nb", "c"));
  EXPECT_EQ(page.at("events")[0].at("timestamp"), now - 5);
  EXPECT_EQ(page.at("events")[0].at("ingestionTime"), now);
  EXPECT_EQ(put(Json::array({event(now - 15 * day, "old")})).at("rejectedLogEventsInfo"),
            (Json{{"tooOldLogEventEndIndex", 1}}));
  EXPECT_EQ(
      put(Json::array({event(now, "ok"), event(now + day / 2, "new")})).at("rejectedLogEventsInfo"),
      (Json{{"tooNewLogEventStartIndex", 1}}));
  EXPECT_THAT(put(Json::array({event(2, "a"), event(1, "b")})).at("message"),
              HasSubstr("chronological order"));
  EXPECT_THAT(put(Json::array({event(now - 2 * day, "a"), event(now, "b")})).at("message"),
              HasSubstr("24 hours"));
  Json many = Json::array();
  for (int i = 0; i < 5; ++i) many.push_back(event(now, std::string(250000, 'x')));
  EXPECT_THAT(put(many).at("message"), HasSubstr("exceeds limit of 1048576"));
  for (const Json& bad : {Json(5), Json::array({5}), Json::array(), Json::array({event(1, "")}),
                          Json::array({{{"message", "m"}}})}) {
    put(bad);
    EXPECT_EQ(status, 400) << bad;
  }
}

TEST_F(LogsApiTest, WhatTheDiskDoesNotTakeIsNotAnsweredAsDone) {
  EXPECT_EQ(Shown("CreateLogGroup", {{"logGroupName", kGroup}}), "200");
  EXPECT_EQ(Shown("CreateLogStream", {{"logGroupName", kGroup}, {"logStreamName", "s"}}), "200");
  const int64_t now = base::EpochMillis(clock.WallNow());
  const Json event = {{"timestamp", now}, {"message", "x"}};
  const Json put = {
      {"logGroupName", kGroup}, {"logStreamName", "s"}, {"logEvents", Json::array({event})}};
  ASSERT_EQ(Shown("PutLogEvents", put), "200");
  Restart();  // No file is open.
  std::filesystem::remove_all(GroupFolder());
  MUST(base::WriteFileAtomically(GroupFolder(), "in the way"));
  EXPECT_EQ(Shown("PutLogEvents", put),
            "500 ServiceUnavailableException: The service cannot complete the request.");
  std::filesystem::remove(GroupFolder());
  EXPECT_EQ(Shown("PutLogEvents", put), "200");
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
