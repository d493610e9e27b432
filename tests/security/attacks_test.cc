// Attacks by name. Each runs in a real sandbox, must be blocked, and must leave others alone: while
// the attacker keeps trying, another sandbox of the same zygote starts and answers.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>

#include "base/file.h"
#include "base/sys.h"
#include "sandbox/adoption.h"
#include "sandbox/image.h"
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

  // Starts the probe in a sandbox.
  virtual base::Result<std::unique_ptr<Live>> Begin(const Spec& spec) { return Launch(spec); }

  // The first line that the probe prints, with a bystander's answer seen while it goes on.
  std::string ResultOf(const Spec& spec) {
    auto attacker = Begin(spec);
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

enum class Start {
  kExecuted,  // by its embryo
  kAdopted,   // by what waited in a sandbox that has its limits and its mounts since
  kRestored,  // by what went on from an image
};

// However a sandbox began, it is as closed.
class AttackAfterAnyStart : public Attack, public ::testing::WithParamInterface<Start> {
 protected:
  base::Result<std::unique_ptr<Live>> Begin(const Spec& spec) override {
    switch (GetParam()) {
      case Start::kExecuted:
        return Launch(spec);
      case Start::kAdopted:
        return Adopted(spec);
      case Start::kRestored:
        return Restored(spec);
    }
    std::abort();
  }

 private:
  static constexpr int kOrders = 3;

  // Executes what it is told to.
  static Spec Waiting() {
    return Python(
        "import os\nprint('up', flush=True)\norder = os.read(3, 9999).split(b'\\0')\nos.close(3)\n"
        "os.execve(order[0], order[1:], {'PATH': '/usr/bin'})\n");
  }

  base::Result<std::unique_ptr<Live>> Adopted(const Spec& spec) {
    auto [mine, its] = TRY(base::sys::SocketPair(base::sys::SocketType::kStream));
    Spec waiting = Waiting();
    waiting.tmp = spec.tmp;  // Another size has a start of its own.
    waiting.tmp_inodes = spec.tmp_inodes;
    auto live = TRY(Launch(waiting, {{its.get(), kOrders}}));
    EXPECT_TRUE(WaitForOutput(*live, "up\n"));
    std::optional<base::Result<void>> answer;
    client_->Adopt(*live->sandbox, {spec.memory, spec.cpu_permille, spec.pids, spec.mounts},
                   [&](auto adopted) {
                     answer = adopted ? base::Result<void>() : std::unexpected(adopted.error());
                   });
    EXPECT_TRUE(RunUntil(*client_, [&] { return answer.has_value(); }));
    TRY(std::move(*answer));
    TRY(Order(mine.get(), spec));
    return live;
  }

  base::Result<std::unique_ptr<Live>> Restored(const Spec& spec) {
    if (!image_.valid()) TRY(MakeImage());
    auto [mine, its] = TRY(base::sys::SocketPair(base::sys::SocketType::kStream));
    Spec restored = spec;
    restored.executable = kRestoreProgram;
    restored.argv = {"restore"};
    auto live = TRY(Launch(restored, {{its.get(), kOrders}, {image_.get(), kImageFd}}));
    TRY(Order(mine.get(), spec));
    return live;
  }

  base::Result<void> MakeImage() {
    auto [mine, its] = TRY(base::sys::SocketPair(base::sys::SocketType::kStream));
    auto live = TRY(Launch(Waiting(), {{its.get(), kOrders}}));
    EXPECT_TRUE(WaitForOutput(*live, "up\n"));
    base::UniqueFd image(::memfd_create("image", MFD_CLOEXEC));
    std::optional<base::Result<void>> answer;
    client_->Capture(*live->sandbox, image.get(), {.last_descriptor = kOrders},
                     [&](auto captured) { answer = std::move(captured); });
    EXPECT_TRUE(RunUntil(*client_, [&] { return answer.has_value(); }));
    TRY(std::move(*answer));
    image_ = std::move(image);
    return {};
  }

  static base::Result<void> Order(int socket, const Spec& spec) {
    std::string order = spec.executable;
    for (const auto& argument : spec.argv) order += std::string(1, '\0') + argument;
    return base::WriteAll(socket, order);
  }

  // One for all tests, as a host keeps one for all starts.
  static inline base::UniqueFd image_;
};

INSTANTIATE_TEST_SUITE_P(, AttackAfterAnyStart,
                         ::testing::Values(Start::kExecuted, Start::kAdopted, Start::kRestored),
                         [](const auto& start) {
                           return std::string(start.param == Start::kExecuted  ? "Executed"
                                              : start.param == Start::kAdopted ? "Adopted"
                                                                               : "Restored");
                         });

TEST_P(AttackAfterAnyStart, CannotMount) { ExpectBlocked(Probe("mount")); }
TEST_P(AttackAfterAnyStart, CannotPtrace) { ExpectBlocked(Probe("ptrace")); }
TEST_P(AttackAfterAnyStart, CannotLoadModules) { ExpectBlocked(Probe("modules")); }
TEST_P(AttackAfterAnyStart, CannotOpenRawSockets) { ExpectBlocked(Probe("raw")); }
TEST_P(AttackAfterAnyStart, CannotBpf) { ExpectBlocked(Probe("bpf")); }
TEST_P(AttackAfterAnyStart, CannotPerf) { ExpectBlocked(Probe("perf")); }
TEST_P(AttackAfterAnyStart, CannotKeyctl) { ExpectBlocked(Probe("keyctl")); }
TEST_P(AttackAfterAnyStart, CannotUserfaultfd) { ExpectBlocked(Probe("userfaultfd")); }
TEST_P(AttackAfterAnyStart, CannotIoUring) { ExpectBlocked(Probe("io_uring")); }
TEST_P(AttackAfterAnyStart, CannotCloneNamespacesThroughClone3) { ExpectBlocked(Probe("clone3")); }
TEST_P(AttackAfterAnyStart, CannotMountThroughADescriptor) { ExpectBlocked(Probe("mount-fd")); }
TEST_P(AttackAfterAnyStart, CannotOpenByHandle) { ExpectBlocked(Probe("handle")); }
TEST_P(AttackAfterAnyStart, CannotCallThroughOtherConventions) {
  ExpectBlocked(Probe("conventions"));
}
TEST_P(AttackAfterAnyStart, CannotWriteTheSharedImage) { ExpectBlocked(Probe("image")); }
TEST_P(AttackAfterAnyStart, CannotReachItsCgroup) { ExpectBlocked(Probe("cgroup")); }
TEST_P(AttackAfterAnyStart, CannotUseProcOfTheFirstProcess) { ExpectBlocked(Probe("proc1")); }
TEST_P(AttackAfterAnyStart, CannotRunItsOwnSetuidProgram) { ExpectBlocked(Probe("setuid-tmp")); }
TEST_P(AttackAfterAnyStart, CannotOpenMessageQueues) { ExpectBlocked(Probe("mqueue")); }
TEST_P(AttackAfterAnyStart, CannotTakeMemoryOrTimeThatNobodyCounts) {
  ExpectBlocked(Probe("uncounted"));
}
TEST_P(AttackAfterAnyStart, CannotStartTheHostsCoreDumpHandler) { ExpectBlocked(Probe("core")); }
TEST_P(AttackAfterAnyStart, CannotRaiseItsPriority) { ExpectBlocked(Probe("priority")); }
TEST_P(AttackAfterAnyStart, CannotEvictTheHostsPageCache) { ExpectBlocked(Probe("evict")); }
TEST_P(AttackAfterAnyStart, CannotExecuteHugeArguments) { ExpectBlocked(Probe("arguments")); }
TEST_P(AttackAfterAnyStart, CannotUnshareUserNamespace) { ExpectBlocked(Probe("unshare")); }
TEST_P(AttackAfterAnyStart, CannotSetns) { ExpectBlocked(Probe("setns")); }
TEST_P(AttackAfterAnyStart, CannotWriteSys) { ExpectBlocked(Probe("sys")); }
TEST_P(AttackAfterAnyStart, CannotWriteProcSys) { ExpectBlocked(Probe("procsys")); }
TEST_P(AttackAfterAnyStart, CannotSeeHostProcesses) { ExpectBlocked(Probe("processes")); }
TEST_P(AttackAfterAnyStart, CannotTouchTerminalClockOrHostname) {
  ExpectBlocked(Probe("terminal"));
}
TEST_P(AttackAfterAnyStart, CannotGainPrivilegeBySetuid) { ExpectBlocked(Probe("setuid")); }
TEST_P(AttackAfterAnyStart, CannotReadHostShadow) { ExpectBlocked(Probe("read", "/etc/shadow")); }
TEST_P(AttackAfterAnyStart, CannotReadRootHome) { ExpectBlocked(Probe("list", "/root")); }

TEST_P(AttackAfterAnyStart, CannotReadHostShadowThroughProc) {
  ExpectBlocked(Probe("read", "/proc/1/root/etc/shadow"));
}

TEST_P(AttackAfterAnyStart, CannotSignalHostProcesses) {
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

TEST_P(AttackAfterAnyStart, CannotReadStateFolder) {
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

TEST_P(AttackAfterAnyStart, CannotReachHostLoopback) {
  base::UniqueFd tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(tcp.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(tcp.get(), 8), 0);
  ASSERT_EQ(::getsockname(tcp.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  ExpectBlocked(Probe("host", std::to_string(ntohs(address.sin_port))));
}

TEST_P(AttackAfterAnyStart, CannotReachTheHostsAbstractSockets) {
  base::UniqueFd local(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un abstract{};
  abstract.sun_family = AF_UNIX;
  const std::string name = options_.cgroup_name;
  name.copy(abstract.sun_path + 1, name.size());
  ASSERT_EQ(::bind(local.get(), reinterpret_cast<sockaddr*>(&abstract),
                   static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size())),
            0);
  ASSERT_EQ(::listen(local.get(), 8), 0);
  ExpectBlocked(Probe("abstract", name));
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

TEST_P(AttackAfterAnyStart, CannotExceedPids) {
  Spec spec = Probe("forkbomb");
  spec.pids = 64;
  const uint64_t made = AmountOf(spec);
  EXPECT_LT(made, 64u);
  EXPECT_GT(made, 32u);
}

TEST_P(AttackAfterAnyStart, CannotFillTmp) {
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

// What the host, or another sandbox, can still have while the attacker holds all it could get.
class Hoarder : public Attack {
 protected:
  // Runs the probe until it holds what it took; its number, and it goes on holding. Nothing where
  // its memory limit killed it.
  std::optional<uint64_t> Take(const std::string& attack, std::vector<PassedFd> fds = {}) {
    Spec spec = Probe(attack);
    spec.memory = base::Bytes::MiB(128);
    auto live = Launch(spec, std::move(fds));
    EXPECT_TRUE(live.has_value()) << live.error().ToString();
    if (!live) return 0;
    hoarder_ = std::move(*live);
    seen_.clear();
    EXPECT_TRUE(RunUntil(*client_, [&] {
      seen_ += ReadAll(*hoarder_);
      return seen_.ends_with('\n') || hoarder_->outcome.has_value();
    }));
    if (hoarder_->outcome) {
      EXPECT_TRUE(hoarder_->outcome->out_of_memory);
      return std::nullopt;
    }
    EXPECT_THAT(seen_, StartsWith("blocked"));
    const size_t blank = seen_.find_last_of(' ');
    return blank == std::string::npos ? 0 : std::strtoull(seen_.c_str() + blank, nullptr, 10);
  }

  std::unique_ptr<Live> hoarder_;
};

TEST_F(Hoarder, CannotExhaustTheHostsInotifyInstances) {
  const uint64_t taken = Take("hold-inotify").value_or(0);
  EXPECT_GT(taken, 8u);
  EXPECT_LE(taken, 1024u);
  const base::UniqueFd mine(::inotify_init1(IN_CLOEXEC));
  EXPECT_TRUE(mine.valid()) << std::strerror(errno);
  Spec other = Probe("hold-inotify");
  const std::string result = ResultOf(other);
  EXPECT_THAT(result, Not(StartsWith("blocked: inotify instances 0")));
}

TEST_F(Hoarder, CannotHoardSignalsAndTimers) { EXPECT_LE(Take("hold-signals").value_or(0), 1024u); }

TEST_F(Hoarder, CannotHoardDescriptorsInFlight) {
  EXPECT_LE(Take("hold-flight").value_or(0), 2048u);
}

// Counted as its memory (then it may die of it), or limited apart.
TEST_F(Hoarder, CannotHoardSocketAndPipeBuffers) {
  for (const char* attack : {"hold-tcp", "hold-udp", "hold-local"}) {
    const std::optional<uint64_t> taken = Take(attack);
    EXPECT_LE(taken.value_or(1), base::Bytes::MiB(160).count()) << attack;
    EXPECT_GT(taken.value_or(1), 0u) << attack;
  }
}

TEST_F(Hoarder, CannotLeaveSystemVObjectsBehind) {
  Take("hold-sysv");
  // Another sandbox finds nothing, while the first still holds its own.
  EXPECT_THAT(ResultOf(Probe("hold-sysv")), StartsWith("blocked"));
}

TEST_F(Hoarder, CannotPushDescriptorsIntoTheHost) {
  auto pair = base::sys::SocketPair(base::sys::SocketType::kStream);
  ASSERT_TRUE(pair.has_value());
  const auto open_here = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  EXPECT_EQ(Take("hold-peer", {{pair->second.get(), 3}}), 64u);
  const auto before = open_here();
  char block[128];
  ssize_t got, all = 0;
  while ((got = ::recv(pair->first.get(), block, sizeof block, MSG_DONTWAIT)) > 0) all += got;
  EXPECT_EQ(all, 64);
  EXPECT_EQ(open_here(), before);
}

TEST_F(Attack, CannotReachThePeerOfItsSocket) {
  auto pair = base::sys::SocketPair(base::sys::SocketType::kStream);
  ASSERT_TRUE(pair.has_value());
  auto attacker = Launch(Probe("peer"), {{pair->second.get(), 3}});
  ASSERT_TRUE(attacker.has_value()) << attacker.error().ToString();
  ASSERT_TRUE(WaitForOutput(**attacker, "\n"));
  EXPECT_THAT(seen_, StartsWith("blocked"));
}

TEST_P(AttackAfterAnyStart, CannotHideMemoryInSharedSegments) {
  Spec spec = Probe("shm");
  spec.memory = base::Bytes::MiB(64);
  const Outcome outcome = OutcomeOf(spec);
  EXPECT_TRUE(outcome.out_of_memory);
  EXPECT_EQ(outcome.signal, SIGKILL);
  EXPECT_LE(outcome.memory_peak, spec.memory);
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

TEST_F(Attack, CannotOutliveItsZygoteByExecFromAThread) {
  auto attacker = Launch(Probe("hold-untied"));
  ASSERT_TRUE(attacker.has_value()) << attacker.error().ToString();
  ASSERT_TRUE(WaitForOutput(**attacker, "executed again"));
  const pid_t pid = (*attacker)->sandbox->pid();
  const base::UniqueFd pidfd = MUST(base::sys::PidfdOpen(pid));
  ASSERT_EQ(::kill(client_->pid(), SIGKILL), 0);
  // Nobody calls OnReadable here, so hearthd's own kill is not what ends it.
  struct pollfd ended{pidfd.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&ended, 1, 10'000), 1) << "the sandbox lives on";
  EXPECT_TRUE(RunUntil(*client_, [&] { return (*attacker)->outcome.has_value(); }));
  client_.reset();
  client_ = MUST(StartZygote());
}

}  // namespace
}  // namespace hearth::sandbox
