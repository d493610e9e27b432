#include "stacks/stacks_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stacks_server.h"

namespace hearth::stacks {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kTemplate[] =
    "Transform: AWS::Serverless-2016-10-31\n"
    "Resources:\n"
    "  Hello:\n"
    "    Type: AWS::Serverless::Function\n"
    "    Properties:\n"
    "      CodeUri: src/\n"
    "      Handler: app.handler\n"
    "      Runtime: python3.12\n"
    "Outputs: {Arn: {Value: !GetAtt Hello.Arn}}\n";

class StacksApiTest : public StacksServer {
 protected:
  base::Json Errors(const io::HttpResponse& response) {
    return MUST(base::ParseJson(response.body)).at("errors");
  }
  std::string Upload(const std::string& zip) {
    const std::string digest = base::ToHex(base::Sha256Of(zip));
    EXPECT_EQ(Ask("PUT", "/_hearth/artifacts/" + digest, zip).status, 200);
    return digest;
  }
  std::string Body(const std::string& text, const std::string& digest = "") {
    base::Json body = {{"template", text}, {"template_name", "template.yaml"}};
    if (!digest.empty()) body["artifacts"] = {{"src/", digest}};
    return base::ToJsonText(body);
  }
};

TEST_F(StacksApiTest, ATemplateIsPlannedUploadedDeployedShownAndDeleted) {
  const auto plan = Ask("POST", "/_hearth/stacks/shop/plan", Body(kTemplate));
  ASSERT_EQ(plan.status, 200) << plan.body;
  const auto planned = *base::ParseJson(plan.body);
  EXPECT_EQ(planned.at("artifacts").at(0).at("path"), "src/");
  EXPECT_EQ(planned.at("artifacts").at(0).at("kind"), "code");
  EXPECT_EQ(planned.at("resources").at(0).at("physical_id"), "Hello");
  EXPECT_TRUE(registry.functions.empty());

  const std::string digest = base::ToHex(base::Sha256Of("zip"));
  EXPECT_EQ(Ask("HEAD", "/_hearth/artifacts/" + digest).status, 404);
  Upload("zip");
  EXPECT_EQ(Ask("HEAD", "/_hearth/artifacts/" + digest).status, 200);

  const auto deployed = Ask("POST", "/_hearth/stacks/shop", Body(kTemplate, digest));
  ASSERT_EQ(deployed.status, 200) << deployed.body;
  const auto events = Events(deployed);
  ASSERT_EQ(events.size(), 3u) << deployed.body;
  EXPECT_EQ(events[0].at("action"), "create");
  EXPECT_EQ(events[0].at("status"), "started");
  EXPECT_EQ(events[1].at("status"), "done");
  EXPECT_EQ(events[2].at("event"), "done");
  EXPECT_EQ(events[2].at("status"), "succeeded");
  EXPECT_EQ(events[2].at("outputs").at("Arn"),
            "arn:aws:lambda:us-east-1:000000000000:function:Hello");
  EXPECT_TRUE(api->idle());
  EXPECT_EQ(registry.Find("Hello")->role, "arn:aws:iam::000000000000:role/shop-HelloRole");

  EXPECT_THAT(Ask("GET", "/_hearth/stacks").body, HasSubstr("\"shop\""));
  const auto shown = *base::ParseJson(Ask("GET", "/_hearth/stacks/shop").body);
  EXPECT_EQ(shown.at("status"), "deployed");
  EXPECT_EQ(shown.at("resources").at(0).at("logical_id"), "Hello");

  EXPECT_THAT(Ask("POST", "/_hearth/stacks/shop", Body(kTemplate, digest)).body,
              HasSubstr("unchanged"));
  EXPECT_THAT(Ask("DELETE", "/_hearth/stacks/shop").body, HasSubstr("succeeded"));
  EXPECT_TRUE(registry.functions.empty());
  EXPECT_EQ(Ask("GET", "/_hearth/stacks/shop").status, 404);
  EXPECT_EQ(Ask("DELETE", "/_hearth/stacks/shop").status, 404);
}

TEST_F(StacksApiTest, ABadTemplateIsRefusedWithItsPlacesAndNothingIsChanged) {
  const std::string bad = std::string(kTemplate) + "Broken: 1\n";
  for (const auto* path : {"/_hearth/stacks/shop/plan", "/_hearth/stacks/shop"}) {
    const auto answer = Ask("POST", path, Body(bad));
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(Errors(answer).at(0).at("line"), 10);
    EXPECT_EQ(Errors(answer).at(0).at("column"), 1);
  }
  EXPECT_TRUE(control.calls.empty());
  EXPECT_TRUE(api->idle());
}

TEST_F(StacksApiTest, WhatTheControlPlaneRefusesIsSaidAtItsProperty) {
  std::string text = kTemplate;
  text.insert(text.find("Outputs"), "      MemorySize: 64\n");
  const auto answer = Ask("POST", "/_hearth/stacks/shop/plan", Body(text));
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(Errors(answer).at(0).at("line"), 9);
  EXPECT_EQ(Errors(answer).at(0).at("column"), 7);
  EXPECT_THAT(Errors(answer).at(0).at("message").get<std::string>(), HasSubstr("memorySize"));
}

TEST_F(StacksApiTest, AFunctionOfAnotherStackIsNotTaken) {
  const auto digest = Upload("zip");
  Ask("POST", "/_hearth/stacks/shop", Body(kTemplate, digest));
  const auto answer = Ask("POST", "/_hearth/stacks/other", Body(kTemplate, digest));
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(Errors(answer).at(0).at("line"), 3);
  EXPECT_THAT(Errors(answer).at(0).at("message").get<std::string>(),
              HasSubstr("belongs to the stack 'shop'"));
}

TEST_F(StacksApiTest, ASecondDeploymentAtOnceIsAConflict) {
  const auto digest = Upload("zip");
  control.dies_before = {"create Hello"};
  Hang({.method = "POST", .target = "/_hearth/stacks/shop", .body = Body(kTemplate, digest)});
  EXPECT_FALSE(api->idle());
  const auto answer = Ask("POST", "/_hearth/stacks/shop", Body(kTemplate, digest));
  EXPECT_EQ(answer.status, 409);
  EXPECT_THAT(answer.body, HasSubstr("is being changed"));
  EXPECT_EQ(Ask("DELETE", "/_hearth/stacks/shop").status, 409);
  // Nor does another stack get the name meanwhile.
  EXPECT_THAT(Ask("POST", "/_hearth/stacks/other", Body(kTemplate, digest)).body,
              HasSubstr("is being changed by the stack 'shop'"));
}

TEST_F(StacksApiTest, AnArtifactMustBeWhatItsNameSays) {
  const std::string wrong(64, 'a');
  const auto answer = Ask("PUT", "/_hearth/artifacts/" + wrong, "zip");
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("the body's SHA-256 is"));
  EXPECT_EQ(Ask("PUT", "/_hearth/artifacts/" + std::string(64, 'A'), "zip").status, 400);
  EXPECT_EQ(Ask("PUT", "/_hearth/artifacts/..%2f..%2fetc%2fpasswd", "zip").status, 400);
  EXPECT_EQ(Ask("PUT", "/_hearth/artifacts/", "zip").status, 400);
  EXPECT_TRUE(code.zips.empty());
}

TEST_F(StacksApiTest, ADeploymentWithoutItsArtifactChangesNothing) {
  const auto unnamed = Ask("POST", "/_hearth/stacks/shop", Body(kTemplate));
  EXPECT_EQ(unnamed.status, 400);
  EXPECT_EQ(Errors(unnamed).at(0).at("line"), 6);
  const auto missing = Ask("POST", "/_hearth/stacks/shop", Body(kTemplate, std::string(64, 'a')));
  EXPECT_EQ(missing.status, 400);
  EXPECT_THAT(missing.body, HasSubstr("was not uploaded"));
  EXPECT_TRUE(control.calls.empty());
  EXPECT_TRUE(api->idle());
}

TEST_F(StacksApiTest, AFailureIsStreamedAsARollBack) {
  const auto digest = Upload("zip");
  control.failing = {"create Hello"};
  const auto events = Events(Ask("POST", "/_hearth/stacks/shop", Body(kTemplate, digest)));
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back().at("status"), "rolled back");
  EXPECT_THAT(events.back().at("reason").get<std::string>(), HasSubstr("was told to fail"));
  EXPECT_EQ(Ask("GET", "/_hearth/stacks/shop").status, 404);
}

TEST_F(StacksApiTest, MalformedRequestsAreRefused) {
  EXPECT_EQ(Ask("POST", "/_hearth/stacks/shop", "{").status, 400);
  EXPECT_EQ(Ask("POST", "/_hearth/stacks/shop", "[]").status, 400);
  EXPECT_EQ(Ask("POST", "/_hearth/stacks/shop", "{\"template\": 1}").status, 400);
  EXPECT_EQ(Ask("POST", "/_hearth/stacks/9shop", Body(kTemplate)).status, 400);
  EXPECT_EQ(Ask("POST", "/_hearth/stacks/a%2Fb", Body(kTemplate)).status, 400);
  EXPECT_EQ(Ask("POST", "/_hearth/stacks/shop", R"({"template": "", "parameters": [1]})").status,
            400);
  EXPECT_EQ(Ask("PATCH", "/_hearth/stacks/shop").status, 405);
  EXPECT_EQ(Ask("POST", "/_hearth/stacks").status, 405);
  EXPECT_EQ(Ask("GET", "/_hearth/stacksful").status, 404);
}

TEST_F(StacksApiTest, RecoveryEndsWhatAKillCutShort) {
  const auto digest = Upload("zip");
  control.dies_after = {"create Hello"};
  Hang({.method = "POST", .target = "/_hearth/stacks/shop", .body = Body(kTemplate, digest)});

  const auto again = NewApi(reborn_control);
  EXPECT_TRUE(again->CodeInUse().contains(digest));
  std::optional<std::vector<std::string>> report;
  again->Recover([&](std::vector<std::string> lines) { report = std::move(lines); });
  EXPECT_FALSE(again->idle());
  loop.RunUntil([&] { return report.has_value(); });
  EXPECT_THAT(
      *report,
      ElementsAre(HasSubstr("'shop' was being changed when the host stopped: rolled back")));
  EXPECT_TRUE(registry.functions.empty());
  EXPECT_TRUE(again->idle());
}

}  // namespace
}  // namespace hearth::stacks
