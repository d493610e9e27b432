#include "base/id.h"

#include <gtest/gtest.h>

#include <set>

namespace hearth::base {
namespace {

TEST(NewUuid, IsALowerCaseVersion4Uuid) {
  for (int i = 0; i < 1000; ++i) {
    const std::string id = NewUuid();
    ASSERT_EQ(id.size(), 36u);
    for (size_t at = 0; at < id.size(); ++at) {
      if (at == 8 || at == 13 || at == 18 || at == 23) {
        EXPECT_EQ(id[at], '-') << id;
      } else {
        EXPECT_NE(std::string_view("0123456789abcdef").find(id[at]), std::string_view::npos) << id;
      }
    }
    EXPECT_EQ(id[14], '4') << id;
    EXPECT_NE(std::string_view("89ab").find(id[19]), std::string_view::npos) << id;
  }
}

TEST(NewUuid, NeverRepeats) {
  std::set<std::string> seen;
  for (int i = 0; i < 10000; ++i) EXPECT_TRUE(seen.insert(NewUuid()).second);
}

TEST(NewHexId, HasAsManyDigitsAsAskedFor) {
  EXPECT_EQ(NewHexId(0), "");
  std::set<char> digits;
  const std::string id = NewHexId(4096);
  EXPECT_EQ(id.size(), 4096u);
  digits.insert(id.begin(), id.end());
  EXPECT_EQ(std::string(digits.begin(), digits.end()), "0123456789abcdef");
  EXPECT_NE(NewHexId(32), NewHexId(32));
}

}  // namespace
}  // namespace hearth::base
