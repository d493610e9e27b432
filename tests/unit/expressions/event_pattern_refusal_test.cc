// Event patterns that are refused: AWS's words, and where.
#include <gmock/gmock.h>

#include "expressions/event_pattern.h"

namespace hearth::expressions {
namespace {

std::string Refusal(std::string_view text) {
  const auto pattern = EventPattern::Parse(text);
  return pattern ? "none" : pattern.error();
}

std::string At(std::string_view what, std::string_view text, int column) {
  return std::string(what) + "\n at [Source: (String)\"" + std::string(text) +
         "\"; line: 1, column: " + std::to_string(column) + "]";
}

TEST(EventPatternRefusal, SaysWhatAndWhereAsRecordedOnAws) {
  const struct {
    const char* text;
    const char* what;
    int column;
  } rows[] = {
      {R"({"int": 42})", R"("int" must be an object or an array)", 11},
      {R"({"string": "my-value"})", R"("string" must be an object or an array)", 13},
      {R"({"resources": []})", "Empty arrays are not allowed", 17},
      {R"({"my_key": [{"EXISTS": true}]})", "Unrecognized match type EXISTS", 28},
      {R"({"detail": {"equal": [{"NUMERIC": ["=", 5]}]}})", "Unrecognized match type NUMERIC", 36},
      {R"({"detail": {"c-count": [{"numeric": [">", 0, ">", 0]}]}})",
       "Bad numeric range operator: >", 49},
      {R"({"detail": {"c-count": [{"numeric": [">", 0, "<"]}]}})", "Value of < must be numeric",
       50},
      {R"({"EventBusArn": [{"wildcard": "arn:aws:events:us-east-1:**:event-bus/*"}]})",
       "Consecutive wildcard characters at pos 26", 72},
      {R"({"detail-type": [{"equals-ignore-case": ["ec2 instance state-change notification"]}]})",
       "equals-ignore-case match pattern must be a string", 42},
      {R"({"detail-type": [{"equals-ignore-case": {"prefix": "ec2"}}]})",
       "equals-ignore-case match pattern must be a string", 42},
      {R"({"detail": {"state": [{"anything-but": {"equals-ignore-case": 123}}]}})",
       "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
       66},
      {R"({"EventBusArn": [{"wildcard": 123}]})", "wildcard match pattern must be a string", 34},
      {R"({"EventBusArn": [{"wildcard": ["arn:aws:events:**:event-bus/*"]}]})",
       "wildcard match pattern must be a string", 32},
      {R"({"detail": {"FilePath": [{"anything-but": {"wildcard": 123}}]}})",
       "wildcard match pattern must be a string", 59},
      {R"({"detail": {"FileName": [{"anything-but": {"suffix": 123}}]}})",
       "prefix/suffix match pattern must be a string", 57},
      {R"({"detail": {"state": [{"anything-but": {"prefix": 123}}]}})",
       "prefix/suffix match pattern must be a string", 54},
      {R"({"time": [{"prefix": ["2022-07-13"]}]})", "prefix match pattern must be a string", 23},
      {R"({"time": [{"prefix": 123}]})", "prefix match pattern must be a string", 25},
      {R"({"FileName": [{"suffix": 123}]})", "suffix match pattern must be a string", 29},
      {R"({"FileName": [{"suffix": [".png"]}]})", "suffix match pattern must be a string", 27},
      {R"({"detail": {"FileName": [)"
       R"({"anything-but": {"prefix": {"equals-ignore-case": "file"}}}]}})",
       "Value of anything-but must be an array or single string/number value.", 55},
      {R"({"detail": {"sourceIPAddress": [{"cidr": ["bad-type"]}]}})",
       "prefix match pattern must be a string", 43},
      {R"(["not", "a", "dict", "but valid json"])", "Filter is not an object", 2},
      {"this is valid json but not a dict",
       "Unrecognized token 'this': was expecting (JSON String, Number, Array, Object or token "
       "'null', 'true' or 'false')",
       5},
      {"{'bad': 'quotation'}",
       "Unexpected character (''' (code 39)): was expecting double-quote to start field name", 2},
      {R"({"not": closed mark")",
       "Unrecognized token 'closed': was expecting (JSON String, Number, Array, Object or token "
       "'null', 'true' or 'false')",
       15},
  };
  for (const auto& row : rows) EXPECT_EQ(Refusal(row.text), At(row.what, row.text, row.column));
}

TEST(EventPatternRefusal, SaysWhereTwiceOfAnItemThatIsLeftOut) {
  const struct {
    const char* text;
    const char* what;
    int column;
  } rows[] = {
      {R"({"detail": {"state": [{"anything-but": {"equals-ignore-case": [123, 456]}}]}})",
       "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
       67},
      {R"({"detail": {"state": [{"anything-but": {"wildcard": [123, "*/dir/*"]}}]}})",
       "wildcard match pattern must be a string", 57},
      {R"({"detail": {"FileName": [{"anything-but": {"suffix": [123, ".txt"]}}]}})",
       "prefix/suffix match pattern must be a string", 58},
      {R"({"detail": {"state": [{"anything-but": {"prefix": [123, "test"]}}]}})",
       "prefix/suffix match pattern must be a string", 55},
  };
  for (const auto& row : rows) {
    const std::string place = At("", row.text, row.column);
    EXPECT_EQ(Refusal(row.text), row.what + place + place);
  }
}

TEST(EventPatternRefusal, SaysNoPlaceWhereAwsSaysNone) {
  const std::pair<const char*, const char*> rows[] = {
      {R"({"a":[{"cidr":"bad-filter"}]})", "Malformed CIDR, one '/' required"},
      {R"({"a":[{"cidr":"10.0.0.0/"}]})", "Malformed CIDR, one '/' required"},
      {R"({"a":[{"cidr":"10.0.0.0/xx"}]})", "Malformed CIDR, mask bits must be an integer"},
      {R"({"a":[{"cidr":"10.0.0.0/-1"}]})", "Malformed CIDR, mask bits must not be negative"},
      {R"({"a":[{"cidr":"10.0.0.0/32"}]})", "IPv4 mask bits must be < 32"},
      {R"({"a":[{"cidr":"::/128"}]})", "IPv6 mask bits must be < 128"},
      {R"({"a":[{"cidr":"xx.11.xx/8"}]})", "Nonstandard IP address: xx.11.xx"},
      {R"({"a":[{"cidr":"xxxx:db8:1234:1a00::/64"}]})",
       "Nonstandard IP address: xxxx:db8:1234:1a00::"},
      {R"({"a":[{"cidr":"10.0.0.256/8"}]})", "Invalid IP address: 10.0.0.256"},
      {R"({"a":[{"wildcard":"*:*:*:*:*:event-bus/*"}]})",
       "Rule is too complex - try using fewer wildcard characters or fewer repeating character "
       "sequences after a wildcard character"},
      {R"({"a":[{"anything-but":5000000001}]})",
       "Value must be between -5.0E9 and 5.0E9, inclusive"},
  };
  for (const auto& [text, what] : rows) EXPECT_EQ(Refusal(text), what);
}

TEST(EventPatternRefusal, SaysWhatIsWrongWithWhateverElse) {
  const std::pair<const char*, const char*> rows[] = {
      {"", "Filter is not an object"},
      {"{}", "Empty objects are not allowed"},
      {R"({"a":{}})", "Empty objects are not allowed"},
      {R"({"a":null})", "\"a\" must be an object or an array"},
      {R"({"a":[[1]]})", "Match value must be String, number, true, false, or null"},
      {R"({"a":[{}]})", "Match expression name not found"},
      {R"({"a":[{"prefix":"x","suffix":"y"}]})", "Only one key allowed in match expression"},
      {R"({"a":[{"prefix":{}}]})", "Prefix expression name not found"},
      {R"({"a":[{"suffix":{"x":"y"}}]})", "Unsupported suffix pattern: x"},
      {R"({"a":[{"exists":"true"}]})", "exists match pattern must be either true or false."},
      {R"({"a":[{"numeric":5}]})", "Value of numeric must be an array."},
      {R"({"a":[{"numeric":[]}]})", "Invalid member in numeric match: ]"},
      {R"({"a":[{"numeric":["!",5]}]})", "Unrecognized numeric range operator: !"},
      {R"({"a":[{"numeric":["=","5"]}]})", "Value of equals must be numeric"},
      {R"({"a":[{"numeric":["=",5,"<",6]}]})", "Too many elements in numeric expression"},
      {R"({"a":[{"numeric":[">",5,"<",5]}]})", "Bottom must be less than top"},
      {R"({"a":[{"numeric":[">",5,"<",6,7]}]})", "Too many terms in numeric range expression"},
      {R"({"a":[{"numeric":[">",5000000001]}]})",
       "Value must be between -5.0E9 and 5.0E9, inclusive"},
      {R"({"a":[{"anything-but":[]}]})",
       "Inside anything but list, either all values are number or"},
      {R"({"a":[{"anything-but":{"prefix":[]}}]})",
       "Inside anything but list, either all values are number or"},
      {R"({"a":[{"anything-but":{"suffix":[]}}]})",
       "Inside anything but list, either all values are number or"},
      {R"({"a":[{"anything-but":{"equals-ignore-case":[]}}]})",
       "Inside anything but list, either all values are number or"},
      {R"({"a":[{"anything-but":{"wildcard":[]}}]})",
       "Inside anything but list, either all values are number or"},
      {R"({"a":[{"anything-but":[1,"x"]}]})",
       "Inside anything but list, either all values are num"},
      {R"({"a":[{"anything-but":[null]}]})", "Inside anything but list, start|null|boolean is not"},
      {R"({"a":[{"anything-but":null}]})", "Value of anything-but must be an array or single"},
      {R"({"a":[{"anything-but":{"numeric":5}}]})", "Unsupported anything-but pattern: numeric"},
      {R"({"a":[{"anything-but":{"prefix":""}}]})", "Null prefix/suffix not allowed"},
      {R"({"a":[{"wildcard":"a\\b"}]})", "Invalid escape character at pos 2"},
      {R"({"$or":{"a":[1]}})", "It must be an Array followed with $or."},
      {R"({"$or":[{"a":[1]}]})", "There must have at least 2 Objects in $or relationship."},
      {R"({"$or":[1,2]})", "Only JSON object is allowed in array of $or relationship."},
      {R"({"$or":[{"a":[1]},{"prefix":["x"]}]})",
       "prefix is Ruler reserved fieldName which cannot be used inside $or."},
      {R"({"a":[1])",
       "Unexpected end-of-input: expected close marker for Object (start marker at "
       "[Source: (String)\"{\"a\":[1]\"; line: 1, column: 1])"},
      {R"({"a":[1]}x)", "Unexpected character ('x' (code 120)): expected the end of the text"},
      {R"({"a":["x)", "Unexpected end-of-input: was expecting closing quote for a string value"},
      {R"({"a" [1]})", "Unexpected character ('[' (code 91)): was expecting a colon to separate"},
      {R"({"a":[1 2]})",
       "Unexpected character ('2' (code 50)): was expecting comma to separate Arr"},
      {R"({"a":[01]})", "Invalid numeric value: Leading zeroes not allowed"},
      {R"({"a":["\q"]})", "Unrecognized character escape 'q' (code 113)"},
      {"{\"a\":[\"\n\"]}", "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped"},
  };
  for (const auto& [text, what] : rows)
    EXPECT_THAT(Refusal(text), testing::StartsWith(what)) << text;
}

TEST(EventPatternRefusal, CountsLinesAndQuotesNoMoreThanFiveHundredCharacters) {
  EXPECT_THAT(Refusal("{\n  \"a\": {\n    \"b\": 1\n  }\n}"),
              testing::EndsWith("\"; line: 3, column: 11]"));
  const std::string text = "{\"a\": \"" + std::string(600, 'x') + "\"}";
  EXPECT_THAT(Refusal(text), testing::EndsWith("x\"[truncated 109 chars]; line: 1, column: 8]"));
}

// Three $or of ten choices each.
std::string ThousandCombinations() {
  std::string out;
  for (const char* name : {"0", "1", "2"}) {
    out += (out.empty() ? "\"" : ",\"") + std::string(name) + "\":{\"$or\":[";
    for (int i = 0; i < 10; ++i) {
      out += (i > 0 ? ",{\"" : "{\"") + std::to_string(i) + "\":[1]}";
    }
    out += "]}";
  }
  return out;
}

std::string Fields(int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += ",\"f" + std::to_string(i) + "\":[1]";
  return out;
}

TEST(EventPatternRefusal, BoundsTheFieldsOfAllCombinations) {
  constexpr std::string_view kTooMany = "Rule is too complex - $or leads to too many fields";
  const std::string ors = ThousandCombinations();
  EXPECT_EQ(Refusal("{" + ors + "}"), "none");
  EXPECT_EQ(Refusal("{" + ors + Fields(17) + "}"), "none") << "20 fields each.";
  EXPECT_EQ(Refusal("{" + Fields(17).substr(1) + "," + ors + "}"), "none");
  EXPECT_THAT(Refusal("{" + ors + Fields(18) + "}"), testing::StartsWith(kTooMany));
  EXPECT_THAT(Refusal("{" + Fields(18).substr(1) + "," + ors + "}"), testing::StartsWith(kTooMany));
  EXPECT_THAT(Refusal("{" + ors + Fields(250) + "}"), testing::StartsWith(kTooMany));
  const std::string first = "{" + Fields(250).substr(1) + "," + ors + "}";
  ASSERT_LE(first.size(), kMaxPatternText);
  EXPECT_THAT(Refusal(first), testing::StartsWith(kTooMany));
  // Each $or holds what its choices begin with while those within it are read.
  std::string deep = "{" + ors;
  while (deep.size() < 4000) deep += ",\"$or\":[{\"x\":[1]},{\"y\":[1]";
  EXPECT_THAT(Refusal(deep), testing::StartsWith(kTooMany));
  deep = "{" + ors + Fields(10);
  while (deep.size() < 4000) deep += ",\"$or\":[{\"z\":[1]";
  EXPECT_THAT(Refusal(deep), testing::StartsWith(kTooMany));
  // One alternative has as many as there is room for, and so have choices beside each other.
  EXPECT_EQ(Refusal("{" + Fields(380).substr(1) + "}"), "none");
  EXPECT_EQ(Refusal("{" + Fields(300).substr(1) + ",\"$or\":[{\"a\":[1]},{\"b\":[2]}]}"), "none");
}

TEST(EventPatternRefusal, BoundsSizeDepthAndChoices) {
  EXPECT_EQ(Refusal("{\"a\":[\"" + std::string(4096, 'x') + "\"]}"),
            "Event pattern is longer than 4096 characters");
  std::string deep = "[1]";
  for (int i = 0; i < 600; ++i) deep = "{\"a\":" + deep + "}";
  EXPECT_EQ(Refusal(deep), "Event pattern is nested too deeply");
  std::string ors;
  for (int i = 0; i < 10; ++i) ors += R"("d":{"$or":[{"a":[1]},{"b":[1]}]},)";
  EXPECT_THAT(Refusal("{" + ors + "\"x\":[1]}"), testing::StartsWith("Rule is too complex - $or"));
  std::string stars;
  for (int i = 0; i < 4; ++i)
    stars += R"({"wildcard":"*/datasync/*.)" + std::string(1, 'a' + i) + "\"},";
  EXPECT_THAT(Refusal("{\"a\":[" + stars + "1]}"),
              testing::StartsWith("Rule is too complex - try"));
  EXPECT_EQ(Refusal(R"({"a":[{"wildcard":"*.bif"},{"wildcard":"*.tiff"},{"wildcard":"*.tif"},
                        {"wildcard":"*.svs"}]})"),
            "none");
  std::string text = "*";
  for (int i = 0; i < 350; ++i) text += "name-" + std::to_string(i);
  EXPECT_EQ(Refusal("{\"a\":[{\"wildcard\":\"" + text + "\"}]}"), "none");
}

}  // namespace
}  // namespace hearth::expressions
