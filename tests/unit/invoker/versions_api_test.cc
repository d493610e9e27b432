// Versions, aliases and provisioned concurrency on the wire: every operation, every named error.
#include <gtest/gtest.h>

#include "api_fixture.h"
#include "base/digest.h"

namespace hearth::invoker {
namespace {

using base::Json;

constexpr char kArn[] = "arn:aws:lambda:us-east-1:000000000000:function:Hello";

class VersionsApiTest : public test::ApiFixture {
 protected:
  VersionsApiTest() {
    EXPECT_TRUE(Create("Hello", Publication::kVersion));
    EXPECT_EQ(Ask("PUT", "configuration", R"({"Timeout":9})").status, 200);
    EXPECT_EQ(Ask("POST", "versions").status, 201);  // 2
  }
};

TEST_F(VersionsApiTest, AVersionIsPublishedReadAndListed) {
  Ask("POST", "versions", R"({"Description":"again"})");
  EXPECT_EQ(last.status, 201);  // Nothing has changed: the last one.
  EXPECT_EQ(Body()["Version"], "2");
  EXPECT_EQ(Body()["FunctionArn"], std::string(kArn) + ":2");
  EXPECT_EQ(Body()["State"], "Active");
  const Json two = Body();
  Ask("GET", "configuration?Qualifier=2");
  EXPECT_EQ(Body(), two);
  Ask("GET", "configuration?Qualifier=1");
  EXPECT_EQ(Body()["Timeout"], 3);
  AskPath("GET", "/2015-03-31/functions/Hello:1");
  EXPECT_EQ(Body()["Configuration"]["Version"], "1");
  Ask("GET", "configuration?Qualifier=$LATEST");
  EXPECT_EQ(Body()["FunctionArn"], std::string(kArn) + ":$LATEST");
  EXPECT_NE(Body()["RevisionId"], two["RevisionId"]);

  Ask("GET", "versions?MaxItems=2");
  const Json page = Body();
  ASSERT_EQ(page["Versions"].size(), 2u);
  EXPECT_EQ(page["Versions"][0]["FunctionArn"], std::string(kArn) + ":$LATEST");
  EXPECT_EQ(page["Versions"][1]["Version"], "1");
  EXPECT_FALSE(page["Versions"][1].contains("State"));
  Ask("GET", "versions?Marker=" + page["NextMarker"].get<std::string>());
  ASSERT_EQ(Body()["Versions"].size(), 1u);
  EXPECT_EQ(Body()["Versions"][0]["Version"], "2");
  EXPECT_FALSE(Body().contains("NextMarker"));
  Ask("GET", "versions?MaxItems=1");
  Ask("GET", "versions?MaxItems=1&Marker=" + Body()["NextMarker"].get<std::string>());
  EXPECT_EQ(Body()["Versions"][0]["Version"], "1");

  AskPath("GET", "/2015-03-31/functions/?FunctionVersion=ALL&MaxItems=2");
  ASSERT_EQ(Body()["Functions"].size(), 2u);
  EXPECT_EQ(Body()["Functions"][1]["FunctionArn"], std::string(kArn) + ":1");
  AskPath("GET", "/2015-03-31/functions/?FunctionVersion=ALL&Marker=" +
                     Body()["NextMarker"].get<std::string>());
  ASSERT_EQ(Body()["Functions"].size(), 1u);
  EXPECT_EQ(Body()["Functions"][0]["FunctionArn"], std::string(kArn) + ":2");
}

TEST_F(VersionsApiTest, PublishInCreateAndUpdateAnswersWithTheVersion) {
  const std::string zip =
      base::Base64Encode(MUST(layers::PackZipOfText("bootstrap", "#!/bin/x\n")));
  AskPath("POST", "/2015-03-31/functions",
          R"({"FunctionName":"New","Runtime":"provided.al2023","Handler":"h","Publish":true,)"
          R"("Role":"arn:aws:iam::000000000000:role/r","Code":{"ZipFile":")" + zip + "\"}}");
  EXPECT_EQ(last.status, 201);
  EXPECT_EQ(Body()["Version"], "1");
  EXPECT_TRUE(Body()["FunctionArn"].get<std::string>().ends_with(":function:New"));
  Ask("PUT", "code", R"({"Publish":true,"ZipFile":")" + zip + "\"}");
  EXPECT_EQ(Body()["Version"], "3");
  EXPECT_EQ(Body()["FunctionArn"], std::string(kArn) + ":3");
  // The same code again: the last version.
  Ask("PUT", "code", R"({"Publish":true,"ZipFile":")" + zip + "\"}");
  EXPECT_EQ(Body()["Version"], "3");
}

TEST_F(VersionsApiTest, AnAliasIsMadeMovedListedAndDeleted) {
  Ask("POST", "aliases", R"({"Name":"PROD","FunctionVersion":"1","Description":"d",)"
                         R"("RoutingConfig":{"AdditionalVersionWeights":{"2":0.25}}})");
  EXPECT_EQ(last.status, 201);
  const Json made = Body();
  EXPECT_EQ(made["AliasArn"], std::string(kArn) + ":PROD");
  EXPECT_EQ(made["RoutingConfig"]["AdditionalVersionWeights"]["2"], 0.25);
  Ask("GET", "aliases/PROD");
  EXPECT_EQ(Body(), made);
  AskPath("GET", "/2015-03-31/functions/Hello?Qualifier=PROD");
  EXPECT_EQ(Body()["Configuration"]["FunctionArn"], std::string(kArn) + ":PROD");
  EXPECT_EQ(Body()["Configuration"]["Version"], "1");

  Ask("PUT", "aliases/PROD", R"({"FunctionVersion":"2","RoutingConfig":{}})");
  EXPECT_EQ(last.status, 200);
  EXPECT_EQ(Body()["FunctionVersion"], "2");
  EXPECT_EQ(Body()["Description"], "d");
  EXPECT_FALSE(Body().contains("RoutingConfig"));
  EXPECT_NE(Body()["RevisionId"], made["RevisionId"]);
  Ask("PUT", "aliases/PROD",
      R"({"Description":"x","RevisionId":")" + made["RevisionId"].get<std::string>() + "\"}");
  EXPECT_EQ(Shown(), "412 PreconditionFailedException: The Revision Id provided does not match the "
                     "latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest "
                     "Revision Id");

  Ask("POST", "aliases", R"({"Name":"BETA","FunctionVersion":"$LATEST"})");
  EXPECT_EQ(last.status, 201);
  Ask("GET", "aliases?MaxItems=1");
  EXPECT_EQ(Body()["Aliases"][0]["Name"], "BETA");
  Ask("GET", "aliases?Marker=" + Body()["NextMarker"].get<std::string>());
  ASSERT_EQ(Body()["Aliases"].size(), 1u);
  EXPECT_EQ(Body()["Aliases"][0]["Name"], "PROD");
  Ask("GET", "aliases?FunctionVersion=1");
  EXPECT_TRUE(Body()["Aliases"].empty());
  EXPECT_EQ(Ask("DELETE", "aliases/PROD").status, 204);
  EXPECT_EQ(Ask("DELETE", "aliases/PROD").status, 204);  // As AWS.
  EXPECT_EQ(AskPath("DELETE", "/2015-03-31/functions/Hello?Qualifier=2").status, 204);
}

struct Case {
  const char* method;
  const char* target;  // Below /2015-03-31/functions/, or absolute.
  const char* body;
  const char* shown;
};

TEST_F(VersionsApiTest, WhatIsWrongIsSaidInTheWordsOfAws) {
  ASSERT_EQ(Ask("POST", "aliases", R"({"Name":"PROD","FunctionVersion":"1"})").status, 201);
  constexpr char kProvisioned[] = "/2019-09-30/functions/Hello/provisioned-concurrency?Qualifier=";
  const std::string latest_alias = R"({"Name":"L","FunctionVersion":"$LATEST"})";
  ASSERT_EQ(Ask("POST", "aliases", latest_alias).status, 201);
  const std::string p1 = std::string(kProvisioned) + "1";
  const std::string p_latest = std::string(kProvisioned) + "$LATEST";
  const std::string p_l = std::string(kProvisioned) + "L";
  const std::string p_absent = std::string(kProvisioned) + "absent";
  const std::string p9 = std::string(kProvisioned) + "9";
  const Case cases[] = {
      {"POST", "absent/versions", "",
       "404 ResourceNotFoundException: Function not found: "
       "arn:aws:lambda:us-east-1:000000000000:function:absent"},
      {"POST", "Hello/versions", R"({"RevisionId":"x"})",
       "412 PreconditionFailedException: The Revision Id provided does not match the latest "
       "Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id"},
      {"POST", "Hello/versions", "[]",
       "400 SerializationException: The request body must be a JSON object."},
      {"GET", "absent/versions", "",
       "404 ResourceNotFoundException: Function not found: "
       "arn:aws:lambda:us-east-1:000000000000:function:absent"},
      {"GET", "Hello/versions?Marker=%21", "",
       "400 InvalidParameterValueException: Invalid pagination token."},
      {"GET", "Hello?Qualifier=9", "",
       "404 ResourceNotFoundException: Function not found: "
       "arn:aws:lambda:us-east-1:000000000000:function:Hello:9"},
      {"GET", "Hello?Qualifier=absent", "",
       "404 ResourceNotFoundException: Function not found: "
       "arn:aws:lambda:us-east-1:000000000000:function:Hello:absent"},
      {"POST", "Hello/invocations?Qualifier=absent", "{}",
       "404 ResourceNotFoundException: Function not found: "
       "arn:aws:lambda:us-east-1:000000000000:function:Hello:absent"},
      {"POST", "Hello:1/invocations?Qualifier=2", "{}",
       "400 InvalidParameterValueException: The derived qualifier from the function name does not "
       "match the specified qualifier."},
      {"DELETE", "Hello?Qualifier=1", "",
       "409 ResourceConflictException: Unable to delete version because the following aliases "
       "reference it: [PROD]"},
      {"DELETE", "Hello?Qualifier=$LATEST", "",
       "400 InvalidParameterValueException: $LATEST version cannot be deleted without deleting the "
       "function."},
      {"DELETE", "Hello?Qualifier=PROD", "",
       "400 InvalidParameterValueException: Deletion of aliases is not currently supported."},
      {"POST", "Hello/aliases", R"({"Name":"PROD","FunctionVersion":"1"})",
       "409 ResourceConflictException: Alias already exists: "
       "arn:aws:lambda:us-east-1:000000000000:function:Hello:PROD"},
      {"POST", "Hello/aliases", R"({"Name":"N","FunctionVersion":"9"})",
       "404 ResourceNotFoundException: Function not found: "
       "arn:aws:lambda:us-east-1:000000000000:function:Hello:9"},
      {"POST", "absent/aliases", R"({"Name":"N","FunctionVersion":"1"})",
       "404 ResourceNotFoundException: Function not found: "
       "arn:aws:lambda:us-east-1:000000000000:function:absent:1"},
      {"POST", "Hello/aliases",
       R"({"Name":"N","FunctionVersion":"1",)"
       R"("RoutingConfig":{"AdditionalVersionWeights":{"1":0.5}}})",
       "400 InvalidParameterValueException: Invalid function version 1. Function version 1 is "
       "already included in routing configuration."},
      {"POST", "Hello/aliases",
       R"({"Name":"N","FunctionVersion":"1",)"
       R"("RoutingConfig":{"AdditionalVersionWeights":{"9":0.5}}})",
       "404 ResourceNotFoundException: Function not found: "
       "arn:aws:lambda:us-east-1:000000000000:function:Hello:9"},
      {"POST", "Hello/aliases",
       R"({"Name":"N","FunctionVersion":"$LATEST",)"
       R"("RoutingConfig":{"AdditionalVersionWeights":{"1":0.5}}})",
       "400 InvalidParameterValueException: $LATEST is not supported for an alias pointing to more "
       "than 1 version"},
      {"GET", "Hello/aliases/absent", "",
       "404 ResourceNotFoundException: Cannot find alias arn: "
       "arn:aws:lambda:us-east-1:000000000000:function:Hello:absent"},
      {"PUT", "Hello/aliases/absent", "{}",
       "404 ResourceNotFoundException: Alias not found: "
       "arn:aws:lambda:us-east-1:000000000000:function:Hello:absent"},
      {"GET", "Hello/aliases?FunctionVersion=PROD", "",
       "400 ValidationException: 1 validation error detected: Value 'PROD' at 'functionVersion' "
       "failed to satisfy constraint: Member must satisfy regular expression pattern: "
       "(\\$LATEST|[0-9]+)"},
      {"PUT", p_latest.c_str(), R"({"ProvisionedConcurrentExecutions":1})",
       "400 InvalidParameterValueException: Provisioned Concurrency Configs cannot be applied to "
       "unpublished function versions."},
      {"PUT", p_l.c_str(), R"({"ProvisionedConcurrentExecutions":1})",
       "400 InvalidParameterValueException: Provisioned Concurrency Configs cannot be applied to "
       "unpublished function versions."},
      {"PUT", p1.c_str(), R"({"ProvisionedConcurrentExecutions":0})",
       "400 ValidationException: 1 validation error detected: Value '0' at "
       "'provisionedConcurrentExecutions' failed to satisfy constraint: Member must have value "
       "greater than or equal to 1"},
      {"PUT", p9.c_str(), R"({"ProvisionedConcurrentExecutions":1})",
       "404 ResourceNotFoundException: Function not found: "
       "arn:aws:lambda:us-east-1:000000000000:function:Hello:9"},
      {"GET", p_latest.c_str(), "",
       "400 InvalidParameterValueException: The function resource provided must be an alias or a "
       "published version."},
      {"GET", p_absent.c_str(), "",
       "404 ResourceNotFoundException: Cannot find alias arn: "
       "arn:aws:lambda:us-east-1:000000000000:function:Hello:absent"},
      {"GET", p1.c_str(), "",
       "404 ProvisionedConcurrencyConfigNotFoundException: No Provisioned Concurrency Config found "
       "for this function"},
  };
  for (const Case& each : cases) {
    const std::string target =
        each.target[0] == '/' ? each.target : "/2015-03-31/functions/" + std::string(each.target);
    AskPath(each.method, target, each.body);
    EXPECT_EQ(Shown(), each.shown) << each.method << " " << target << " " << each.body;
  }
}

TEST_F(VersionsApiTest, ACallRunsTheVersionThatItsQualifierMeans) {
  ASSERT_EQ(Ask("POST", "aliases", R"({"Name":"PROD","FunctionVersion":"1",)"
                                   R"("RoutingConfig":{"AdditionalVersionWeights":{"2":1.0}}})")
                .status,
            201);
  for (const auto& [target, version, arn] :
       {std::tuple("Hello/invocations", "$LATEST", ""), {"Hello:1/invocations", "1", ":1"},
        {"Hello/invocations?Qualifier=2", "2", ":2"},
        {"Hello/invocations?Qualifier=%24LATEST", "$LATEST", ":$LATEST"},
        {"arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3AHello%3APROD/invocations", "2",
         ":PROD"}}) {
    AskPath("POST", std::string("/2015-03-31/functions/") + target, "{}");
    EXPECT_EQ(last.headers.Get("X-Amz-Executed-Version"), version) << target;
    EXPECT_EQ(invoker.requests.back().invoked_arn, std::string(kArn) + arn) << target;
    EXPECT_EQ(invoker.requests.back().function->version, version) << target;
  }
}

TEST_F(VersionsApiTest, ProvisionedConcurrencyIsAskedForReadListedAndEnded) {
  const std::string path = "/2019-09-30/functions/Hello/provisioned-concurrency";
  AskPath("PUT", path + "?Qualifier=1", R"({"ProvisionedConcurrentExecutions":3})");
  EXPECT_EQ(last.status, 202);
  EXPECT_EQ(Body()["Status"], "IN_PROGRESS");
  EXPECT_EQ(Body()["RequestedProvisionedConcurrentExecutions"], 3);
  EXPECT_EQ(Body()["AllocatedProvisionedConcurrentExecutions"], 0);
  invoker.provisioned["1"] = 2;
  AskPath("GET", path + "?Qualifier=1");
  EXPECT_EQ(Body()["Status"], "IN_PROGRESS");
  EXPECT_EQ(Body()["AvailableProvisionedConcurrentExecutions"], 2);
  invoker.provisioned["1"] = 3;
  AskPath("GET", path + "?List=ALL");
  ASSERT_EQ(Body()["ProvisionedConcurrencyConfigs"].size(), 1u);
  EXPECT_EQ(Body()["ProvisionedConcurrencyConfigs"][0]["FunctionArn"], std::string(kArn) + ":1");
  EXPECT_EQ(Body()["ProvisionedConcurrencyConfigs"][0]["Status"], "READY");
  EXPECT_EQ(AskPath("DELETE", path + "?Qualifier=1").status, 204);
  AskPath("GET", path + "?List=ALL");
  EXPECT_TRUE(Body()["ProvisionedConcurrencyConfigs"].empty());
}

}  // namespace
}  // namespace hearth::invoker
