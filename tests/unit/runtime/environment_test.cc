#include "runtime/environment.h"

#include <gtest/gtest.h>

namespace hearth::runtime {
namespace {

class EnvironmentTest : public testing::Test {
 protected:
  // The value of a variable that is there exactly once, or "(none)".
  std::string Get(const std::string& name) const {
    std::string value = "(none)";
    int times = 0;
    for (const std::string& line : BuildEnvironment(runtime_, input_)) {
      if (!line.starts_with(name + "=")) continue;
      value = line.substr(name.size() + 1);
      ++times;
    }
    EXPECT_LE(times, 1) << name;
    return value;
  }

  Runtime runtime_{.name = "python3.11",
                   .language = Language::kPython,
                   .version = "3.11.2",
                   .execution_env = "AWS_Lambda_python3.11"};
  EnvironmentInput input_{.function_name = "F",
                          .memory_mib = 256,
                          .handler = "app.handler",
                          .log_group = "/aws/lambda/F",
                          .log_stream = "2026/08/06/[$LATEST]0",
                          .access_key_id = "KEY",
                          .secret_access_key = "SECRET",
                          .session_token = "TOKEN",
                          .endpoint_url = "http://127.0.0.1:4566"};
};

TEST_F(EnvironmentTest, HasWhatAwsDefines) {
  const std::pair<std::string, std::string> wanted[] = {
      {"_HANDLER", "app.handler"},
      {"AWS_EXECUTION_ENV", "AWS_Lambda_python3.11"},
      {"AWS_LAMBDA_FUNCTION_NAME", "F"},
      {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"},
      {"AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"},
      {"AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"},
      {"AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/F"},
      {"AWS_LAMBDA_LOG_STREAM_NAME", "2026/08/06/[$LATEST]0"},
      {"AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"},
      {"AWS_REGION", "us-east-1"},
      {"AWS_DEFAULT_REGION", "us-east-1"},
      {"AWS_ACCESS_KEY_ID", "KEY"},
      {"AWS_SECRET_ACCESS_KEY", "SECRET"},
      {"AWS_SESSION_TOKEN", "TOKEN"},
      {"AWS_ENDPOINT_URL", "http://127.0.0.1:4566"},
      {"LAMBDA_TASK_ROOT", "/var/task"},
      {"LAMBDA_RUNTIME_DIR", "/var/runtime"},
      {"TZ", ":UTC"}};
  for (const auto& [name, value] : wanted) EXPECT_EQ(Get(name), value);
  EXPECT_NE(Get("PATH"), "(none)");
  EXPECT_NE(Get("LD_LIBRARY_PATH"), "(none)");
  EXPECT_EQ(Get("_X_AMZN_TRACE_ID"), "(none)") << "the runtime sets it, call by call";
}

TEST_F(EnvironmentTest, ThePlatformWinsOverTheCustomerWhoWinsOverTheDefaults) {
  for (const char* name : {"_HANDLER", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_LAMBDA_RUNTIME_API",
                           "AWS_LAMBDA_FUNCTION_NAME", "AWS_XRAY_DAEMON_ADDRESS", "TZ",
                           "AWS_EXECUTION_ENV", "LAMBDA_TASK_ROOT"}) {
    input_.customer[name] = "mine";
    EXPECT_NE(Get(name), "mine") << name;
  }
  for (const char* name :
       {"PATH", "LD_LIBRARY_PATH", "LANG", "HOME", "TABLE", "AWS_ENDPOINT_URL"}) {
    input_.customer[name] = "mine";
    EXPECT_EQ(Get(name), "mine") << name;
  }
}

TEST_F(EnvironmentTest, OmitsWhatHasNoValue) {
  input_.handler.clear();
  input_.endpoint_url.clear();
  EXPECT_EQ(Get("_HANDLER"), "(none)");
  EXPECT_EQ(Get("AWS_ENDPOINT_URL"), "(none)");
}

TEST_F(EnvironmentTest, KeepsACustomersValueByteForByte) {
  const std::string value = "a=b \"c\"\n$D \xc3\xa9";
  input_.customer["ODD"] = value;
  input_.customer["EMPTY"] = "";
  EXPECT_EQ(Get("ODD"), value);
  EXPECT_EQ(Get("EMPTY"), "");
}

TEST_F(EnvironmentTest, TellsNodeWhereItsModulesAre) {
  EXPECT_EQ(Get("NODE_PATH"), "(none)");
  runtime_.language = Language::kNode;
  runtime_.version = "20.19.2";
  const std::string path = Get("NODE_PATH");
  EXPECT_TRUE(path.starts_with("/opt/nodejs/node20/node_modules:")) << path;
  runtime_.name = "nodejs22.x";
  const std::string asked = Get("NODE_PATH");
  EXPECT_EQ(asked, "/opt/nodejs/node22/node_modules:" + path);
  EXPECT_NE(path.find(":/var/task:"), std::string::npos);
}

// None of the daemon's own variables: this process has some.
TEST_F(EnvironmentTest, LetsNothingOfTheDaemonsIn) {
  ::setenv("HEARTH_SECRET_OF_THE_DAEMON", "x", 1);
  EXPECT_EQ(Get("HEARTH_SECRET_OF_THE_DAEMON"), "(none)");
  ::unsetenv("HEARTH_SECRET_OF_THE_DAEMON");
}

TEST(IsReservedName, KnowsTheNamesThatACustomerMayNotSet) {
  for (const char* name : {"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_REGION", "AWS_SESSION_TOKEN",
                           "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"}) {
    EXPECT_TRUE(IsReservedName(name)) << name;
  }
  for (const char* name : {"", "aws_region", "AWS_REGION2", "PATH", "TABLE", "AWS_ENDPOINT_URL",
                           "AWS_LAMBDA_EXEC_WRAPPER"}) {
    EXPECT_FALSE(IsReservedName(name)) << name;
  }
}

}  // namespace
}  // namespace hearth::runtime
