#include "sandbox/slots.h"

#include <gmock/gmock.h>

#include <set>

#include "base/file.h"
#include "base/id.h"

namespace hearth::sandbox {
namespace {

using State = Slot::State;

constexpr TmpSize kTmp{base::Bytes::MiB(512), 65536};

// Plain folders in place of cgroup file systems.
class SlotTableTest : public ::testing::Test {
 protected:
  void TearDown() override { ASSERT_TRUE(base::RemoveTree(root_).has_value()); }

  Slot& AddRunning(uint64_t launch_id) {
    Slot& slot = slots_.Add(kTmp);
    slots_.Transition(slot, State::kPreparing);
    slots_.Transition(slot, State::kReady);
    slot.launch_id = launch_id;
    slots_.Transition(slot, State::kLaunching);
    slots_.Transition(slot, State::kRunning);
    return slot;
  }
  void End(Slot& slot) {
    slots_.Transition(slot, State::kEnding);
    slots_.Remove(slot);
  }

  // With no controller nothing is handed down: a folder is all it takes.
  CgroupTree MakeGroups() const {
    MUST(base::MakeFolders(root_));
    return MUST(CgroupTree::Create({root_, "", "", ""}, "hearth"));
  }

  const std::string root_ = ::testing::TempDir() + "hearth-slots-" + base::NewHexId(8);
  const CgroupTree groups_ = MakeGroups();
  SlotTable slots_{groups_};
};

TEST_F(SlotTableTest, NamesEachGroupAnewAndGivesARangeOfUidsToOneAtATime) {
  std::set<uint64_t> numbers;
  std::set<std::string> paths;
  for (int round = 0; round < 3; ++round) {
    std::vector<Slot*> live;
    std::set<uint32_t> uids;
    for (int i = 0; i < 5; ++i) {
      live.push_back(&slots_.Add(kTmp));
      uids.insert(live.back()->uid_index);
      numbers.insert(live.back()->number);
      paths.insert(live.back()->group.path());
    }
    EXPECT_EQ(uids, (std::set<uint32_t>{0, 1, 2, 3, 4})) << "ranges are used again";
    for (Slot* slot : live) End(*slot);
  }
  EXPECT_EQ(numbers.size(), 15u);
  EXPECT_EQ(paths.size(), 15u);
  EXPECT_EQ(slots_.size(), 0u);
}

TEST_F(SlotTableTest, FindsASandboxByItsLaunchWhileItRuns) {
  Slot& one = AddRunning(7);
  Slot& other = AddRunning(8);
  EXPECT_EQ(slots_.FindRunning(7), &one);
  EXPECT_EQ(slots_.FindRunning(8), &other);
  EXPECT_EQ(slots_.FindRunning(9), nullptr);
  slots_.Transition(one, State::kEnding);
  EXPECT_EQ(slots_.FindRunning(7), nullptr);
  EXPECT_EQ(slots_.Find(one.number), &one) << "its group is still there";
  const uint64_t number = one.number;
  slots_.Remove(one);
  EXPECT_EQ(slots_.Find(number), nullptr);
}

TEST_F(SlotTableTest, CountsWhatIsInEachState) {
  Slot& filling = slots_.Add(kTmp);
  Slot& running = AddRunning(1);
  EXPECT_EQ(slots_.Count(State::kFilling), 1u);
  EXPECT_EQ(slots_.Count(State::kRunning), 1u);
  slots_.Transition(filling, State::kEnding);
  End(running);
  EXPECT_EQ(slots_.Count(State::kFilling), 0u);
  EXPECT_EQ(slots_.Count(State::kRunning), 0u);
  EXPECT_EQ(slots_.Count(State::kEnding), 1u);
}

TEST_F(SlotTableTest, RefusesAStepThatNoLifeCycleHas) {
  Slot& slot = slots_.Add(kTmp);
  EXPECT_DEATH(slots_.Transition(slot, State::kRunning), "allowed");
  slots_.Transition(slot, State::kEnding);
  EXPECT_DEATH(slots_.Transition(slot, State::kEnding), "allowed");
}

}  // namespace
}  // namespace hearth::sandbox
