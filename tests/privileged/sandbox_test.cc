#include <gmock/gmock.h>

#include "tests/privileged/sandbox_harness.h"

namespace hearth::sandbox {
namespace {

using ::testing::HasSubstr;

using LaunchTest = SandboxTest;

TEST_F(LaunchTest, RunsTrueAndReportsItsExit) {
  Spec spec = Script("");
  spec.executable = "/bin/true";
  spec.argv = {"true"};
  const Outcome outcome = OutcomeOf(spec);
  EXPECT_EQ(outcome.kind, Outcome::Kind::kExited);
  EXPECT_EQ(outcome.exit_status, 0);
  EXPECT_FALSE(outcome.out_of_memory);
}

TEST_F(LaunchTest, RunsAShellScriptAsLambdasUserInItsOwnNamespaces) {
  EXPECT_EQ(OutputOf(Script("id; echo pid $$; hostname; pwd; cut -d: -f3 /proc/self/cgroup | sort -u")),
            "uid=993(sbx_user1051) gid=990(sbx_user1051) groups=990(sbx_user1051)\n"
            "pid 1\nhearth\n/var/task\n/\n");
}

}  // namespace
}  // namespace hearth::sandbox
