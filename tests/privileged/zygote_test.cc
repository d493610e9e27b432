// The zygote itself: who may start one, what happens when it or its host is killed, and its pool.
#include <gmock/gmock.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <sstream>

#include "base/file.h"
#include "base/sys.h"
#include "tests/privileged/sandbox_harness.h"

namespace hearth::sandbox {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class ZygoteTest : public SandboxTest {
 protected:
  base::UniqueFd PidfdOf(pid_t pid) { return MUST(base::sys::PidfdOpen(pid)); }

  // Launches `count` at once; the errors of those that failed.
  std::vector<std::string> Burst(const Spec& spec, size_t count) {
    std::vector<std::string> errors;
    size_t answered = 0;
    std::vector<std::unique_ptr<Sandbox>> sandboxes;
    for (size_t i = 0; i < count; ++i) {
      client_->Launch(spec, {}, [&](auto result) {
        ++answered;
        if (result)
          sandboxes.push_back(std::move(*result));
        else
          errors.push_back(result.error().ToString());
      });
    }
    EXPECT_TRUE(RunUntil(*client_, [&] { return answered == count; })) << answered;
    EXPECT_EQ(sandboxes.size() + errors.size(), count);
    return errors;
  }

  // Runs `body` in a child process, which is `pid` to the caller; it writes to the pipe.
  struct Child {
    pid_t pid = 0;
    base::UniqueFd output;
  };
  Child Fork(const std::function<void(int)>& body) {
    base::sys::Pipe pipe = MUST(base::sys::MakePipe());
    const pid_t pid = ::fork();
    if (pid == 0) {
      body(pipe.write.get());
      ::_exit(0);
    }
    return {pid, std::move(pipe.read)};
  }
  // Everything that the child writes until it closes its end.
  std::string Read(const Child& child) {
    std::string out;
    char block[4096];
    ssize_t got;
    while ((got = ::read(child.output.get(), block, sizeof block)) > 0) {
      out.append(block, static_cast<size_t>(got));
    }
    return out;
  }
};

TEST_F(ZygoteTest, IsRefusedWhereAnotherGovernsTheGroup) {
  auto live = Launch(Script("echo up; read -r line; echo still here; exec sleep 1000"));
  ASSERT_TRUE(live.has_value()) << live.error().ToString();
  const auto second = StartZygote();
  ASSERT_FALSE(second.has_value());
  EXPECT_THAT(second.error().ToString(),
              AllOf(HasSubstr("another zygote governs"), HasSubstr(options_.cgroup_name)));
  // The first one's sandboxes must not have felt anything.
  EXPECT_TRUE(WaitForOutput(**live, "still here"));
  EXPECT_FALSE((*live)->outcome.has_value());
  EXPECT_EQ(OutputOf(Script("echo fine")), "fine\n");
}

TEST_F(ZygoteTest, KilledEndsEverySandboxAndTheNextOneCleansUp) {
  auto one = Launch(Script("(setsid sleep 1000 &); echo up; exec sleep 1000"));
  auto two = Launch(Script("echo up; exec sleep 1000"));
  ASSERT_TRUE(one.has_value() && two.has_value());
  ASSERT_TRUE(WaitForOutput(**one, "up"));
  bool lost = false;
  client_->OnLost([&] { lost = true; });
  const base::UniqueFd first = PidfdOf((*one)->sandbox->pid());
  const base::UniqueFd second = PidfdOf((*two)->sandbox->pid());
  ASSERT_EQ(::kill(client_->pid(), SIGKILL), 0);
  // Nobody has told the client yet: it is the kernel that ends them.
  EXPECT_TRUE(Ends(first.get()));
  EXPECT_TRUE(Ends(second.get()));
  EXPECT_TRUE(WaitForExit(**one) && WaitForExit(**two));
  EXPECT_EQ((*one)->outcome->signal, SIGKILL);
  EXPECT_TRUE(lost);
  const auto refused = Launch(Script(""));
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().ToString(), HasSubstr("the zygote is gone"));

  EXPECT_THAT(Slots(), Not(IsEmpty()));
  client_.reset();
  client_ = MUST(StartZygote());
  EXPECT_THAT(client_->machine().notices, ::testing::Contains(HasSubstr("killed predecessor")));
  EXPECT_EQ(OutputOf(Script("echo fine")), "fine\n");
}

TEST_F(ZygoteTest, EndsEverySandboxWhenItsHostIsKilled) {
  client_.reset();
  const Child holder = Fork([this](int output) {
    client_ = MUST(StartZygote());
    auto live = MUST(Launch(Script("(setsid sleep 1000 &); echo up; exec sleep 1000")));
    CHECK(WaitForOutput(*live, "up"));
    const std::string pids =
        std::to_string(client_->pid()) + " " + std::to_string(live->sandbox->pid()) + " ";
    MUST(base::WriteAll(output, pids));
    while (true) ::pause();
  });
  std::string told;
  char byte;
  while (std::ranges::count(told, ' ') < 2 && ::read(holder.output.get(), &byte, 1) == 1) {
    told += byte;
  }
  pid_t zygote = 0, sandbox = 0;
  std::istringstream(told) >> zygote >> sandbox;
  ASSERT_GT(sandbox, 0) << told;
  const base::UniqueFd zygote_pidfd = PidfdOf(zygote);
  const base::UniqueFd sandbox_pidfd = PidfdOf(sandbox);
  ASSERT_EQ(::kill(holder.pid, SIGKILL), 0);
  ASSERT_EQ(::waitpid(holder.pid, nullptr, 0), holder.pid);
  EXPECT_TRUE(Ends(sandbox_pidfd.get()));
  EXPECT_TRUE(Ends(zygote_pidfd.get()));
  EXPECT_THAT(Groups(), IsEmpty());
}

TEST_F(ZygoteTest, StartsAtOnceAfterOneWhoseHostWasKilled) {
  client_.reset();
  const Child holder = Fork([this](int output) {
    client_ = MUST(StartZygote());
    std::vector<std::unique_ptr<Live>> all;
    for (int i = 0; i < 4; ++i) all.push_back(MUST(Launch(Script("exec sleep 1000"))));
    MUST(base::WriteAll(output, "x"));
    while (true) ::pause();
  });
  char byte;
  ASSERT_EQ(::read(holder.output.get(), &byte, 1), 1);
  ASSERT_EQ(::kill(holder.pid, SIGKILL), 0);
  ASSERT_EQ(::waitpid(holder.pid, nullptr, 0), holder.pid);
  auto next = StartZygote();
  ASSERT_TRUE(next.has_value()) << next.error().ToString();
  client_ = std::move(*next);
  EXPECT_EQ(OutputOf(Script("echo fine")), "fine\n");
}

TEST_F(ZygoteTest, AHostThatHasDroppedRootGovernsItsSandboxes) {
  client_.reset();
  constexpr uid_t kNobody = 65534;
  options_.governor = kNobody;
  const Child child = Fork([&](int output) {
    client_ = MUST(StartZygote());
    CHECK(::setresgid(kNobody, kNobody, kNobody) == 0);
    CHECK(::setresuid(kNobody, kNobody, kNobody) == 0);
    auto live = MUST(Launch(Script("exec sleep 1000")));
    Sandbox& sandbox = *live->sandbox;
    CHECK(sandbox.pid() > 0);
    MUST(sandbox.Freeze());
    CHECK(MUST(sandbox.Memory()).now.count() > 0);
    CHECK(MUST(sandbox.OpenReclaim()).valid());
    MUST(sandbox.Thaw());
    MUST(sandbox.SetCpuLimit(500));
    sandbox.Kill();
    CHECK(WaitForExit(*live));
    client_.reset();
    MUST(base::WriteAll(output, "governed"));
  });
  EXPECT_EQ(Read(child), "governed");
  EXPECT_EQ(::waitpid(child.pid, nullptr, 0), child.pid);
}

// 5,000 idle sandboxes fit into a hard limit of 20,000 descriptors only where each costs next to
// none.
TEST_F(ZygoteTest, ALiveSandboxHoldsNoDescriptorOfItsHost) {
  const auto descriptors = [] {
    const auto folder = std::filesystem::directory_iterator("/proc/self/fd");
    return std::distance(begin(folder), end(folder));
  };
  const auto before = descriptors();
  std::vector<std::unique_ptr<Sandbox>> sandboxes;
  for (int i = 0; i < 3; ++i) {
    client_->Launch(Script("exec sleep 1000"), {},
                    [&](auto result) { sandboxes.push_back(MUST(std::move(result))); });
  }
  ASSERT_TRUE(RunUntil(*client_, [&] { return sandboxes.size() == 3; }));
  EXPECT_EQ(descriptors(), before);
  for (const auto& sandbox : sandboxes) {
    EXPECT_GT(MUST(sandbox->Memory()).peak.count(), 0u);
    ASSERT_TRUE(sandbox->Freeze().has_value());
    EXPECT_GT(MUST(sandbox->Memory()).peak.count(), 0u);
  }
  EXPECT_EQ(descriptors(), before) << "frozen";
}

TEST_F(ZygoteTest, HoldsTwoDescriptorsForEachOfManySandboxes) {
  client_.reset();
  constexpr size_t kMany = 40;
  options_.max_sandboxes = kMany;  // Then no embryo waits beside them.
  client_ = MUST(StartZygote());
  const auto descriptors = [this] {
    const std::filesystem::path folder = "/proc/" + std::to_string(client_->pid()) + "/fd";
    const auto entries = std::filesystem::directory_iterator(folder);
    return static_cast<size_t>(std::distance(begin(entries), end(entries)));
  };
  const size_t before = descriptors();
  std::vector<std::unique_ptr<Live>> live;
  for (size_t i = 0; i < kMany; ++i) live.push_back(MUST(Launch(Script("exec sleep 1000"))));
  EXPECT_TRUE(Eventually([&] { return descriptors() <= before + 2 * kMany; })) << descriptors();
}

TEST_F(ZygoteTest, ServesABurstLargerThanItsPool) {
  EXPECT_THAT(Burst(Script("exec sleep 1000"), 20), IsEmpty());
}

TEST_F(ZygoteTest, KeepsAsManyReadyAsTheLastSecondsAskedFor) {
  ASSERT_TRUE(Eventually([this] { return Slots().size() == PoolSize() * Groups().size(); }));
  EXPECT_THAT(Burst(Script("exec sleep 1000"), 12), IsEmpty());
  // They are dropped, and what fills the pool now goes by the twelve, not by the two it began with.
  EXPECT_TRUE(Eventually([this] { return Slots().size() == 12 * Groups().size(); }))
      << Slots().size();
}

TEST_F(ZygoteTest, SaysWhichLimitHoldsNoMoreSandboxes) {
  client_.reset();
  options_.max_sandboxes = 6;
  client_ = MUST(StartZygote());
  std::vector<std::unique_ptr<Live>> live;
  for (int i = 0; i < 6; ++i) live.push_back(MUST(Launch(Script("exec sleep 1000"))));
  EXPECT_THAT(ErrorOf(Script("exec sleep 1000")),
              HasSubstr("6 sandboxes are live: as many as max_sandboxes allows"));
  live.back()->sandbox->Kill();
  ASSERT_TRUE(WaitForExit(*live.back()));
  EXPECT_EQ(OutputOf(Script("echo fine")), "fine\n");
}

TEST_F(ZygoteTest, ServesABurstOfItsOwnTmpSize) {
  Spec spec = Script("exec sleep 1000");
  spec.tmp = base::Bytes::MiB(520);
  EXPECT_THAT(Burst(spec, 6), IsEmpty());
}

// Every launch waits with its descriptors in the zygote.
TEST_F(ZygoteTest, ServesMoreThanItsInheritedDescriptorLimitAllows) {
  client_.reset();
  struct rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &usual), 0);
  const struct rlimit small{64, usual.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &small), 0);
  auto client = StartZygote();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &usual), 0);
  ASSERT_TRUE(client.has_value()) << client.error().ToString();
  client_ = std::move(*client);
  std::vector<std::string> errors;
  size_t answered = 0;
  for (int i = 0; i < 12; ++i) {
    std::vector<PassedFd> fds;
    for (int as = 3; as < 11; ++as) fds.push_back({0, as});
    client_->Launch(Script("exit 0"), fds, [&](auto result) {
      ++answered;
      if (!result) errors.push_back(result.error().ToString());
    });
  }
  EXPECT_TRUE(RunUntil(*client_, [&] { return answered == 12; }));
  EXPECT_THAT(errors, IsEmpty());
}

TEST_F(ZygoteTest, ServesABurstThatHasMoreDescriptorsThanItMayHold) {
  client_.reset();
  const Child child = Fork([&](int output) {
    const struct rlimit few{1100, 1100};
    CHECK(::setrlimit(RLIMIT_NOFILE, &few) == 0);
    client_ = MUST(StartZygote());
    std::vector<PassedFd> fds;
    for (int as = 3; as < 11; ++as) fds.push_back({0, as});
    size_t answered = 0, good = 0;
    constexpr size_t kLaunches = 150;
    for (size_t i = 0; i < kLaunches; ++i) {
      client_->Launch(Script("exit 0"), fds, [&](auto result) {
        ++answered;
        good += result.has_value();
      });
    }
    CHECK(RunUntil(*client_, [&] { return answered == kLaunches; }));
    MUST(base::WriteAll(output, std::to_string(good)));
    client_.reset();
  });
  EXPECT_EQ(Read(child), "150");
  EXPECT_EQ(::waitpid(child.pid, nullptr, 0), child.pid);
}

TEST_F(ZygoteTest, AHostWithoutDescriptorsLosesALaunchAndNotItsZygote) {
  struct rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &usual), 0);
  std::optional<std::string> error;
  client_->Launch(Script("exec sleep 1000"), {},
                  [&](auto result) { error = result ? "it started" : result.error().ToString(); });
  // The lowest number that is free is one that may not be used.
  const int next = ::dup(0);
  ASSERT_EQ(::close(next), 0);
  const struct rlimit few{static_cast<rlim_t>(next), usual.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  const bool answered = RunUntil(*client_, [&] { return error.has_value(); });
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &usual), 0);
  ASSERT_TRUE(answered);
  EXPECT_THAT(*error, HasSubstr("raise RLIMIT_NOFILE"));
  EXPECT_EQ(OutputOf(Script("echo fine")), "fine\n");
}

TEST_F(ZygoteTest, AnswersEveryLaunchWhereNoneCanBeMade) {
  // The folder of volumes is gone: each embryo fails, and each launch must hear of it.
  const std::string folder = options_.state_folder + "/tmp";
  ASSERT_EQ(::rename(folder.c_str(), (folder + "-away").c_str()), 0);
  Spec spec = Script("exec sleep 1000");
  spec.tmp = base::Bytes::MiB(530);
  const auto errors = Burst(spec, 10);
  EXPECT_EQ(errors.size(), 10u);
  EXPECT_THAT(errors, Each(HasSubstr(folder)));
  // Once it is back, so are the sandboxes.
  ASSERT_EQ(::rename((folder + "-away").c_str(), folder.c_str()), 0);
  EXPECT_THAT(Burst(spec, 1), IsEmpty());
}

TEST_F(ZygoteTest, IgnoresASignalThatIsMeantForItsHost) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    ASSERT_EQ(::kill(client_->pid(), signal), 0);
  }
  EXPECT_EQ(OutputOf(Script("echo fine")), "fine\n");
}

TEST_F(ZygoteTest, ReportsTheMachine) {
  const MachineReport& machine = client_->machine();
  EXPECT_EQ(machine.cgroup_layout, Layout().unified() ? "unified" : "hybrid");
  EXPECT_THAT(machine.unenforced, IsEmpty());
  EXPECT_THAT(machine.tmp_kind, ::testing::AnyOf("ext4 image", "tmpfs"));
}

TEST_F(ZygoteTest, SaysThatItsProgramIsMissing) {
  client_.reset();
  options_.program += "-is-not-here";
  const auto client = StartZygote();
  ASSERT_FALSE(client.has_value());
  EXPECT_THAT(client.error().ToString(), AllOf(HasSubstr("is-not-here"), HasSubstr("ENOENT")));
}

// A machine without the pids controller, as seen from a mount namespace of the test's own.
TEST_F(ZygoteTest, IsRefusedWhereALimitCannotBeEnforced) {
  client_.reset();
  const CgroupLayout layout = Layout();
  const Child child = Fork([&](int output) {
    CHECK(::unshare(CLONE_NEWNS) == 0);
    CHECK(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
    if (layout.PidsIsV2()) {
      const std::string fewer = options_.state_folder + "/controllers";
      MUST(base::WriteFileAtomically(fewer, "cpu memory\n"));
      const std::string real = layout.core + "/cgroup.controllers";
      CHECK(::mount(fewer.c_str(), real.c_str(), nullptr, MS_BIND, nullptr) == 0);
    } else {
      CHECK(::umount2(layout.pids.c_str(), MNT_DETACH) == 0);
    }
    const auto refused = StartZygote();
    MUST(base::WriteAll(output, refused ? "started" : refused.error().ToString()));
    options_.allow_unenforced = true;
    auto allowed = StartZygote();
    if (!allowed) MUST(base::WriteAll(output, "\n" + allowed.error().ToString()));
    if (!allowed) return;
    client_ = std::move(*allowed);
    MUST(base::WriteAll(output, "\n" + client_->machine().unenforced.at(0) + "\n" +
                                    OutputOf(Script("echo runs all the same"))));
    client_.reset();
  });
  const std::string told = Read(child);
  EXPECT_EQ(::waitpid(child.pid, nullptr, 0), child.pid);
  std::istringstream lines(told);
  std::string refused, unenforced, output;
  std::getline(lines, refused);
  std::getline(lines, unenforced);
  std::getline(lines, output);
  EXPECT_THAT(refused, HasSubstr("check cgroup controllers: the pids controller is missing"));
  EXPECT_THAT(unenforced, HasSubstr("the pids controller is missing"));
  EXPECT_EQ(output, "runs all the same");
}

}  // namespace
}  // namespace hearth::sandbox
