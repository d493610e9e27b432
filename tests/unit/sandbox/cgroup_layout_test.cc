#include "sandbox/cgroup_layout.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "base/file.h"
#include "base/id.h"

namespace hearth::sandbox {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A folder that stands for the mount point of cgroup2, offering the given controllers.
class CgroupLayoutTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(base::MakeFolders(core_).has_value()); }
  void TearDown() override { ASSERT_TRUE(base::RemoveTree(folder_).has_value()); }

  void Offer(const std::string& controllers) {
    ASSERT_TRUE(base::WriteFileAtomically(core_ + "/cgroup.controllers", controllers).has_value());
  }
  // As the kernel writes it: a blank is \040.
  std::string CoreLine() const {
    return "38 31 0:37 / " + folder_ + "/uni\\040fied rw,relatime shared:9 - cgroup2 cgroup2 rw\n";
  }
  static std::string V1Line(const std::string& point, const std::string& controllers) {
    return "35 31 0:31 / " + point + " rw,nosuid,relatime shared:14 - cgroup cgroup rw," +
           controllers + "\n";
  }

  std::string folder_ = ::testing::TempDir() + "hearth-layout-" + base::NewHexId(8);
  std::string core_ = folder_ + "/uni fied";
};

TEST_F(CgroupLayoutTest, OfAUnifiedMachineHasEverythingAtTheCore) {
  Offer("cpuset cpu io memory hugetlb pids rdma misc\n");
  const auto layout = DetectCgroups("22 27 0:21 / /proc rw - proc proc rw\n" + CoreLine());
  ASSERT_TRUE(layout.has_value()) << layout.error().ToString();
  EXPECT_EQ(layout->core, core_);
  EXPECT_EQ(layout->memory, core_);
  EXPECT_TRUE(layout->unified());
  EXPECT_TRUE(layout->MemoryIsV2() && layout->CpuIsV2() && layout->PidsIsV2());
  EXPECT_THAT(MissingControllers(*layout), IsEmpty());
}

TEST_F(CgroupLayoutTest, OfAHybridMachineHasControllersWhereV1MountsThem) {
  Offer("\n");
  const auto layout = DetectCgroups(V1Line("/sys/fs/cgroup/cpu,cpuacct", "cpu,cpuacct") +
                                    V1Line("/sys/fs/cgroup/memory", "memory") +
                                    V1Line("/sys/fs/cgroup/pids", "pids") + CoreLine());
  ASSERT_TRUE(layout.has_value()) << layout.error().ToString();
  EXPECT_EQ(layout->core, core_);
  EXPECT_EQ(layout->cpu, "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_EQ(layout->memory, "/sys/fs/cgroup/memory");
  EXPECT_EQ(layout->pids, "/sys/fs/cgroup/pids");
  EXPECT_FALSE(layout->unified() || layout->MemoryIsV2() || layout->CpuIsV2());
  EXPECT_THAT(MissingControllers(*layout), IsEmpty());
}

TEST_F(CgroupLayoutTest, PrefersV2WhereBothOfferAController) {
  Offer("memory");
  const auto layout = DetectCgroups(V1Line("/v1/memory", "memory") + V1Line("/v1/cpu", "cpu") +
                                    V1Line("/v1/pids", "pids") + CoreLine());
  ASSERT_TRUE(layout.has_value());
  EXPECT_TRUE(layout->MemoryIsV2());
  EXPECT_EQ(layout->cpu, "/v1/cpu");
  EXPECT_FALSE(layout->unified());
}

TEST_F(CgroupLayoutTest, OfAMachineWithV1AloneIsRefusedWithAWayOut) {
  const auto layout = DetectCgroups(V1Line("/v1/memory", "memory"));
  ASSERT_FALSE(layout.has_value());
  EXPECT_EQ(layout.error().kind, base::ErrorKind::kUnsupported);
  EXPECT_THAT(layout.error().text, HasSubstr("mount -t cgroup2"));
  EXPECT_FALSE(DetectCgroups("").has_value());
}

TEST_F(CgroupLayoutTest, NamesEachMissingControllerAndHowToGetIt) {
  Offer("cpuset io");
  auto layout = DetectCgroups(CoreLine());
  ASSERT_TRUE(layout.has_value());
  EXPECT_THAT(MissingControllers(*layout), ElementsAre(HasSubstr("memory controller is missing"),
                                                       HasSubstr("cpu controller is missing"),
                                                       HasSubstr("pids controller is missing")));
  Offer("cpuset io memory cpu");
  layout = DetectCgroups(CoreLine());
  ASSERT_TRUE(layout.has_value());
  EXPECT_THAT(MissingControllers(*layout), ElementsAre(HasSubstr("mount -t cgroup -o pids")));
}

TEST_F(CgroupLayoutTest, DoesNotTakeOneNameForAnother) {
  Offer("cpuset hugetlb_memory");
  const auto layout =
      DetectCgroups(V1Line("/v1/cpuset", "cpuset") + V1Line("/v1/cpuacct", "cpuacct") + CoreLine() +
                    "40 31 0:9 / /memory rw - tmpfs memory rw,memory,cpu,pids\n");
  ASSERT_TRUE(layout.has_value());
  EXPECT_EQ(layout->cpu, "");
  EXPECT_EQ(layout->memory, "");
}

TEST_F(CgroupLayoutTest, TakesTheFirstMountOfAKind) {
  Offer("");
  const auto layout = DetectCgroups(V1Line("/sys/fs/cgroup/memory", "memory") +
                                    V1Line("/some/container/memory", "memory") + CoreLine() +
                                    "39 31 0:37 /part /elsewhere rw - cgroup2 cgroup2 rw\n");
  ASSERT_TRUE(layout.has_value()) << layout.error().ToString();
  EXPECT_EQ(layout->memory, "/sys/fs/cgroup/memory");
  EXPECT_EQ(layout->core, core_);
}

TEST_F(CgroupLayoutTest, ReadsEscapesOfEveryKind) {
  Offer("");
  const auto layout = DetectCgroups(CoreLine() + V1Line("/a\\011b\\134c\\012d\\040", "memory") +
                                    V1Line("/plain\\", "cpu") + V1Line("/cut\\04", "pids"));
  ASSERT_TRUE(layout.has_value());
  EXPECT_EQ(layout->memory, "/a\tb\\c\nd ");
  EXPECT_EQ(layout->cpu, "/plain\\");
  EXPECT_EQ(layout->pids, "/cut\\04");
}

TEST_F(CgroupLayoutTest, SurvivesLinesThatAreNoMountinfo) {
  Offer("memory cpu pids");
  for (const char* line : {"", "\n\n", " - ", " - cgroup", "1 2 3 - cgroup2\n", "cgroup2\n"}) {
    const auto layout = DetectCgroups(std::string(line) + "\n" + CoreLine());
    ASSERT_TRUE(layout.has_value()) << line;
    EXPECT_EQ(layout->core, core_) << line;
  }
}

TEST_F(CgroupLayoutTest, SaysThatTheControllersCannotBeRead) {
  const auto layout = DetectCgroups(CoreLine());
  ASSERT_FALSE(layout.has_value());
  EXPECT_THAT(layout.error().ToString(), HasSubstr("cgroup.controllers"));
}

}  // namespace
}  // namespace hearth::sandbox
