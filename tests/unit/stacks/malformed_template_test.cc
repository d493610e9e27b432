// What is wrong with a template is said at its exact place, all of it at once.
#include <gtest/gtest.h>

#include <string>

#include "plan_helper.h"

namespace hearth::stacks {
namespace {

const std::string kTop = "Transform: AWS::Serverless-2016-10-31\nResources:\n";
// Six lines, the first property at 7:7.
const std::string kHello = kTop +
                           "  Hello:\n"
                           "    Type: AWS::Serverless::Function\n"
                           "    Properties:\n"
                           "      CodeUri: src/\n"
                           "      Handler: app.handler\n"
                           "      Runtime: python3.12\n";

struct Case {
  const char* name;
  std::string text;
  std::string expected;  // Every error, a line each.
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class MalformedTemplate : public ::testing::TestWithParam<Case> {};

TEST_P(MalformedTemplate, IsRefusedAtTheExactPlace) {
  EXPECT_EQ(ErrorsOf(PlanOf(GetParam().text)), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(Table, MalformedTemplate, ::testing::ValuesIn(std::vector<Case>{
    {"Empty",
     "",
     "template.yaml: the template is empty: it needs at least Resources\n"},
    {"OnlyAComment",
     "# nothing\n",
     "template.yaml: the template is empty: it needs at least Resources\n"},
    {"AList",
     "- a\n- b\n",
     "template.yaml:1:1: a template is a map with Resources, not a list\n"},
    {"AScalar",
     "hello\n",
     "template.yaml:1:1: a template is a map with Resources, not 'hello'\n"},
    {"NoResources",
     "Transform: AWS::Serverless-2016-10-31\n",
     "template.yaml:1:1: the template has no Resources: it needs at least one\n"},
    {"EmptyResources",
     "Resources: {}\n",
     "template.yaml:1:1: the template has no Resources: it needs at least one\n"},
    {"ResourcesAList",
     "Resources:\n  - Hello\n",
     "template.yaml:2:3: Resources is a map, not a list\n"},
    {"TabIndentation",
     "Resources:\n\tHello:\n\t\tType: X\n",
     "template.yaml:2:1: a tab in the indentation: YAML indents with spaces\n"},
    {"TabInsideAMap",
     "Resources:\n  Hello:\n    Type: X\n\t  Properties: {}\n",
     "template.yaml:4:1: a tab in the indentation: YAML indents with spaces\n"},
    {"DuplicateSection",
     "Resources: {}\nResources: {}\n",
     "template.yaml:2:1: duplicate name 'Resources': it stands at line 1 already\n"},
    {"DuplicateProperty",
     kHello +
     "      Handler: other\n",
     "template.yaml:9:7: duplicate name 'Handler': it stands at line 7 already\n"},
    {"UnknownSection",
     kHello +
     "Resource: {}\n",
     "template.yaml:9:1: unknown section 'Resource' (did you mean 'Resources'?); known: AWSTem"
     "plateFormatVersion, Transform, Description, Metadata, Parameters, Mappings, Conditions, "
     "Globals, Resources, Outputs\n"},
    {"UnservedSection",
     kHello +
     "Rules: {}\n",
     "template.yaml:9:1: the section 'Rules' is not served yet\n"},
    {"UnknownTag",
     kHello +
     "      Timeout: !Foo 3\n",
     "template.yaml:9:16: unknown tag '!Foo': the short intrinsics are !Ref, !Condition, !And,"
     " !Base64, !Cidr, !Equals, !FindInMap, !GetAZs, !GetAtt, !If, !ImportValue, !Join, !Lengt"
     "h, !Not, !Or, !Select, !Split, !Sub, !ToJsonString, !Transform\n"},
    {"BinaryTag",
     kHello +
     "      Description: !!binary aGk=\n",
     "template.yaml:9:20: the tag '!!binary' on 'aGk=': templates have none of that type\n"},
    {"MergeKey",
     kHello +
     "      <<: {Timeout: 3}\n",
     "template.yaml:9:7: the merge key '<<': CloudFormation has none; write the members out\n"},
    {"SecondDocument",
     kHello +
     "---\nResources: {}\n",
     "template.yaml:9:1: a second document ('---'): a template is one document\n"},
    {"UnclosedQuote",
     kHello +
     "      Description: \"open\n",
     ""},
    {"UnclosedFlowMap",
     "Resources: {Hello: {Type: X}\n",
     "template.yaml:2:1: not YAML: end of map flow not found\n"},
    {"BadIndentation",
     kHello +
     "     Timeout: 3\n",
     "template.yaml:9:6: the indentation fits nothing that stands above\n"},
    {"ControlCharacter",
     kHello +
     "      Description: a\004b\n",
     "template.yaml:9:21: the control character 0x04: text only\n"},
    {"UnknownAlias",
     kHello +
     "      Timeout: *nowhere\n",
     "template.yaml:9:16: not YAML: the referenced anchor is not defined\n"},
    {"AliasOfItself",
     kHello +
     "      Environment: &e {Variables: *e}\n",
     "template.yaml:9:35: an alias (*) inside its own anchor (&): it would never end\n"},
    {"ListAsName",
     "Resources:\n  ? [a, b]\n  : c\n",
     "template.yaml:2:5: a name must be text, not a list\n"},
    {"WrongVersion",
     "AWSTemplateFormatVersion: '2011-01-01'\n" +
     kHello,
     "template.yaml:1:27: AWSTemplateFormatVersion '2011-01-01': the only one is '2010-09-09'"
     "\n"},
    {"UnknownTransform",
     "Transform: [AWS::Serverless-2016-10-31, AWS::Include]\nResources: {A: {Type: X}}\n",
     "template.yaml:1:41: the transform 'AWS::Include' is not served: only 'AWS::Serverless-20"
     "16-10-31' is\n"
     "template.yaml:2:23: the resource type 'X' of 'A' is not served yet; served: AWS::Serverl"
     "ess::Function, AWS::Lambda::Function, AWS::Lambda::Version, "
     "AWS::Lambda::Alias, AWS::Serverless::LayerVersion, AWS::Lambda::LayerVersion, "
     "AWS::Lambda::Url, AWS::Lambda::Permission, AWS::Lambda::EventInvokeConfig, "
     "AWS::Lambda::EventSourceMapping, AWS::SQS::Queue, AWS::SQS::QueuePolicy, "
     "AWS::S3::Bucket, AWS::S3::BucketPolicy, AWS::Events::Rule, AWS::Events::EventBus, "
     "AWS::Events::EventBusPolicy, AWS::Events::Archive, AWS::Scheduler::Schedule, "
     "AWS::Scheduler::ScheduleGroup\n"},
    {"NoTransform",
     "Resources:\n  A:\n    Type: AWS::Serverless::Function\n    Properties: {CodeUri: a, Hand"
     "ler: b.c, Runtime: python3.12}\n",
     "template.yaml:3:11: AWS::Serverless::Function needs 'Transform: AWS::Serverless-2016-10-"
     "31' at the top\n"},
    {"GlobalsWithoutTransform",
     "Globals: {Function: {Timeout: 3}}\nResources: {A: {Type: X}}\n",
     "template.yaml:1:1: Globals needs 'Transform: AWS::Serverless-2016-10-31'\n"
     "template.yaml:2:23: the resource type 'X' of 'A' is not served yet; served: AWS::Serverl"
     "ess::Function, AWS::Lambda::Function, AWS::Lambda::Version, "
     "AWS::Lambda::Alias, AWS::Serverless::LayerVersion, AWS::Lambda::LayerVersion, "
     "AWS::Lambda::Url, AWS::Lambda::Permission, AWS::Lambda::EventInvokeConfig, "
     "AWS::Lambda::EventSourceMapping, AWS::SQS::Queue, AWS::SQS::QueuePolicy, "
     "AWS::S3::Bucket, AWS::S3::BucketPolicy, AWS::Events::Rule, AWS::Events::EventBus, "
     "AWS::Events::EventBusPolicy, AWS::Events::Archive, AWS::Scheduler::Schedule, "
     "AWS::Scheduler::ScheduleGroup\n"},
    {"UnservedType",
     kTop +
     "  Table:\n    Type: AWS::DynamoDB::Table\n",
     "template.yaml:4:11: the resource type 'AWS::DynamoDB::Table' of 'Table' is not served ye"
     "t; served: AWS::Serverless::Function, AWS::Lambda::Function, AWS::Lambda::Version, "
     "AWS::Lambda::Alias, AWS::Serverless::LayerVersion, AWS::Lambda::LayerVersion, "
     "AWS::Lambda::Url, AWS::Lambda::Permission, AWS::Lambda::EventInvokeConfig, "
     "AWS::Lambda::EventSourceMapping, AWS::SQS::Queue, AWS::SQS::QueuePolicy, "
     "AWS::S3::Bucket, AWS::S3::BucketPolicy, AWS::Events::Rule, AWS::Events::EventBus, "
     "AWS::Events::EventBusPolicy, AWS::Events::Archive, AWS::Scheduler::Schedule, "
     "AWS::Scheduler::ScheduleGroup\n"},
    {"NoType",
     kTop +
     "  Table:\n    Properties: {}\n",
     "template.yaml:3:3: the resource 'Table' has no Type\n"},
    {"ResourceIsText",
     kTop +
     "  Table: text\n",
     "template.yaml:3:3: the resource 'Table' is a map with Type, not 'text'\n"},
    {"LogicalIdWithDash",
     kTop +
     "  my-table:\n    Type: AWS::DynamoDB::Table\n",
     "template.yaml:3:3: the logical id 'my-table' has other characters than letters and digit"
     "s\n"
     "template.yaml:4:11: the resource type 'AWS::DynamoDB::Table' of 'my-table' is not served "
     "yet; served: AWS::Serverless::Function, AWS::Lambda::Function, AWS::Lambda::Version, "
     "AWS::Lambda::Alias, AWS::Serverless::LayerVersion, AWS::Lambda::LayerVersion, "
     "AWS::Lambda::Url, AWS::Lambda::Permission, AWS::Lambda::EventInvokeConfig, "
     "AWS::Lambda::EventSourceMapping, AWS::SQS::Queue, AWS::SQS::QueuePolicy, "
     "AWS::S3::Bucket, AWS::S3::BucketPolicy, AWS::Events::Rule, AWS::Events::EventBus, "
     "AWS::Events::EventBusPolicy, AWS::Events::Archive, AWS::Scheduler::Schedule, "
     "AWS::Scheduler::ScheduleGroup\n"},
    {"PropertiesAList",
     kTop +
     "  A:\n    Type: AWS::Serverless::Function\n    Properties: [a]\n",
     "template.yaml:5:17: Properties is a map, not a list\n"},
    {"UnservedProperty",
     kHello +
     "      VpcConfig: [a]\n",
     "template.yaml:9:7: the property 'VpcConfig' of AWS::Serverless::Function is not served yet"
     "\n"},
    {"MisspeltProperty",
     kHello +
     "      Timout: 3\n",
     "template.yaml:9:7: unknown property 'Timout' of AWS::Serverless::Function (did you mean "
     "'Timeout'?)\n"},
    {"UnknownProperty",
     kHello +
     "      Colour: red\n",
     "template.yaml:9:7: unknown property 'Colour' of AWS::Serverless::Function\n"},
    {"TimeoutIsText",
     kHello +
     "      Timeout: soon\n",
     "template.yaml:9:16: 'Timeout' is a whole number, not 'soon'\n"},
    {"MemoryIsAFraction",
     kHello +
     "      MemorySize: 128.5\n",
     "template.yaml:9:19: 'MemorySize' is a whole number, not '128.5'\n"},
    {"MemoryIsAList",
     kHello +
     "      MemorySize: [128]\n",
     "template.yaml:9:19: 'MemorySize' is a whole number, not a list\n"},
    {"HandlerIsAMap",
     kTop +
     "  A:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: a\n      Runt"
     "ime: python3.12\n      Handler: {a: b}\n",
     "template.yaml:8:16: 'Handler' is text, not a map\n"},
    {"NothingRequiredIsThere",
     kTop +
     "  A:\n    Type: AWS::Serverless::Function\n",
     "template.yaml:3:3: the function 'A' has no Runtime: e.g. Runtime: python3.12\n"
     "template.yaml:3:3: the function 'A' has no Handler: e.g. Handler: app.handler\n"
     "template.yaml:3:3: the function 'A' has no code: set CodeUri or InlineCode\n"},
    {"EnvironmentWithoutVariables",
     kHello +
     "      Environment: {A: b}\n",
     "template.yaml:9:21: unknown name 'A' in 'Environment': it has only Variables\n"},
    {"EnvironmentVariableIsAList",
     kHello +
     "      Environment: {Variables: {A: [b]}}\n",
     "template.yaml:9:36: 'Environment.Variables.A' is text, not a list\n"},
    {"EphemeralStorageIsANumber",
     kHello +
     "      EphemeralStorage: 512\n",
     "template.yaml:9:25: 'EphemeralStorage' is a map with Size, not '512'\n"},
    {"TwoArchitectures",
     kHello +
     "      Architectures: [x86_64, arm64]\n",
     "template.yaml:9:22: 'Architectures' is a list of one: [x86_64] or [arm64]\n"},
    {"TracingActive",
     kHello +
     "      Tracing: Active\n",
     "template.yaml:9:16: 'Tracing' 'Active' is not served yet: only PassThrough is\n"},
    {"PackageTypeImage",
     kHello +
     "      PackageType: Image\n",
     "template.yaml:9:20: 'PackageType' 'Image' is not served yet: only Zip is\n"},
    {"CodeInS3",
     kTop +
     "  A:\n    Type: AWS::Serverless::Function\n    Properties: {CodeUri: 's3://b/k', Handler"
     ": a.b, Runtime: python3.12}\n",
     "template.yaml:5:27: 'CodeUri' 's3://b/k' is not served yet: give a local path\n"},
    {"CodeAsBucketAndKey",
     kTop +
     "  A:\n    Type: AWS::Serverless::Function\n    Properties: {CodeUri: {Bucket: b, Key: k}"
     ", Handler: a.b, Runtime: python3.12}\n",
     "template.yaml:5:27: 'CodeUri' as a map (an object in S3) is not served yet: give a local"
     " path\n"},
    {"BuildMethod",
     kHello +
     "    Metadata: {BuildMethod: esbuild}\n",
     "template.yaml:9:16: BuildMethod 'esbuild' is not served: build first, and let CodeUri na"
     "me the result\n"},
    {"DeletionPolicyRetain",
     kHello +
     "    DeletionPolicy: Retain\n",
     "template.yaml:9:21: DeletionPolicy 'Retain' is not served yet: only Delete is\n"},
    {"UnknownResourceMember",
     kHello +
     "    Propertys: {}\n",
     "template.yaml:9:5: 'Propertys' of the resource 'Hello' is unknown or not served yet (did"
     " you mean 'Properties'?); served: Type, Properties, DependsOn, Condition, Metadata, Dele"
     "tionPolicy, UpdateReplacePolicy\n"},
    {"UnknownRef",
     kHello +
     "      Description: !Ref Nobody\n",
     "template.yaml:9:20: 'Nobody' is no parameter and no resource; there are: Hello, AWS::Acc"
     "ountId, AWS::Partition, AWS::Region, AWS::StackId, AWS::StackName, AWS::URLSuffix\n"},
    {"RefOfAList",
     kHello +
     "      Description: !Ref [a]\n",
     "template.yaml:9:20: Ref takes a name, not a list\n"},
    {"UnknownAttribute",
     kHello +
     "Outputs: {A: {Value: !GetAtt Hello.Url}}\n",
     "template.yaml:9:22: 'Hello' has no attribute 'Url'; it has: Arn\n"},
    {"GetAttWithoutAttribute",
     kHello +
     "Outputs: {A: {Value: !GetAtt Hello}}\n",
     "template.yaml:9:22: Fn::GetAtt takes [resource, attribute], or !GetAtt Resource.Attribut"
     "e\n"},
    {"UnknownNameInSub",
     kHello +
     "      Description: !Sub 'a-${Nobody}'\n",
     "template.yaml:9:20: 'Nobody' is no parameter and no resource; there are: Hello, AWS::Acc"
     "ountId, AWS::Partition, AWS::Region, AWS::StackId, AWS::StackName, AWS::URLSuffix\n"},
    {"UnclosedSub",
     kHello +
     "      Description: !Sub 'a-${AWS::Region'\n",
     "template.yaml:9:20: Fn::Sub: '${AWS::Region' has no closing '}'\n"},
    {"SubOfAListParameter",
     "Parameters: {L: {Type: CommaDelimitedList, Default: 'a,b'}}\n" +
     kHello +
     "      Description: !Sub '${L}'\n",
     "template.yaml:10:20: Fn::Sub: '${L}' is a list, not text\n"},
    {"JoinOfText",
     kHello +
     "      Description: !Join ['-', a]\n",
     "template.yaml:9:20: Fn::Join takes [delimiter, [value, ...]]\n"},
    {"JoinOfOne",
     kHello +
     "      Description: !Join ['-']\n",
     "template.yaml:9:20: Fn::Join takes [delimiter, [value, ...]], not 1 items\n"},
    {"SelectBeyondTheEnd",
     kHello +
     "      Description: !Select [2, [a, b]]\n",
     "template.yaml:9:20: Fn::Select: the index 2 is beyond the list's 2 items\n"},
    {"SelectByText",
     kHello +
     "      Description: !Select [x, [a, b]]\n",
     "template.yaml:9:20: Fn::Select: the index 'x' is no whole number from 0\n"},
    {"SplitByNothing",
     kHello +
     "      Description: !Join ['', !Split ['', abc]]\n",
     "template.yaml:9:31: Fn::Split takes [delimiter, text], and a delimiter that is not empty"
     "\n"},
    {"IfOfTwo",
     kHello +
     "      Description: !If [A, b]\n",
     "template.yaml:9:20: Fn::If takes [condition's name, value if true, value if false]\n"},
    {"UnknownCondition",
     kHello +
     "      Description: !If [A, b, c]\n",
     "template.yaml:9:25: the condition 'A' is not in Conditions; there are: none\n"},
    {"ConditionOfItself",
     kHello +
     "Conditions:\n  A: !Not [!Condition B]\n  B: !Not [!Condition A]\n",
     "template.yaml:10:3: the condition 'A' depends on itself, through: A, B\n"},
    {"ConditionIsText",
     kHello +
     "Conditions:\n  A: yes\n",
     "template.yaml:10:6: 'yes' is no condition: use Fn::Equals, Fn::And, Fn::Or, Fn::Not or C"
     "ondition\n"},
    {"UnknownMapping",
     kHello +
     "      Description: !FindInMap [A, b, c]\n",
     "template.yaml:9:20: Fn::FindInMap: Mappings has no 'A' here; there are: none\n"},
    {"UnservedIntrinsic",
     kHello +
     "      Description: !ImportValue other\n",
     "template.yaml:9:20: 'Fn::ImportValue' is not served yet; served: Condition, Fn::And, Fn:"
     ":Base64, Fn::Equals, Fn::FindInMap, Fn::GetAtt, Fn::If, Fn::Join, Fn::Not, Fn::Or, Fn::S"
     "elect, Fn::Split, Fn::Sub, Ref\n"},
    {"IntrinsicBesideOthers",
     kHello +
     "      Description: {'Fn::Sub': a, b: c}\n",
     "template.yaml:9:21: 'Fn::Sub' stands beside other names: it must be alone in its map\n"},
    {"DynamicReference",
     kHello +
     "      Description: '{{resolve:ssm:x}}'\n",
     "template.yaml:9:20: the dynamic reference '{{resolve:ssm:x}}' is not served yet\n"},
    {"DependsOnNobody",
     kHello +
     "    DependsOn: Nobody\n",
     "template.yaml:9:16: DependsOn names 'Nobody', which is no resource; there are: Hello\n"},
    {"DependsOnItself",
     kHello +
     "    DependsOn: Hello\n",
     "template.yaml:9:16: resources depend on each other in a circle: Hello -> Hello\n"},
    {"CircleOfTwo",
     kHello +
     "      Description: !GetAtt Other.Arn\n  Other:\n    Type: AWS::Serverless::Function\n   "
     " Properties: {CodeUri: a, Handler: a.b, Runtime: python3.12, Description: !Ref Hello}\n",
     "template.yaml:12:78: resources depend on each other in a circle: Hello -> Other -> Hello"
     "\n"},
    {"SameFunctionNameTwice",
     kHello +
     "  Other:\n    Type: AWS::Serverless::Function\n    Properties: {CodeUri: a, Handler: a.b"
     ", Runtime: python3.12, FunctionName: Hello}\n",
     "template.yaml:11:65: the function name 'Hello' of 'Other' is also that of 'Hello'\n"},
    {"GlobalsUnknownSection",
     "Globals: {Functions: {Timeout: 3}}\n" +
     kHello,
     "template.yaml:1:11: unknown section 'Globals.Functions' (did you mean 'Function'?); know"
     "n: Function, Api, HttpApi, WebSocketApi, SimpleTable, StateMachine, LayerVersion, Capaci"
     "tyProvider\n"},
    {"GlobalsForbiddenProperty",
     "Globals: {Function: {FunctionName: a}}\n" +
     kHello,
     "template.yaml:1:22: 'FunctionName' is not allowed in Globals.Function: it belongs to one"
     " function\n"},
    {"GlobalsUnservedProperty",
     "Globals: {Function: {VpcConfig: [a]}}\n" +
     kHello,
     "template.yaml:1:22: the property 'VpcConfig' of AWS::Serverless::Function is not served yet"
     "\n"},
    {"ParameterWithoutValue",
     "Parameters: {Name: {Type: String}}\n" +
     kHello,
     "template.yaml:1:14: the parameter 'Name' has no Default and was not given: pass --parame"
     "ter Name=VALUE\n"},
    {"ParameterWithoutType",
     "Parameters: {Name: {Default: a}}\n" +
     kHello,
     "template.yaml:1:14: the parameter 'Name' has no Type: one of String, Number, CommaDelimi"
     "tedList, List<Number>\n"},
    {"ParameterUnservedType",
     "Parameters: {Name: {Type: 'AWS::EC2::VPC::Id', Default: a}}\n" +
     kHello,
     "template.yaml:1:27: the parameter type 'AWS::EC2::VPC::Id' is not served yet; served: St"
     "ring, Number, CommaDelimitedList, List<Number>\n"},
    {"ParameterNotANumber",
     "Parameters: {Name: {Type: Number, Default: a}}\n" +
     kHello,
     "template.yaml:1:44: the parameter 'Name': 'a' is no number\n"},
    {"ParameterNotAllowed",
     "Parameters: {Name: {Type: String, Default: c, AllowedValues: [a, b]}}\n" +
     kHello,
     "template.yaml:1:44: the parameter 'Name': 'c' is not one of AllowedValues: a, b\n"},
    {"ParameterAgainstPattern",
     "Parameters: {Name: {Type: String, Default: A1, AllowedPattern: '[a-z]+', ConstraintDescr"
     "iption: lower case only}}\n" +
     kHello,
     "template.yaml:1:44: the parameter 'Name': 'A1' does not match AllowedPattern [a-z]+: low"
     "er case only\n"},
    {"ParameterBadPattern",
     "Parameters: {Name: {Type: String, Default: a, AllowedPattern: '[a'}}\n" +
     kHello,
     "template.yaml:1:44: the parameter 'Name': AllowedPattern '[a' is no regular expression t"
     "hat is served\n"},
    {"ParameterHugePattern",
     "Parameters: {Name: {Type: String, Default: a, AllowedPattern: '((a?){1000}){1000}'}}\n" +
     kHello,
     "template.yaml:1:44: the parameter 'Name': AllowedPattern '((a?){1000}){1000}' is too lar"
     "ge\n"},
    {"ParameterTooShort",
     "Parameters: {Name: {Type: String, Default: a, MinLength: 2}}\n" +
     kHello,
     "template.yaml:1:44: the parameter 'Name': 'a' breaks MinLength 2\n"},
    {"ParameterTooLarge",
     "Parameters: {Name: {Type: Number, Default: 11, MaxValue: 10}}\n" +
     kHello,
     "template.yaml:1:44: the parameter 'Name': '11' breaks MaxValue 10\n"},
    {"ParameterSecretIsNotShown",
     "Parameters: {Name: {Type: String, Default: hunter2, NoEcho: true, AllowedValues: [a]}}\n" +
     kHello,
     "template.yaml:1:44: the parameter 'Name': **** is not one of AllowedValues: a\n"},
    {"ParameterUnknownName",
     "Parameters: {Name: {Type: String, Default: a, Min: 2}}\n" +
     kHello,
     "template.yaml:1:47: unknown name 'Min' in a parameter; known: Type, Default, AllowedValu"
     "es, AllowedPattern, MinLength, MaxLength, MinValue, MaxValue, NoEcho, Description, Const"
     "raintDescription\n"},
    {"ResourceNamedAsParameter",
     "Parameters: {Hello: {Type: String, Default: a}}\n" +
     kHello,
     "template.yaml:4:3: 'Hello' is a parameter already: a resource needs another name\n"},
    {"OutputWithoutValue",
     kHello +
     "Outputs: {A: {Description: b}}\n",
     "template.yaml:9:11: the output 'A' has no Value\n"},
    {"OutputIsAList",
     kHello +
     "Outputs: {A: {Value: [b]}}\n",
     "template.yaml:9:15: the output 'A' is text, not a list\n"},
    {"OutputExport",
     kHello +
     "Outputs: {A: {Value: b, Export: {Name: c}}}\n",
     "template.yaml:9:25: 'Export' of an output is not served yet\n"},
    {"SeveralAtOnce",
     kHello +
     "      Timeout: soon\n      VpcConfig: []\n      Description: !Ref Nobody\n  Queue:\n    Typ"
     "e: AWS::SNS::Topic\n",
     "template.yaml:9:16: 'Timeout' is a whole number, not 'soon'\n"
     "template.yaml:10:7: the property 'VpcConfig' of AWS::Serverless::Function is not served yet"
     "\n"
     "template.yaml:11:20: 'Nobody' is no parameter and no resource; there are: Hello, Queue, "
     "AWS::AccountId, AWS::Partition, AWS::Region, AWS::StackId, AWS::StackName, AWS::URLSuffi"
     "x\n"
     "template.yaml:13:11: the resource type 'AWS::SNS::Topic' of 'Queue' is not served yet; s"
     "erved: AWS::Serverless::Function, AWS::Lambda::Function, AWS::Lambda::Version, "
     "AWS::Lambda::Alias, AWS::Serverless::LayerVersion, AWS::Lambda::LayerVersion, "
     "AWS::Lambda::Url, AWS::Lambda::Permission, AWS::Lambda::EventInvokeConfig, "
     "AWS::Lambda::EventSourceMapping, AWS::SQS::Queue, AWS::SQS::QueuePolicy, "
     "AWS::S3::Bucket, AWS::S3::BucketPolicy, AWS::Events::Rule, AWS::Events::EventBus, "
     "AWS::Events::EventBusPolicy, AWS::Events::Archive, AWS::Scheduler::Schedule, "
     "AWS::Scheduler::ScheduleGroup\n"},
    {"JsonUnclosed",
     "{\"Resources\": {\"A\": {\"Type\": \"X\"}",
     "template.yaml:1:1: not YAML: end of map flow not found\n"},
    {"JsonDuplicate",
     "{\"Resources\": {},\n \"Resources\": {}}",
     "template.yaml:2:2: duplicate name 'Resources': it stands at line 1 already\n"},
}), [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace hearth::stacks
