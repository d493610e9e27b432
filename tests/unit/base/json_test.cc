#include "base/json.h"

#include <gtest/gtest.h>

namespace hearth::base {
namespace {

TEST(ParseJson, RefusesWhatIsNotJson) {
  for (const std::string_view bad :
       {"", " ", "{", "}", "[1,]", "{\"a\":1,}", "{a:1}", "'a'", "nul", "01", "1.", "+1", ".5",
        "NaN", "Infinity", "1e999", "\"\\x41\"", "\"\\ud800\"", "\"a", "\"\n\"", "[1] 2", "// c\n1",
        "{\"a\" 1}", "\xef\xbb", "[\"\\u12\"]"}) {
    const auto parsed = ParseJson(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().kind, ErrorKind::kInvalid) << bad;
    EXPECT_FALSE(parsed.error().text.empty()) << bad;
  }
  EXPECT_FALSE(ParseJson(std::string_view("1\0", 2)));
}

TEST(ParseJson, RefusesBytesThatAreNotUtf8) {
  for (const std::string_view bad : {"\"\xff\"", "\"\xc3\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"",
                                     "\"\xf5\x80\x80\x80\"", "{\"\xe2\x82\":1}"}) {
    EXPECT_FALSE(ParseJson(bad)) << bad;
  }
  EXPECT_EQ(MUST(ParseJson("\"\xe2\x82\xac\"")).get<std::string>(), "\xe2\x82\xac");
}

TEST(ParseJson, RefusesWhatWouldExhaustTheStack) {
  const auto nested = [](size_t depth, char open, char close) {
    return std::string(depth, open) + std::string(depth, close);
  };
  EXPECT_TRUE(ParseJson(nested(512, '[', ']')));
  EXPECT_FALSE(ParseJson(nested(513, '[', ']')));
  EXPECT_FALSE(ParseJson(nested(5000000, '[', ']')));
  EXPECT_FALSE(ParseJson(std::string(5000000, '[')));
  std::string objects;
  for (int i = 0; i < 600; ++i) objects += "{\"a\":";
  EXPECT_FALSE(ParseJson(objects));
  // Closing brackets first must not buy depth.
  EXPECT_FALSE(ParseJson(std::string(100000, ']') + std::string(100000, '[')));
}

TEST(ParseJson, DoesNotCountBracketsInsideStrings) {
  const std::string text = "\"" + std::string(1000, '[') + "\\\"" + std::string(1000, '{') + "\"";
  const auto parsed = ParseJson(text);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->get<std::string>().size(), 2001u);
}

TEST(ToJsonText, ReplacesBytesThatAreNotUtf8) {
  EXPECT_EQ(ToJsonText(Json("a\xff" "b")), "\"a\xef\xbf\xbd" "b\"");
  EXPECT_TRUE(ParseJson(JsonQuote("\xc3\x28\xa0\xa1")));
}

TEST(JsonQuote, EscapesWhatWouldEndOrBreakTheLiteral) {
  EXPECT_EQ(JsonQuote("a\"b\\c\n"), R"("a\"b\\c\n")");
  EXPECT_EQ(JsonQuote(std::string_view("\0\x1f", 2)), R"("\u0000\u001f")");
  EXPECT_EQ(JsonQuote(""), "\"\"");
  std::string all;
  for (int i = 0; i < 128; ++i) all.push_back(static_cast<char>(i));
  EXPECT_EQ(MUST(ParseJson(JsonQuote(all))).get<std::string>(), all);
}

TEST(OrderedJson, KeepsTheOrderOfItsMembers) {
  OrderedJson value;
  value["z"] = 1;
  value["a"] = 2;
  EXPECT_EQ(value.dump(), R"({"z":1,"a":2})");
}

}  // namespace
}  // namespace hearth::base
