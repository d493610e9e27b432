// Filter patterns, held against the examples of AWS's "Filter pattern syntax".
#include "logs/filter_pattern.h"

#include <gmock/gmock.h>

namespace hearth::logs {
namespace {

struct Case {
  const char* pattern;
  const char* message;
  bool matches;
};

TEST(FilterPattern, LetsThroughWhatAwsLetsThrough) {
  constexpr char kLine[] = "127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] \"GET /i.gif\" 404 1534";
  constexpr char kJson[] =
      R"({"level":"ERROR","user":{"id":7,"name":"Ann"},"items":[{"price":5},{"price":20}],)"
      R"("ok":true,"none":null,"arn":"arn:aws:x","text":"a.b","big":1e3,"odd key":"v"})";
  const Case cases[] = {
      {"", "anything", true},
      {"  ", "anything", true},
      {"ERROR", "an ERROR here", true},
      {"ERROR", "an error here", false},
      {"ERROR", "ERRORCODE", true},
      {"ERROR WARN", "WARN then ERROR", true},
      {"ERROR WARN", "only ERROR", false},
      {"\"user 7\"", "of user 7", true},
      {"\"user 7\"", "of user  7", false},
      {"\"say \\\"hi\\\"\"", "they say \"hi\"", true},
      {"?ERROR ?WARN", "WARN", true},
      {"?ERROR ?WARN", "INFO", false},
      {"?ERROR ?WARN REQUEST", "REQUEST", true},  // As on AWS: ? says nothing here.
      {"?ERROR ?WARN REQUEST", "ERROR", false},
      {"ERROR -EXITING", "ERROR: EXITING", false},
      {"ERROR -EXITING", "ERROR", true},
      {"-\"a b\"", "a b", false},
      {"-\"a b\"", "ab", true},
      {"2026-11-24T", "2026-11-24T10:00", true},

      {R"({ $.level = "ERROR" })", kJson, true},
      {R"({ $.level = "INFO" })", kJson, false},
      {R"({ $.level = ERROR })", kJson, true},
      {R"({ $.level = "ERR*" })", kJson, true},
      {R"({ $.level != "INFO" })", kJson, true},
      {R"({ $.gone != "INFO" })", kJson, false},
      {R"({ $.user.id = 7 })", kJson, true},
      {R"({ $.user.id >= 8 })", kJson, false},
      {R"({ $.user.id < 1e1 })", kJson, true},
      {R"({ $.big = 1000 })", kJson, true},
      {R"({ $.items[1].price > 10 })", kJson, true},
      {R"({ $.items[0].price > 10 })", kJson, false},
      {R"({ $.items[2].price > 10 })", kJson, false},
      {R"({ $.items[*].price > 10 })", kJson, true},
      {R"({ $.user.* = "Ann" })", kJson, true},
      {R"({ $.['odd key'] = "v" })", kJson, true},
      {R"({ $['user']["name"] = "Ann" })", kJson, true},
      {R"({ $.ok IS TRUE })", kJson, true},
      {R"({ $.ok IS FALSE })", kJson, false},
      {R"({ $.none IS NULL })", kJson, true},
      {R"({ $.gone NOT EXISTS })", kJson, true},
      {R"({ $.level NOT EXISTS })", kJson, false},
      {R"({ $.user EXISTS })", kJson, true},
      {R"({ $.arn = "arn:*" && $.user.id = 7 })", kJson, true},
      {R"({ $.level = "X" || $.user.id = 7 })", kJson, true},
      {R"({ $.level = "X" || $.user.id = 7 && $.ok IS FALSE })", kJson, false},
      {R"({ ($.level = "ERROR" || $.x = 1) && $.ok IS FALSE })", kJson, false},
      {R"({ $.level = "ERROR" && ($.x = 1 || $.ok IS TRUE) })", kJson, true},
      {R"({$.level="ERROR"})", "  {\"level\":\"ERROR\"}", true},
      {R"({ $.level = "ERROR" })", "[ERROR] no JSON", false},
      {R"({ $.level = "ERROR" })", "{\"level\":\"ERROR\"", false},
      {R"({ $[0] = 1 })", "[1]", true},

      {"[ip, id, user, time, request, status, bytes]", kLine, true},
      {"[ip, id, user, time, request, status = 4*, bytes]", kLine, true},
      {"[ip, id, user, time, request, status = 5*, bytes]", kLine, false},
      {"[ip, id, user, time, request, status = 404 && status > 400, bytes > 1500]", kLine, true},
      {"[ip, id, user, time, request, status = 5* || status = 4*, bytes]", kLine, true},
      {"[ip, id, user = frank, time, request, status != 200, bytes]", kLine, true},
      {"[ip, id, user, time, request = *.gif*, status, bytes]", kLine, true},
      {"[ip = %x%, status]", "a b", false},
      {"[ip, status, bytes]", kLine, false},
      {"[..., status = 404, bytes]", kLine, true},
      {"[ip, ..., bytes > 2000]", kLine, false},
      {"[ip = 127.*, ...]", kLine, true},
      {"[...]", "", true},
      {"[a, b]", "a", false},
      {"[a, b]", "\"not closed b", false},
  };
  for (const Case& each : cases) {
    const auto pattern = FilterPattern::Parse(each.pattern);
    EXPECT_EQ(pattern && pattern->Matches(each.message), each.matches)
        << each.pattern << " on " << each.message
        << (pattern ? std::string() : ": " + pattern.error());
  }
}

TEST(FilterPattern, RefusesWhatIsMalformedAndSaysWhy) {
  for (const char* text : {"{",
                           "{}",
                           "{ $.a }",
                           "{ a = 1 }",
                           "{ $.a = }",
                           "{ $.a = \"x }",
                           "{ $.a = 1",
                           "{ $.a = 1 } x",
                           "{ $.a[ = 1 }",
                           "{ $.a[x] = 1 }",
                           "{ $.a > \"x\" }",
                           "{ $. = 1 }",
                           "{ ($.a = 1 }",
                           "{ $.a IS MAYBE }",
                           "{ $.a NOT THERE }",
                           "{ $.a = 1 && }",
                           "{ $.a == 1 || }",
                           "[",
                           "[a",
                           "[a, ..., ...]",
                           "[a =, b]",
                           "[a > b]",
                           "[a] b",
                           "[a = 1 && b = 2]",
                           "\"open",
                           "-",
                           "?",
                           "-\"\"",
                           "%re%",
                           "{ $.a = %re% }",
                           "[a = %re%]"}) {
    const auto pattern = FilterPattern::Parse(text);
    ASSERT_FALSE(pattern.has_value()) << text;
    EXPECT_FALSE(pattern.error().empty()) << text;
  }
}

TEST(FilterPattern, SurvivesDeepNesting) {
  const std::string deep = "{ " + std::string(500, '(') + "$.a = 1" + std::string(500, ')') + " }";
  const auto pattern = FilterPattern::Parse(deep);
  ASSERT_TRUE(pattern.has_value());
  EXPECT_TRUE(pattern->Matches(R"({"a":1})"));
  EXPECT_FALSE(FilterPattern::Parse("{ " + std::string(1000, '(')).has_value());
  EXPECT_FALSE(pattern->Matches(std::string(100000, '[')));
}

TEST(MatchesWildcard, StandsForAnyCharacters) {
  EXPECT_TRUE(MatchesWildcard("*", ""));
  EXPECT_TRUE(MatchesWildcard("a*b*c", "axxbxxbc"));
  EXPECT_FALSE(MatchesWildcard("a*b", "axbx"));
  EXPECT_TRUE(MatchesWildcard("*.gif", "/a.gif"));
  EXPECT_FALSE(MatchesWildcard("", "a"));
  EXPECT_TRUE(MatchesWildcard("", ""));
}

}  // namespace
}  // namespace hearth::logs
