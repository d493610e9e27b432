// Freezing, killing, and that nothing is left.
#include <gmock/gmock.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "base/file.h"
#include "base/sys.h"
#include "sandbox/cgroup.h"
#include "tests/privileged/sandbox_harness.h"

namespace hearth::sandbox {
namespace {

using ::testing::IsEmpty;

// A tree: a child, a grandchild in a session of its own whose parent has gone, and one that ignores
// every signal it can.
constexpr const char* kTree =
    "sleep 1000 & (setsid sleep 1000 &) & (trap '' TERM INT HUP; sleep 1000; sleep 1000) & "
    "while [ $(ls /proc | grep -c '^[0-9]') -lt 7 ]; do sleep 0.01; done; echo up; wait; exec "
    "sleep 1000";

class EndTest : public SandboxTest {
 protected:
  // pidfds of every process of the sandbox's group.
  std::vector<base::UniqueFd> ProcessesOf(const Sandbox& sandbox) {
    std::vector<base::UniqueFd> out;
    std::istringstream pids(GroupFile(sandbox.pid(), "core", "", "cgroup.procs"));
    for (pid_t pid; pids >> pid;) {
      if (auto pidfd = base::sys::PidfdOpen(pid)) out.push_back(std::move(*pidfd));
    }
    return out;
  }

  // Loop devices that still hold one of this test's volumes.
  std::vector<std::string> Volumes() const {
    std::vector<std::string> out;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/sys/block", error)) {
      const auto backing = base::ReadFile(entry.path().string() + "/loop/backing_file");
      if (backing && backing->find(options_.state_folder) != std::string::npos) {
        out.push_back(*backing);
      }
    }
    return out;
  }

  size_t MountsOf(pid_t pid) const {
    const auto mounts = base::ReadFile("/proc/" + std::to_string(pid) + "/mountinfo");
    return mounts ? static_cast<size_t>(std::ranges::count(*mounts, '\n')) : 0;
  }
};

TEST_F(EndTest, FreezingStopsEveryProcessAndThawingGoesOn) {
  auto live = Launch(Script("i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done"));
  ASSERT_TRUE(live.has_value()) << live.error().ToString();
  ASSERT_TRUE(WaitForOutput(**live, "3\n"));
  const pid_t pid = (*live)->sandbox->pid();
  ASSERT_TRUE((*live)->sandbox->Freeze().has_value());
  ASSERT_TRUE(Eventually(
      [&] { return GroupFile(pid, "core", "", "cgroup.events").ends_with("frozen 1"); }));
  const std::string seen = ReadAll(**live);
  const auto ran = [&] {
    return NumberAfter(GroupFile(pid, "core", "", "cpu.stat"), "usage_usec");
  };
  const uint64_t before = ran();
  EXPECT_EQ(OutputOf(Script("echo others go on")), "others go on\n");
  EXPECT_EQ(ReadAll(**live), "") << "after " << seen;
  EXPECT_EQ(ran(), before);
  ASSERT_TRUE((*live)->sandbox->Freeze().has_value()) << "again";
  ASSERT_TRUE((*live)->sandbox->Thaw().has_value());
  EXPECT_TRUE(WaitForOutput(**live, "\n"));
}

TEST_F(EndTest, KillEndsAWholeTreeAndTheExitIsReported) {
  auto live = Launch(Script(kTree));
  ASSERT_TRUE(live.has_value()) << live.error().ToString();
  ASSERT_TRUE(WaitForOutput(**live, "up"));
  const auto processes = ProcessesOf(*(*live)->sandbox);
  ASSERT_GE(processes.size(), 4u);
  (*live)->sandbox->Kill();
  ASSERT_TRUE(WaitForExit(**live));
  EXPECT_EQ((*live)->outcome->signal, SIGKILL);
  for (const auto& process : processes) EXPECT_TRUE(Ends(process.get()));
  (*live)->sandbox->Kill();  // Nothing is left to kill, and nothing happens.
}

TEST_F(EndTest, KillEndsAFrozenSandbox) {
  auto live = Launch(Script("exec sleep 1000"));
  ASSERT_TRUE(live.has_value()) << live.error().ToString();
  ASSERT_TRUE((*live)->sandbox->Freeze().has_value());
  (*live)->sandbox->Kill();
  ASSERT_TRUE(WaitForExit(**live));
  EXPECT_EQ((*live)->outcome->signal, SIGKILL);
}

TEST_F(EndTest, DroppingTheSandboxKillsIt) {
  auto live = Launch(Script(kTree));
  ASSERT_TRUE(live.has_value()) << live.error().ToString();
  ASSERT_TRUE(WaitForOutput(**live, "up"));
  const auto processes = ProcessesOf(*(*live)->sandbox);
  ASSERT_GE(processes.size(), 4u);
  (*live)->sandbox.reset();
  for (const auto& process : processes) EXPECT_TRUE(Ends(process.get()));
}

TEST_F(EndTest, TheEndOfTheFirstProcessEndsTheTree) {
  auto live = Launch(Script("(setsid sleep 1000 &) & sleep 1000 & echo up; read -r line"));
  ASSERT_TRUE(live.has_value()) << live.error().ToString();
  ASSERT_TRUE(WaitForExit(**live));
  EXPECT_EQ((*live)->outcome->kind, Outcome::Kind::kExited);
  EXPECT_TRUE(RunUntil(*client_, [&] { return ReadAll(**live).empty(); }));
  // Every writer of its output is gone.
  char byte;
  EXPECT_EQ(::read((*live)->output.get(), &byte, 1), 0);
}

TEST_F(EndTest, LeavesNoProcessNoGroupNoMountAndNoVolume) {
  // What the zygote keeps ready is what must be there before and after.
  const size_t hierarchies = Groups().size();
  const auto ready = [&] { return Slots().size() == PoolSize() * hierarchies; };
  ASSERT_TRUE(RunUntil(*client_, ready));
  const size_t mounts = MountsOf(client_->pid());
  const size_t host_mounts = MountsOf(::getpid());
  ASSERT_GT(mounts, 0u);
  Spec spec = Script("echo x >/tmp/x; exit 0");
  spec.tmp = base::Bytes::MiB(600);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(OutcomeOf(spec).exit_status, 0);
  EXPECT_TRUE(RunUntil(*client_, ready)) << Slots().size();
  EXPECT_EQ(MountsOf(client_->pid()), mounts);
  EXPECT_EQ(MountsOf(::getpid()), host_mounts);
  const bool images = client_->machine().tmp_kind == "ext4 image";
  EXPECT_TRUE(Eventually([&] { return Volumes().size() == (images ? PoolSize() : 0); }))
      << Volumes().size();
  client_.reset();
  EXPECT_THAT(Groups(), IsEmpty());
  EXPECT_TRUE(Eventually([&] { return Volumes().empty(); })) << Volumes().front();
}

}  // namespace
}  // namespace hearth::sandbox
