// What tests of real sandboxes share: a zygote of their own, a loop with a deadline, and the rule
// that a skip names the missing thing (HEARTH_REQUIRE_PRIVILEGED=1 turns it into a failure).
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/cgroup_layout.h"
#include "sandbox/zygote_client.h"

namespace hearth::sandbox {

// Empty, or what this machine lacks for real sandboxes.
std::string MissingPrivilege();

// Runs the loop until `done()` or a minute has passed; says whether it is done.
bool RunUntil(ZygoteClient& client, const std::function<bool()>& done);
// Polls a condition that no event announces.
bool Eventually(const std::function<bool()>& done);
// Whether the process behind a pidfd has ended, after a minute at most. Needs no loop.
bool Ends(int pidfd);

struct Live {
  std::unique_ptr<Sandbox> sandbox;
  std::optional<Outcome> outcome;
  base::UniqueFd output;  // what the program writes to 1 and 2
};

class SandboxTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  virtual size_t PoolSize() const { return 2; }
  base::Result<std::unique_ptr<ZygoteClient>> StartZygote();
  // A spec that runs a bash script.
  static Spec Script(const std::string& text);
  // A spec that runs a Python program.
  static Spec Python(const std::string& text);
  base::Result<std::unique_ptr<Live>> Launch(const Spec& spec, std::vector<PassedFd> fds = {});
  // The error of a launch that must fail.
  std::string ErrorOf(const Spec& spec);
  // Launches, waits for the end, and returns what it wrote.
  std::string OutputOf(const Spec& spec, std::vector<PassedFd> fds = {});
  Outcome OutcomeOf(const Spec& spec);
  bool WaitForExit(Live& live);
  // Reads what the program has written so far until `text` is in it, or the deadline.
  bool WaitForOutput(Live& live, const std::string& text);
  std::string ReadAll(Live& live);

  static CgroupLayout Layout();
  // Folders that this test's zygote has made in any hierarchy.
  std::vector<std::string> Groups() const;
  // The folders of sandboxes and embryos below them.
  std::vector<std::string> Slots() const;
  // What a file says of the group in which `pid` is, without the newline. Each controller may be on
  // v1 or v2: `v1` and `v2` are the file's names there.
  static std::string GroupFile(pid_t pid, const std::string& controller, const std::string& v1,
                               const std::string& v2);

  ZygoteOptions options_;
  std::unique_ptr<ZygoteClient> client_;
  std::string seen_;
};

}  // namespace hearth::sandbox
