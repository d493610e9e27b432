#include "cli/ndjson.h"

#include <gtest/gtest.h>

namespace hearth::cli {
namespace {

TEST(NdjsonReader, GivesTheSameValuesHoweverTheBytesAreCut) {
  const std::string text = "{\"a\":1}\n\r\n{\"b\":\"\\n\"}\r\n[3]";
  for (size_t size = 1; size <= text.size(); ++size) {
    std::string seen;
    NdjsonReader reader([&](const base::Json& value) { seen += value.dump() + ";"; });
    for (size_t at = 0; at < text.size(); at += size) {
      ASSERT_TRUE(reader.Feed(std::string_view(text).substr(at, size)));
    }
    ASSERT_TRUE(reader.Finish());
    EXPECT_EQ(seen, "{\"a\":1};{\"b\":\"\\n\"};[3];") << size;
  }
}

TEST(NdjsonReader, RefusesALineThatIsNotJson) {
  NdjsonReader reader([](const base::Json&) {});
  EXPECT_FALSE(reader.Feed("{\"a\":\n"));
}

TEST(NdjsonReader, RefusesALastLineThatIsCutShort) {
  NdjsonReader reader([](const base::Json&) {});
  ASSERT_TRUE(reader.Feed("{\"a\":1"));
  EXPECT_FALSE(reader.Finish());
}

TEST(NdjsonReader, RefusesALineOverTheLimitWithoutKeepingIt) {
  NdjsonReader reader([](const base::Json&) {});
  const std::string piece(64 * 1024, ' ');
  bool refused = false;
  for (int i = 0; i < 17 && !refused; ++i) refused = !reader.Feed(piece);
  EXPECT_TRUE(refused);
}

}  // namespace
}  // namespace hearth::cli
