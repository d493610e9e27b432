#include "io/http_message.h"

#include <gtest/gtest.h>

namespace hearth::io {
namespace {

TEST(HttpHeaders, CompareNamesWithoutCaseAndKeepTheOrder) {
  HttpHeaders headers;
  headers.Add("Accept", "a");
  headers.Add("ACCEPT", "b");
  headers.Add("Empty", "");
  EXPECT_EQ(headers.Get("accept"), "a");
  EXPECT_EQ(headers.size(), 3u);
  EXPECT_TRUE(headers.Has("empty"));
  EXPECT_EQ(headers.Get("empty"), headers.Get("absent"));
  EXPECT_FALSE(headers.Has("absent"));
  EXPECT_FALSE(headers.Has("accep"));
  headers.Set("aCCept", "c");
  EXPECT_EQ(headers.size(), 2u);
  EXPECT_EQ(headers.Get("Accept"), "c");
  headers.Remove("accept");
  headers.Remove("accept");
  EXPECT_FALSE(headers.Has("Accept"));
}

TEST(HttpHeaders, KeepTheLinesOfAHeadAndNoValueCanEndOne) {
  HttpHeaders headers;
  headers.Add("A", "1\r\nEvil: 2");
  headers.Add("B", std::string_view("x\0y", 3));
  headers.Add("C", "");
  EXPECT_EQ(headers.lines(), "A: 1  Evil: 2\r\nB: x y\r\nC: \r\n");
  EXPECT_EQ(headers[1], (HttpHeaders::Field("B", "x y")));
  headers.Remove("b");
  EXPECT_EQ(headers.lines(), "A: 1  Evil: 2\r\nC: \r\n");
  EXPECT_EQ(headers.Get("a"), "1  Evil: 2");
}

TEST(HttpHeaders, AViewSurvivesAMoveOfThem) {
  HttpHeaders headers;
  headers.Add("A", "b");
  const std::string_view seen = headers.Get("A");
  const HttpHeaders moved = std::move(headers);
  EXPECT_EQ(moved.Get("A").data(), seen.data());
}

TEST(HttpRequest, SplitsItsTargetAtTheFirstQuestionMark) {
  HttpRequest request;
  request.target = "/a?b=c?d";
  EXPECT_EQ(request.path(), "/a");
  EXPECT_EQ(request.query(), "b=c?d");
  request.target = "/a";
  EXPECT_EQ(request.path(), "/a");
  EXPECT_EQ(request.query(), "");
  request.target = "?";
  EXPECT_EQ(request.path(), "");
  EXPECT_EQ(request.query(), "");
}

TEST(PercentDecode, LeavesMalformedEscapesAsTheyAre) {
  const std::pair<std::string, std::string> cases[] = {{"", ""},
                                                       {"a%2Fb+c", "a/b+c"},
                                                       {"%41", "A"},
                                                       {"%4", "%4"},
                                                       {"%", "%"},
                                                       {"%zz", "%zz"},
                                                       {"%4g", "%4g"},
                                                       {"%%41", "%A"},
                                                       {"%2525", "%25"},
                                                       {"%c3%A9", "é"},
                                                       {"a%00b", std::string("a\0b", 3)},
                                                       {"%-1", "%-1"},
                                                       {"%+1", "%+1"},
                                                       {"% 1", "% 1"}};
  for (const auto& [text, decoded] : cases) EXPECT_EQ(PercentDecode(text), decoded) << text;
}

TEST(QueryParameter, FindsTheFirstOfItsName) {
  constexpr std::string_view kQuery = "a=1&b&c=&a=2&%64=%26x%3D&=e&&f=g=h";
  EXPECT_EQ(QueryParameter(kQuery, "a").value, "1");
  EXPECT_TRUE(QueryParameter(kQuery, "b").found);
  EXPECT_EQ(QueryParameter(kQuery, "b").value, "");
  EXPECT_TRUE(QueryParameter(kQuery, "c").found);
  EXPECT_EQ(QueryParameter(kQuery, "d").value, "&x=");
  EXPECT_EQ(QueryParameter(kQuery, "").value, "e");
  EXPECT_EQ(QueryParameter(kQuery, "f").value, "g=h");
  EXPECT_FALSE(QueryParameter(kQuery, "g").found);
  EXPECT_FALSE(QueryParameter("", "a").found);
}

TEST(ReasonPhrase, HasWordsForEveryStatus) {
  EXPECT_EQ(ReasonPhrase(200), "OK");
  EXPECT_EQ(ReasonPhrase(505), "HTTP Version Not Supported");
  EXPECT_FALSE(ReasonPhrase(299).empty());
  EXPECT_FALSE(ReasonPhrase(-1).empty());
}

}  // namespace
}  // namespace hearth::io
