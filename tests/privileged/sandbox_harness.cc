#include "tests/privileged/sandbox_harness.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "base/clock.h"
#include "base/file.h"
#include "base/id.h"
#include "base/sys.h"

namespace hearth::sandbox {
namespace {

using namespace std::chrono_literals;

// A unified cgroup v2 may only be had in user-mode-linux (scripts/vm-test), which is slow.
constexpr auto kPatience = 60s;

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

bool Ends(int pidfd) {
  struct pollfd ended{pidfd, POLLIN, 0};
  const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(kPatience);
  return ::poll(&ended, 1, static_cast<int>(limit.count())) == 1;
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

Spec SandboxTest::Python(const std::string& text) {
  Spec spec = Script("");
  spec.executable = "/usr/bin/python3";
  spec.argv = {"python3", "-c", text};
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

std::string SandboxTest::ErrorOf(const Spec& spec) {
  const auto live = Launch(spec);
  return live ? "it started" : live.error().ToString();
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

CgroupLayout SandboxTest::Layout() {
  return MUST(DetectCgroups(MUST(base::ReadFile("/proc/self/mountinfo"))));
}

std::vector<std::string> SandboxTest::Groups() const {
  std::vector<std::string> out;
  const CgroupLayout layout = Layout();
  for (const auto& mount : {layout.core, layout.memory, layout.cpu, layout.pids}) {
    const std::string folder = mount + "/" + options_.cgroup_name;
    if (base::FileExists(folder)) out.push_back(folder);
  }
  return out;
}

std::vector<std::string> SandboxTest::Slots() const {
  std::vector<std::string> out;
  for (const auto& group : Groups()) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(group, error)) {
      if (entry.is_directory()) out.push_back(entry.path().string());
    }
  }
  return out;
}

std::string SandboxTest::GroupFile(pid_t pid, const std::string& controller, const std::string& v1,
                                   const std::string& v2) {
  const CgroupLayout layout = Layout();
  const std::string& mount = controller == "memory" ? layout.memory
                             : controller == "cpu"  ? layout.cpu
                             : controller == "pids" ? layout.pids
                                                    : layout.core;
  std::istringstream groups(MUST(base::ReadFile("/proc/" + std::to_string(pid) + "/cgroup")));
  for (std::string line; std::getline(groups, line);) {
    // id:controllers:path, where v2 has no controllers and each v1 mount here may have several.
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    std::string names = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool wanted =
        mount == layout.core ? names == ",," : names.find("," + controller + ",") < names.size();
    if (!wanted) continue;
    auto text =
        base::ReadFile(mount + line.substr(second + 1) + "/" + (mount == layout.core ? v2 : v1));
    if (!text) return text.error().ToString();
    while (text->ends_with('\n')) text->pop_back();
    return *text;
  }
  return "no group";
}

}  // namespace hearth::sandbox
