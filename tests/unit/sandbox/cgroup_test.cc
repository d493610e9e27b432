#include "sandbox/cgroup.h"

#include <gmock/gmock.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>

#include "base/file.h"
#include "base/id.h"

namespace hearth::sandbox {
namespace {

using ::testing::HasSubstr;

TEST(FormatCpuLimit, IsAQuotaOfThePeriodInEachVersionsWay) {
  EXPECT_EQ(FormatCpuLimit(1000, true), "100000 100000");
  EXPECT_EQ(FormatCpuLimit(1000, false), "100000");
  EXPECT_EQ(FormatCpuLimit(72, true), "7200 100000");
  EXPECT_EQ(FormatCpuLimit(1737, false), "173700");
  EXPECT_EQ(FormatCpuLimit(1'000'000, false), "100000000");
}

TEST(FormatCpuLimit, IsNeverBelowWhatTheKernelTakes) {
  EXPECT_EQ(FormatCpuLimit(0, false), "1000");
  EXPECT_EQ(FormatCpuLimit(9, true), "1000 100000");
  EXPECT_EQ(FormatCpuLimit(11, true), "1100 100000");
}

TEST(NumberAfter, FindsAWholeKeyAtTheStartOfALine) {
  const std::string events = "low 0\nhigh 12\nmax 3\noom 4\noom_kill 5\noom_group_kill 6\n";
  EXPECT_EQ(NumberAfter(events, "oom_kill"), 5u);
  EXPECT_EQ(NumberAfter(events, "oom"), 4u);
  EXPECT_EQ(NumberAfter(events, "low"), 0u);
  EXPECT_EQ(NumberAfter(events, "oom_group_kill"), 6u);
  EXPECT_EQ(NumberAfter("oom_kill_disable 0\nunder_oom 1\noom_kill 7", "oom_kill"), 7u);
}

TEST(NumberAfter, IsZeroWhereTheKeyOrItsNumberIsNotThere) {
  for (const char* text : {"", "\n", "oom_kill", "oom_kill\n", "oom_kill \n", "oom_kill x\n",
                           "x oom_kill 5\n", "oom_kills 5\n", " oom_kill 5\n"}) {
    EXPECT_EQ(NumberAfter(text, "oom_kill"), 0u) << text;
  }
  EXPECT_EQ(NumberAfter("usage_usec 18446744073709551615\n", "usage_usec"), UINT64_MAX);
}

// Plain folders in place of cgroup file systems: which file gets what.
class CgroupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* mount : {"/core", "/memory", "/cpu", "/pids"}) {
      ASSERT_TRUE(base::MakeFolders(root_ + mount + "/hearth/s1").has_value());
    }
  }
  void TearDown() override { ASSERT_TRUE(base::RemoveTree(root_).has_value()); }

  CgroupLayout Hybrid() const {
    return {root_ + "/core", root_ + "/memory", root_ + "/cpu", root_ + "/pids"};
  }
  CgroupLayout Unified() const {
    return {root_ + "/core", root_ + "/core", root_ + "/core", root_ + "/core"};
  }
  void Touch(const std::string& path, const std::string& text = "") {
    ASSERT_TRUE(base::WriteFileAtomically(root_ + path, text).has_value());
  }
  std::string Read(const std::string& path) {
    return base::ReadFile(root_ + path).value_or("not there");
  }

  const CgroupLimits limits_{base::Bytes::MiB(128), 72, 1024};
  std::string root_ = ::testing::TempDir() + "hearth-cgroup-" + base::NewHexId(8);
};

TEST_F(CgroupTest, WritesLimitsIntoV1FilesWithMemoryBeforeSwap) {
  for (const char* file :
       {"/memory/hearth/s1/memory.limit_in_bytes", "/memory/hearth/s1/memory.memsw.limit_in_bytes",
        "/cpu/hearth/s1/cpu.cfs_quota_us", "/pids/hearth/s1/pids.max"}) {
    Touch(file);
  }
  const CgroupLayout layout = Hybrid();
  const auto set = Cgroup(&layout, "/hearth/s1").SetLimits(limits_);
  ASSERT_TRUE(set.has_value()) << set.error().ToString();
  EXPECT_EQ(Read("/memory/hearth/s1/memory.limit_in_bytes"), "134217728");
  EXPECT_EQ(Read("/memory/hearth/s1/memory.memsw.limit_in_bytes"), "134217728");
  EXPECT_EQ(Read("/cpu/hearth/s1/cpu.cfs_quota_us"), "7200");
  EXPECT_EQ(Read("/pids/hearth/s1/pids.max"), "1024");
}

TEST_F(CgroupTest, WritesLimitsIntoV2Files) {
  for (const char* file :
       {"/core/hearth/s1/memory.max", "/core/hearth/s1/cpu.max", "/core/hearth/s1/pids.max"}) {
    Touch(file);
  }
  const CgroupLayout layout = Unified();
  const auto set = Cgroup(&layout, "/hearth/s1").SetLimits(limits_);
  ASSERT_TRUE(set.has_value()) << set.error().ToString();
  EXPECT_EQ(Read("/core/hearth/s1/memory.max"), "134217728");
  EXPECT_EQ(Read("/core/hearth/s1/cpu.max"), "7200 100000");
  EXPECT_EQ(Read("/core/hearth/s1/pids.max"), "1024");
}

TEST_F(CgroupTest, MakesTheUsualLimitsAndWritesOnlyWhatIsToBeAnother) {
  const CgroupLayout layout = Hybrid();
  const std::string memory = "/memory/hearth/s1/memory.limit_in_bytes";
  const std::string pids = "/pids/hearth/s1/pids.max";
  for (const std::string& file : {memory, pids, std::string("/cpu/hearth/s1/cpu.cfs_quota_us")}) {
    Touch(file);
  }
  const Cgroup group(&layout, "/hearth/s1");
  ASSERT_TRUE(group.Make(0).has_value());
  EXPECT_EQ(Read(memory), "134217728");
  EXPECT_EQ(Read(pids), "1024");
  Touch(memory, "untouched");
  Touch(pids, "untouched");
  CgroupLimits more = kUsualLimits;
  ASSERT_TRUE(group.SetLimits(more, kUsualLimits).has_value());
  EXPECT_EQ(Read(memory), "untouched");
  EXPECT_EQ(Read(pids), "untouched");
  more.memory = base::Bytes::MiB(256);
  ASSERT_TRUE(group.SetLimits(more, kUsualLimits).has_value());
  EXPECT_THAT(Read(memory), ::testing::StartsWith("268435456"));
  EXPECT_EQ(Read(pids), "untouched");
}

// Each write of this limit costs time that grows with the number of groups.
TEST_F(CgroupTest, DoesNotWriteTheCpuLimitThatIsThere) {
  for (const char* file : {"memory.max", "pids.max"}) {
    Touch(std::string("/core/hearth/s1/") + file);
  }
  Touch("/core/hearth/s1/cpu.max", "7200 100000\n");
  const std::string file = root_ + "/core/hearth/s1/cpu.max";
  struct stat before{}, after{};
  ASSERT_EQ(::stat(file.c_str(), &before), 0);
  const CgroupLayout layout = Unified();
  ASSERT_TRUE(Cgroup(&layout, "/hearth/s1").SetLimits(limits_).has_value());
  ASSERT_EQ(::stat(file.c_str(), &after), 0);
  EXPECT_EQ(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
  EXPECT_EQ(Read("/core/hearth/s1/cpu.max"), "7200 100000\n") << "a write ends without a newline";
  Touch("/core/hearth/s1/cpu.max", "720 100000\n");
  ASSERT_TRUE(Cgroup(&layout, "/hearth/s1").SetLimits(limits_).has_value());
  EXPECT_THAT(Read("/core/hearth/s1/cpu.max"), ::testing::StartsWith("7200 100000"));
}

TEST_F(CgroupTest, SaysWhichLimitCannotBeWritten) {
  Touch("/core/hearth/s1/memory.max");
  const CgroupLayout layout = Unified();
  const auto set = Cgroup(&layout, "/hearth/s1").SetLimits(limits_);
  ASSERT_FALSE(set.has_value());
  EXPECT_THAT(set.error().ToString(), HasSubstr("cpu.max"));
}

TEST_F(CgroupTest, TurnsSwapOffAndSocketMemoryDownWhenItIsMade) {
  const CgroupLayout unified = Unified();
  for (const char* file : {"cpu.max", "memory.max", "pids.max"}) {
    Touch(std::string("/core/hearth/s1/") + file);
  }
  Touch("/core/hearth/s1/memory.oom.group");
  Touch("/core/hearth/s1/memory.swap.max");
  ASSERT_TRUE(Cgroup(&unified, "/hearth/s1").Make(0).has_value());
  EXPECT_EQ(Read("/core/hearth/s1/memory.swap.max"), "0");
  EXPECT_EQ(Read("/core/hearth/s1/memory.oom.group"), "1");
  const CgroupLayout hybrid = Hybrid();
  Touch("/cpu/hearth/s1/cpu.cfs_quota_us");
  Touch("/memory/hearth/s1/memory.limit_in_bytes");
  Touch("/pids/hearth/s1/pids.max");
  Touch("/memory/hearth/s1/memory.swappiness");
  Touch("/memory/hearth/s1/memory.kmem.tcp.limit_in_bytes");
  ASSERT_TRUE(Cgroup(&hybrid, "/hearth/s1").Make(0).has_value());
  EXPECT_EQ(Read("/memory/hearth/s1/memory.swappiness"), "0");
  EXPECT_EQ(Read("/memory/hearth/s1/memory.kmem.tcp.limit_in_bytes"), "33554432");
}

TEST_F(CgroupTest, GivesItsGovernorTheFilesThatAreWrittenAndNothingElse) {
  const CgroupLayout hybrid = Hybrid();
  const std::string written[] = {"/core/hearth/s1/cgroup.freeze", "/core/hearth/s1/cgroup.kill",
                                 "/cpu/hearth/s1/cpu.cfs_quota_us",
                                 "/memory/hearth/s1/memory.force_empty"};
  const std::string kept[] = {"/core/hearth/s1/cgroup.procs", "/memory/hearth/s1/cgroup.procs",
                              "/memory/hearth/s1/memory.limit_in_bytes",
                              "/pids/hearth/s1/pids.max"};
  for (const auto& file : written) Touch(file);
  for (const auto& file : kept) Touch(file);
  const auto owner = [this](const std::string& file) {
    struct stat status{};
    EXPECT_EQ(::stat((root_ + file).c_str(), &status), 0) << file;
    return status.st_uid;
  };
  const uid_t self = ::geteuid();
  const uid_t governor = self == 0 ? 12345 : self;  // Only root can give files away.
  const auto made = Cgroup(&hybrid, "/hearth/s1").Make(governor);
  ASSERT_TRUE(made.has_value()) << made.error().ToString();
  for (const auto& file : written) EXPECT_EQ(owner(file), governor) << file;
  for (const auto& file : kept) EXPECT_EQ(owner(file), self) << file;
}

TEST_F(CgroupTest, OpensDevNullForAFileThatThisKernelLacks) {
  const CgroupLayout unified = Unified();
  const Cgroup group(&unified, "/hearth/s1");
  const auto reclaim = group.Open(GroupFile::kReclaim);
  ASSERT_TRUE(reclaim.has_value()) << reclaim.error().ToString();
  EXPECT_FALSE(group.Open(GroupFile::kFreeze).has_value()) << "every kernel has it";
  Touch("/core/hearth/s1/memory.current", "7\n");
  const auto peak = group.Open(GroupFile::kMemoryPeak);
  ASSERT_TRUE(peak.has_value()) << peak.error().ToString();
  EXPECT_EQ(base::ReadFromStart(peak->get()).value_or(""), "7\n");
}

TEST_F(CgroupTest, ReadsUsageWhereverItStands) {
  const CgroupLayout hybrid = Hybrid();
  Touch("/core/hearth/s1/cpu.stat", "usage_usec 1234\nuser_usec 1000\n");
  Touch("/memory/hearth/s1/memory.max_usage_in_bytes", "5000\n");
  Touch("/memory/hearth/s1/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
  const auto usage = Cgroup(&hybrid, "/hearth/s1").ReadUsage();
  ASSERT_TRUE(usage.has_value()) << usage.error().ToString();
  EXPECT_EQ(usage->memory_peak, base::Bytes(5000));
  EXPECT_EQ(usage->oom_kills, 2u);
  EXPECT_EQ(usage->cpu_time_us, 1234u);
}

// Whoever sees the core's folder gone makes all of them, and must find nobody removing the rest.
TEST_F(CgroupTest, TheTreesCoreGoesLast) {
  const CgroupTree tree = MUST(CgroupTree::Create(Hybrid(), "going"));
  const base::UniqueFd events(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  std::map<int, std::string> folders;
  for (const char* mount : {"/core", "/memory", "/cpu", "/pids"}) {
    folders[::inotify_add_watch(events.get(), (root_ + mount).c_str(), IN_DELETE)] = mount;
  }
  tree.Remove();
  std::vector<std::string> gone;
  alignas(struct inotify_event) char buffer[4096];
  const ssize_t size = ::read(events.get(), buffer, sizeof buffer);
  for (ssize_t at = 0; at < size;) {
    const auto* event = reinterpret_cast<const struct inotify_event*>(buffer + at);
    gone.push_back(folders[event->wd]);
    at += static_cast<ssize_t>(sizeof *event + event->len);
  }
  ASSERT_EQ(gone.size(), 4u);
  EXPECT_EQ(gone.back(), "/core");
}

TEST_F(CgroupTest, IsGoneFromEveryHierarchyWhenItIsRemovedAndAgain) {
  const CgroupLayout layout = Hybrid();
  const Cgroup group(&layout, "/hearth/s1");
  ASSERT_TRUE(group.Remove().has_value());
  for (const char* mount : {"/core", "/memory", "/cpu", "/pids"}) {
    EXPECT_FALSE(base::FileExists(root_ + mount + "/hearth/s1")) << mount;
  }
  EXPECT_TRUE(group.Remove().has_value());
}

TEST_F(CgroupTest, TreeRemovesWhatAPredecessorLeftInAnyHierarchy) {
  ASSERT_TRUE(base::MakeFolders(root_ + "/pids/hearth/s7").has_value());
  const auto tree = CgroupTree::Create(Hybrid(), "hearth");
  ASSERT_TRUE(tree.has_value()) << tree.error().ToString();
  const auto removed = tree->RemoveStale();
  ASSERT_TRUE(removed.has_value()) << removed.error().ToString();
  EXPECT_EQ(*removed, 2u);
  EXPECT_FALSE(base::FileExists(root_ + "/pids/hearth/s7"));
  EXPECT_EQ(*tree->RemoveStale(), 0u);
  tree->Remove();
  EXPECT_FALSE(base::FileExists(root_ + "/core/hearth"));
}

TEST_F(CgroupTest, TreeHandsControllersDownOnV2) {
  Touch("/core/cgroup.subtree_control");
  Touch("/core/hearth/cgroup.subtree_control");
  CgroupLayout layout = Hybrid();
  layout.pids = layout.core;
  ASSERT_TRUE(CgroupTree::Create(layout, "hearth").has_value());
  EXPECT_EQ(Read("/core/cgroup.subtree_control"), "+pids");
  EXPECT_EQ(Read("/core/hearth/cgroup.subtree_control"), "+pids");
}

}  // namespace
}  // namespace hearth::sandbox
