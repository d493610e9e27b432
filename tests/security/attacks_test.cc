// Attacks by name. Each runs in a real sandbox, must be blocked, and must leave others alone: while
// the attacker keeps trying, another sandbox of the same zygote starts and answers.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "tests/privileged/sandbox_harness.h"

namespace hearth::sandbox {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string ProbeFolder() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path().string() +
         "/probe";
}

class Attack : public SandboxTest {
 protected:
  static Spec Probe(const std::string& attack, const std::string& argument = "") {
    Spec spec;
    spec.name = attack;
    spec.executable = "/var/task/sandbox_probe";
    spec.argv = {"sandbox_probe", attack, argument};
    spec.environment = {"PATH=/usr/bin"};
    spec.cpu_permille = 500;
    spec.mounts = {{ProbeFolder(), "/var/task"}};
    return spec;
  }

  // The first line that the probe prints, with a bystander's answer seen while it goes on.
  std::string ResultOf(const Spec& spec) {
    auto attacker = Launch(spec);
    if (!attacker) return "launch failed: " + attacker.error().ToString();
    const bool told = WaitForOutput(**attacker, "\n");
    const std::string result = seen_;
    EXPECT_TRUE(told || (*attacker)->outcome.has_value()) << "the probe said nothing";
    EXPECT_EQ(OutputOf(Script("echo still here")), "still here\n");
    (*attacker)->sandbox->Kill();
    EXPECT_TRUE(WaitForExit(**attacker));
    return result;
  }

  void ExpectBlocked(const Spec& spec) {
    const std::string result = ResultOf(spec);
    EXPECT_THAT(result, StartsWith("blocked"));
    EXPECT_THAT(result, Not(HasSubstr("BREACH")));
  }

  // The number at the end of the probe's line.
  uint64_t AmountOf(const Spec& spec) {
    const std::string result = ResultOf(spec);
    EXPECT_THAT(result, StartsWith("blocked"));
    const size_t blank = result.find_last_of(' ');
    return blank == std::string::npos ? UINT64_MAX
                                      : std::strtoull(result.c_str() + blank, nullptr, 10);
  }
};

TEST_F(Attack, CannotMount) { ExpectBlocked(Probe("mount")); }
TEST_F(Attack, CannotPtrace) { ExpectBlocked(Probe("ptrace")); }
TEST_F(Attack, CannotLoadModules) { ExpectBlocked(Probe("modules")); }
TEST_F(Attack, CannotOpenRawSockets) { ExpectBlocked(Probe("raw")); }
TEST_F(Attack, CannotBpf) { ExpectBlocked(Probe("bpf")); }
TEST_F(Attack, CannotPerf) { ExpectBlocked(Probe("perf")); }
TEST_F(Attack, CannotKeyctl) { ExpectBlocked(Probe("keyctl")); }
TEST_F(Attack, CannotUserfaultfd) { ExpectBlocked(Probe("userfaultfd")); }
TEST_F(Attack, CannotUnshareUserNamespace) { ExpectBlocked(Probe("unshare")); }
TEST_F(Attack, CannotSetns) { ExpectBlocked(Probe("setns")); }
TEST_F(Attack, CannotWriteSys) { ExpectBlocked(Probe("sys")); }
TEST_F(Attack, CannotWriteProcSys) { ExpectBlocked(Probe("procsys")); }
TEST_F(Attack, CannotSeeHostProcesses) { ExpectBlocked(Probe("processes")); }
TEST_F(Attack, CannotTouchTerminalClockOrHostname) { ExpectBlocked(Probe("terminal")); }
TEST_F(Attack, CannotGainPrivilegeBySetuid) { ExpectBlocked(Probe("setuid")); }
TEST_F(Attack, CannotReadHostShadow) { ExpectBlocked(Probe("read", "/etc/shadow")); }
TEST_F(Attack, CannotReadRootHome) { ExpectBlocked(Probe("list", "/root")); }

TEST_F(Attack, CannotReadHostShadowThroughProc) {
  ExpectBlocked(Probe("read", "/proc/1/root/etc/shadow"));
}

TEST_F(Attack, CannotSignalHostProcesses) {
  ExpectBlocked(Probe("signal", std::to_string(::getpid())));
}

TEST_F(Attack, CannotSeeOtherSandboxes) {
  auto other = Launch(Script("echo up; exec sleep 1000"));
  ASSERT_TRUE(other.has_value()) << other.error().ToString();
  ASSERT_TRUE(WaitForOutput(**other, "up"));
  ExpectBlocked(Probe("processes"));
  ExpectBlocked(Probe("signal", std::to_string((*other)->sandbox->pid())));
  EXPECT_FALSE((*other)->outcome.has_value());
}

TEST_F(Attack, CannotReadStateFolder) {
  ASSERT_TRUE(base::FileExists(options_.state_folder));
  ExpectBlocked(Probe("list", options_.state_folder));
  ExpectBlocked(Probe("list", "/var/task/../../.." + options_.state_folder));
}

TEST_F(Attack, CannotReadOtherFunctionsCode) {
  const std::string code = options_.state_folder + "/other";
  ASSERT_TRUE(base::MakeFolders(code).has_value());
  ASSERT_TRUE(base::WriteFileAtomically(code + "/secret", "secret").has_value());
  Spec other = Script("cat /var/task/secret; exec sleep 1000");
  other.mounts = {{code, "/var/task"}};
  auto live = Launch(other);
  ASSERT_TRUE(live.has_value()) << live.error().ToString();
  ASSERT_TRUE(WaitForOutput(**live, "secret"));
  ExpectBlocked(Probe("read", code + "/secret"));
  ExpectBlocked(Probe("read", "/var/task/secret"));
}

TEST_F(Attack, CannotReachHostLoopback) {
  base::UniqueFd tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(tcp.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(tcp.get(), 8), 0);
  ASSERT_EQ(::getsockname(tcp.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::string port = std::to_string(ntohs(address.sin_port));
  base::UniqueFd local(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un abstract{};
  abstract.sun_family = AF_UNIX;
  const std::string name = "hearth-" + port;
  name.copy(abstract.sun_path + 1, name.size());
  ASSERT_EQ(::bind(local.get(), reinterpret_cast<sockaddr*>(&abstract),
                   static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size())),
            0);
  ASSERT_EQ(::listen(local.get(), 8), 0);
  ExpectBlocked(Probe("host", port));
}

TEST_F(Attack, CannotKeepLeakedFd) {
  // A descriptor that hearthd forgot to mark close-on-exec, and a zygote started after it.
  client_.reset();
  const int leaked = ::open("/etc/shadow", O_RDONLY);
  ASSERT_GE(leaked, 0);
  auto client = StartZygote();
  ::close(leaked);
  ASSERT_TRUE(client.has_value()) << client.error().ToString();
  client_ = std::move(*client);
  ExpectBlocked(Probe("fds"));
}

TEST_F(Attack, CannotExceedMemory) {
  Spec spec = Probe("memory");
  spec.memory = base::Bytes::MiB(64);
  auto attacker = Launch(spec);
  ASSERT_TRUE(attacker.has_value()) << attacker.error().ToString();
  EXPECT_EQ(OutputOf(Script("echo still here")), "still here\n");
  ASSERT_TRUE(WaitForExit(**attacker));
  const Outcome& outcome = *(*attacker)->outcome;
  EXPECT_TRUE(outcome.out_of_memory);
  EXPECT_EQ(outcome.kind, Outcome::Kind::kSignaled);
  EXPECT_EQ(outcome.signal, SIGKILL);
  EXPECT_LE(outcome.memory_peak, spec.memory);
  EXPECT_GT(outcome.memory_peak, base::Bytes::MiB(48));
}

TEST_F(Attack, CannotExceedPids) {
  Spec spec = Probe("forkbomb");
  spec.pids = 64;
  const uint64_t made = AmountOf(spec);
  EXPECT_LT(made, 64u);
  EXPECT_GT(made, 32u);
}

TEST_F(Attack, CannotFillTmp) {
  Spec spec = Probe("filltmp");
  spec.tmp = base::Bytes::MiB(16);
  const uint64_t written = AmountOf(spec);
  EXPECT_LE(written, base::Bytes::MiB(18).count());
  EXPECT_GE(written, base::Bytes::MiB(15).count());
}

TEST_F(Attack, CannotExhaustInodes) {
  Spec spec = Probe("inodes");
  spec.tmp = base::Bytes::MiB(16);
  spec.tmp_inodes = 1024;
  const uint64_t made = AmountOf(spec);
  EXPECT_LE(made, 1100u);
  EXPECT_GE(made, 900u);
}

TEST_F(Attack, CannotOutliveItsCgroup) {
  auto attacker = Launch(Probe("outlive"));
  ASSERT_TRUE(attacker.has_value()) << attacker.error().ToString();
  ASSERT_TRUE(WaitForExit(**attacker));
  EXPECT_THAT(ReadAll(**attacker), StartsWith("blocked"));
  EXPECT_EQ(OutputOf(Script("echo still here")), "still here\n");
  // The zygote can only remove a group in which nothing lives.
  client_.reset();
  EXPECT_TRUE(Groups().empty());
}

}  // namespace
}  // namespace hearth::sandbox
