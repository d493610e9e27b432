// The limits that a spec asks for are those that the kernel enforces.
#include <gmock/gmock.h>

#include <sstream>

#include "base/file.h"
#include "base/sys.h"
#include "sandbox/cgroup.h"
#include "tests/privileged/sandbox_harness.h"

namespace hearth::sandbox {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

class LimitsTest : public SandboxTest {
 protected:
  std::unique_ptr<Live> Started(Spec spec) {
    auto live = Launch(spec);
    EXPECT_TRUE(live.has_value()) << live.error().ToString();
    return live ? std::move(*live) : nullptr;
  }
};

TEST_F(LimitsTest, AreWrittenAsAsked) {
  Spec spec = Script("exec sleep 1000");
  spec.memory = base::Bytes::MiB(192);
  spec.cpu_permille = 109;
  spec.pids = 77;
  const auto live = Started(spec);
  ASSERT_NE(live, nullptr);
  const pid_t pid = live->sandbox->pid();
  EXPECT_EQ(GroupFile(pid, "memory", "memory.limit_in_bytes", "memory.max"), "201326592");
  EXPECT_THAT(GroupFile(pid, "cpu", "cpu.cfs_quota_us", "cpu.max"), AnyOf("10900", "10900 100000"));
  EXPECT_EQ(GroupFile(pid, "pids", "pids.max", "pids.max"), "77");
}

TEST_F(LimitsTest, LeaveNoSwap) {
  Spec spec = Script("exec sleep 1000");
  spec.memory = base::Bytes::MiB(192);
  const auto live = Started(spec);
  ASSERT_NE(live, nullptr);
  // v1 limits memory and swap together; a kernel without swap accounting has neither file.
  EXPECT_THAT(
      GroupFile(live->sandbox->pid(), "memory", "memory.memsw.limit_in_bytes", "memory.swap.max"),
      AnyOf("201326592", "0", HasSubstr("ENOENT")));
}

TEST_F(LimitsTest, ThrottleWhatComputesWithoutEnd) {
  Spec spec = Script("echo up; while :; do :; done");
  spec.cpu_permille = 100;
  const auto live = Started(spec);
  ASSERT_NE(live, nullptr);
  ASSERT_TRUE(WaitForOutput(*live, "up"));
  EXPECT_TRUE(Eventually([&] {
    return NumberAfter(GroupFile(live->sandbox->pid(), "cpu", "cpu.stat", "cpu.stat"),
                       "nr_throttled") > 3;
  }));
}

TEST_F(LimitsTest, OfCpuCanBeChangedLater) {
  const auto live = Started(Script("exec sleep 1000"));
  ASSERT_NE(live, nullptr);
  ASSERT_TRUE(live->sandbox->SetCpuLimit(2000).has_value());
  EXPECT_THAT(GroupFile(live->sandbox->pid(), "cpu", "cpu.cfs_quota_us", "cpu.max"),
              AnyOf("200000", "200000 100000"));
}

TEST_F(LimitsTest, CountThreadsAsProcesses) {
  Spec spec = Python(R"(
import threading
stop = threading.Event()
made = 0
try:
    while made < 100:
        threading.Thread(target=stop.wait, daemon=True).start()
        made += 1
except RuntimeError:
    pass
print(made, flush=True)
import os
os._exit(0)
)");
  spec.pids = 20;
  EXPECT_EQ(OutputOf(spec), "19\n");
}

TEST_F(LimitsTest, GiveTmpTheSizeAndTheInodesAsked) {
  Spec spec = Script("df --output=size -BM /tmp | tail -1; df --output=itotal /tmp | tail -1");
  spec.tmp = base::Bytes::MiB(700);
  spec.tmp_inodes = 2048;
  std::istringstream out(OutputOf(spec));
  uint64_t mebibytes = 0, inodes = 0;
  std::string unit;
  out >> mebibytes >> unit >> inodes;
  EXPECT_GE(mebibytes, 700u) << out.str();
  EXPECT_LE(mebibytes, 710u) << out.str();
  EXPECT_GE(inodes, 2048u) << out.str();
  EXPECT_LE(inodes, 2600u) << out.str();
}

TEST_F(LimitsTest, DoNotCountAFullTmpAsMemory) {
  if (client_->machine().tmp_kind != "ext4 image") GTEST_SKIP() << "missing: ext4 on loop devices";
  Spec spec = Script("head -c 200M /dev/zero >/tmp/x && stat -c %s /tmp/x");
  spec.memory = base::Bytes::MiB(64);
  EXPECT_EQ(OutputOf(spec), "209715200\n");
}

TEST_F(LimitsTest, OfAProcessAreLambdas) {
  EXPECT_EQ(OutputOf(Script("ulimit -Hn; ulimit -n; ulimit -Hu; ulimit -Hl")),
            "1024\n1024\n1024\n64\n");
}

TEST_F(LimitsTest, ShowMemoryNowAndAtItsPeak) {
  Spec spec = Python(R"(
block = bytearray(b'x' * (48 << 20))
print('held', flush=True)
input()
del block
print('freed', flush=True)
input()
)");
  spec.memory = base::Bytes::MiB(128);
  base::sys::Pipe input = MUST(base::sys::MakePipe());
  auto live = Launch(spec, {{input.read.get(), 0}});
  ASSERT_TRUE(live.has_value()) << live.error().ToString();
  ASSERT_TRUE(WaitForOutput(**live, "held"));
  const MemoryUse held = MUST((*live)->sandbox->Memory());
  EXPECT_GE(held.now, base::Bytes::MiB(48));
  EXPECT_GE(held.peak, held.now);
  EXPECT_LE(held.peak, spec.memory);
  ASSERT_TRUE(base::WriteAll(input.write.get(), "\n").has_value());
  ASSERT_TRUE(WaitForOutput(**live, "freed"));
  // The kernel gives counts back in batches.
  EXPECT_TRUE(Eventually(
      [&] { return MUST((*live)->sandbox->Memory()).now + base::Bytes::MiB(30) < held.now; }));
  EXPECT_GE(MUST((*live)->sandbox->Memory()).peak, held.now);
  input.write.Reset();
  ASSERT_TRUE(WaitForExit(**live));
  EXPECT_GE((*live)->outcome->memory_peak, base::Bytes::MiB(48));
  EXPECT_LE((*live)->outcome->memory_peak, spec.memory);
  EXPECT_GT((*live)->outcome->cpu_time.count(), 0);
}

TEST_F(LimitsTest, LetAFrozenSandboxGiveItsFilePagesBackAndNothingElse) {
  if (client_->machine().tmp_kind != "ext4 image") GTEST_SKIP() << "missing: ext4 on loop devices";
  Spec spec = Python(R"(
import os
block = bytearray(b'x' * (24 << 20))
with open('/tmp/file', 'wb') as out:
    out.write(b'y' * (40 << 20))
    out.flush()
    os.fsync(out.fileno())
print('held', flush=True)
input()
with open('/tmp/file', 'rb') as file:
    print('whole' if block.count(b'x') == 24 << 20 and file.read().count(b'y') == 40 << 20
          else 'torn', flush=True)
)");
  spec.memory = base::Bytes::MiB(128);
  base::sys::Pipe input = MUST(base::sys::MakePipe());
  auto live = Launch(spec, {{input.read.get(), 0}});
  ASSERT_TRUE(live.has_value()) << live.error().ToString();
  ASSERT_TRUE(WaitForOutput(**live, "held"));
  ASSERT_TRUE((*live)->sandbox->Freeze().has_value());
  const base::Bytes held = MUST((*live)->sandbox->Memory()).now;
  EXPECT_GE(held, base::Bytes::MiB(64));
  const base::UniqueFd reclaim = MUST((*live)->sandbox->OpenReclaim());
  ASSERT_TRUE(ReclaimMemory(reclaim.get(), held).has_value());
  const base::Bytes kept = MUST((*live)->sandbox->Memory()).now;
  RecordProperty("held_mib", std::to_string(held.ToMiBCeil()));
  RecordProperty("kept_mib", std::to_string(kept.ToMiBCeil()));
  EXPECT_LE(kept + base::Bytes::MiB(32), held);
  EXPECT_GE(kept, base::Bytes::MiB(24));
  ASSERT_TRUE((*live)->sandbox->Thaw().has_value());
  ASSERT_TRUE(base::WriteAll(input.write.get(), "\n").has_value());
  ASSERT_TRUE(WaitForOutput(**live, "whole"));
}

}  // namespace
}  // namespace hearth::sandbox
