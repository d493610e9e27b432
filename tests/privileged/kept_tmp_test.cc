// What a sandbox left in /tmp comes to the next one, as its own.
#include <gmock/gmock.h>

#include <filesystem>
#include <set>

#include "base/file.h"
#include "sandbox/tmp_volume.h"
#include "tests/privileged/sandbox_harness.h"

namespace hearth::sandbox {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class KeptTmpTest : public SandboxTest {
 protected:
  void SetUp() override {
    SandboxTest::SetUp();
    if (client_ && client_->machine().tmp_kind == kTmpfs) GTEST_SKIP() << "/tmp is a tmpfs here";
  }

  // Runs `script`, ends it, and keeps its /tmp.
  std::unique_ptr<KeptTmp> KeptOf(const std::string& script, uint64_t tmp_of = 0) {
    Spec spec = Script(script + " && echo done; exec sleep 1000");
    spec.tmp_of = tmp_of;
    auto live = Launch(spec);
    EXPECT_TRUE(live.has_value()) << live.error().ToString();
    EXPECT_TRUE(WaitForOutput(**live, "done"));
    auto kept = client_->KeepTmp(*(*live)->sandbox);
    (*live)->sandbox->Kill();
    EXPECT_TRUE(WaitForExit(**live));
    return kept;
  }

  std::string OutputWith(const KeptTmp& kept, const std::string& script) {
    Spec spec = Script(script);
    spec.tmp_of = kept.sandbox();
    return OutputOf(spec);
  }

  // The loop devices that are attached to a volume of this test's zygote.
  size_t Volumes() const {
    size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/sys/block")) {
      const auto file = base::ReadFile(entry.path() / "loop" / "backing_file");
      if (file && file->starts_with(options_.state_folder + "/tmp/")) ++count;
    }
    return count;
  }
  // Those that live and those that wait in the pool.
  size_t Sandboxes() const {
    std::set<std::string> names;  // Each has a group in several hierarchies.
    for (const auto& group : Slots()) names.insert(std::filesystem::path(group).filename());
    return names.size();
  }
};

TEST_F(KeptTmpTest, TheNextSandboxOwnsWhatTheOtherLeft) {
  const auto kept = KeptOf(
      "cd /tmp; mkdir -m 700 d; echo left > d/file; chmod 600 d/file; ln -s d/file link; "
      "mkfifo pipe");
  ASSERT_NE(kept, nullptr);
  const std::string seen =
      OutputWith(*kept,
                 "cd /tmp; cat link; stat -c '%u:%g %a %F' . d d/file pipe; echo more >> d/file; "
                 "cat d/file; rm -r d link pipe; ls -A | wc -l");
  EXPECT_EQ(seen,
            "left\n993:990 700 directory\n993:990 700 directory\n"
            "993:990 600 regular file\n993:990 " +
                std::string("644 fifo\nleft\nmore\n0\n"))
      << seen;
}

TEST_F(KeptTmpTest, ItComesThroughAnyNumberOfSandboxes) {
  auto kept = KeptOf("echo 0 >> /tmp/count");
  for (int i = 1; i < 5; ++i) {
    ASSERT_NE(kept, nullptr);
    kept = KeptOf("echo " + std::to_string(i) + " >> /tmp/count", kept->sandbox());
  }
  EXPECT_EQ(OutputWith(*kept, "cat /tmp/count"), "0\n1\n2\n3\n4\n");
}

TEST_F(KeptTmpTest, ItsLimitGoesWithIt) {
  const auto kept = KeptOf("head -c 400M /dev/zero > /tmp/most");
  ASSERT_NE(kept, nullptr);
  const std::string seen = OutputWith(
      *kept, "head -c 200M /dev/zero > /tmp/more 2>&1 && echo fits; stat -c %s /tmp/most");
  EXPECT_THAT(seen, Not(HasSubstr("fits")));
  EXPECT_THAT(seen, HasSubstr("419430400"));
}

TEST_F(KeptTmpTest, OneThatWasKilledLeavesItToo) {
  auto live = Launch(Script("echo here > /tmp/file; echo up; exec sleep 1000"));
  ASSERT_TRUE(live.has_value()) << live.error().ToString();
  ASSERT_TRUE(WaitForOutput(**live, "up"));
  const auto kept = client_->KeepTmp(*(*live)->sandbox);
  (*live)->sandbox->Kill();
  ASSERT_TRUE(WaitForExit(**live));
  ASSERT_NE(kept, nullptr);
  EXPECT_EQ(OutputWith(*kept, "cat /tmp/file"), "here\n");
}

TEST_F(KeptTmpTest, OneThatRunsAlreadyGetsIt) {
  const auto kept = KeptOf("echo here > /tmp/file");
  auto live =
      Launch(Script("echo up; while ! [ -e /tmp/file ]; do sleep 0.01; done; cat /tmp/file"));
  ASSERT_TRUE(live.has_value()) << live.error().ToString();
  ASSERT_TRUE(WaitForOutput(**live, "up"));
  Adoption adoption;
  adoption.tmp_of = kept->sandbox();
  bool done = false;
  client_->Adopt(*(*live)->sandbox, adoption, [&](auto result) {
    EXPECT_TRUE(result.has_value()) << result.error().ToString();
    done = true;
  });
  ASSERT_TRUE(RunUntil(*client_, [&] { return done; }));
  EXPECT_TRUE(WaitForOutput(**live, "here"));
}

TEST_F(KeptTmpTest, OneThatIsKnownToHaveEndedHasNothingToKeep) {
  auto live = Launch(Script("echo here > /tmp/file"));
  ASSERT_TRUE(live.has_value()) << live.error().ToString();
  ASSERT_TRUE(WaitForExit(**live));
  EXPECT_EQ(client_->KeepTmp(*(*live)->sandbox), nullptr);
}

TEST_F(KeptTmpTest, WhatIsNotKeptIsAnEmptyOne) {
  auto kept = KeptOf("echo here > /tmp/file");
  const uint64_t id = kept->sandbox();
  kept.reset();
  Spec spec = Script("ls -A /tmp | wc -l");
  spec.tmp_of = id;
  EXPECT_EQ(OutputOf(spec), "0\n");
  spec.tmp_of = 123456789;
  EXPECT_EQ(OutputOf(spec), "0\n");
}

TEST_F(KeptTmpTest, EveryVolumeIsFreedInTheEnd) {
  auto kept = KeptOf("true");
  for (int i = 0; i < 20; ++i) {
    kept = KeptOf("head -c 1M /dev/zero > /tmp/x", kept->sandbox());
    EXPECT_EQ(OutputOf(Script("echo fine")), "fine\n");
  }
  EXPECT_GE(Volumes(), PoolSize());
  // One for each embryo that waits, and the one that is kept.
  EXPECT_TRUE(Eventually([&] { return Volumes() == Sandboxes() + 1; }))
      << Volumes() << " of " << Sandboxes();
  kept.reset();
  EXPECT_TRUE(Eventually([&] { return Volumes() == Sandboxes(); }))
      << Volumes() << " of " << Sandboxes();
}

}  // namespace
}  // namespace hearth::sandbox
