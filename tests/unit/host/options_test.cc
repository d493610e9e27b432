#include "host/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/id.h"

namespace hearth::host {
namespace {

using ::testing::HasSubstr;

std::string ErrorOf(const std::vector<std::string>& arguments) {
  const auto parsed = ParseCommandLine(arguments);
  return parsed ? "" : parsed.error().ToString();
}

class ConfigFile : public ::testing::Test {
 protected:
  std::string Write(const std::string& text) {
    const std::string path = testing::TempDir() + "hearth-" + base::NewHexId(8) + ".yaml";
    MUST(base::WriteFileAtomically(path, text));
    return path;
  }
};

TEST(Options, TheDefaultsAreThoseOfTheDocuments) {
  const auto parsed = MUST(ParseCommandLine({}));
  EXPECT_EQ(parsed.options.listen, "127.0.0.1:4566");
  EXPECT_EQ(parsed.options.account.id, "000000000000");
  EXPECT_EQ(parsed.options.account.region, "us-east-1");
  EXPECT_EQ(parsed.options.keep_alive.fixed, std::chrono::minutes(10));
}

TEST(Options, TakeValuesAfterASpaceOrAnEqualsSign) {
  const auto parsed =
      MUST(ParseCommandLine({"--listen", "[::1]:0", "--state=/x", "--allow-unenforced"}));
  EXPECT_EQ(parsed.options.listen, "[::1]:0");
  EXPECT_EQ(parsed.options.state_folder, "/x");
  EXPECT_TRUE(parsed.options.allow_unenforced);
}

TEST(Options, SayHowLongIdleSandboxesLive) {
  using invoker::KeepAlivePolicy;
  const Options defaults = MUST(ParseCommandLine({})).options;
  EXPECT_EQ(defaults.keep_alive.policy, KeepAlivePolicy::kLearned);
  EXPECT_EQ(defaults.keep_alive.longest, std::chrono::hours(4));
  EXPECT_EQ(defaults.reclaim_after, std::chrono::seconds(30));
  const Options set = MUST(ParseCommandLine({"--keep-alive-policy", "fixed", "--keep-alive-s", "0",
                                             "--keep-alive-max-s", "3600", "--reclaim-after-s=0"}))
                          .options;
  EXPECT_EQ(set.keep_alive.policy, KeepAlivePolicy::kFixed);
  EXPECT_EQ(set.keep_alive.fixed, std::chrono::seconds(0));
  EXPECT_EQ(set.keep_alive.longest, std::chrono::hours(1));
  EXPECT_EQ(set.reclaim_after, std::chrono::seconds(0));
  EXPECT_THAT(ErrorOf({"--keep-alive-policy", "lru"}), HasSubstr("learned, fixed"));
  EXPECT_THAT(ErrorOf({"--keep-alive-max-s", "59"}), HasSubstr("from 60 to 14400"));
}

TEST(Options, AreRefusedByNameWithWhatWouldBeRight) {
  EXPECT_THAT(ErrorOf({"--nonsense"}), HasSubstr("no option '--nonsense'"));
  EXPECT_THAT(ErrorOf({"state"}), HasSubstr("'state' is not an option"));
  EXPECT_THAT(ErrorOf({"--state"}), HasSubstr("needs a value"));
  EXPECT_THAT(ErrorOf({"--memory-step", "up"}), HasSubstr("round_up, reject"));
  EXPECT_THAT(ErrorOf({"--function-endpoint", "maybe"}), HasSubstr("on, off"));
  EXPECT_THAT(ErrorOf({"--account", "12"}), HasSubstr("12 digits"));
  EXPECT_THAT(ErrorOf({"--keep-alive-s", "-1"}), HasSubstr("from 0 to 86400"));
  EXPECT_THAT(ErrorOf({"--pool-size", "9999"}), HasSubstr("from 0 to 256"));
  EXPECT_THAT(ErrorOf({"--allow-reset=maybe"}), HasSubstr("neither true nor false"));
  for (const char* path : {"../x", "a/b", "..", "", "a b"}) {
    EXPECT_THAT(ErrorOf({"--cgroup-name", path}), HasSubstr("is not a word")) << path;
  }
  EXPECT_THAT(ErrorOf({"--region", "us:east"}), HasSubstr("option region: 'us:east'"));
}

TEST_F(ConfigFile, IsReadAndTheCommandLineWinsOverIt) {
  const std::string path =
      Write("listen: 127.0.0.1:1\nmemory_step: reject\nkeep_alive_s: 7\nallow_reset: true\n");
  const auto parsed = MUST(ParseCommandLine({"--listen", "127.0.0.1:2", "--config", path}));
  EXPECT_EQ(parsed.options.listen, "127.0.0.1:2");
  EXPECT_EQ(parsed.options.memory_step, invoker::MemoryStep::kReject);
  EXPECT_EQ(parsed.options.keep_alive.fixed, std::chrono::seconds(7));
  EXPECT_TRUE(parsed.options.allow_reset);
}

TEST_F(ConfigFile, ErrorsNameFileLineAndColumn) {
  EXPECT_THAT(ErrorOf({"--config", "/nonexistent.yaml"}), HasSubstr("/nonexistent.yaml"));
  std::string path = Write("listen: 127.0.0.1:1\nlisen: x\n");
  EXPECT_THAT(ErrorOf({"--config", path}), HasSubstr(path + ":2:1: "));
  EXPECT_THAT(ErrorOf({"--config", path}), HasSubstr("there is no such option"));
  path = Write("- a\n- b\n");
  EXPECT_THAT(ErrorOf({"--config", path}), HasSubstr("mapping"));
  path = Write("keep_alive_s: [1]\n");
  EXPECT_THAT(ErrorOf({"--config", path}), HasSubstr(path + ":1:15: "));
}

}  // namespace
}  // namespace hearth::host
