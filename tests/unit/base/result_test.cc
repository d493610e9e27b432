#include "base/result.h"

#include <gtest/gtest.h>

#include <climits>
#include <memory>

namespace hearth::base {
namespace {

Result<int> Half(int number) {
  if (number % 2 != 0) return Invalid("halve", std::to_string(number) + " is odd");
  return number / 2;
}

Result<int> Quarter(int number) {
  const int half = TRY(Half(number));
  return TRY(Half(half));
}

Result<void> Even(int number) {
  TRY(Half(number));
  return {};
}

TEST(Result, TryGivesTheValueOrReturnsTheFirstError) {
  EXPECT_EQ(Quarter(12), 3);
  EXPECT_EQ(Quarter(6).error().text, "3 is odd");
  EXPECT_EQ(Quarter(5).error().text, "5 is odd");
  EXPECT_TRUE(Even(2));
  EXPECT_EQ(Even(1).error().kind, ErrorKind::kInvalid);
}

TEST(Result, TryEvaluatesItsExpressionOnce) {
  int calls = 0;
  const auto once = [&]() -> Result<int> { return ++calls; };
  const auto use = [&]() -> Result<int> { return TRY(once()); };
  EXPECT_EQ(use(), 1);
  EXPECT_EQ(MUST(once()), 2);
}

TEST(Result, TryMovesWhatCannotBeCopied) {
  const auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(7); };
  const auto use = [&]() -> Result<std::unique_ptr<int>> { return TRY(make()); };
  EXPECT_EQ(*MUST(use()), 7);
}

TEST(Error, NamesTheStepTheTextAndTheErrno) {
  errno = EPERM;
  EXPECT_EQ(SystemError("mount /proc").error().ToString(),
            "mount /proc: Operation not permitted (EPERM)");
  EXPECT_EQ(Invalid("read size", "'x' is no number").error().ToString(),
            "read size: 'x' is no number");
  EXPECT_EQ((Error{ErrorKind::kSystem, "s", ENOSPC, "t"}).ToString(),
            "s: t: No space left on device (ENOSPC)");
  EXPECT_EQ((Error{ErrorKind::kSystem, "", 0, "t"}).ToString(), "t");
  EXPECT_EQ((Error{ErrorKind::kSystem, "", EPERM, ""}).ToString(),
            "Operation not permitted (EPERM)");
}

// A peer may send any number as an errno.
TEST(Error, SurvivesAnErrnoThatDoesNotExist) {
  for (const int number : {-1, 4095, 123456, INT_MIN}) {
    const std::string text = Error{ErrorKind::kSystem, "s", number, ""}.ToString();
    EXPECT_NE(text.find(std::to_string(number)), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace hearth::base
