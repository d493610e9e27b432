// Log events: put, read, searched.
#include <filesystem>

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

}  // namespace
}  // namespace hearth::logs
