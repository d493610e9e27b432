// What a launched program finds around it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>

#include <filesystem>
#include <set>

#include "base/file.h"
#include "base/sys.h"
#include "tests/privileged/sandbox_harness.h"

namespace hearth::sandbox {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

using LaunchTest = SandboxTest;

TEST_F(LaunchTest, RunsAsLambdasUserAsFirstProcessOfItsOwnNamespaces) {
  EXPECT_EQ(OutputOf(Script("id; echo pid $$; hostname; pwd; cut -d: -f3 /proc/self/cgroup | "
                            "sort -u")),
            "uid=993(sbx_user1051) gid=990(sbx_user1051) groups=990(sbx_user1051)\n"
            "pid 1\nhearth\n/var/task\n/\n");
}

TEST_F(LaunchTest, SharesNoNamespaceWithTheHost) {
  auto live = Launch(Script("echo up; exec sleep 1000"));
  ASSERT_TRUE(live.has_value()) << live.error().ToString();
  ASSERT_TRUE(WaitForOutput(**live, "up"));
  const std::string its = "/proc/" + std::to_string((*live)->sandbox->pid()) + "/ns/";
  for (const char* name : {"user", "pid", "mnt", "net", "ipc", "uts", "cgroup"}) {
    EXPECT_NE(std::filesystem::read_symlink(its + name),
              std::filesystem::read_symlink(std::string("/proc/self/ns/") + name))
        << name;
  }
}

TEST_F(LaunchTest, TwoSandboxesHaveDifferentHostUids) {
  auto one = Launch(Script("echo up; exec sleep 1000"));
  auto two = Launch(Script("echo up; exec sleep 1000"));
  ASSERT_TRUE(one.has_value() && two.has_value());
  std::set<std::string> maps;
  for (const auto* live : {&*one, &*two}) {
    const auto map =
        base::ReadFile("/proc/" + std::to_string((*live)->sandbox->pid()) + "/uid_map");
    ASSERT_TRUE(map.has_value()) << map.error().ToString();
    maps.insert(*map);
  }
  EXPECT_EQ(maps.size(), 2u);
}

TEST_F(LaunchTest, HasNoCapabilityNoNewPrivilegesAndAFilter) {
  EXPECT_EQ(OutputOf(Script("grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status")),
            "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"
            "CapBnd:\t0000000000000000\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\n"
            "Seccomp:\t2\n");
}

TEST_F(LaunchTest, UsesTheArgumentsAndTheEnvironmentItWasGiven) {
  Spec spec = Script("echo \"$1|$2\"; env | sort");
  spec.argv.insert(spec.argv.end(), {"bash", "one two", ""});
  spec.environment = {"PATH=/usr/bin", "EMPTY=", "A=b=c"};
  EXPECT_THAT(OutputOf(spec), AllOf(StartsWith("one two|\nA=b=c\nEMPTY=\n"),
                                    Not(HasSubstr("HEARTH")), Not(HasSubstr("HOME="))));
}

TEST_F(LaunchTest, SeesUsrReadOnlyAndAnEtcOfItsOwn) {
  const std::string out =
      OutputOf(Script("touch /usr/x; touch /etc/x; touch /x; wc -l </etc/passwd; "
                      "ls -A / | tr '\\n' ' '; ls -A /root /home /run /sys /mnt /var/tmp 2>&1"));
  EXPECT_THAT(out, HasSubstr("'/usr/x': Read-only file system"));
  EXPECT_THAT(out, HasSubstr("'/etc/x': Read-only file system"));
  EXPECT_THAT(out, HasSubstr("'/x': Read-only file system"));
  EXPECT_THAT(out, HasSubstr("\n3\n"));
  EXPECT_THAT(out, Not(HasSubstr("work")));
  EXPECT_THAT(out, HasSubstr("'/root': Permission denied"));
}

TEST_F(LaunchTest, SeesAMaskedProcOfItsOwnAndAMinimalDev) {
  EXPECT_EQ(OutputOf(Script("echo /proc/[0-9]*; cat /proc/kcore /proc/keys /proc/kmsg "
                            "/proc/pressure/* /proc/acpi/* 2>/dev/null | wc -c; "
                            "ls /dev | tr '\\n' ' '")),
            "/proc/1\n0\nfd full null random stderr stdin stdout urandom zero ");
}

TEST_F(LaunchTest, BindsFoldersReadOnlyWhereTheyAreWanted) {
  const std::string code = options_.state_folder + "/code";
  ASSERT_TRUE(base::MakeFolders(code).has_value());
  ASSERT_TRUE(base::WriteFileAtomically(code + "/handler", "hello").has_value());
  Spec spec = Script("cat /var/task/handler /opt/handler; touch /var/task/x; ls /opt; pwd");
  spec.mounts = {{code, "/var/task"}, {code, "/opt"}};
  spec.working_directory = "/opt";
  EXPECT_EQ(OutputOf(spec),
            "hellohellotouch: cannot touch '/var/task/x': Read-only file system\n"
            "handler\n/opt\n");
  EXPECT_FALSE(base::FileExists(code + "/x"));
}

TEST_F(LaunchTest, WritesAndExecutesInTmp) {
  EXPECT_EQ(OutputOf(Script("cd /tmp; printf '#!/bin/sh\\necho ran' >x; chmod +x x; ./x; "
                            "stat -c '%a %u %g' /tmp; ls -A | wc -l")),
            "ran\n700 993 990\n1\n");
}

TEST_F(LaunchTest, FindsNothingOfAnEarlierSandboxInTmp) {
  EXPECT_EQ(OutputOf(Script("echo secret >/tmp/secret; ls /tmp")), "secret\n");
  // The pool is two: the third takes the place of the first.
  for (int i = 0; i < 3; ++i) EXPECT_EQ(OutputOf(Script("ls -A /tmp")), "");
}

TEST_F(LaunchTest, OpensItsOwnOutputByName) {
  EXPECT_EQ(OutputOf(Script("echo one >/dev/stdout; echo two >/dev/stderr; "
                            "echo three >/proc/self/fd/1")),
            "one\ntwo\nthree\n");
}

TEST_F(LaunchTest, GetsItsDescriptorsUnderTheirNumbersAndNoOther) {
  const base::sys::Pipe three = MUST(base::sys::MakePipe());
  const base::sys::Pipe far = MUST(base::sys::MakePipe());
  ASSERT_TRUE(base::WriteAll(three.write.get(), "from three").has_value());
  const std::string out = OutputOf(Python(R"(
import os
def is_open(fd):
    try:
        os.fstat(fd)
        return True
    except OSError:
        return False
print([fd for fd in range(1024) if is_open(fd)])
print(os.read(3, 100).decode(), os.write(199, b'to the host'), os.read(0, 1))
)"),
                                   {{three.read.get(), 3}, {far.write.get(), kMaxPassedNumber}});
  EXPECT_EQ(out, "[0, 1, 2, 3, 199]\nfrom three 11 b''\n");
  char block[32];
  EXPECT_EQ(::read(far.read.get(), block, sizeof block), 11);
}

TEST_F(LaunchTest, ListensInsideForTheHost) {
  Spec spec = Script(
      "for port in 9001 4566; do exec 3<>/dev/tcp/127.0.0.1/$port; echo to $port >&3; "
      "read -u 3 -r answer; echo \"$port: $answer\"; done");
  spec.listen_ports = {9001, 4566};
  auto live = Launch(spec);
  ASSERT_TRUE(live.has_value()) << live.error().ToString();
  std::vector<base::UniqueFd> listeners = (*live)->sandbox->TakeListeners();
  ASSERT_EQ(listeners.size(), 2u);
  for (const auto& listener : listeners) {
    ASSERT_NE(::fcntl(listener.get(), F_GETFL) & O_NONBLOCK, 0);
    struct pollfd ready{listener.get(), POLLIN, 0};
    ASSERT_EQ(::poll(&ready, 1, 60'000), 1);
    const base::UniqueFd connection(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    ASSERT_TRUE(connection.valid());
    char block[64];
    const ssize_t got = ::read(connection.get(), block, sizeof block);
    ASSERT_GT(got, 0);
    ASSERT_TRUE(base::WriteAll(connection.get(), "you said " + std::string(block, got)));
  }
  ASSERT_TRUE(WaitForExit(**live));
  EXPECT_EQ(ReadAll(**live), "9001: you said to 9001\n4566: you said to 4566\n");
}

TEST_F(LaunchTest, NamesAndTimesEachStep) {
  auto live = Launch(Script("exec sleep 1000"));
  ASSERT_TRUE(live.has_value()) << live.error().ToString();
  std::vector<std::string> steps;
  for (const StepTiming& timing : (*live)->sandbox->timings()) {
    steps.push_back(timing.step);
    EXPECT_GE(timing.took.count(), 0) << timing.step;
  }
  EXPECT_THAT(steps, ElementsAre("wait for an embryo", "cgroup", "mounts", "receive the order",
                                 "listen", "descriptors", "exec"));
}

TEST_F(LaunchTest, SaysThatTheExecutableIsMissing) {
  Spec spec = Script("");
  spec.executable = "/var/task/bootstrap";
  EXPECT_EQ(ErrorOf(spec), "exec: No such file or directory (ENOENT)");
  spec.executable = "/etc/hosts";
  EXPECT_EQ(ErrorOf(spec), "exec: Permission denied (EACCES)");
}

TEST_F(LaunchTest, NamesTheMountThatIsMissing) {
  Spec spec = Script("");
  spec.mounts = {{options_.state_folder + "/nowhere", "/var/task"}};
  EXPECT_THAT(ErrorOf(spec), AllOf(HasSubstr("/nowhere"), HasSubstr("ENOENT")));
  spec.mounts = {{"/usr/share", "/var/nowhere"}};
  EXPECT_EQ(ErrorOf(spec), "move_mount to /var/nowhere: No such file or directory (ENOENT)");
  spec.mounts = {};
  spec.working_directory = "/nowhere";
  EXPECT_THAT(ErrorOf(spec), HasSubstr("ENOENT"));
}

TEST_F(LaunchTest, RefusesASpecThatCannotBeServedAndGoesOn) {
  Spec spec = Script("");
  spec.argv.clear();
  EXPECT_THAT(ErrorOf(spec), HasSubstr("argv is empty"));
  // Each within its own limit, together more than a packet to the zygote holds.
  spec = Script("");
  spec.environment = {"A=" + std::string(90 * 1024, 'x')};
  for (int i = 0; i < 8; ++i) {
    spec.mounts.push_back({"/" + std::string(4000, 'x'), "/" + std::string(4000, 'y')});
  }
  EXPECT_THAT(ErrorOf(spec), HasSubstr("at most 122,880"));
  const auto refused = Launch(Script(""), {{0, kMaxPassedNumber + 1}});
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().ToString(), HasSubstr("200: 0 to 199 can"));
  EXPECT_EQ(OutputOf(Script("echo fine")), "fine\n");
}

TEST_F(LaunchTest, TakesTheLargestSpecThatItAllows) {
  Spec spec = Script("echo ${#A}");
  spec.environment = {"PATH=/usr/bin", "A=" + std::string(92 * 1024, 'x')};
  while (spec.argv.size() < 128) spec.argv.push_back("");
  while (spec.environment.size() < 512) spec.environment.push_back("B=");
  EXPECT_EQ(OutputOf(spec), "94208\n");
}

}  // namespace
}  // namespace hearth::sandbox
