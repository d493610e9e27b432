// A sandbox that is told late what it is for: limits and code come into it while it runs.
#include <gmock/gmock.h>

#include <optional>

#include "base/file.h"
#include "tests/privileged/sandbox_harness.h"

namespace hearth::sandbox {
namespace {

using ::testing::HasSubstr;

class AdoptionTest : public SandboxTest {
 protected:
  base::Result<std::vector<StepTiming>> Adopt(const Sandbox& sandbox, const Adoption& adoption) {
    std::optional<base::Result<std::vector<StepTiming>>> answer;
    client_->Adopt(sandbox, adoption, [&](auto result) { answer = std::move(result); });
    EXPECT_TRUE(RunUntil(*client_, [&] { return answer.has_value(); }));
    return std::move(*answer);
  }

  // A folder of the host with one file, and a sandbox that waits until it sees that file.
  std::string Code(const std::string& text) {
    const std::string folder = options_.state_folder + "/code";
    MUST(base::MakeFolders(folder));
    MUST(base::WriteFileAtomically(folder + "/told", text));
    return folder;
  }
  static Spec Waiting() {
    return Script(
        "echo up; cd /; while ! [ -e /var/task/told ]; do sleep 0.01; done; "
        "cd /var/task; cat told; echo x > told || echo read-only; exec sleep 1000");
  }
};

TEST_F(AdoptionTest, BringsCodeAndLimitsToARunningSandbox) {
  auto live = Launch(Waiting());
  ASSERT_TRUE(live.has_value()) << live.error().ToString();
  ASSERT_TRUE(WaitForOutput(**live, "up"));
  const auto steps = Adopt(*(*live)->sandbox, {.memory = base::Bytes::MiB(512),
                                               .cpu_permille = 250,
                                               .pids = 77,
                                               .mounts = {{Code("it is you"), "/var/task"}}});
  ASSERT_TRUE(steps.has_value()) << steps.error().ToString();
  EXPECT_EQ(steps->size(), 2u);
  ASSERT_TRUE(WaitForOutput(**live, "read-only"));
  EXPECT_THAT(seen_, HasSubstr("it is you"));
  // A lower limit than before is as good as a higher one.
  ASSERT_TRUE(Adopt(*(*live)->sandbox, {.memory = base::Bytes::MiB(64)}).has_value());
}

TEST_F(AdoptionTest, ANewMemoryLimitIsEnforced) {
  auto live = Launch(Script("echo up; while ! [ -e /var/task/told ]; do sleep 0.01; done; "
                            "head -c 200M /dev/zero | tail | wc -c"));
  ASSERT_TRUE(live.has_value()) << live.error().ToString();
  ASSERT_TRUE(WaitForOutput(**live, "up"));
  ASSERT_TRUE(Adopt(*(*live)->sandbox,
                    {.memory = base::Bytes::MiB(64), .mounts = {{Code("go"), "/var/task"}}})
                  .has_value());
  EXPECT_TRUE(WaitForExit(**live));
  EXPECT_LE((*live)->outcome->memory_peak, base::Bytes::MiB(64));
}

TEST_F(AdoptionTest, FailsByNameAndTheZygoteGoesOn) {
  auto live = Launch(Script("echo up; exec sleep 1000"));
  ASSERT_TRUE(live.has_value()) << live.error().ToString();
  ASSERT_TRUE(WaitForOutput(**live, "up"));
  const auto no_code = Adopt(*(*live)->sandbox, {.mounts = {{"/absent", "/var/task"}}});
  ASSERT_FALSE(no_code.has_value());
  EXPECT_THAT(no_code.error().ToString(), HasSubstr("/absent"));
  const auto no_place = Adopt(*(*live)->sandbox, {.mounts = {{Code("x"), "/var/nowhere"}}});
  ASSERT_FALSE(no_place.has_value());
  EXPECT_THAT(no_place.error().ToString(), HasSubstr("/var/nowhere"));
  // The zygote is back among its own mounts: it makes and ends sandboxes as before.
  EXPECT_EQ(OutputOf(Script("echo fine")), "fine\n");
  (*live)->sandbox->Kill();
  ASSERT_TRUE(WaitForExit(**live));
  const auto dead = Adopt(*(*live)->sandbox, {});
  ASSERT_FALSE(dead.has_value());
  EXPECT_THAT(dead.error().ToString(), HasSubstr("has ended"));
}

}  // namespace
}  // namespace hearth::sandbox
