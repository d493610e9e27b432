#include "tests/privileged/sandbox_harness.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/clock.h"
#include "base/file.h"
#include "base/id.h"
#include "base/sys.h"
#include "sandbox/cgroup_layout.h"

namespace hearth::sandbox {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 20s;

std::string ZygoteProgram() {
  const auto self = std::filesystem::read_symlink("/proc/self/exe");
  return (self.parent_path() / "hearth-zygote").string();
}

}  // namespace

std::string MissingPrivilege() {
  if (::geteuid() != 0) return "root (the zygote makes namespaces and cgroups)";
  const auto mountinfo = base::ReadFile("/proc/self/mountinfo");
  if (!mountinfo) return "/proc";
  const auto layout = DetectCgroups(*mountinfo);
  if (!layout) return layout.error().ToString();
  const auto missing = MissingControllers(*layout);
  return missing.empty() ? "" : missing.front();
}

bool RunUntil(ZygoteClient& client, const std::function<bool()>& done) {
  const base::SystemClock clock;
  const auto deadline = base::Deadline::After(clock, kPatience);
  while (!done()) {
    if (deadline.HasPassed(clock)) return false;
    struct pollfd ready{client.fd(), POLLIN, 0};
    if (::poll(&ready, 1, 5) > 0) client.OnReadable();
  }
  return true;
}

bool Eventually(const std::function<bool()>& done) {
  const base::SystemClock clock;
  const auto deadline = base::Deadline::After(clock, kPatience);
  while (!done()) {
    if (deadline.HasPassed(clock)) return false;
    ::poll(nullptr, 0, 5);
  }
  return true;
}

void SandboxTest::SetUp() {
  const std::string missing = MissingPrivilege();
  if (!missing.empty()) {
    if (::getenv("HEARTH_REQUIRE_PRIVILEGED") != nullptr) FAIL() << "missing: " << missing;
    GTEST_SKIP() << "missing: " << missing;
  }
  const std::string tag = base::NewHexId(8);
  options_.program = ZygoteProgram();
  options_.state_folder = "/var/tmp/hearth-test-" + tag;
  options_.cgroup_name = "hearth-test-" + tag;
  options_.pool_size = PoolSize();
  // Every test program in a range of its own, so that parallel ones do not share uids.
  options_.first_uid = (1u << 24) + static_cast<uint32_t>(::getpid() % 4096) * 65536u * 8u;
  auto client = StartZygote();
  ASSERT_TRUE(client.has_value()) << client.error().ToString();
  client_ = std::move(*client);
}

void SandboxTest::TearDown() {
  client_.reset();
  if (options_.state_folder.empty()) return;
  EXPECT_TRUE(Eventually([this] { return Groups().empty(); })) << Groups().front();
  EXPECT_TRUE(base::RemoveTree(options_.state_folder).has_value());
}

base::Result<std::unique_ptr<ZygoteClient>> SandboxTest::StartZygote() {
  return ZygoteClient::Start(options_);
}

Spec SandboxTest::Script(const std::string& text) {
  Spec spec;
  spec.name = "test";
  spec.cpu_permille = 1000;
  spec.executable = "/bin/bash";
  spec.argv = {"bash", "-c", text};
  spec.environment = {"PATH=/usr/bin:/bin", "HOME=/tmp"};
  return spec;
}

base::Result<std::unique_ptr<Live>> SandboxTest::Launch(const Spec& spec,
                                                        std::vector<PassedFd> fds) {
  base::sys::Pipe pipe = TRY(base::sys::MakePipe());
  TRY(base::sys::SetNonBlocking(pipe.read.get()));
  fds.push_back({pipe.write.get(), 1});
  fds.push_back({pipe.write.get(), 2});
  auto live = std::make_unique<Live>();
  std::optional<base::Result<std::unique_ptr<Sandbox>>> answer;
  client_->Launch(spec, fds, [&](auto result) {
    answer = std::move(result);
    if (*answer) {
      (**answer)->OnExit([raw = live.get()](Outcome outcome) { raw->outcome = outcome; });
    }
  });
  pipe.write.Reset();
  if (!RunUntil(*client_, [&] { return answer.has_value(); })) {
    return base::MakeError(base::ErrorKind::kTimeout, "launch", "no answer");
  }
  live->sandbox = TRY(std::move(*answer));
  live->output = std::move(pipe.read);
  return live;
}

bool SandboxTest::WaitForExit(Live& live) {
  return RunUntil(*client_, [&] { return live.outcome.has_value(); });
}

std::string SandboxTest::ReadAll(Live& live) {
  std::string out;
  char block[65536];
  while (true) {
    const ssize_t got = ::read(live.output.get(), block, sizeof block);
    if (got <= 0) return out;
    out.append(block, static_cast<size_t>(got));
  }
}

bool SandboxTest::WaitForOutput(Live& live, const std::string& text) {
  seen_.clear();
  return RunUntil(*client_, [&] {
    seen_ += ReadAll(live);
    return seen_.find(text) != std::string::npos;
  });
}

std::string SandboxTest::OutputOf(const Spec& spec, std::vector<PassedFd> fds) {
  auto live = Launch(spec, std::move(fds));
  if (!live) return "launch failed: " + live.error().ToString();
  std::string out;
  // Reads while it runs: a full pipe would stop the program.
  const bool ended = RunUntil(*client_, [&] {
    out += ReadAll(**live);
    return (*live)->outcome.has_value();
  });
  return ended ? out + ReadAll(**live) : "did not end: " + out;
}

Outcome SandboxTest::OutcomeOf(const Spec& spec) {
  auto live = Launch(spec);
  EXPECT_TRUE(live.has_value()) << live.error().ToString();
  if (!live) return {.exit_status = -1};
  EXPECT_TRUE(WaitForExit(**live));
  return (*live)->outcome.value_or(Outcome{.exit_status = -1});
}

std::vector<std::string> SandboxTest::Groups() const {
  std::vector<std::string> out;
  const auto layout = DetectCgroups(*base::ReadFile("/proc/self/mountinfo"));
  if (!layout) return out;
  for (const auto& mount : {layout->core, layout->memory, layout->cpu, layout->pids}) {
    const std::string folder = mount + "/" + options_.cgroup_name;
    if (base::FileExists(folder)) out.push_back(folder);
  }
  return out;
}

}  // namespace hearth::sandbox
