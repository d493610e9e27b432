// Policies of functions, versions and aliases on the wire: every operation, every named error.
#include <gtest/gtest.h>

#include "api_fixture.h"

namespace hearth::invoker {
namespace {

using base::Json;

constexpr char kArn[] = "arn:aws:lambda:us-east-1:000000000000:function:Hello";

class PolicyApiTest : public test::ApiFixture {
 protected:
  PolicyApiTest() {
    EXPECT_TRUE(Create("Hello", Publication::kVersion));
    EXPECT_EQ(Ask("POST", "aliases", R"({"Name":"PROD","FunctionVersion":"1"})").status, 201);
  }
  static Json Permission(const std::string& id = "s", const Json& more = {}) {
    Json out{{"StatementId", id}, {"Action", "lambda:InvokeFunction"}, {"Principal", "*"}};
    if (more.is_object()) out.update(more);
    return out;
  }
  std::string Add(const Json& body, const std::string& query = "") {
    Ask("POST", "policy" + query, body.dump());
    return Shown();
  }
  std::string Get(const std::string& query = "") {
    Ask("GET", "policy" + query);
    return Shown();
  }
  std::string Remove(const std::string& id, const std::string& query = "") {
    Ask("DELETE", "policy/" + id + query);
    return Shown();
  }
  std::string Revision(const std::string& query = "") {
    Ask("GET", "configuration" + query);
    return Body()["RevisionId"];
  }
};

constexpr char kNone[] =
    "404 ResourceNotFoundException: The resource you requested does not exist.";

TEST_F(PolicyApiTest, AStatementIsShownAsAwsWritesIt) {
  const struct {
    Json more;
    const char* principal;
    const char* condition;
  } rows[] = {
      {{{"Principal", "*"}}, R"("*")", ""},
      {{{"Principal", "123456789012"}}, R"({"AWS":"arn:aws:iam::123456789012:root"})", ""},
      {{{"Principal", "arn:aws:iam::123456789012:user/u"}},
       R"({"AWS":"arn:aws:iam::123456789012:user/u"})",
       ""},
      {{{"Principal", "s3.amazonaws.com"},
        {"SourceArn", "arn:aws:s3:::bucket"},
        {"SourceAccount", "123456789012"}},
       R"({"Service":"s3.amazonaws.com"})",
       R"(,"Condition":{"StringEquals":{"AWS:SourceAccount":"123456789012"},)"
       R"("ArnLike":{"AWS:SourceArn":"arn:aws:s3:::bucket"}})"},
      {{{"Principal", "alexa-appkit.amazon.com"}, {"EventSourceToken", "amzn1.ask-x"}},
       R"({"Service":"alexa-appkit.amazon.com"})",
       R"(,"Condition":{"StringEquals":{"lambda:EventSourceToken":"amzn1.ask-x"}})"},
      {{{"PrincipalOrgID", "o-1234567890"}},
       R"("*")",
       R"(,"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1234567890"}})"},
      {{{"FunctionUrlAuthType", "NONE"}},
       R"("*")",
       R"(,"Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}})"},
      {{{"InvokedViaFunctionUrl", true}},
       R"("*")",
       R"(,"Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}})"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(Add(Permission("s", row.more)), "201") << row.more;
    const std::string statement =
        std::string(R"({"Sid":"s","Effect":"Allow","Principal":)") + row.principal +
        R"(,"Action":"lambda:InvokeFunction","Resource":")" + kArn + "\"" + row.condition + "}";
    EXPECT_EQ(Body(), Json({{"Statement", statement}}));
    EXPECT_EQ(Get(), "200");
    EXPECT_EQ(Body()["Policy"],
              R"({"Version":"2012-10-17","Id":"default","Statement":[)" + statement + "]}");
    EXPECT_EQ(Remove("s"), "204");
    EXPECT_EQ(Get(), kNone);
  }
}

TEST_F(PolicyApiTest, FunctionVersionAndAliasHaveTheirOwnAndKeepThem) {
  for (const char* qualifier : {"", "?Qualifier=1", "?Qualifier=PROD"}) {
    EXPECT_EQ(Get(qualifier), kNone) << qualifier;
    EXPECT_EQ(Add(Permission(), qualifier), "201") << qualifier;
  }
  EXPECT_EQ(Add(Permission("t"), "?Qualifier=PROD"), "201");
  Restart();
  EXPECT_EQ(Get("?Qualifier=PROD"), "200");
  const Json policy = MUST(base::ParseJson(Body()["Policy"].get<std::string>()));
  ASSERT_EQ(policy["Statement"].size(), 2u);
  EXPECT_EQ(policy["Statement"][1]["Resource"], std::string(kArn) + ":PROD");
  EXPECT_EQ(Get("?Qualifier=$LATEST"), "200") << "the function's own";
  EXPECT_EQ(Ask("DELETE", "aliases/PROD").status, 204);
  EXPECT_EQ(Ask("POST", "aliases", R"({"Name":"PROD","FunctionVersion":"1"})").status, 201);
  EXPECT_EQ(Get("?Qualifier=PROD"), kNone) << "a new alias of the name of an old one";
  Ask("DELETE", "");
  ASSERT_TRUE(Create("Hello"));
  EXPECT_EQ(Get(), kNone) << "a new function of the name of an old one";
}

TEST_F(PolicyApiTest, AChangeGivesAnotherRevisionAndKeepsTheInstances) {
  const std::string before = Revision(), instances = registry->Find("Hello")->revision_id;
  EXPECT_EQ(Add(Permission("s", {{"RevisionId", "stale"}})),
            "412 PreconditionFailedException: The Revision Id provided does not match the latest "
            "Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id");
  EXPECT_EQ(Add(Permission("s", {{"RevisionId", before}})), "201");
  const std::string after = Revision();
  EXPECT_NE(after, before);
  EXPECT_EQ(registry->Find("Hello")->revision_id, instances);
  Get();
  EXPECT_EQ(Body()["RevisionId"], after);
  EXPECT_TRUE(Remove("s", "?RevisionId=" + before).starts_with("412 "));
  EXPECT_EQ(Remove("s", "?RevisionId=" + after), "204");
  EXPECT_NE(Revision(), after);
  // It is the one that updates expect, and an update makes another.
  const std::string latest = Revision();
  EXPECT_EQ(Ask("PUT", "configuration", R"({"Timeout":9,"RevisionId":")" + before + "\"}").status,
            412);
  EXPECT_EQ(Ask("PUT", "configuration", R"({"Timeout":9,"RevisionId":")" + latest + "\"}").status,
            200);
  EXPECT_NE(Revision(), latest);
  // A version's and an alias's.
  for (const char* query : {"?Qualifier=1", "?Qualifier=PROD"}) {
    EXPECT_EQ(Add(Permission(), query), "201");
    Get(query);
    const std::string shown = Body()["RevisionId"];
    Ask("GET", std::string(query).ends_with('1') ? "configuration?Qualifier=1" : "aliases/PROD");
    EXPECT_EQ(Body()["RevisionId"], shown);
  }
  EXPECT_EQ(Ask("POST", "versions").status, 201);
  EXPECT_EQ(Body()["Version"], "2");  // For the timeout.
  EXPECT_EQ(Add(Permission()), "201");
  EXPECT_EQ(Ask("POST", "versions").status, 201);
  EXPECT_EQ(Body()["Version"], "2") << "a policy is nothing to publish";
}

TEST_F(PolicyApiTest, NamedErrorsHaveAwssWords) {
  const std::string hello =
      std::string("404 ResourceNotFoundException: Function not found: ") + kArn;
  EXPECT_EQ(Remove("s"),
            "404 ResourceNotFoundException: No policy is associated with the given resource.");
  EXPECT_EQ(Add(Permission()), "201");
  EXPECT_EQ(Add(Permission()),
            "409 ResourceConflictException: The statement id (s) provided already exists. Please "
            "provide a new statement id, or remove the existing statement.");
  EXPECT_EQ(Remove("t"),
            "404 ResourceNotFoundException: Statement t is not found in resource policy.");
  EXPECT_EQ(Add(Permission(), "?Qualifier=$LATEST"),
            "400 InvalidParameterValueException: We currently do not support adding policies for "
            "$LATEST.");
  EXPECT_EQ(Add(Permission(), "?Qualifier=7"), hello + ":7");
  EXPECT_EQ(Get("?Qualifier=7"), hello + ":7");
  EXPECT_EQ(Add(Permission(), "?Qualifier=NEXT"),
            std::string("404 ResourceNotFoundException: Cannot find alias arn: ") + kArn + ":NEXT");
  const std::string none = "arn:aws:lambda:us-east-1:000000000000:function:None";
  for (const auto& [method, path, message] :
       {std::tuple("POST", "/policy", "Function not found: "),
        std::tuple("GET", "/policy", "Function not found: "),
        std::tuple("DELETE", "/policy/s", "No policy found for: ")}) {
    AskPath(method, std::string("/2015-03-31/functions/None") + path, Permission().dump());
    EXPECT_EQ(Shown(), std::string("404 ResourceNotFoundException: ") + message + none);
  }
}

TEST_F(PolicyApiTest, BadPermissionsAreRefusedAndNothingIsStored) {
  const std::pair<const char*, Json> wrong[] = {
      {"StatementId", Json()},
      {"StatementId", "a b"},
      {"StatementId", std::string(101, 'a')},
      {"StatementId", 7},
      {"Action", Json()},
      {"Action", "s3:GetObject"},
      {"Action", "lambda:"},
      {"Action", "lambda:A1"},
      {"Principal", Json()},
      {"Principal", "a b"},
      {"Principal", "somebody"},
      {"Principal", "12345678901"},
      {"Principal", "arn:"},
      {"SourceArn", "bucket"},
      {"SourceArn", "arn:aws:s3:::"},
      {"SourceAccount", "1"},
      {"EventSourceToken", "a b"},
      {"EventSourceToken", std::string(257, 'a')},
      {"PrincipalOrgID", "o-1"},
      {"FunctionUrlAuthType", "SOME"},
      {"InvokedViaFunctionUrl", "true"},
      {"RevisionId", 7},
  };
  for (const auto& [member, value] : wrong) {
    EXPECT_TRUE(Add(Permission("s", {{member, value}})).starts_with("400 ")) << member << value;
  }
  EXPECT_EQ(Add(Permission("s", {{"Principal", "somebody"}})),
            "400 InvalidParameterValueException: The provided principal was invalid. Please check "
            "the principal and try again.");
  EXPECT_EQ(Get(), kNone);
  for (const char* action : {"*", "lambda:*", "lambda:InvokeFunctionUrl"}) {
    EXPECT_EQ(Add(Permission("s", {{"Action", action}})), "201") << action;
    EXPECT_EQ(Remove("s"), "204");
  }
}

TEST_F(PolicyApiTest, APolicyEndsAtTwentyKilobytes) {
  const std::string source = "arn:aws:s3:::" + std::string(9000, 'b');
  EXPECT_EQ(Add(Permission("a", {{"SourceArn", source}})), "201");
  EXPECT_EQ(Add(Permission("b", {{"SourceArn", source}})), "201");
  const std::string refusal = Add(Permission("c", {{"SourceArn", source}}));
  EXPECT_TRUE(refusal.starts_with("400 PolicyLengthExceededException: The final policy size ("))
      << refusal;
  EXPECT_TRUE(refusal.ends_with(") is bigger than the limit (20480).")) << refusal;
  EXPECT_EQ(Remove("c"),
            "404 ResourceNotFoundException: Statement c is not found in resource policy.");
}

}  // namespace
}  // namespace hearth::invoker
