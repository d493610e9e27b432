// Tags, and what is kept of a function and shown: every operation, every named error.
#include <gtest/gtest.h>

#include "api_fixture.h"
#include "base/digest.h"

namespace hearth::invoker {
namespace {

using base::Json;

constexpr char kArn[] = "arn:aws:lambda:us-east-1:000000000000:function:Hello";

class FunctionControls : public test::ApiFixture {
 protected:
  FunctionControls() { EXPECT_TRUE(Create("Hello", Publication::kVersion)); }
  std::string Tags(const char* method, const std::string& rest = "", const Json& tags = {},
                   const std::string& arn = kArn) {
    AskPath(method, "/2017-03-31/tags/" + arn + rest,
            tags.is_null() ? "" : Json{{"Tags", tags}}.dump());
    return Shown();
  }
  Json Listed() {
    Tags("GET");
    return Body()["Tags"];
  }
  std::string Put(const std::string& path, const std::string& body) {
    AskPath("PUT", path, body);
    return Shown();
  }
};

TEST_F(FunctionControls, TagsAreAddedListedShownAndTakenAway) {
  EXPECT_EQ(Listed(), Json::object());
  EXPECT_EQ(Tags("POST", "", {{"a", "1"}, {"b", ""}}), "204");
  EXPECT_EQ(Tags("POST", "", {{"a", "2"}, {"c d", "gr\u00fc\u00df"}}), "204");
  const Json all{{"a", "2"}, {"b", ""}, {"c d", "gr\u00fc\u00df"}};
  EXPECT_EQ(Listed(), all);
  Ask("GET", "");
  EXPECT_EQ(Body()["Tags"], all);
  Restart();
  EXPECT_EQ(Listed(), all);
  EXPECT_EQ(Tags("DELETE", "?tagKeys=a&tagKeys=c%20d&tagKeys=none"), "204");
  EXPECT_EQ(Listed(), Json({{"b", ""}}));
  AskPath("GET",
          "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3AHello");
  EXPECT_EQ(Body()["Tags"], Json({{"b", ""}})) << "as clients write it";
  EXPECT_EQ(Ask("PUT", "configuration", R"({"Timeout":9})").status, 200);
  EXPECT_EQ(Listed(), Json({{"b", ""}})) << "an update leaves them";
}

TEST_F(FunctionControls, ATagGivesAnotherRevisionAndKeepsTheInstances) {
  const FunctionRef before = registry->Find("Hello");
  EXPECT_EQ(Tags("POST", "", {{"a", "1"}}), "204");
  EXPECT_EQ(registry->Find("Hello")->revision_id, before->revision_id);
  EXPECT_NE(ShownRevision(*registry->Find("Hello")), ShownRevision(*before));
}

TEST_F(FunctionControls, FiftyTagsAreTheMost) {
  Json many = Json::object();
  for (int i = 0; i < 50; ++i) many["k" + std::to_string(i)] = "v";
  EXPECT_EQ(Tags("POST", "", many), "204");
  EXPECT_EQ(Tags("POST", "", {{"k0", "other"}}), "204") << "none more";
  EXPECT_EQ(Tags("POST", "", {{"one", "more"}}),
            "400 InvalidParameterValueException: Number of tags exceeds resource tag limit.");
  EXPECT_EQ(Listed().size(), 50u);
}

TEST_F(FunctionControls, BadTagsAreRefused) {
  EXPECT_EQ(Tags("POST", "", Json::object()),
            "400 InvalidParameterValueException: An error occurred and the request cannot be "
            "processed.");
  EXPECT_EQ(Tags("DELETE"),
            "400 ValidationException: 1 validation error detected: Value null at 'tagKeys' failed "
            "to satisfy constraint: Member must not be null");
  for (const Json& tags :
       {Json{{"aws:x", "1"}}, Json{{"", "1"}}, Json{{std::string(129, 'k'), "1"}},
        Json{{"k", std::string(257, 'v')}}, Json{{"k", 7}}, Json{{"k*", "v"}}, Json{{"k", "v\n"}},
        Json("k"), Json(nullptr)}) {
    EXPECT_TRUE(Tags("POST", "", tags).starts_with("400 ")) << tags;
  }
  EXPECT_TRUE(Tags("DELETE", "?tagKeys=aws:x").starts_with("400 Invalid"));
  EXPECT_EQ(Tags("POST", ":1", {{"a", "1"}}),
            "400 InvalidParameterValueException: Tags on function aliases and versions are not "
            "supported. Please specify a function ARN.");
  const std::string none = "arn:aws:lambda:us-east-1:000000000000:function:None";
  for (const char* method : {"GET", "POST"}) {
    EXPECT_EQ(Tags(method, "", {{"a", "1"}}, none),
              "404 ResourceNotFoundException: Function not found: " + none);
  }
  EXPECT_TRUE(Tags("GET", "", {}, "Hello")
                  .starts_with("400 ValidationException: 1 validation error "
                               "detected: Value 'Hello' at 'resource'"));
  EXPECT_EQ(Listed(), Json::object());
  AskPath("PUT", std::string("/2017-03-31/tags/") + kArn);
  EXPECT_EQ(last.status, 501);
}

TEST_F(FunctionControls, ASystemTagIsNoUsersToGiveAtCreation) {
  const std::string zip =
      base::Base64Encode(MUST(layers::PackZipOfText("bootstrap", "#!/bin/x\n")));
  AskPath(
      "POST", "/2015-03-31/functions",
      R"({"FunctionName":"New","Runtime":"provided.al2023","Handler":"h",)"
      R"("Role":"arn:aws:iam::000000000000:role/r","Tags":{"aws:cloudformation:stack-name":"x"},)"
      R"("Code":{"ZipFile":")" +
          zip + "\"}}");
  EXPECT_TRUE(Shown().starts_with("400 InvalidParameterValueException")) << Shown();
}

TEST_F(FunctionControls, WhatBecomesOfLoopsIsKept) {
  const std::string path = "/2024-08-31/functions/Hello/recursion-config";
  AskPath("GET", path);
  EXPECT_EQ(Body(), Json({{"RecursiveLoop", "Terminate"}}));
  EXPECT_EQ(Put(path, R"({"RecursiveLoop":"Allow"})"), "200");
  EXPECT_EQ(Body(), Json({{"RecursiveLoop", "Allow"}}));
  Restart();
  EXPECT_EQ(Ask("PUT", "configuration", R"({"Timeout":9})").status, 200);
  AskPath("GET", path);
  EXPECT_EQ(Body(), Json({{"RecursiveLoop", "Allow"}}));
  EXPECT_EQ(Put(path, R"({"RecursiveLoop":"Stop"})"),
            "400 ValidationException: 1 validation error detected: Value 'Stop' at 'recursiveLoop' "
            "failed to satisfy constraint: Member must satisfy enum value set: [Terminate, Allow]");
  EXPECT_TRUE(Put(path, "{}").starts_with("400 ValidationException"));
  AskPath("GET", "/2024-08-31/functions/None/recursion-config");
  EXPECT_EQ(last.status, 404);
  AskPath("GET", "/2024-08-31/functions/Hello:1/recursion-config");
  EXPECT_EQ(last.status, 400);
}

TEST_F(FunctionControls, AReplacementSaysAllOfThem) {
  FunctionSettings settings = SettingsOf(*registry->Find("Hello"));
  const auto replace = [&] {
    return Wait([&](ControlPlane::Done done) { control->Replace(settings, "", std::move(done)); });
  };
  settings.allows_loops = true;
  settings.update_runtime_on = "FunctionUpdate";
  ASSERT_TRUE(replace());
  EXPECT_TRUE(registry->Find("Hello")->allows_loops);
  EXPECT_EQ(registry->Find("Hello")->update_runtime_on, "FunctionUpdate");
  EXPECT_EQ(Ask("PUT", "configuration", R"({"Timeout":9})").status, 200);
  EXPECT_TRUE(registry->Find("Hello")->allows_loops) << "an update leaves them";
  EXPECT_EQ(registry->Find("Hello")->update_runtime_on, "FunctionUpdate");
  settings.allows_loops = false;
  settings.update_runtime_on = "Auto";
  ASSERT_TRUE(replace());
  EXPECT_FALSE(registry->Find("Hello")->allows_loops);
  EXPECT_EQ(registry->Find("Hello")->update_runtime_on, "Auto");
  settings.update_runtime_on = "Never";
  EXPECT_EQ(replace().error().type, "ValidationException");
  settings.update_runtime_on = "Manual";
  EXPECT_EQ(replace().error().message,
            "RuntimeVersionArn must be specified when UpdateRuntimeOn is Manual.");
  settings.runtime_version_arn = "arn:aws:lambda:us-east-1::runtime:another";
  EXPECT_TRUE(replace().error().message.starts_with("Hearth has one version of"));
}

TEST_F(FunctionControls, WhenARuntimeIsUpdatedIsKept) {
  const std::string path = "/2021-07-20/functions/Hello/runtime-management-config";
  AskPath("GET", path);
  EXPECT_EQ(Body(), Json({{"UpdateRuntimeOn", "Auto"}, {"FunctionArn", kArn}}));
  EXPECT_EQ(Put(path, R"({"UpdateRuntimeOn":"FunctionUpdate"})"), "200");
  Ask("GET", "configuration");
  const std::string version = Body()["RuntimeVersionConfig"]["RuntimeVersionArn"];
  const Json manual{{"UpdateRuntimeOn", "Manual"}, {"RuntimeVersionArn", version}};
  EXPECT_EQ(Put(path + "?Qualifier=1", manual.dump()), "200");
  EXPECT_EQ(Body(), Json({{"UpdateRuntimeOn", "Manual"},
                          {"RuntimeVersionArn", version},
                          {"FunctionArn", std::string(kArn) + ":1"}}));
  Restart();
  EXPECT_EQ(Ask("PUT", "configuration", R"({"Timeout":9})").status, 200);
  AskPath("GET", path);
  EXPECT_EQ(Body()["UpdateRuntimeOn"], "FunctionUpdate");
  AskPath("GET", path + "?Qualifier=1");
  EXPECT_EQ(Body()["UpdateRuntimeOn"], "Manual");
  const char* const wrong[] = {"{}", R"({"UpdateRuntimeOn":"Never"})",
                               R"({"UpdateRuntimeOn":"Manual"})",
                               R"({"UpdateRuntimeOn":"Auto","RuntimeVersionArn":"arn"})",
                               R"({"UpdateRuntimeOn":"Manual","RuntimeVersionArn":"arn:other"})"};
  for (const char* body : wrong) EXPECT_TRUE(Put(path, body).starts_with("400 ")) << body;
  EXPECT_EQ(Put(path + "?Qualifier=9", R"({"UpdateRuntimeOn":"Auto"})"),
            std::string("404 ResourceNotFoundException: Function not found: ") + kArn + ":9");
}

TEST_F(FunctionControls, NobodySignsTheCode) {
  const std::string path = "/2020-06-30/functions/Hello/code-signing-config";
  AskPath("GET", path);
  EXPECT_EQ(Shown(), "200");
  EXPECT_EQ(Body(), Json::object());
  EXPECT_EQ(Put(path, R"({"CodeSigningConfigArn":"arn:x"})"),
            "404 CodeSigningConfigNotFoundException: The code signing configuration cannot be "
            "found. Check that the provided configuration is not deleted: arn:x.");
  AskPath("DELETE", path);
  EXPECT_EQ(last.status, 204);
  AskPath("GET", "/2020-06-30/functions/None/code-signing-config");
  EXPECT_EQ(last.status, 404);
}

TEST_F(FunctionControls, InvokeAsyncAcceptsAnEvent) {
  AskPath("POST", "/2014-11-13/functions/Hello/invoke-async/", R"({"n":1})");
  EXPECT_EQ(last.status, 202);
  loop.RunUntil([&] { return !invoker.payloads.empty(); });
  EXPECT_EQ(invoker.payloads[0], R"({"n":1})");
  AskPath("POST", "/2014-11-13/functions/Hello/invoke-async/", "{");
  EXPECT_TRUE(Shown().starts_with("400 InvalidRequestContentException"));
  AskPath("POST", "/2014-11-13/functions/None/invoke-async", "{}");
  EXPECT_EQ(last.status, 404);
}

}  // namespace
}  // namespace hearth::invoker
