// Layers on the wire: every operation, every named error, and the functions that use them.
#include <gtest/gtest.h>

#include "api_fixture.h"
#include "base/digest.h"

namespace hearth::invoker {
namespace {

using base::Json;

constexpr char kArn[] = "arn:aws:lambda:us-east-1:000000000000:layer:";

class LayersApiTest : public test::ApiFixture {
 protected:
  // "409 ResourceConflictException: ..." of the answer; "201" of a good one.
  std::string AskPath(const std::string& method, const std::string& target,
                      const std::string& body = "") {
    ApiFixture::AskPath(method, target, body);
    answer = Body();
    return Shown();
  }
  std::string Ask(const std::string& method, const std::string& part, const Json& body = Json()) {
    return AskPath(method, "/2018-10-31/layers" + part,
                   body.is_null() ? "" : base::ToJsonText(body));
  }
  static Json Content(const std::string& name, const std::string& text) {
    return {
        {"Content", {{"ZipFile", base::Base64Encode(MUST(layers::PackZipOfText(name, text)))}}}};
  }
  std::string Publish(const std::string& name, const std::string& text = "x", Json more = {}) {
    Json body = Content("f", text);
    if (!more.is_null()) body.update(more);
    return Ask("POST", "/" + name + "/versions", body);
  }
  std::string MakeFunction(const std::string& name, const Json& arns) {
    Json body{{"FunctionName", name}, {"Runtime", "provided.al2023"},
              {"Handler", "h"},       {"Role", "arn:aws:iam::000000000000:role/r"},
              {"Layers", arns},       {"Code", Content("bootstrap", "#!/bin/sh\n")["Content"]}};
    return AskPath("POST", "/2015-03-31/functions", base::ToJsonText(body));
  }
  std::string Update(const std::string& name, const Json& body) {
    return AskPath("PUT", "/2015-03-31/functions/" + name + "/configuration",
                   base::ToJsonText(body));
  }

  Json answer;  // The last answer's body.
};

TEST_F(LayersApiTest, APublishedVersionIsShownAsAwsShowsIt) {
  EXPECT_EQ(Publish("L", "x",
                    {{"Description", "d"},
                     {"LicenseInfo", "MIT"},
                     {"CompatibleRuntimes", {"python3.12"}},
                     {"CompatibleArchitectures", {"x86_64"}}}),
            "201");
  EXPECT_EQ(answer["LayerArn"], kArn + std::string("L"));
  EXPECT_EQ(answer["LayerVersionArn"], kArn + std::string("L:1"));
  EXPECT_EQ(answer["Version"], 1);
  EXPECT_EQ(answer["Description"], "d");
  EXPECT_EQ(answer["LicenseInfo"], "MIT");
  EXPECT_EQ(answer["CompatibleRuntimes"], Json::array({"python3.12"}));
  EXPECT_EQ(answer["CompatibleArchitectures"], Json::array({"x86_64"}));
  const std::string zip = MUST(layers::PackZipOfText("f", "x"));
  EXPECT_EQ(answer["Content"]["CodeSize"], zip.size());
  EXPECT_EQ(answer["Content"]["CodeSha256"],
            base::Base64Encode(base::AsBytes(base::Sha256Of(zip))));
  EXPECT_EQ(answer["CreatedDate"].get<std::string>().substr(23), "+0000");
  const Json published = answer;
  EXPECT_EQ(Ask("GET", "/L/versions/1"), "200");
  EXPECT_EQ(answer, published);
  EXPECT_EQ(Ask("GET", "/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Alayer%3AL/versions/1"),
            "200");
  EXPECT_EQ(Ask("GET", "?find=LayerVersion&Arn=" + std::string(kArn) + "L%3A1"), "200");
  EXPECT_EQ(answer, published);
}

TEST_F(LayersApiTest, ANumberIsNeverUsedAgainWhateverIsDeletedAndRestarted) {
  EXPECT_EQ(Publish("L"), "201");
  EXPECT_EQ(Publish("L"), "201");
  EXPECT_EQ(answer["Version"], 2);
  EXPECT_EQ(Ask("DELETE", "/L/versions/2"), "204");
  EXPECT_EQ(Ask("DELETE", "/L/versions/2"), "204");  // As AWS: it is not there, as was asked for.
  EXPECT_EQ(Ask("DELETE", "/L/versions/1"), "204");
  EXPECT_EQ(Ask("GET", ""), "200");
  EXPECT_EQ(answer["Layers"], Json::array());
  Restart();
  EXPECT_EQ(Publish("L"), "201");
  EXPECT_EQ(answer["Version"], 3);
  EXPECT_EQ(Ask("GET", "/L/versions/2"),
            "404 ResourceNotFoundException: The resource you requested does not exist.");
}

TEST_F(LayersApiTest, ListsShowTheNewestThatFitsAndGoOnFromTheirMarker) {
  EXPECT_EQ(Publish("A", "1", {{"CompatibleRuntimes", {"python3.12"}}}), "201");
  EXPECT_EQ(Publish("A", "2", {{"CompatibleRuntimes", {"nodejs22.x"}}}), "201");
  EXPECT_EQ(Publish("A", "3"), "201");
  EXPECT_EQ(Publish("B", "4", {{"CompatibleArchitectures", {"arm64"}}}), "201");
  EXPECT_EQ(Ask("GET", "?MaxItems=1"), "200");
  ASSERT_EQ(answer["Layers"].size(), 1u);
  EXPECT_EQ(answer["Layers"][0]["LayerName"], "A");
  EXPECT_EQ(answer["Layers"][0]["LatestMatchingVersion"]["Version"], 3);
  EXPECT_EQ(
      Ask("GET", "?Marker=" + answer["NextMarker"].get<std::string>().substr(0, 2) + "%3D%3D"),
      "200");
  ASSERT_EQ(answer["Layers"].size(), 1u);
  EXPECT_EQ(answer["Layers"][0]["LayerName"], "B");
  EXPECT_FALSE(answer.contains("NextMarker"));
  EXPECT_EQ(Ask("GET", "?CompatibleRuntime=python3.12"), "200");
  ASSERT_EQ(answer["Layers"].size(), 1u);
  EXPECT_EQ(answer["Layers"][0]["LatestMatchingVersion"]["Version"], 1);
  EXPECT_EQ(Ask("GET", "?CompatibleArchitecture=arm64"), "200");
  EXPECT_EQ(answer["Layers"][0]["LayerName"], "B");
  EXPECT_EQ(Ask("GET", "/A/versions?MaxItems=2"), "200");
  ASSERT_EQ(answer["LayerVersions"].size(), 2u);
  EXPECT_EQ(answer["LayerVersions"][0]["Version"], 3);
  EXPECT_EQ(Ask("GET", "/A/versions?Marker=" +
                           answer["NextMarker"].get<std::string>().substr(0, 2) + "%3D%3D"),
            "200");
  ASSERT_EQ(answer["LayerVersions"].size(), 1u);
  EXPECT_EQ(answer["LayerVersions"][0]["Version"], 1);
  EXPECT_EQ(Ask("GET", "/Nobody/versions"), "200");
  EXPECT_EQ(answer["LayerVersions"], Json::array());
}

TEST_F(LayersApiTest, BadPublishesAreRefusedInAwssWords) {
  EXPECT_EQ(Ask("POST", "/L/versions", Json::object()),
            "400 InvalidParameterValueException: Content must be an object with ZipFile.");
  EXPECT_EQ(Ask("POST", "/L/versions", {{"Content", Json::object()}}),
            "400 InvalidParameterValueException: Please provide a source for the layer's content.");
  EXPECT_EQ(
      Ask("POST", "/L/versions", {{"Content", {{"S3Bucket", "b"}, {"S3Key", "k"}}}}),
      "400 InvalidParameterValueException: Hearth does not serve S3Bucket here; send the code "
      "as ZipFile.");
  EXPECT_EQ(Ask("POST", "/L/versions", {{"Content", {{"ZipFile", ""}}}}),
            "400 InvalidParameterValueException: Uploaded file must be a non-empty zip");
  EXPECT_TRUE(Ask("POST", "/L/versions", {{"Content", {{"ZipFile", "bm8gemlw"}}}})
                  .starts_with("400 InvalidParameterValueException: Could not unzip uploaded "));
  EXPECT_EQ(Publish("L", "x", {{"CompatibleArchitectures", {"mips"}}}),
            "400 ValidationException: 1 validation error detected: Value '[mips]' at "
            "'compatibleArchitectures' failed to satisfy constraint: Member must satisfy "
            "constraint: [Member must satisfy enum value set: [x86_64, arm64]]");
  EXPECT_TRUE(
      Publish("L", "x", {{"CompatibleRuntimes", {"cobol1"}}, {"CompatibleArchitectures", {"mips"}}})
          .starts_with("400 ValidationException: 2 validation errors detected: Value "
                       "'[cobol1]' at 'compatibleRuntimes' failed to satisfy constraint: "
                       "Member must satisfy enum value set: ["));
  EXPECT_EQ(Publish("L", "x", {{"Description", std::string(257, 'd')}}),
            "400 ValidationException: 1 validation error detected: Value '" +
                std::string(257, 'd') +
                "' at 'description' failed to satisfy constraint: Member must have length less "
                "than or equal to 256");
  EXPECT_EQ(Publish("L", "x", {{"CompatibleRuntimes", "python3.12"}}),
            "400 SerializationException: 'CompatibleRuntimes' must be a list of strings");
  EXPECT_TRUE(Publish("no%20name")
                  .starts_with("400 ValidationException: 1 validation error "
                               "detected: Value 'no name' at 'layerName'"));
  EXPECT_EQ(Ask("GET", "/L/versions"), "200");
  EXPECT_EQ(answer["LayerVersions"], Json::array());
}

TEST_F(LayersApiTest, BadReadsAreRefusedInAwssWords) {
  EXPECT_EQ(Publish("L"), "201");
  const std::string absent =
      "404 ResourceNotFoundException: The resource you requested does not exist.";
  EXPECT_EQ(Ask("GET", "/L/versions/2"), absent);
  EXPECT_EQ(Ask("GET", "/M/versions/1"), absent);
  EXPECT_EQ(Ask("GET", "?find=LayerVersion&Arn=" + std::string(kArn) + "L:2"), absent);
  EXPECT_EQ(Ask("GET", "/L/versions/0"),
            "400 InvalidParameterValueException: Layer Version Cannot be less than 1");
  EXPECT_EQ(Ask("DELETE", "/L/versions/-1"),
            "400 InvalidParameterValueException: Layer Version Cannot be less than 1");
  EXPECT_TRUE(Ask("GET", "/L/versions/one").starts_with("400 ValidationException"));
  EXPECT_EQ(Ask("GET", "?find=LayerVersion&Arn=" + std::string(kArn) + "L"),
            "400 ValidationException: 1 validation error detected: Value '" + std::string(kArn) +
                "L' at 'arn' failed to satisfy constraint: Member must satisfy regular expression "
                "pattern: arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\\d{12}:layer:[a-zA-Z0-9-_]+:"
                "[0-9]+");
  EXPECT_TRUE(Ask("GET", "?find=LayerVersion&Arn=arn:aws:lambda:us-east-1:111111111111:layer:L:1")
                  .starts_with("403 AccessDeniedException"));
  EXPECT_TRUE(Ask("PATCH", "/L/versions/1").starts_with("501 NotImplementedException"));
  EXPECT_TRUE(Ask("GET", "/L").starts_with("501 NotImplementedException"));
}

TEST_F(LayersApiTest, PermissionsAreAddedShownAndRemoved) {
  EXPECT_EQ(Publish("L"), "201");
  const std::string policy = "/L/versions/1/policy";
  EXPECT_EQ(Ask("GET", policy),
            "404 ResourceNotFoundException: No policy is associated with the given resource.");
  const Json all{{"StatementId", "all"},
                 {"Action", "lambda:GetLayerVersion"},
                 {"Principal", "*"},
                 {"OrganizationId", "o-1234567890"}};
  EXPECT_EQ(Ask("POST", policy, all), "201");
  const std::string first = answer["RevisionId"];
  const Json shown = MUST(base::ParseJson(answer["Statement"].get<std::string>()));
  EXPECT_EQ(shown,
            (Json{{"Sid", "all"},
                  {"Effect", "Allow"},
                  {"Principal", "*"},
                  {"Action", "lambda:GetLayerVersion"},
                  {"Resource", kArn + std::string("L:1")},
                  {"Condition", {{"StringEquals", {{"aws:PrincipalOrgID", "o-1234567890"}}}}}}));
  EXPECT_EQ(Ask("POST", policy, all),
            "409 ResourceConflictException: The statement id (all) provided already exists. Please "
            "provide a new statement id, or remove the existing statement.");
  const Json one{
      {"StatementId", "one"}, {"Action", "lambda:GetLayerVersion"}, {"Principal", "123456789012"}};
  const std::string stale =
      "412 PreconditionFailedException: The Revision Id provided does not match the latest "
      "Revision Id. Call the GetLayerPolicy API to retrieve the latest Revision Id";
  EXPECT_EQ(Ask("POST", policy + "?RevisionId=other", one), stale);
  EXPECT_EQ(Ask("POST", policy + "?RevisionId=" + first, one), "201");
  EXPECT_NE(answer["RevisionId"], first);
  Restart();
  EXPECT_EQ(Ask("GET", policy), "200");
  const Json read = MUST(base::ParseJson(answer["Policy"].get<std::string>()));
  EXPECT_EQ(read["Version"], "2012-10-17");
  EXPECT_EQ(read["Id"], "default");
  ASSERT_EQ(read["Statement"].size(), 2u);
  EXPECT_EQ(read["Statement"][0], shown);
  EXPECT_EQ(read["Statement"][1]["Principal"]["AWS"], "arn:aws:iam::123456789012:root");
  EXPECT_EQ(Ask("DELETE", policy + "/all?RevisionId=" + first), stale);
  EXPECT_EQ(Ask("DELETE", policy + "/all"), "204");
  EXPECT_EQ(Ask("DELETE", policy + "/all"),
            "404 ResourceNotFoundException: Statement all is not found in resource policy.");
}

TEST_F(LayersApiTest, BadPermissionsAreRefusedInAwssWords) {
  EXPECT_EQ(Publish("L"), "201");
  const Json good{{"StatementId", "s"}, {"Action", "lambda:GetLayerVersion"}, {"Principal", "*"}};
  const std::string absent =
      "404 ResourceNotFoundException: Layer version " + std::string(kArn) + "L:2 does not exist.";
  EXPECT_EQ(Ask("POST", "/L/versions/2/policy", good), absent);
  EXPECT_EQ(Ask("GET", "/L/versions/2/policy"), absent);
  EXPECT_EQ(Ask("DELETE", "/L/versions/2/policy/s"), absent);
  const std::pair<const char*, Json> wrong[] = {{"StatementId", "a b"},
                                                {"StatementId", Json()},
                                                {"Action", "lambda:*"},
                                                {"Principal", "somebody"},
                                                {"Principal", "12345678901"},
                                                {"OrganizationId", "o-1"},
                                                {"Principal", "arn:aws:iam::12:root"},
                                                {"Principal", 7}};
  for (const auto& [member, value] : wrong) {
    Json body = good;
    body[member] = value;
    EXPECT_TRUE(Ask("POST", "/L/versions/1/policy", body).starts_with("400 ")) << body;
  }
  EXPECT_EQ(Ask("POST", "/L/versions/1/policy",
                {{"StatementId", "s"}, {"Action", "lambda:Invoke"}, {"Principal", "*"}}),
            "400 ValidationException: 1 validation error detected: Value 'lambda:Invoke' at "
            "'action' failed to satisfy constraint: Member must satisfy regular expression "
            "pattern: lambda:GetLayerVersion");
}

TEST_F(LayersApiTest, AFunctionShowsItsLayersAndKeepsThemWhenTheyAreDeleted) {
  EXPECT_EQ(Publish("A", "1"), "201");
  const Json size = answer["Content"]["CodeSize"];
  EXPECT_EQ(Publish("B", "22"), "201");
  const std::string a = kArn + std::string("A:1"), b = kArn + std::string("B:1");
  EXPECT_EQ(MakeFunction("F", {a, b}), "201");
  ASSERT_EQ(answer["Layers"].size(), 2u);
  EXPECT_EQ(answer["Layers"][0], (Json{{"Arn", a}, {"CodeSize", size}}));
  EXPECT_EQ(answer["Layers"][1]["Arn"], b);
  const auto digests = LayerDigests(*registry->Find("F"));
  EXPECT_EQ(MUST(base::ReadFile(MUST(code->MergedFolder(digests)) + "/f")), "22");
  EXPECT_EQ(Ask("DELETE", "/A/versions/1"), "204");
  EXPECT_EQ(Ask("DELETE", "/B/versions/1"), "204");
  EXPECT_EQ(CodeInUse(*layers).size(), 0u);
  Restart();
  MUST(code->Collect(CodeInUse(*registry)));
  MUST(code->CollectMerged(LayersInUse(*registry)));
  EXPECT_TRUE(code->MergedFolder(digests));
  // What does not name them leaves them; what names them again finds them there.
  EXPECT_EQ(Update("F", {{"Timeout", 9}}), "200");
  EXPECT_EQ(answer["Layers"].size(), 2u);
  EXPECT_EQ(Update("F", {{"Layers", {b, a}}}), "200");
  EXPECT_EQ(answer["Layers"][0]["Arn"], b);
  EXPECT_EQ(AskPath("GET", "/2015-03-31/functions/F"), "200");
  EXPECT_EQ(answer["Configuration"]["Layers"][1]["Arn"], a);
  EXPECT_EQ(MakeFunction("G", {a}),
            "400 InvalidParameterValueException: Layer version " + a + " does not exist.");
  EXPECT_EQ(Update("F", {{"Layers", Json::array()}}), "200");
  EXPECT_FALSE(answer.contains("Layers"));
  EXPECT_EQ(Update("F", {{"Layers", {a}}}),
            "400 InvalidParameterValueException: Layer version " + a + " does not exist.");
  EXPECT_TRUE(LayersInUse(*registry).empty());
}

TEST_F(LayersApiTest, WhatAFunctionWasGoesBackToALayerThatIsDeletedSince) {
  EXPECT_EQ(Publish("A", "1"), "201");
  EXPECT_EQ(Publish("B", "22"), "201");
  const std::string a = kArn + std::string("A:1"), b = kArn + std::string("B:1");
  EXPECT_EQ(MakeFunction("F", {a}), "201");
  const FunctionSettings before = SettingsOf(*registry->Find("F"));
  EXPECT_EQ(Update("F", {{"Layers", {b}}}), "200");
  EXPECT_EQ(Ask("DELETE", "/A/versions/1"), "204");
  std::optional<bool> replaced;
  control->Replace(before, "", [&](const auto& result) { replaced = result.has_value(); });
  loop.RunUntil([&] { return replaced.has_value(); });
  EXPECT_TRUE(*replaced);
  EXPECT_EQ(registry->Find("F")->layers.at(0).arn, a);
}

TEST_F(LayersApiTest, BadLayersOfAFunctionAreRefusedInAwssWords) {
  Json six = Json::array();
  for (const char* name : {"A", "B", "C", "D", "E", "F"}) {
    EXPECT_EQ(Publish(name), "201");
    six.push_back(answer["LayerVersionArn"]);
  }
  EXPECT_EQ(Publish("A"), "201");
  const std::string a1 = kArn + std::string("A:1"), a2 = kArn + std::string("A:2");
  EXPECT_EQ(MakeFunction("F", six),
            "400 InvalidParameterValueException: Cannot reference more than 5 layers.");
  EXPECT_EQ(MakeFunction("F", {a1, a2}),
            "400 InvalidParameterValueException: Two different versions of the same layer are not "
            "allowed to be referenced in the same function. " +
                a1 + " and " + a2 + " are versions of the same layer.");
  EXPECT_EQ(MakeFunction("F", {kArn + std::string("Z:1")}),
            "400 InvalidParameterValueException: Layer version " + std::string(kArn) +
                "Z:1 does not exist.");
  EXPECT_EQ(MakeFunction("F", {"arn:aws:lambda:eu-west-1:000000000000:layer:A:1"}),
            "400 InvalidParameterValueException: Layers are not in the same region as the "
            "function. Layers are expected to be in region us-east-1.");
  EXPECT_EQ(MakeFunction("F", {"arn:aws:lambda:us-east-1:111111111111:layer:A:1"}),
            "403 AccessDeniedException: User: arn:aws:iam::000000000000:root is not authorized to "
            "perform: lambda:GetLayerVersion on resource: "
            "arn:aws:lambda:us-east-1:111111111111:layer:A:1 because no resource-based policy "
            "allows the lambda:GetLayerVersion action");
  for (const std::string& arn : {std::string(kArn) + "A", std::string("A:1"), std::string(),
                                 std::string(kArn) + "A:x", std::string(kArn) + "A:1:2"}) {
    EXPECT_TRUE(MakeFunction("F", {arn})
                    .starts_with("400 ValidationException: 1 validation error detected: Value '[" +
                                 arn +
                                 "]' at 'layers' failed to satisfy constraint: Member must satisfy "
                                 "constraint: [Member must "
                                 "have length less than or equal to 2048, "))
        << arn;
  }
  EXPECT_EQ(MakeFunction("F", {7}),
            "400 SerializationException: 'Layers' must be a list of strings");
  EXPECT_EQ(registry->Find("F"), nullptr);
}

TEST_F(LayersApiTest, CodeAndLayersTogetherMayNotBeTooLarge) {
  // Zeros pack well: 131,072,000 bytes each, so that two are exactly the limit.
  const std::string half(131072000, '\0');
  const std::string zip = MUST(layers::PackZipOfText("half", half));
  for (const char* name : {"A", "B", "C"}) {
    const Json body{{"Content", {{"ZipFile", base::Base64Encode(zip)}}}};
    ASSERT_EQ(Ask("POST", "/" + std::string(name) + "/versions", body), "201");
  }
  const std::string a = kArn + std::string("A:1"), b = kArn + std::string("B:1");
  EXPECT_EQ(MakeFunction("F", {a, b, kArn + std::string("C:1")}),
            "400 InvalidParameterValueException: Layers consume more than the available size of "
            "262144000 bytes");
  EXPECT_EQ(MakeFunction("F", {a, b}),
            "400 InvalidParameterValueException: Function code combined with layers exceeds the "
            "maximum allowed size of 262144000 bytes. The actual size is 262144010 bytes.");
  EXPECT_EQ(MakeFunction("F", {a}), "201");
  EXPECT_EQ(Update("F", {{"Layers", {a, b}}}).substr(0, 35), "400 InvalidParameterValueException:");
  EXPECT_EQ(Update("F", {{"Layers", {b}}}), "200");
}

TEST_F(LayersApiTest, PublishesAtOnceGetNumbersOfTheirOwn) {
  std::vector<uint64_t> numbers;
  const std::string digest = MUST(code->Put(MUST(layers::PackZipOfText("f", "x")))).digest;
  for (int i = 0; i < 3; ++i) {
    LayerVersion layer;
    layer.name = "L";
    layer.code_digest = digest;
    layers->Publish(layer, [&](const std::expected<LayerRef, aws::ApiError>& made) {
      numbers.push_back((*made)->number);
      EXPECT_EQ(layers->Find("L", (*made)->number), *made);
    });
  }
  EXPECT_TRUE(layers->layers().empty()) << "it is seen before it is durable";
  loop.RunUntil([&] { return numbers.size() == 3; });
  EXPECT_EQ(numbers, (std::vector<uint64_t>{1, 2, 3}));
}

}  // namespace
}  // namespace hearth::invoker
