#include "stacks/template.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "plan_helper.h"

namespace hearth::stacks {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

const std::string kTop = "Transform: AWS::Serverless-2016-10-31\n";

// The value of one output, or the errors.
std::string Value(const std::string& expression, const std::string& sections = "",
                  std::map<std::string, std::string> parameters = {}) {
  const auto plan = PlanOf(
      kTop + sections + "Resources:\n" + kHello + "Outputs:\n  O:\n    Value: " + expression + "\n",
      std::move(parameters));
  if (!plan) return ErrorsOf(plan);
  return plan->outputs.empty() ? "no output" : plan->outputs[0].value;
}

TEST(Template, GivesEveryServedPropertyToTheFunction) {
  const auto plan = PlanOf(kTop + "Resources:\n" + kHello +
                           "      FunctionName: greeter\n"
                           "      MemorySize: 256\n"
                           "      Timeout: '30'\n"
                           "      Description: says hello\n"
                           "      Role: arn:aws:iam::000000000000:role/r\n"
                           "      Architectures: [arm64]\n"
                           "      EphemeralStorage: {Size: 1024}\n"
                           "      Environment: {Variables: {A: b, N: 0012, T: true}}\n"
                           "      Tags: {team: x}\n"
                           "      ReservedConcurrentExecutions: 5\n"
                           "      Tracing: PassThrough\n"
                           "      PackageType: Zip\n"
                           "      Policies: [AWSLambdaBasicExecutionRole]\n");
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  ASSERT_EQ(plan->functions.size(), 1u);
  const auto& function = plan->functions[0];
  EXPECT_EQ(function.logical_id, "Hello");
  EXPECT_EQ(function.code_path, "src/");
  EXPECT_EQ(function.settings.name, "greeter");
  EXPECT_EQ(function.settings.runtime, "python3.12");
  EXPECT_EQ(function.settings.handler, "app.handler");
  EXPECT_EQ(function.settings.memory_mib, 256);
  EXPECT_EQ(function.settings.timeout_s, 30);
  EXPECT_EQ(function.settings.tmp_mib, 1024);
  EXPECT_EQ(function.settings.description, "says hello");
  EXPECT_EQ(function.settings.role, "arn:aws:iam::000000000000:role/r");
  EXPECT_THAT(function.settings.architectures, ElementsAre("arm64"));
  EXPECT_THAT(function.settings.environment,
              UnorderedElementsAre(Pair("A", "b"), Pair("N", "0012"), Pair("T", "true")));
  EXPECT_THAT(function.settings.tags, ElementsAre(Pair("team", "x")));
  EXPECT_EQ(function.settings.reserved, 5);
  ASSERT_EQ(plan->notices.size(), 1u);
  EXPECT_THAT(plan->notices[0].message, HasSubstr("Policies of 'Hello' are not enforced"));
}

TEST(Template, NamesAFunctionByItsLogicalIdWithoutAFunctionName) {
  const auto plan = PlanOf(kTop + "Resources:\n" + kHello);
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  EXPECT_EQ(plan->functions[0].settings.name, "Hello");
}

TEST(Template, IsReadAsJsonToo) {
  const auto plan = PlanOf(
      "{\n\t\"Transform\": \"AWS::Serverless-2016-10-31\",\n\t\"Resources\": {\"A\": {\"Type\": "
      "\"AWS::Serverless::Function\",\n\t\t\"Properties\": {\"InlineCode\": {\"Fn::Join\": "
      "[\"\\n\", "
      "[\"a\", \"b\"]]}, \"Handler\": \"index.handler\", \"Runtime\": \"nodejs22.x\"}}}}\n");
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  EXPECT_EQ(plan->functions[0].inline_code, "a\nb");
  EXPECT_EQ(plan->functions[0].inline_name, "index.js");
}

TEST(Template, KeepsTabsOfInlineCode) {
  const auto plan =
      PlanOf(kTop +
             "Resources:\n  A:\n    Type: AWS::Serverless::Function\n    Properties:\n"
             "      Handler: index.handler\n      Runtime: python3.12\n"
             "      InlineCode: |\n        def handler(e, c):\n        \treturn 1\n");
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  EXPECT_EQ(plan->functions[0].inline_code, "def handler(e, c):\n\treturn 1\n");
  EXPECT_EQ(plan->functions[0].inline_name, "index.py");
}

struct Intrinsic {
  const char* expression;
  const char* value;
};

class Intrinsics : public ::testing::TestWithParam<Intrinsic> {};

TEST_P(Intrinsics, GiveWhatCloudFormationGives) {
  const std::string sections =
      "Parameters:\n"
      "  Stage: {Type: String, Default: dev}\n"
      "  List: {Type: CommaDelimitedList, Default: 'a, b,c'}\n"
      "  Count: {Type: Number, Default: 7}\n"
      "Mappings: {Sizes: {dev: {MB: 128, L: [x, y]}, prod: {MB: 512, L: [z]}}}\n"
      "Conditions:\n"
      "  IsDev: !Equals [!Ref Stage, dev]\n"
      "  IsProd: {'Fn::Equals': [{Ref: Stage}, prod]}\n"
      "  Both: !And [!Condition IsDev, !Not [{Condition: IsProd}]]\n"
      "  Either: !Or [!Condition IsProd, !Condition IsDev]\n"
      "  Neither: !Not [!Condition Either]\n";
  EXPECT_EQ(Value(GetParam().expression, sections), GetParam().value);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Intrinsics,
    ::testing::Values(
        Intrinsic{"!Ref Stage", "dev"}, Intrinsic{"{Ref: Stage}", "dev"},
        Intrinsic{"!Ref Count", "7"}, Intrinsic{"!Ref Hello", "Hello"},
        Intrinsic{"!Ref AWS::Region", "us-east-1"},
        Intrinsic{"!Ref 'AWS::AccountId'", "000000000000"},
        Intrinsic{"!Ref AWS::StackName", "shop"}, Intrinsic{"!Ref AWS::Partition", "aws"},
        Intrinsic{"!Ref AWS::URLSuffix", "amazonaws.com"},
        Intrinsic{"!Ref AWS::StackId",
                  "arn:aws:cloudformation:us-east-1:000000000000:stack/shop/1"},
        Intrinsic{"!GetAtt Hello.Arn", "arn:aws:lambda:us-east-1:000000000000:function:Hello"},
        Intrinsic{"{'Fn::GetAtt': [Hello, Arn]}",
                  "arn:aws:lambda:us-east-1:000000000000:function:Hello"},
        Intrinsic{"{'Fn::GetAtt': Hello.Arn}",
                  "arn:aws:lambda:us-east-1:000000000000:function:Hello"},
        Intrinsic{"!Sub '${Stage}-${AWS::Region}-${Hello}'", "dev-us-east-1-Hello"},
        Intrinsic{"!Sub '${Hello.Arn}:live'",
                  "arn:aws:lambda:us-east-1:000000000000:function:Hello:live"},
        Intrinsic{"!Sub '${!Literal} $1 {x}'", "${Literal} $1 {x}"},
        Intrinsic{"!Sub ['${A}${B}', {A: 1, B: !Ref Stage}]", "1dev"},
        Intrinsic{"!Join ['-', [a, !Ref Stage, !Ref 'AWS::NoValue', c]]", "a-dev-c"},
        Intrinsic{"!Join ['', !Ref List]", "abc"}, Intrinsic{"!Select [1, !Ref List]", "b"},
        Intrinsic{"!Select [2, !Split ['/', 'a/b/c']]", "c"},
        Intrinsic{"!Join ['.', !Split [', ', 'a, b']]", "a.b"},
        Intrinsic{"!If [IsDev, yes-it-is, no]", "yes-it-is"},
        Intrinsic{"!If [IsProd, a, !If [Both, b, c]]", "b"}, Intrinsic{"!If [Either, a, b]", "a"},
        Intrinsic{"!If [Neither, a, b]", "b"},
        Intrinsic{"!FindInMap [Sizes, !Ref Stage, MB]", "128"},
        Intrinsic{"!Select [1, !FindInMap [Sizes, dev, L]]", "y"},
        Intrinsic{"{'Fn::Base64': hello}", "aGVsbG8="},
        Intrinsic{"{'Fn::Base64': !Sub '${Stage}'}", "ZGV2"}, Intrinsic{"!!str 12", "12"},
        Intrinsic{"plain", "plain"}));

TEST(Intrinsic, IfDoesNotEvaluateTheBranchThatIsNotTaken) {
  EXPECT_EQ(Value("!If [Never, !Ref Nobody, taken]", "Conditions: {Never: !Equals [a, b]}\n"),
            "taken");
}

TEST(Intrinsic, NoValueRemovesAProperty) {
  const auto plan = PlanOf(kTop + "Conditions: {Never: !Equals [a, b]}\nResources:\n" + kHello +
                           "      Timeout: !If [Never, 9, !Ref 'AWS::NoValue']\n");
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  EXPECT_EQ(plan->functions[0].settings.timeout_s, 3);
}

TEST(Parameters, TakeTheGivenValueOverTheDefault) {
  EXPECT_EQ(Value("!Ref P", "Parameters: {P: {Type: String, Default: a}}\n", {{"P", "b"}}), "b");
}

TEST(Parameters, RefuseAValueThatIsNotDeclared) {
  EXPECT_EQ(Value("x", "Parameters: {P: {Type: String, Default: a}}\n", {{"Q", "b"}}),
            "template.yaml:2:13: 'Q' was given but is no parameter; there are: P\n");
}

TEST(Parameters, NumberListsAreCheckedItemByItem) {
  EXPECT_EQ(
      Value("!Select [1, !Ref P]", "Parameters: {P: {Type: List<Number>, Default: '1, 2'}}\n"),
      "2");
  EXPECT_THAT(Value("x", "Parameters: {P: {Type: List<Number>, Default: '1,b'}}\n"),
              HasSubstr("'b' is no number"));
}

TEST(Parameters, AHostilePatternDoesNotHoldTheHost) {
  EXPECT_THAT(Value("x", "Parameters: {P: {Type: String, AllowedPattern: '(a+)+$', Default: " +
                             std::string(2000, 'a') + "b}}\n"),
              HasSubstr("does not match AllowedPattern"));
}

TEST(Globals, AreMergedAsSamMergesThem) {
  const auto plan = PlanOf(kTop +
                           "Globals:\n"
                           "  Function:\n"
                           "    Timeout: 5\n"
                           "    MemorySize: 512\n"
                           "    Environment: {Variables: {A: global, B: global}}\n"
                           "    Tags: {team: x}\n"
                           "Resources:\n" +
                           kHello +
                           "      MemorySize: 256\n"
                           "      Environment: {Variables: {B: local, C: local}}\n");
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  const auto& settings = plan->functions[0].settings;
  EXPECT_EQ(settings.timeout_s, 5);
  EXPECT_EQ(settings.memory_mib, 256);
  EXPECT_THAT(settings.environment,
              UnorderedElementsAre(Pair("A", "global"), Pair("B", "local"), Pair("C", "local")));
  EXPECT_THAT(settings.tags, ElementsAre(Pair("team", "x")));
}

TEST(Globals, ADescriptionIsForAllAndLayersHaveNone) {
  const auto plan = PlanOf(kTop + "Globals: {Function: {Description: x}}\nResources:\n" + kHello);
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  EXPECT_EQ(plan->functions[0].settings.description, "x");
  EXPECT_THAT(
      ErrorsOf(PlanOf(kTop + "Globals: {LayerVersion: {PublishLambdaVersion: true}}\nResources:\n" +
                      kHello)),
      HasSubstr("'Globals.LayerVersion' is not served yet"));
}

TEST(Globals, ListsAreAppendedToTheGlobalOnes) {
  const auto parse = [](const char* text) { return *ParseDocument(text); };
  const auto merged = MergeGlobals(parse("{L: [a, b], M: !Ref X}"), parse("{L: [c], M: {k: v}}"));
  ASSERT_EQ(merged->Find("L")->value->items.size(), 3u);
  EXPECT_EQ(merged->Find("L")->value->items[0]->text, "a");
  EXPECT_EQ(merged->Find("L")->value->items[2]->text, "c");
  EXPECT_EQ(AsIntrinsic(*merged->Find("M")->value), nullptr);  // An intrinsic is replaced.
}

TEST(Template, AnUnservedGlobalIsReportedOnceForManyFunctions) {
  const auto plan =
      PlanOf(kTop + "Globals: {Function: {VpcConfig: [a]}}\nResources:\n" + kHello +
             "  B:\n    Type: AWS::Serverless::Function\n    Properties: {CodeUri: a, "
             "Handler: a.b, Runtime: python3.12}\n");
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(plan.error().size(), 1u) << ErrorsOf(plan);
}

TEST(Template, ResourcesComeAfterWhatTheyUse) {
  const auto plan = PlanOf(kTop +
                           "Resources:\n"
                           "  A:\n    Type: AWS::Serverless::Function\n    DependsOn: C\n"
                           "    Properties: {CodeUri: a, Handler: a.b, Runtime: python3.12, "
                           "Environment: {Variables: {B: !GetAtt B.Arn}}}\n"
                           "  B:\n    Type: AWS::Serverless::Function\n"
                           "    Properties: {CodeUri: a, Handler: a.b, Runtime: python3.12, "
                           "FunctionName: !Sub '${C}-b'}\n"
                           "  C:\n    Type: AWS::Serverless::Function\n"
                           "    Properties: {CodeUri: a, Handler: a.b, Runtime: python3.12}\n");
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  ASSERT_EQ(plan->functions.size(), 3u);
  EXPECT_EQ(plan->functions[0].logical_id, "C");
  EXPECT_EQ(plan->functions[1].logical_id, "B");
  EXPECT_EQ(plan->functions[2].logical_id, "A");
  EXPECT_THAT(plan->functions[2].settings.environment,
              ElementsAre(Pair("B", "arn:aws:lambda:us-east-1:000000000000:function:C-b")));
}

TEST(Template, AResourceWhoseConditionIsFalseIsLeftOut) {
  const std::string text = kTop + "Conditions: {Never: !Equals [a, b]}\nResources:\n" + kHello +
                           "  B:\n    Type: AWS::Serverless::Function\n    Condition: Never\n"
                           "    Properties: {CodeUri: a, Handler: a.b, Runtime: python3.12}\n";
  const auto plan = PlanOf(text);
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  EXPECT_EQ(plan->functions.size(), 1u);
  EXPECT_THAT(ErrorsOf(PlanOf(text + "Outputs: {O: {Value: !Ref B}}\n")),
              HasSubstr("the resource 'B' is not created: its condition 'Never' is false"));
}

TEST(Template, ABillionLaughsAreRefusedQuickly) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    text += fmt::format("a{}: &a{} [*a{}, *a{}, *a{}, *a{}, *a{}, *a{}, *a{}, *a{}, *a{}]\n", i, i,
                        i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
  }
  EXPECT_THAT(ErrorsOf(PlanOf(text)), HasSubstr("aliases expand to more than 100000 nodes"));
}

TEST(Template, SubstitutionsThatDoubleThemselvesAreRefused) {
  std::string text = kTop + "Metadata:\n  v0: &v0 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n";
  for (int i = 1; i < 28; ++i) {
    text += fmt::format("  v{}: &v{} !Sub ['${{X}}${{X}}${{X}}', {{X: *v{}}}]\n", i, i, i - 1);
  }
  text += "Resources:\n" + kHello + "      Description: *v27\n";
  // Nesting or size: either limit may speak first, and one must.
  EXPECT_FALSE(PlanOf(text).has_value());
  std::string shorter = text.substr(0, text.find("  v18:"));
  shorter += "Resources:\n" + kHello + "      Description: *v17\n";
  EXPECT_THAT(ErrorsOf(PlanOf(shorter)), HasSubstr("intrinsics produce more than"));
}

TEST(Template, DeeperThanTheLimitIsRefusedAndTheLimitItselfIsNot) {
  const auto nested = [](size_t levels) {
    return "Metadata: " + std::string(levels, '[') + std::string(levels, ']') +
           "\nResources: {A: {Type: X}}\n";
  };
  // The document itself is one level.
  EXPECT_THAT(ErrorsOf(PlanOf(nested(limits::kMaxTemplateDepth))), HasSubstr("nested deeper than"));
  EXPECT_THAT(ErrorsOf(PlanOf(nested(limits::kMaxTemplateDepth - 1))),
              Not(HasSubstr("nested deeper than")));
  EXPECT_THAT(ErrorsOf(PlanOf(nested(20000))), HasSubstr("nested deeper than"));
}

TEST(Template, LongerThanTheLimitIsRefused) {
  EXPECT_EQ(ErrorsOf(PlanOf(std::string(limits::kMaxTemplateBytes + 1, ' '))),
            "template.yaml: 1000001 bytes: a template has at most 1000000\n");
}

TEST(Template, MoreResourcesThanTheLimitAreRefused) {
  const auto with = [](size_t count) {
    std::string text = kTop + "Resources:\n";
    for (size_t i = 0; i < count; ++i) {
      text += fmt::format(
          "  F{}: {{Type: 'AWS::Serverless::Function', Properties: {{CodeUri: a, Handler: a.b, "
          "Runtime: python3.12}}}}\n",
          i);
    }
    return text;
  };
  EXPECT_EQ(ErrorsOf(PlanOf(with(500))), "");
  EXPECT_THAT(ErrorsOf(PlanOf(with(501))), HasSubstr("a template has at most 500"));
}

}  // namespace
}  // namespace hearth::stacks
