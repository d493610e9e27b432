#include "base/check.h"

#include <gtest/gtest.h>

#include <string>

#include "base/result.h"

namespace hearth::base {
namespace {

TEST(CheckDeathTest, AbortsAndNamesTheConditionAndThePlace) {
  EXPECT_DEATH(CHECK(1 + 1 == 3), "check_test\\.cc:[0-9]+: CHECK\\(1 \\+ 1 == 3\\) failed");
}

TEST(CheckDeathTest, SurvivesADetailLongerThanItsBuffer) {
  EXPECT_EXIT(CheckFailed("file.cc", 1, "x", std::string(5000, 'd')),
              testing::KilledBySignal(SIGABRT), "file\\.cc:1: CHECK\\(x\\) failed: ddd");
}

TEST(CheckDeathTest, MustAbortsWithTheErrorOfTheResult) {
  const auto fails = []() -> Result<int> { return Invalid("read size", "'x' is no number"); };
  EXPECT_DEATH(MUST(fails()), "fails\\(\\).*read size: 'x' is no number");
}

TEST(Check, EvaluatesItsConditionOnceAndGoesOn) {
  int calls = 0;
  CHECK(++calls == 1);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace hearth::base
