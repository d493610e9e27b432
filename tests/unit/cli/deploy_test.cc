#include "cli/deploy.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <sstream>

#include "base/digest.h"
#include "base/file.h"
#include "base/id.h"
#include "base/json.h"

namespace hearth::cli {
namespace {

using testing::HasSubstr;

class DeployTest : public testing::Test {
 protected:
  DeployTest() {
    folder_ = testing::TempDir() + "my_app." + base::NewHexId(8);
    EXPECT_TRUE(base::MakeFolders(folder_));
    EXPECT_TRUE(base::WriteFileAtomically(folder_ + "/template.yaml", "Resources: {}\n"));
    EXPECT_TRUE(base::WriteFileAtomically(folder_ + "/code.zip", "PK-bytes"));
  }
  ~DeployTest() override { (void)base::RemoveTree(folder_); }

  // Answers by method and path's end; notes what was asked.
  Client MakeClient() {
    return Client("http://h:1",
                  [this](const io::FetchRequest& request) -> base::Result<io::HttpResponse> {
                    asked_ += request.method + " " + request.url.substr(10) + "\n";
                    if (request.method == "HEAD")
                      return io::HttpResponse{.status = has_code_ ? 200 : 404};
                    if (request.method == "PUT") put_ = request.body;
                    if (request.url.ends_with("/plan")) return plan_;
                    if (request.method == "POST") {
                      sent_ = *base::ParseJson(request.body);
                      // Cut anywhere, as a stream is.
                      for (size_t at = 0; at < events_.size(); at += 7)
                        request.sink(events_.substr(at, 7));
                      return io::HttpResponse{.status = apply_status_};
                    }
                    return io::HttpResponse{};
                  });
  }
  int Run(DeployOptions options = {}) {
    if (options.template_path.empty()) options.template_path = folder_ + "/template.yaml";
    if (options.stack.empty()) options.stack = "app";
    Console console{out_, err_};
    return RunDeploy(MakeClient(), console, options);
  }

  std::string folder_, asked_, put_;
  base::Json sent_;
  bool has_code_ = false;
  int apply_status_ = 200;
  io::HttpResponse plan_{.body = R"({"artifacts":[{"path":"code.zip","kind":"code"}]})"};
  std::string events_ =
      "{\"event\":\"resource\",\"logical_id\":\"Hello\",\"status\":\"created\"}\n"
      "{\"event\":\"done\",\"status\":\"succeeded\",\"outputs\":{\"Arn\":\"arn:1\"}}\n";
  std::ostringstream out_, err_;
};

TEST_F(DeployTest, UploadsWhatTheHostLacksAndSendsItsDigest) {
  EXPECT_EQ(Run({.parameters = {"Stage=prod=1"}}), kOk) << err_.str();
  const std::string digest = base::ToHex(base::Sha256Of("PK-bytes"));
  EXPECT_EQ(put_, "PK-bytes");
  EXPECT_EQ(sent_["artifacts"]["code.zip"], digest);
  EXPECT_EQ(sent_["parameters"]["Stage"], "prod=1");
  EXPECT_EQ(sent_["template_name"], "template.yaml");
  EXPECT_THAT(out_.str(), HasSubstr("arn:1"));
  EXPECT_THAT(err_.str(), HasSubstr("Hello"));
}

TEST_F(DeployTest, PacksCodeThatIsASingleFile) {
  EXPECT_TRUE(base::WriteFileAtomically(folder_ + "/app.py", "def handler(e, c): return 1"));
  plan_.body = R"({"artifacts":[{"path":"app.py","kind":"code"}]})";
  EXPECT_EQ(Run(), kOk) << err_.str();
  EXPECT_THAT(put_, HasSubstr("app.py"));
  EXPECT_THAT(put_, testing::StartsWith("PK\x03\x04"));
}

TEST_F(DeployTest, ShowsEachNoticeOnce) {
  plan_.body = R"({"artifacts":[],"notices":[{"message":"rounded up","line":3}]})";
  events_ = "{\"event\":\"notice\",\"message\":\"rounded up\",\"line\":3}\n" + events_;
  EXPECT_EQ(Run(), kOk);
  const std::string said = err_.str();
  EXPECT_NE(said.find("line 3: rounded up"), std::string::npos) << said;
  EXPECT_EQ(said.find("rounded up"), said.rfind("rounded up")) << said;
}

TEST_F(DeployTest, DoesNotSendCodeThatTheHostHas) {
  has_code_ = true;
  EXPECT_EQ(Run(), kOk);
  EXPECT_EQ(asked_.find("PUT"), std::string::npos);
}

TEST_F(DeployTest, ShowsTemplateErrorsAsCompilersDo) {
  plan_ = {.status = 400,
           .body = R"({"errors":[{"line":12,"column":7,"message":"no such type"}]})"};
  EXPECT_EQ(Run(), kUsage);
  EXPECT_THAT(err_.str(), HasSubstr(folder_ + "/template.yaml:12:7: error: no such type"));
  EXPECT_EQ(asked_.find("PUT"), std::string::npos);
}

TEST_F(DeployTest, AFailedDeploymentEndsWithOne) {
  events_ = "{\"event\":\"done\",\"status\":\"rolled back\"}\n";
  EXPECT_EQ(Run(), kFunctionError);
  EXPECT_THAT(err_.str(), HasSubstr("rolled back"));
}

TEST_F(DeployTest, AStreamThatEndsEarlyIsNoSuccess) {
  events_ = "{\"event\":\"resource\",\"logical_id\":\"Hello\"}\n";
  EXPECT_EQ(Run(), kHostError);
  events_ = "{\"event\":\"done\",\"sta";
  EXPECT_EQ(Run(), kHostError);
}

TEST_F(DeployTest, ARefusalWhileApplyingIsShownInTheHostsWords) {
  apply_status_ = 409;
  events_ = R"({"errors":[{"line":0,"column":0,"message":"the stack is being changed"}]})";
  EXPECT_EQ(Run(), kHostError);
  EXPECT_THAT(err_.str(), HasSubstr("the stack is being changed"));
}

TEST_F(DeployTest, NamesTheMissingCodeAndTheMissingTemplate) {
  plan_.body = R"({"artifacts":[{"path":"src/","kind":"layer","line":7,"column":9}]})";
  EXPECT_EQ(Run(), kUsage);
  EXPECT_THAT(err_.str(), HasSubstr("/template.yaml:7:9: error: there is no " + folder_ +
                                    "/src/, the layer that is named here"));
  EXPECT_EQ(Run({.template_path = "/nowhere/t.yaml"}), kUsage);
  EXPECT_THAT(err_.str(), HasSubstr("/nowhere/t.yaml"));
}

TEST_F(DeployTest, RefusesMalformedParametersAndStackNames) {
  for (const char* parameter : {"x", "=1", ""}) {
    EXPECT_EQ(Run({.parameters = {parameter}}), kUsage) << parameter;
  }
  EXPECT_EQ(Run({.parameters = {"a=1", "a=2"}}), kUsage);
  for (const char* stack : {"../x", "a b", "1a", "a/b"}) {
    EXPECT_EQ(Run({.stack = stack}), kUsage) << stack;
  }
  EXPECT_EQ(asked_, "");
}

TEST(StackName, IsMadeFromAnyFolder) {
  EXPECT_EQ(StackNameFrom("hello"), "hello");
  EXPECT_EQ(StackNameFrom("my_app v2."), "my-app-v2");
  EXPECT_EQ(StackNameFrom("2nd"), "stack-2nd");
  EXPECT_EQ(StackNameFrom("\xc3\xa9"), "stack");
  EXPECT_EQ(StackNameFrom(std::string(500, 'a')).size(), 128u);
}

}  // namespace
}  // namespace hearth::cli
