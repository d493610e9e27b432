// Layers in templates: planned, published, changed, kept and deleted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan_helper.h"
#include "stacks_server.h"

namespace hearth::stacks {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kArn[] = "arn:aws:lambda:us-east-1:000000000000:layer:";
const std::string kSam = "Transform: AWS::Serverless-2016-10-31\nResources:\n";
const std::string kUser = kHello + "      Layers: [!Ref Lib]\n";
const std::string kLib =
    "  Lib:\n"
    "    Type: AWS::Serverless::LayerVersion\n"
    "    Properties:\n"
    "      ContentUri: lib/\n";

TEST(PlannedLayers, ComeBeforeTheFunctionsThatUseThem) {
  const auto plan = PlanOf(kSam + kUser + kLib +
                           "      LayerName: shared\n"
                           "      Description: d\n"
                           "      LicenseInfo: MIT\n"
                           "      CompatibleRuntimes: [python3.12]\n"
                           "      CompatibleArchitectures: [x86_64]\n"
                           "Outputs: {Layer: {Value: !Ref Lib}}\n");
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  ASSERT_EQ(plan->order.size(), 2u);
  EXPECT_EQ(plan->order[0].kind, ResourceKind::kLayer);
  const PlannedLayer& planned = plan->layers.at(0);
  EXPECT_EQ(planned.code_path, "lib/");
  EXPECT_EQ(planned.layer.name, "shared");
  EXPECT_EQ(planned.layer.license, "MIT");
  EXPECT_THAT(planned.layer.runtimes, ElementsAre("python3.12"));
  EXPECT_TRUE(planned.retain) << "SAM retains a layer unless it is told not to";
  const std::string arn = kArn + std::string("shared:");
  const Made made{{LayerToken("Lib"), "7"}};
  EXPECT_EQ(WithMade(plan->outputs[0].value, made), arn + "7");
  EXPECT_THAT(WithMade(FunctionState{plan->functions[0].settings, ""}, made).settings.layers,
              ElementsAre(arn + "7"));
}

TEST(PlannedLayers, OfLambdaAreDeletedUnlessTheirPolicySaysRetain) {
  const std::string lambda =
      "Resources:\n  Lib:\n    Type: AWS::Lambda::LayerVersion\n"
      "    Properties: {Content: lib.zip}\n";
  const auto plain = PlanOf(lambda);
  ASSERT_TRUE(plain.has_value()) << ErrorsOf(plain);
  EXPECT_EQ(plain->layers[0].layer.name, "Lib");
  EXPECT_FALSE(plain->layers[0].retain);
  const auto kept = PlanOf(lambda + "    DeletionPolicy: Retain\n");
  ASSERT_TRUE(kept.has_value()) << ErrorsOf(kept);
  EXPECT_TRUE(kept->layers[0].retain);
  EXPECT_FALSE(kept->layers[0].retain_replaced);
}

TEST(PlannedLayers, WhatIsWrongIsSaidAtItsPlace) {
  const std::pair<std::string, const char*> bad[] = {
      {"  Lib:\n    Type: AWS::Serverless::LayerVersion\n",
       "template.yaml:3:3: the layer 'Lib' has no content: set ContentUri to a folder or a zip"},
      {kLib + "      Contents: x\n",
       "template.yaml:7:7: unknown property 'Contents' of AWS::Serverless::LayerVersion"},
      {kLib + "      RetentionPolicy: Always\n",
       "template.yaml:7:24: 'RetentionPolicy' is Retain or Delete, not 'Always'"},
      {kLib + "      CompatibleRuntimes: python3.12\n",
       "template.yaml:7:27: 'CompatibleRuntimes' is a list of texts, not 'python3.12'"},
      {kLib + "      CompatibleArchitectures: [mips]\n",
       "template.yaml:3:3: Lib: 1 validation error detected: Value '[mips]' at "
       "'compatibleArchitectures'"},
      {kLib + "      LayerName: a b\n",
       "template.yaml:3:3: Lib: 1 validation error detected: "
       "Value 'a b' at 'layerName'"},
      {kHello + "      Layers: !Ref Lib\n" + kLib,
       "template.yaml:9:15: 'Layers' is a list of texts, not 'arn:aws:lambda:us-east-1:"
       "000000000000:layer:Lib:<layer's num...'"},
      {kHello + "      Timeout: !GetAtt Lib.LayerVersionArn\n" + kLib,
       "'Timeout' is a whole number, not 'arn:aws:lambda:us-east-1:000000000000:layer:Lib:<"},
      {"  Lib:\n    Type: AWS::Serverless::LayerVersion\n    Properties:\n"
       "      ContentUri: {Bucket: b, Key: k}\n",
       "(an object in S3) is not served yet: give a local path"},
      {"  Lib:\n    Type: AWS::Serverless::LayerVersion\n    Properties:\n"
       "      ContentUri: s3://b/k\n",
       "'ContentUri' is the local path of a folder or a zip, not 's3://b/k'"}};
  for (const auto& [text, message] : bad) {
    EXPECT_THAT(ErrorsOf(PlanOf(kSam + text)), HasSubstr(message)) << text;
  }
  EXPECT_THAT(ErrorsOf(PlanOf(kSam + kUser + kLib +
                              "  B:\n    Type: AWS::Serverless::Function\n"
                              "    Properties:\n"
                              "      InlineCode: x\n"
                              "      Handler: a.b\n"
                              "      Runtime: python3.12\n"
                              "      Layers: [a, b, c, d, e, f]\n")),
              HasSubstr("6 layers: a function has at most 5"));
}

class DeployedLayers : public StacksServer {
 protected:
  // "done succeeded", or why not; the artifacts are made of `source` and `content`.
  std::string Deploy(const std::string& text, const std::string& content = "one") {
    const auto source = MUST(code.Put("source"));
    const auto lib = MUST(code.Put(content));
    const base::Json body{{"template", text},
                          {"artifacts", {{"src/", source.digest}, {"lib/", lib.digest}}}};
    events = Events(Ask("POST", "/_hearth/stacks/shop", base::ToJsonText(body)));
    const base::Json& last = events.back();
    return last.value("status", base::ToJsonText(last)) + last.value("reason", "");
  }
  std::vector<std::string> LayersOf(const std::string& function) {
    std::vector<std::string> out;
    for (const auto& layer : registry.Find(function)->layers) out.push_back(layer.arn);
    return out;
  }
  // The numbers that there are.
  std::vector<uint64_t> Numbers(const std::string& layer) {
    std::vector<uint64_t> out;
    const auto found = control.layers().layers().find(layer);
    if (found == control.layers().layers().end()) return out;
    for (const auto& [number, version] : found->second) out.push_back(number);
    return out;
  }
  const std::string arn_ = kArn + std::string("Lib:");
  std::vector<base::Json> events;
};

TEST_F(DeployedLayers, AreAskedForAsArtifacts) {
  const auto answer = Ask("POST", "/_hearth/stacks/shop/plan",
                          base::ToJsonText({{"template", kSam + kUser + kLib}}));
  ASSERT_EQ(answer.status, 200) << answer.body;
  const auto plan = MUST(base::ParseJson(answer.body));
  ASSERT_EQ(plan["artifacts"].size(), 2u);
  EXPECT_EQ(plan["artifacts"][1]["path"], "lib/");
  EXPECT_EQ(plan["artifacts"][1]["kind"], "layer");
}

TEST_F(DeployedLayers, ArePublishedAgainOnlyWhereTheyChange) {
  const std::string text = kSam + kUser + kLib + "Outputs: {Layer: {Value: !Ref Lib}}\n";
  EXPECT_EQ(Deploy(text), "succeeded");
  EXPECT_THAT(LayersOf("Hello"), ElementsAre(arn_ + "1"));
  EXPECT_EQ(events.back()["outputs"]["Layer"], arn_ + "1");
  const auto layer = control.layers().Find("Lib", 1);
  ASSERT_NE(layer, nullptr);
  EXPECT_EQ(layer->code_size, 3u);
  EXPECT_EQ(layer->created.size(), 28u);
  EXPECT_EQ(Deploy(text), "succeeded");
  EXPECT_THAT(Numbers("Lib"), ElementsAre(1));
  EXPECT_EQ(events[0]["action"], "unchanged");
  EXPECT_EQ(Deploy(text, "two"), "succeeded");
  EXPECT_THAT(LayersOf("Hello"), ElementsAre(arn_ + "2"));
  EXPECT_THAT(Numbers("Lib"), ElementsAre(1, 2)) << "SAM keeps the older one";
  EXPECT_EQ(Ask("DELETE", "/_hearth/stacks/shop").status, 200);
  EXPECT_THAT(Numbers("Lib"), ElementsAre(1, 2));
}

TEST_F(DeployedLayers, GoWithTheirResourceWhereNothingRetainsThem) {
  const std::string text = kSam + kUser + kLib + "      RetentionPolicy: Delete\n";
  EXPECT_EQ(Deploy(text), "succeeded");
  EXPECT_EQ(Deploy(text, "two"), "succeeded");
  EXPECT_THAT(Numbers("Lib"), ElementsAre(2));
  EXPECT_EQ(events[events.size() - 2]["action"], "delete");
  EXPECT_EQ(events[events.size() - 2]["physical_id"], "Lib:1");
  EXPECT_EQ(Ask("DELETE", "/_hearth/stacks/shop").status, 200);
  EXPECT_THAT(Numbers("Lib"), IsEmpty());
}

TEST_F(DeployedLayers, AFailedDeploymentLeavesTheFunctionWithTheLayerItHad) {
  const std::string text = kSam + kUser + kLib + "      RetentionPolicy: Delete\n";
  EXPECT_EQ(Deploy(text), "succeeded");
  const std::string other =
      "  Other:\n    Type: AWS::Serverless::Function\n    DependsOn: Hello\n"
      "    Properties: {InlineCode: x, Handler: a.b, Runtime: python3.12}\n";
  control.failing.insert("create Other");
  EXPECT_THAT(Deploy(text + other, "two"), HasSubstr("rolled back"));
  EXPECT_THAT(LayersOf("Hello"), ElementsAre(arn_ + "1"));
  EXPECT_NE(control.layers().Find("Lib", 1), nullptr);
}

}  // namespace
}  // namespace hearth::stacks
