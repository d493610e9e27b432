// How an end is told: exit, signal and want of memory are three things.
#include <gmock/gmock.h>
#include <signal.h>

#include "tests/privileged/sandbox_harness.h"

namespace hearth::sandbox {
namespace {

using OutcomeTest = SandboxTest;

TEST_F(OutcomeTest, OfASuccessfulExitIsZero) {
  Spec spec = Script("");
  spec.executable = "/bin/true";
  spec.argv = {"true"};
  const Outcome outcome = OutcomeOf(spec);
  EXPECT_EQ(outcome.kind, Outcome::Kind::kExited);
  EXPECT_EQ(outcome.exit_status, 0);
  EXPECT_FALSE(outcome.out_of_memory);
}

TEST_F(OutcomeTest, OfAnExitIsItsStatus) {
  const Outcome outcome = OutcomeOf(Script("exit 143"));
  EXPECT_EQ(outcome.kind, Outcome::Kind::kExited);
  EXPECT_EQ(outcome.exit_status, 143);
  EXPECT_FALSE(outcome.out_of_memory);
}

TEST_F(OutcomeTest, OfACrashIsItsSignalAndNotWantOfMemory) {
  const Outcome outcome = OutcomeOf(Python("import ctypes; ctypes.string_at(0)"));
  EXPECT_EQ(outcome.kind, Outcome::Kind::kSignaled);
  EXPECT_EQ(outcome.signal, SIGSEGV);
  EXPECT_FALSE(outcome.out_of_memory);
}

TEST_F(OutcomeTest, OfAKillIsTheSignalAndNotWantOfMemory) {
  auto live = Launch(Script("exec sleep 1000"));
  ASSERT_TRUE(live.has_value()) << live.error().ToString();
  (*live)->sandbox->Kill();
  ASSERT_TRUE(WaitForExit(**live));
  EXPECT_EQ((*live)->outcome->kind, Outcome::Kind::kSignaled);
  EXPECT_EQ((*live)->outcome->signal, SIGKILL);
  EXPECT_FALSE((*live)->outcome->out_of_memory);
}

TEST_F(OutcomeTest, OfWantOfMemorySaysSo) {
  Spec spec = Python("x = bytearray(b'x' * (200 << 20))");
  spec.memory = base::Bytes::MiB(64);
  const Outcome outcome = OutcomeOf(spec);
  EXPECT_EQ(outcome.kind, Outcome::Kind::kSignaled);
  EXPECT_EQ(outcome.signal, SIGKILL);
  EXPECT_TRUE(outcome.out_of_memory);
}

TEST_F(OutcomeTest, OfAChildsWantOfMemorySaysSo) {
  Spec spec = Script("python3 -c 'x = bytearray(b\"x\" * (200 << 20))'; exit 7");
  spec.memory = base::Bytes::MiB(64);
  auto live = Launch(spec);
  ASSERT_TRUE(live.has_value()) << live.error().ToString();
  EXPECT_TRUE(RunUntil(*client_, [&] { return (*live)->sandbox->OutOfMemoryKills() > 0; }));
  ASSERT_TRUE(WaitForExit(**live));
  // v2 ends the whole group (memory.oom.group); v1 ends the child, and the parent says 7.
  const Outcome& outcome = *(*live)->outcome;
  EXPECT_TRUE(outcome.out_of_memory);
  EXPECT_TRUE(outcome.signal == SIGKILL || outcome.exit_status == 7);
}

TEST_F(OutcomeTest, OfATermSignalThatTheProgramHandlesIsItsOwn) {
  auto live = Launch(Script("trap 'exit 5' TERM; echo up; while :; do sleep 0.01; done"));
  ASSERT_TRUE(live.has_value()) << live.error().ToString();
  ASSERT_TRUE(WaitForOutput(**live, "up"));
  ASSERT_EQ(::kill((*live)->sandbox->pid(), SIGTERM), 0);
  ASSERT_TRUE(WaitForExit(**live));
  EXPECT_EQ((*live)->outcome->kind, Outcome::Kind::kExited);
  EXPECT_EQ((*live)->outcome->exit_status, 5);
}

TEST_F(OutcomeTest, ComesOnceForEachOfManyThatEndTogether) {
  std::vector<std::unique_ptr<Live>> all;
  for (int i = 0; i < 12; ++i) {
    auto live = Launch(Script("exit " + std::to_string(i)));
    ASSERT_TRUE(live.has_value()) << live.error().ToString();
    all.push_back(std::move(*live));
  }
  for (int i = 0; i < 12; ++i) {
    ASSERT_TRUE(WaitForExit(*all[static_cast<size_t>(i)]));
    EXPECT_EQ(all[static_cast<size_t>(i)]->outcome->exit_status, i);
  }
}

}  // namespace
}  // namespace hearth::sandbox
