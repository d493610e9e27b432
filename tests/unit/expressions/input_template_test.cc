// InputTransformer and JsonPath: what a target is told of an event.
#include "expressions/input_template.h"

#include <gmock/gmock.h>

namespace hearth::expressions {
namespace {

using base::Json;
using testing::StartsWith;

constexpr std::string_view kEvent =
    R"({"account":"000000000000","detail":{"a":"x","n":5,"f":1.50,"t":true,"o":{"k":"v","l":[1]},)"
    R"("items":[{"id":"i1"},{"id":"i2"},{"no":0}],"q":"say \"hi\"\n","z":null,"a/b":7},)"
    R"("detail-type":"order","id":"77","region":"us-east-1","resources":[],"source":"shop",)"
    R"("time":"2026-11-28T12:00:00Z","version":"0"})";

const std::map<std::string, std::string> kPaths = {
    {"a", "$.detail.a"},    {"n", "$.detail.n"},       {"o", "$.detail.o"},
    {"q", "$.detail.q"},    {"none", "$.detail.no"},   {"ids", "$.detail.items[*].id"},
    {"detail", "$.detail"}, {"type", "$.detail-type"}, {"z", "$.detail.z"},
    {"l", "$.detail.o.l"}};

std::string Apply(std::string_view text) {
  const auto transformer = InputTransformer::Create(kPaths, text);
  if (!transformer) return "refused: " + transformer.error();
  const base::WallTime noon(std::chrono::seconds(1795867200));
  return transformer->Apply(*base::ParseJson(kEvent), kEvent,
                            {"arn:aws:events:us-east-1:000000000000:rule/r", "r", noon});
}

TEST(InputTransformer, FillsInVariablesAsAwsDoes) {
  const std::pair<const char*, const char*> rows[] = {
      // As recorded on AWS.
      {R"("Event of <type> type, info extracted from detail <a>")",
       R"("Event of order type, info extracted from detail x")"},
      {R"("Event of <type> type, info extracted from detail <none>")",
       R"("Event of order type, info extracted from detail ")"},
      {R"({"type": <type>,  "command": <a>})", R"({"type": "order",  "command": "x"})"},
      {R"({"type": <type>,  "command": <none>})", R"({"type": "order",  "command": ""})"},
      {R"("{[/Check with special starting characters for event of <type> type")",
       R"("{[/Check with special starting characters for event of order type")"},
      {R"("<aws.events.rule-arn> <aws.events.rule-name> <aws.events.event.ingestion-time>")",
       R"("arn:aws:events:us-east-1:000000000000:rule/r r 2026-11-28T12:00:00Z")"},
      {R"({"e": <aws.events.event>})",
       R"({"e": {"id":"77","account":"000000000000","detailType":"order",)"
       R"("time":"2026-11-28T12:00:00Z","source":"shop","region":"us-east-1","resources":[],)"
       R"("version":"0"}})"},
      // As documented.
      {R"("<a> is in state \"<type>\"")", R"("x is in state \"order\"")"},
      {R"({"myInstance": <a>,"myStatus": "<a> is in state \"<type>\""})",
       R"({"myInstance": "x","myStatus": "x is in state \"order\""})"},
      {R"({"n": <n>, "s": "<n>", "l": <l>, "z": <z>, "t": "<z>"})",
       R"({"n": 5, "s": "5", "l": [1], "z": null, "t": "null"})"},
      {"\"line <n>\"\n\"line <a>\"\n", "\"line 5\"\n\"line x\"\n"},
      // An object loses its quotes in a string.
      {R"({"o": <o>, "s": "object <o>"})",
       R"({"o": {"k":"v","l":[1]}, "s": "object {k:v,l:[1]}"})"},
      {"<a>", "\"x\""},
      {"[<n>,<n>]", "[5,5]"},
      {R"({"ids": <ids>})", R"({"ids": ["i1","i2"]})"},
      // What a value's characters are is not its text's affair.
      {R"({"q": <q>, "s": "<q>"})", R"({"q": "say \"hi\"\n", "s": "say \"hi\"\n"})"},
      {R"("1 < 2 > 0 </b> <>")", R"("1 < 2 > 0 </b> <>")"},
      {R"("\\<a>")", R"("\\x")"},
  };
  for (const auto& [text, made] : rows) EXPECT_EQ(Apply(text), made) << text;
  EXPECT_EQ(Apply("<aws.events.event.json>"), kEvent);
}

TEST(InputTransformer, RefusesWhatIsNoTemplate) {
  const std::pair<const char*, const char*> rows[] = {
      {R"("with not defined key <notdefinedkey>")", "contains invalid placeholder notdefinedkey."},
      {R"("<aws.events.other>")", "contains invalid placeholder aws.events.other."},
      {"<a> is in state <n>", "is not valid: Unrecognized token 'is'"},
      {R"({"a": <a>)", "is not valid: Unexpected end-of-input"},
      {R"({"a": "<a>)", "is not valid: Unexpected end-of-input"},
      {R"({<a>: 1})",
       "is not valid: Unexpected character ('[' (code 91)): was expecting double-quote"},
      {R"({"<a>": 1})", "contains a placeholder as an object key"},
      {R"([<a><n>])", "is not valid: Unexpected character"},
      {R"({"a": -<n>})", "is not valid: Unexpected character"},
      {"  ", "is not valid: it is empty"},
      {"", "is to have 1 to 8192 characters."},
  };
  for (const auto& [text, what] : rows) {
    EXPECT_THAT(Apply(text), StartsWith(std::string("refused: ") + what)) << text;
  }
  const std::string long_text = "\"" + std::string(8192, 'x') + "\"";
  EXPECT_FALSE(InputTransformer::Create({}, long_text));
  EXPECT_EQ(InputTransformer::Create({{"AWS.x", "$.a"}}, "1").error(),
            "has a reserved name: AWS.x.");
  EXPECT_THAT(InputTransformer::Create({{"x", "a"}}, "1").error(),
              StartsWith("has an invalid path"));
  std::map<std::string, std::string> many;
  for (int i = 0; i < 101; ++i) many["v" + std::to_string(i)] = "$.a";
  EXPECT_EQ(InputTransformer::Create(many, "1").error(), "has more than 100 paths.");
}

TEST(InputTransformer, MakesNoMoreThanATargetTakes) {
  std::string text = "[";
  for (int i = 0; i < 300; ++i) text += "<aws.events.event.json>,";
  const auto transformer = InputTransformer::Create({}, text + "1]");
  ASSERT_TRUE(transformer);
  const std::string event = "{\"detail\":\"" + std::string(250'000, 'x') + "\"}";
  const std::string made = transformer->Apply(*base::ParseJson(event), event, {});
  EXPECT_GT(made.size(), kMaxTransformed);
  EXPECT_LT(made.size(), kMaxTransformed + 300'000);
}

TEST(JsonPath, FindsWhatItSays) {
  const Json event = *base::ParseJson(kEvent);
  const std::pair<const char*, const char*> rows[] = {
      {"$", ""},
      {"$.id", R"("77")"},
      {"$.detail-type", R"("order")"},
      {"$.detail.o", R"({"k":"v","l":[1]})"},
      {"$.detail.items[1].id", R"("i2")"},
      {"$.detail.items[3]", "none"},
      {"$.detail.items.id", "none"},
      {"$.detail.items[*].id", R"(["i1","i2"])"},
      {"$.detail.items[*]", R"([{"id":"i1"},{"id":"i2"},{"no":0}])"},
      {"$.detail.o.*", R"(["v",[1]])"},
      {"$.detail.a[*]", "[]"},
      {"$.detail.a/b", "7"},
      {"$.detail.z", "null"},
      {"$.detail.no", "none"},
      {"$.resources[0]", "none"},
  };
  for (const auto& [text, part] : rows) {
    const auto path = JsonPath::Parse(text);
    ASSERT_TRUE(path) << text << path.error();
    const auto found = path->Find(event);
    const std::string expected = *part == '\0' ? base::ToJsonText(event) : part;
    EXPECT_EQ(found ? base::ToJsonText(*found) : "none", expected) << text;
  }
}

TEST(JsonPath, RefusesWhatIsNotServed) {
  for (const std::string text :
       {"", "a", "detail.a", "$a", "$.", "$..a", "$.a.", "$['a']", "$.a['b']", "$.a[", "$.a[]",
        "$.a[-1]", "$.a[1:2]", "$.a[99999999999]", "$.a[?(@.b)]", "$.a b", "$.a]"}) {
    EXPECT_FALSE(JsonPath::Parse(text)) << text;
  }
  EXPECT_FALSE(JsonPath::Parse("$." + std::string(256, 'a')));
}

}  // namespace
}  // namespace hearth::expressions
