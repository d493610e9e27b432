// Buckets in templates: from their properties to the store, forward and back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan_helper.h"
#include "stacks/bucket_resource.h"
#include "stacks/bucket_steps.h"
#include "stacks/deployment.h"
#include "stacks_server.h"

namespace hearth::stacks {
namespace {

using base::Json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using Versioning = s3::BucketRecord::Versioning;

const std::string kTop = "Transform: AWS::Serverless-2016-10-31\nResources:\n" + kHello;
const std::string kBucket = "  Photos:\n    Type: AWS::S3::Bucket\n";
const std::string kNamed = kBucket + "    Properties: {BucketName: photos}\n";

std::string Bucket(const std::string& properties) {
  return kBucket + "    Properties: {BucketName: photos, " + properties + "}\n";
}

TEST(BucketInATemplate, HasItsNameAndWhatRefAndGetAttSayOfIt) {
  const auto plan = PlanOf("Resources:\n" + kBucket +
                           "    Properties:\n"
                           "      BucketName: !Sub '${AWS::StackName}-photos'\n"
                           "      AccessControl: Private\n"
                           "      VersioningConfiguration: {Status: Enabled}\n"
                           "      Tags: [{Key: team, Value: x}]\n"
                           "    DeletionPolicy: Retain\n"
                           "Outputs:\n"
                           "  A: {Value: !Join [' ', [!Ref Photos, !GetAtt Photos.Arn]]}\n"
                           "  B: {Value: !GetAtt Photos.DomainName}\n"
                           "  C: {Value: !GetAtt Photos.RegionalDomainName}\n"
                           "  D: {Value: !GetAtt Photos.DualStackDomainName}\n"
                           "  E: {Value: !GetAtt Photos.WebsiteURL}\n");
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  ASSERT_EQ(plan->buckets.size(), 1u);
  const PlannedBucket& photos = plan->buckets[0];
  EXPECT_EQ(photos.name, "shop-photos");
  EXPECT_TRUE(photos.retain);
  EXPECT_FALSE(photos.retain_replaced);
  const Json told{{"Versioning", "Enabled"}, {"Tags", {{"team", "x"}}}, {"Texts", Json::object()}};
  EXPECT_EQ(photos.told, told);
  EXPECT_EQ(plan->outputs[0].value, "shop-photos arn:aws:s3:::shop-photos");
  EXPECT_EQ(plan->outputs[1].value, "shop-photos.s3.amazonaws.com");
  EXPECT_EQ(plan->outputs[2].value, "shop-photos.s3.us-east-1.amazonaws.com");
  EXPECT_EQ(plan->outputs[3].value, "shop-photos.s3.dualstack.us-east-1.amazonaws.com");
  EXPECT_EQ(plan->outputs[4].value, "http://shop-photos.s3-website-us-east-1.amazonaws.com");
}

TEST(BucketInATemplate, IsNamedByStackAndLogicalIdAndStaysSo) {
  const auto name = [](const std::string& logical_id, const std::string& stack) {
    TemplateInput input;
    input.text = "Resources:\n  " + logical_id + ":\n    Type: AWS::S3::Bucket\n";
    input.stack_name = stack;
    const auto plan = MakePlan(input);
    return plan ? plan->buckets.at(0).name : ErrorsOf(plan);
  };
  const std::string made = name("RawPhotos", "Shop");
  EXPECT_THAT(made, MatchesRegex("shop-rawphotos-[0-9a-f]{12}"));
  EXPECT_EQ(name("RawPhotos", "Shop"), made);
  EXPECT_NE(name("RawPhotos", "shop"), made) << "two stacks";
  const std::string longest = name(std::string(200, 'L'), "s" + std::string(127, '-'));
  EXPECT_THAT(longest, MatchesRegex("s-{24}l{24}-[0-9a-f]{12}"));
  EXPECT_NE(name(std::string(201, 'L'), "s" + std::string(127, '-')), longest);
  EXPECT_THAT(name("Photos", "sthree-x"), HasSubstr("set BucketName"));
}

struct Bad {
  std::string properties;
  std::string error;
};

TEST(BucketInATemplate, IsRefusedWhereItIsWrong) {
  for (const Bad& bad : {
           Bad{"Colour: red", ":4:38: unknown property 'Colour' of AWS::S3::Bucket"},
           Bad{"VersioningConfigurations: x", "(did you mean 'VersioningConfiguration'?)"},
           Bad{"VersioningConfiguration: {Status: On}",
               "'VersioningConfiguration.Status' is Enabled or Suspended, not 'On'"},
           Bad{"VersioningConfiguration: {}", "'VersioningConfiguration' has no Status"},
           Bad{"AccessControl: PublicRead",
               ":4:53: 'AccessControl' 'PublicRead' is not served yet: only Private and "
               "BucketOwnerFullControl are"},
           Bad{"Tags: {a: b}", "'Tags' is a list of {Key, Value}"},
           Bad{"Tags: [{Key: 'aws:x', Value: y}]", ":4:38: Photos: "},
           Bad{"Tags: [{Key: a, Value: '" + std::string(257, 'v') + "'}]", ":4:38: Photos: "},
           Bad{"NotificationConfiguration: {TopicConfigurations: []}",
               "the property 'TopicConfigurations' of NotificationConfiguration is not served yet"},
           Bad{"NotificationConfiguration: {EventBridgeConfiguration: {EventBridgeEnabled: on}}",
               "'NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled' is true or "
               "false, not 'on'"},
       }) {
    EXPECT_THAT(ErrorsOf(PlanOf("Resources:\n" + Bucket(bad.properties))), HasSubstr(bad.error))
        << bad.properties.substr(0, 100);
  }
  for (const char* property :
       {"AccelerateConfiguration", "AnalyticsConfigurations", "IntelligentTieringConfigurations",
        "InventoryConfigurations", "LoggingConfiguration", "MetadataTableConfiguration",
        "MetricsConfigurations", "ObjectLockConfiguration", "ObjectLockEnabled",
        "ReplicationConfiguration", "WebsiteConfiguration"}) {
    EXPECT_THAT(ErrorsOf(PlanOf("Resources:\n" + Bucket(std::string(property) + ": {}"))),
                HasSubstr(std::string(":4:38: the property '") + property +
                          "' of AWS::S3::Bucket is not served yet"));
  }
  for (const char* name : {"Photos", "ph", "a..b", "192.168.5.4", "xn--a", "x-s3alias"}) {
    EXPECT_THAT(
        ErrorsOf(PlanOf("Resources:\n" + kBucket + "    Properties: {BucketName: " + name + "}\n")),
        HasSubstr(":4:18: 'BucketName' '" + std::string(name) + "' is no name of a bucket"))
        << name;
  }
  EXPECT_THAT(ErrorsOf(PlanOf("Resources:\n" + kNamed + "  Other:\n    Type: AWS::S3::Bucket\n" +
                              "    Properties: {BucketName: photos}\n")),
              HasSubstr(":7:18: the bucket name 'photos' of 'Other' is also that of 'Photos'"));
  EXPECT_THAT(ErrorsOf(PlanOf("Resources:\n" + kBucket + "    DeletionPolicy: Snapshot\n")),
              HasSubstr("DeletionPolicy 'Snapshot' is not served yet"));
}

TEST(BucketPolicyInATemplate, IsForABucketOfTheTemplate) {
  const std::string policy = "  P:\n    Type: AWS::S3::BucketPolicy\n    Properties: ";
  const auto plan = PlanOf("Resources:\n" + policy +
                           "{Bucket: !Ref Photos, PolicyDocument: {Statement: [{Effect: Allow, "
                           "Principal: '*', Action: 's3:GetObject', Resource: !Sub "
                           "'${Photos.Arn}/*'}]}}\n" +
                           kNamed);
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  ASSERT_EQ(plan->bucket_policies.size(), 1u);
  EXPECT_EQ(plan->bucket_policies[0].bucket, "photos");
  EXPECT_EQ(plan->bucket_policies[0].told["Policy"],
            R"({"Statement":[{"Action":"s3:GetObject","Effect":"Allow","Principal":"*",)"
            R"("Resource":"arn:aws:s3:::photos/*"}]})");
  const std::string document =
      "PolicyDocument: {Statement: {Effect: Deny, Principal: '*', Action: '*', Resource: "
      "'arn:aws:s3:::photos'}}";
  for (const Bad& bad :
       {Bad{"Bucket: !Ref Photos", ":2:3: 'P' has no PolicyDocument"},
        Bad{document, ":2:3: 'P' has no Bucket"},
        Bad{document + ", Bucket: theirs",
            "'Bucket': 'theirs' is no bucket of this template (!Ref MyBucket): only those are"},
        Bad{"Bucket: !Ref Photos, PolicyDocument: x", "'PolicyDocument' is a map, not 'x'"},
        Bad{"Bucket: !Ref Photos, PolicyDocument: {}", "P: Missing required field Statement"},
        Bad{"Bucket: !Ref Photos, PolicyDocument: {Statement: {Effect: Allow, Principal: '*', "
            "Action: '*', Resource: 'arn:aws:s3:::theirs'}}",
            ":4:55: P: Policy has invalid resource"},
        Bad{"Bucket: !Ref Photos, PolicyDocument: {Statement: " + std::string(20500, 'x') + "}",
            ":4:55: P: "}}) {
    EXPECT_THAT(ErrorsOf(PlanOf("Resources:\n" + policy + "{" + bad.properties + "}\n" + kNamed)),
                HasSubstr(bad.error))
        << bad.properties.substr(0, 100);
  }
  const std::string one = policy + "{Bucket: !Ref Photos, " + document + "}\n";
  std::string other = one;
  other.replace(2, 1, "Q");
  EXPECT_THAT(ErrorsOf(PlanOf("Resources:\n" + one + other + kNamed)),
              HasSubstr("'Q' is for the bucket photos, for which 'P' is already"));
}

TEST(BucketInATemplate, HasItsConfigurationsAsTheApiGivesThemBack) {
  const auto plan = PlanOf(
      "Resources:\n" + kBucket +
      "    Properties:\n"
      "      BucketEncryption: {ServerSideEncryptionConfiguration: [{BucketKeyEnabled: true, "
      "ServerSideEncryptionByDefault: {SSEAlgorithm: AES256}}]}\n"
      "      CorsConfiguration: {CorsRules: [{Id: one, AllowedHeaders: ['*'], AllowedMethods: "
      "[GET, PUT], AllowedOrigins: ['http://a'], ExposedHeaders: [etag], MaxAge: 5}]}\n"
      "      OwnershipControls: {Rules: [{ObjectOwnership: BucketOwnerEnforced}]}\n"
      "      PublicAccessBlockConfiguration: {BlockPublicAcls: true, BlockPublicPolicy: false}\n"
      "      LifecycleConfiguration:\n"
      "        Rules:\n"
      "          - {Id: a, Status: Enabled, ExpirationInDays: 3, Prefix: x&y/, TagFilters: "
      "[{Key: k, Value: v}], NoncurrentVersionExpirationInDays: 4}\n"
      "          - {Id: b, Status: Disabled, "
      "AbortIncompleteMultipartUpload: {DaysAfterInitiation: 2}}\n"
      "          - {Id: c, Status: Enabled, ObjectSizeGreaterThan: 9, ExpirationDate: "
      "'2030-01-01T00:00:00Z'}\n"
      "          - {Id: d, Status: Enabled, ExpiredObjectDeleteMarker: true, "
      "NoncurrentVersionExpiration: {NoncurrentDays: 5, NewerNoncurrentVersions: 6}}\n");
  ASSERT_TRUE(plan.has_value()) << ErrorsOf(plan);
  const Json& texts = plan->buckets[0].told["Texts"];
  const auto text = [&](const char* name) { return texts.value(name, ""); };
  EXPECT_EQ(texts.size(), 5u);
  EXPECT_THAT(text("encryption"), HasSubstr("<SSEAlgorithm>AES256</SSEAlgorithm>"));
  EXPECT_THAT(text("encryption"), HasSubstr("<BucketKeyEnabled>true</BucketKeyEnabled>"));
  EXPECT_THAT(text("ownershipControls"), HasSubstr(">BucketOwnerEnforced<"));
  EXPECT_THAT(text("publicAccessBlock"), HasSubstr("<BlockPublicAcls>true<"));
  EXPECT_THAT(text("publicAccessBlock"), HasSubstr("<BlockPublicPolicy>false<"));
  for (const char* part :
       {"<ID>one</ID>", "<AllowedHeader>*</AllowedHeader>", "<AllowedMethod>GET</AllowedMethod>",
        "<AllowedMethod>PUT</AllowedMethod>", "<AllowedOrigin>http://a</AllowedOrigin>",
        "<ExposeHeader>etag</ExposeHeader>", "<MaxAgeSeconds>5</MaxAgeSeconds>"}) {
    EXPECT_THAT(text("cors"), HasSubstr(part));
  }
  for (const char* part :
       {"<ID>a</ID>", "<Prefix>x&amp;y/</Prefix>", "<Key>k</Key>", "<Days>3</Days>",
        "<NoncurrentDays>4</NoncurrentDays>", "<Status>Disabled</Status>",
        "<ObjectSizeGreaterThan>9</ObjectSizeGreaterThan>",
        "<DaysAfterInitiation>2</DaysAfterInitiation>", "<Date>2030-01-01T00:00:00.000Z</Date>",
        "<ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker>",
        "<NoncurrentDays>5</NoncurrentDays>",
        "<NewerNoncurrentVersions>6</NewerNoncurrentVersions>"}) {
    EXPECT_THAT(text("lifecycle"), HasSubstr(part));
  }
}

TEST(BucketInATemplate, HasNoConfigurationThatTheApiWouldRefuse) {
  const auto rule = [](const std::string& more) {
    return "LifecycleConfiguration: {Rules: [{Status: Enabled, ExpirationInDays: 1, " + more +
           "}]}";
  };
  for (const Bad& bad : {
           Bad{"BucketEncryption: {ServerSideEncryptionConfiguration: "
               "[{ServerSideEncryptionByDefault: {SSEAlgorithm: 'aws:kms'}}]}",
               ":4:38: Photos: 'BucketEncryption': SSEAlgorithm 'aws:kms' is not implemented"},
           Bad{"CorsConfiguration: {CorsRules: [{AllowedMethods: [PATCH], AllowedOrigins: ['*']}]}",
               ":4:38: Photos: 'CorsConfiguration': "},
           Bad{"CorsConfiguration: {CorsRules: []}", ":4:38: Photos: 'CorsConfiguration': "},
           Bad{"CorsConfiguration: x", "'CorsConfiguration' is a map, not 'x'"},
           Bad{"CorsConfiguration: {CorsRules: [{AllowedMethod: GET}]}",
               "unknown property 'CorsConfiguration.CorsRules.AllowedMethod' (did you mean "
               "'AllowedMethods'?)"},
           Bad{"OwnershipControls: {Rules: [{ObjectOwnership: Nobody}]}",
               ":4:38: Photos: 'OwnershipControls': "},
           Bad{"PublicAccessBlockConfiguration: {BlockPublicAcls: some}",
               "'PublicAccessBlockConfiguration.BlockPublicAcls' is true or false, not 'some'"},
           Bad{rule("Transitions: [{StorageClass: GLACIER}]"),
               "the property 'Transitions' of LifecycleConfiguration is not served yet"},
           Bad{rule("ExpirationDate: '2030-01-01T00:00:00Z'"),
               ":4:38: Photos: 'LifecycleConfiguration': "},
           Bad{rule("Status: On"), "Status"},
       }) {
    EXPECT_THAT(ErrorsOf(PlanOf("Resources:\n" + Bucket(bad.properties))), HasSubstr(bad.error))
        << bad.properties;
  }
}

class DeployedBuckets : public StacksServer {
 protected:
  s3::BucketRecord& Of(const std::string& bucket) { return objects.buckets.at(bucket); }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const auto& [name, bucket] : objects.buckets) names.push_back(name);
    return names;
  }
  // Of somebody else.
  void Put(const std::string& name) { objects.buckets[name] = {.name = name}; }
  std::vector<std::string> DeleteStack() { return Shown(Ask("DELETE", "/_hearth/stacks/shop")); }
};

const std::string kPolicy =
    "  P:\n    Type: AWS::S3::BucketPolicy\n"
    "    Properties: {Bucket: !Ref Photos, PolicyDocument: {Statement: {Effect: Deny, Principal: "
    "'*', Action: '*', Resource: !GetAtt Photos.Arn}}}\n";
constexpr char kPolicyText[] = R"({"Statement":{"Action":"*","Effect":"Deny","Principal":"*",)"
                               R"("Resource":"arn:aws:s3:::photos"}})";

TEST_F(DeployedBuckets, AreMadeBroughtBackChangedAndTakenAway) {
  const std::string text =
      kTop +
      Bucket(
          "VersioningConfiguration: {Status: Enabled}, Tags: [{Key: a, Value: x-y}], "
          "OwnershipControls: {Rules: [{ObjectOwnership: ObjectWriter}]}") +
      kPolicy;
  EXPECT_THAT(Deploy(text, "zip"), ElementsAre("create Hello done", "create photos done",
                                               "create photos done", "succeeded"));
  EXPECT_EQ(Of("photos").versioning, Versioning::kEnabled);
  EXPECT_EQ(Of("photos").texts["policy"], kPolicyText);
  const std::string tagging = Of("photos").texts["tagging"];
  EXPECT_THAT(tagging, HasSubstr("<Key>a</Key><Value>x-y</Value>"));
  EXPECT_THAT(tagging, HasSubstr("<Key>aws:cloudformation:stack-name</Key><Value>shop</Value>"));
  EXPECT_EQ(StackOfBucket(objects, "photos"), "shop");
  EXPECT_THAT(Deploy(text, "zip"), ElementsAre("unchanged Hello done", "unchanged photos done",
                                               "unchanged photos done", "succeeded"));

  // What somebody else changed; what only the API can say of a bucket stays.
  Of("photos").versioning = Versioning::kSuspended;
  Of("photos").texts = {{"location", "eu-west-1"}, {"cors", "<x/>"}};
  EXPECT_THAT(Deploy(text, "zip"), ElementsAre("unchanged Hello done", "update photos done",
                                               "create photos done", "succeeded"));
  EXPECT_EQ(Of("photos").versioning, Versioning::kEnabled);
  EXPECT_EQ(Of("photos").texts["tagging"], tagging);
  EXPECT_EQ(Of("photos").texts["location"], "eu-west-1");
  EXPECT_THAT(Of("photos").texts["ownershipControls"], HasSubstr("ObjectWriter"));
  EXPECT_EQ(Of("photos").texts.count("cors"), 0u);

  // Who does not say that it is versioned any more suspends that, as at AWS.
  EXPECT_THAT(
      Deploy(kTop + kNamed, "zip"),
      ElementsAre("unchanged Hello done", "update photos done", "delete photos done", "succeeded"));
  EXPECT_EQ(Of("photos").versioning, Versioning::kSuspended);
  EXPECT_EQ(Of("photos").texts.count("policy"), 0u);
  EXPECT_THAT(Deploy(kTop + kNamed, "zip"), Contains("unchanged photos done"));
  EXPECT_THAT(DeleteStack(), ElementsAre("delete photos done", "delete Hello done", "succeeded"));
  EXPECT_THAT(Names(), IsEmpty());
  EXPECT_THAT(database.intents, IsEmpty());
}

TEST_F(DeployedBuckets, AreReplacedWhereTheirNameChanges) {
  EXPECT_EQ(Deploy(kTop + kNamed, "zip").back(), "succeeded");
  const std::string other = kBucket + "    Properties: {BucketName: other}\n";
  EXPECT_THAT(Deploy(kTop + other, "zip"), ElementsAre("unchanged Hello done", "create other done",
                                                       "delete photos done", "succeeded"));
  EXPECT_THAT(Names(), ElementsAre("other"));
  // One that is not empty stays, and nothing is undone: as at AWS.
  objects.full = {"other"};
  EXPECT_THAT(Deploy(kTop + kNamed, "zip"),
              ElementsAre("unchanged Hello done", "create photos done", "delete other failed",
                          "succeeded"));
  EXPECT_THAT(Names(), ElementsAre("other", "photos"));
  EXPECT_EQ(
      Deploy(kTop + other + "    UpdateReplacePolicy: Retain\n    DeletionPolicy: Retain\n", "zip")
          .back(),
      "succeeded");
  EXPECT_THAT(Names(), ElementsAre("other", "photos")) << "and is taken up again";
  EXPECT_THAT(DeleteStack(), ElementsAre("delete Hello done", "succeeded"));
  EXPECT_THAT(Names(), ElementsAre("other", "photos"));
}

TEST_F(DeployedBuckets, OneThatIsNotEmptyKeepsItsStackWhole) {
  const std::string text = kTop + kNamed + kPolicy +
                           "  First:\n    Type: AWS::S3::Bucket\n"
                           "    Properties: {BucketName: first}\n";
  EXPECT_EQ(Deploy(text, "zip").back(), "succeeded");
  objects.full = {"photos"};
  EXPECT_THAT(DeleteStack(),
              ElementsAre("delete first done", "delete photos done", "delete photos failed",
                          "create photos done", "create first done", "rolled back"));
  EXPECT_EQ(last["reason"],
            "Photos: the bucket 'photos' is not empty (BucketNotEmpty): empty it first, or keep it "
            "with DeletionPolicy: Retain");
  EXPECT_THAT(Names(), ElementsAre("first", "photos"));
  EXPECT_EQ(Of("photos").texts["policy"], kPolicyText);
  EXPECT_NE(registry.Find("Hello"), nullptr);
  EXPECT_THAT(Deploy(text, "zip"), Not(Contains(HasSubstr("create"))));
  objects.full.clear();
  EXPECT_EQ(DeleteStack().back(), "succeeded");
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(DeployedBuckets, OfSomebodyElseAreRefusedByName) {
  Put("photos");
  EXPECT_THAT(Deploy(kTop + kNamed, "zip")[0],
              HasSubstr("the bucket 'photos' exists already and belongs to no stack: set another "
                        "BucketName, or delete it first"));
  EXPECT_THAT(objects.calls, IsEmpty());
  objects.buckets.clear();
  EXPECT_EQ(Deploy(kTop + kNamed, "zip").back(), "succeeded");
  const Json body = {{"template", "Resources:\n" + kNamed}};
  EXPECT_THAT(Ask("POST", "/_hearth/stacks/other", base::ToJsonText(body)).body,
              HasSubstr("belongs to the stack 'shop'"));
}

TEST_F(DeployedBuckets, OfSomebodyElseAreNotRemovedThoughTheNameWasOurs) {
  EXPECT_EQ(Deploy(kTop + kNamed, "zip").back(), "succeeded");
  Put("photos");
  EXPECT_EQ(DeleteStack().back(), "succeeded");
  EXPECT_THAT(Names(), ElementsAre("photos"));
}

TEST_F(DeployedBuckets, OneThatSomebodyMakesWhileItsStackGoesIsLeftAlone) {
  EXPECT_EQ(Deploy(kTop + kNamed + kPolicy, "zip").back(), "succeeded");
  // It takes the place of what the stack has removed by then.
  control.on_call = [this](const std::string& call) {
    if (call == "delete Hello") Put("photos");
  };
  control.failing = {"delete Hello"};
  EXPECT_EQ(DeleteStack().back(), "rollback failed");
  EXPECT_THAT(Of("photos").texts, IsEmpty());
  control.failing.clear();
  objects.buckets.clear();
  EXPECT_EQ(DeleteStack().back(), "succeeded");
}

TEST_F(DeployedBuckets, OneThatSomebodyMakesMeanwhileIsNotTaken) {
  control.on_call = [this](const std::string&) { Put("photos"); };
  EXPECT_THAT(
      Deploy(kTop + kNamed + "    DependsOn: Hello\n", "zip"),
      ElementsAre("create Hello done", "create photos failed", "delete Hello done", "rolled back"));
  EXPECT_EQ(last["reason"], "Photos: the bucket 'photos' exists already");
  EXPECT_THAT(Of("photos").texts, IsEmpty());
}

TEST_F(DeployedBuckets, AFailureBringsThemBack) {
  EXPECT_EQ(Deploy(kTop + Bucket("Tags: [{Key: a, Value: b}]"), "zip").back(), "succeeded");
  const std::string tagging = Of("photos").texts["tagging"];
  const std::string next =
      kTop + Bucket("VersioningConfiguration: {Status: Enabled}") + kPolicy +
      "  New:\n    Type: AWS::S3::Bucket\n    Properties: {BucketName: new}\n"
      "  Other:\n    Type: AWS::Serverless::Function\n    DependsOn: [New, P]\n"
      "    Properties: {CodeUri: src/, Handler: a.b, Runtime: python3.12}\n";
  control.failing = {"create Other"};
  EXPECT_THAT(Deploy(next, "zip"),
              ElementsAre("unchanged Hello done", "update photos done", "create photos done",
                          "create new done", "create Other failed", "delete new done",
                          "delete photos done", "update photos done", "rolled back"));
  EXPECT_THAT(Names(), ElementsAre("photos"));
  EXPECT_EQ(Of("photos").texts["tagging"], tagging);
  EXPECT_EQ(Of("photos").texts.count("policy"), 0u);
  EXPECT_EQ(Of("photos").versioning, Versioning::kSuspended) << "AWS knows no way back to never";
  // One that got an object meanwhile stays, and the next deployment takes it up.
  objects.full = {"new"};
  EXPECT_THAT(Deploy(next, "zip"), Contains("delete new failed"));
  EXPECT_EQ(last["status"], "rolled back");
  EXPECT_THAT(Names(), ElementsAre("new", "photos"));
  EXPECT_THAT(database.intents, IsEmpty());
  control.failing.clear();
  EXPECT_THAT(Deploy(next, "zip"), Contains("unchanged new done"));
  EXPECT_EQ(last["status"], "succeeded");
}

TEST_F(DeployedBuckets, AStoreThatFailsSaysWhatOf) {
  objects.failing = {"create photos"};
  EXPECT_EQ(Deploy(kTop + kNamed, "zip").back(), "rolled back");
  EXPECT_EQ(last["reason"], "Photos: the bucket 'photos': told to fail (InternalError)");
}

// A kill before and after every call to the store of a deployment that changes a bucket, makes one
// and takes one away.
class BucketsKilledAt : public DeployedBuckets,
                        public ::testing::WithParamInterface<std::pair<const char*, bool>> {};

TEST_P(BucketsKilledAt, AllIsOldOrAllIsNew) {
  const std::string old = "  Old:\n    Type: AWS::S3::Bucket\n    Properties: {BucketName: old}\n";
  EXPECT_EQ(Deploy(kTop + Bucket("Tags: [{Key: a, Value: b}]") + old, "zip").back(), "succeeded");
  const auto [call, is_after] = GetParam();
  (is_after ? objects.dies_after : objects.dies_before).insert(call);
  DeployUntilItDies(kTop + Bucket("Tags: [{Key: a, Value: c}]") +
                    "  New:\n    Type: AWS::S3::Bucket\n    Properties: {BucketName: new}\n");
  const bool is_new = std::string_view(call) == "delete old";
  EXPECT_THAT(Reborn(),
              ElementsAre(HasSubstr(is_new ? "what was left to do is done" : "rolled back")));
  EXPECT_THAT(Of("photos").texts["tagging"], HasSubstr(is_new ? "<Value>c</" : "<Value>b</"));
  EXPECT_EQ(Names(), is_new ? (std::vector<std::string>{"new", "photos"})
                            : (std::vector<std::string>{"old", "photos"}));
  EXPECT_THAT(database.intents, IsEmpty());
  EXPECT_EQ(database.stacks["shop"].find(":::new\"") != std::string::npos, is_new);
}

INSTANTIATE_TEST_SUITE_P(
    Calls, BucketsKilledAt,
    ::testing::Values(std::pair{"change photos", false}, std::pair{"change photos", true},
                      std::pair{"create new", false}, std::pair{"create new", true},
                      std::pair{"delete old", false}, std::pair{"delete old", true}));

class BucketsOfAStackKilled : public DeployedBuckets, public ::testing::WithParamInterface<bool> {};

TEST_P(BucketsOfAStackKilled, AreBackWithTheStack) {
  const std::string old = "  Old:\n    Type: AWS::S3::Bucket\n    Properties: {BucketName: old}\n";
  EXPECT_EQ(Deploy(kTop + kNamed + old, "zip").back(), "succeeded");
  (GetParam() ? objects.dies_after : objects.dies_before).insert("delete old");
  Hang({.method = "DELETE", .target = "/_hearth/stacks/shop", .body = ""});
  EXPECT_THAT(Reborn(), ElementsAre(HasSubstr("rolled back")));
  EXPECT_THAT(Names(), ElementsAre("old", "photos"));
  EXPECT_EQ(StackOfBucket(objects, "old"), "shop");
  EXPECT_NE(registry.Find("Hello"), nullptr);
}

INSTANTIATE_TEST_SUITE_P(BeforeAndAfter, BucketsOfAStackKilled, ::testing::Bool());

TEST_F(DeployedBuckets, RecoveryLeavesABucketOfSomebodyElseAlone) {
  objects.dies_before = {"create photos"};
  DeployUntilItDies(kTop + kNamed);
  Put("photos");
  EXPECT_THAT(Reborn(), ElementsAre(HasSubstr("rolled back")));
  EXPECT_THAT(Names(), ElementsAre("photos"));
}

}  // namespace
}  // namespace hearth::stacks
