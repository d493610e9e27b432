// What tests of real sandboxes share: a zygote of their own, a loop with a deadline, and the rule
// that a skip names the missing thing (HEARTH_REQUIRE_PRIVILEGED=1 turns it into a failure).
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/zygote_client.h"

namespace hearth::sandbox {

// Empty, or what this machine lacks for real sandboxes.
std::string MissingPrivilege();

// Runs the loop until `done()` or ten seconds have passed; says whether it is done.
bool RunUntil(ZygoteClient& client, const std::function<bool()>& done);
// Polls a condition that no event announces.
bool Eventually(const std::function<bool()>& done);

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
  base::Result<std::unique_ptr<Live>> Launch(const Spec& spec, std::vector<PassedFd> fds = {});
  // Launches, waits for the end, and returns what it wrote.
  std::string OutputOf(const Spec& spec, std::vector<PassedFd> fds = {});
  Outcome OutcomeOf(const Spec& spec);
  bool WaitForExit(Live& live);
  // Reads what the program has written so far until `text` is in it, or the deadline.
  bool WaitForOutput(Live& live, const std::string& text);
  std::string ReadAll(Live& live);
  // Folders that this test's zygote has made in any hierarchy.
  std::vector<std::string> Groups() const;

  ZygoteOptions options_;
  std::unique_ptr<ZygoteClient> client_;
  std::string seen_;
};

}  // namespace hearth::sandbox
