// What is one JSON text and what is not: RFC 8259, whatever the values.
#include "invoker/json_fault.h"

#include <gtest/gtest.h>

namespace hearth::invoker {
namespace {

std::string Nested(size_t depth, const std::string& inner) {
  return std::string(depth, '[') + inner + std::string(depth, ']');
}

TEST(JsonFault, NoneWhereATextIsJsonThatNoValueOfOursHolds) {
  for (const std::string text :
       {"123456789012345678901234567890", "-123456789012345678901234567890.5e+7", "1e400", "1E-999",
        "18446744073709551616", "\"\\ud800\"", "\"\\udc00\\ud800x\"",
        "[\"\\uD800\", {\"a\": 1e400}]",
        " {\"n\" : [ 1e400 , true , false , null , \"\\n\\\"\" ] , \"m\":{} } ", "[[], 1e400]"}) {
    EXPECT_EQ(JsonFault(text), std::nullopt) << text;
  }
  EXPECT_EQ(JsonFault(Nested(1000, "1e400")), std::nullopt);
}

TEST(JsonFault, IsFoundInWhatIsAlmostJson) {
  for (const std::string text : {"",
                                 "  ",
                                 "1e",
                                 "1e+",
                                 "-",
                                 "01",
                                 "1.",
                                 ".5",
                                 "+1",
                                 "1e400 2",
                                 "[1e400,]",
                                 "[1e400",
                                 "[,1e400]",
                                 "1e400]",
                                 "{\"a\" 1e400}",
                                 "{1e400:1}",
                                 "{\"a\":1e400,}",
                                 "{\"a\":1e400",
                                 "[1e400, nul]",
                                 "[1e400, \"\\x\"]",
                                 "\"\\ud80\"",
                                 "\"\\ud800",
                                 "\"\\ud800\\\"",
                                 "[1e400, \"\x01\"]",
                                 "NaN",
                                 "[1e400, Infinity]",
                                 "'a'",
                                 "[1e400} "}) {
    EXPECT_NE(JsonFault(text), std::nullopt) << text;
  }
}

TEST(JsonFault, IsFoundInWhatIsNotUtf8EvenBesideAValueOfAnySize) {
  EXPECT_NE(JsonFault("\"\xff\""), std::nullopt);
  EXPECT_NE(JsonFault("[\"\xff\", 1e400]"), std::nullopt);
  EXPECT_NE(JsonFault("[1e400, \"\xed\xa0\x80\"]"), std::nullopt);  // A surrogate as UTF-8.
}

TEST(JsonFault, IsFoundInWhatIsNestedWithoutEnd) {
  EXPECT_NE(JsonFault(Nested(100000, "1")), std::nullopt);
  EXPECT_NE(JsonFault(Nested(100000, "1e400")), std::nullopt);
  EXPECT_NE(JsonFault("[1e400, " + Nested(100000, "1") + "]"), std::nullopt);
  EXPECT_NE(JsonFault("1e400" + std::string(100000, '[')), std::nullopt);
}

TEST(JsonFault, OfALargeTextSaysNothingOfTheNext) {
  const std::string large = "\"" + std::string(6 << 20, 'x') + "\"";
  EXPECT_EQ(JsonFault(large), std::nullopt);
  EXPECT_NE(JsonFault(large + "x"), std::nullopt);
  EXPECT_EQ(JsonFault("{}"), std::nullopt);
}

}  // namespace
}  // namespace hearth::invoker
