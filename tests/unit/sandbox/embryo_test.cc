#include "sandbox/embryo.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace hearth::sandbox {
namespace {

TEST(StepName, IsDifferentForEachStepAndNeverEmpty) {
  std::set<std::string> names;
  for (uint32_t step = 0; step < static_cast<uint32_t>(Step::kCount); ++step) {
    const std::string name = StepName(static_cast<Step>(step));
    EXPECT_NE(name, "?") << step;
    names.insert(name);
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(Step::kCount));
}

TEST(StepName, OfWhatIsNoStepIsAQuestion) { EXPECT_STREQ(StepName(static_cast<Step>(4711)), "?"); }

}  // namespace
}  // namespace hearth::sandbox
