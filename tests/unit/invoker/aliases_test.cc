#include "invoker/aliases.h"

#include <gtest/gtest.h>

#include "invoker/versions.h"

namespace hearth::invoker {
namespace {

using base::Json;

// "" where the members are accepted, else AWS's words.
std::string RefusalOf(const std::string& name, const char* members) {
  const auto settings = ReadAliasSettings(name, Json::parse(members));
  return settings ? "" : settings.error().type + ": " + settings.error().message;
}

FunctionRef Version(const std::string& version, const std::string& revision) {
  FunctionVersion out;
  out.name = "F";
  out.version = version;
  out.revision_id = revision;
  return std::make_shared<const FunctionVersion>(std::move(out));
}

// Versions 1 and 2; the alias PROD stands for 1, and with `weight` for 2.
FunctionRecord Shifting(double weight) {
  FunctionRecord record;
  record.latest = Version("$LATEST", "r0");
  record.versions = {{1, Version("1", "r1")}, {2, Version("2", "r2")}};
  record.aliases["PROD"] = {.name = "PROD",
                            .version = "1",
                            .description = {},
                            .extra = ExtraVersion{"2", weight},
                            .revision_id = {}};
  return record;
}

TEST(AliasSettings, AreRefusedInTheWordsOfAws) {
  for (const char* name : {"PROD", "a", "1a", "with-dash_and_underscore", "001x"}) {
    EXPECT_EQ(RefusalOf(name, "{}"), "") << name;
  }
  for (const char* name : {"", "1", "0", "a b", "a:b", "$LATEST", "a.b"}) {
    EXPECT_EQ(RefusalOf(name, "{}"), "ValidationException: 1 validation error detected: Value '" +
                                         std::string(name) +
                                         "' at 'name' failed to satisfy constraint: Member must "
                                         "satisfy regular expression pattern: "
                                         "(?!^[0-9]+$)([a-zA-Z0-9-_]+)");
  }
  EXPECT_EQ(RefusalOf(std::string(128, 'a'), "{}"), "");
  EXPECT_TRUE(RefusalOf(std::string(129, 'a'), "{}").ends_with("less than or equal to 128"));
  const std::string routing = "'routingConfig.additionalVersionWeights' failed to satisfy "
                              "constraint: Map ";
  EXPECT_EQ(RefusalOf("P", R"({"RoutingConfig":{"AdditionalVersionWeights":{"1":0.1,"2":0.1}}})"),
            "InvalidParameterValueException: Number of items in AdditionalVersionWeights cannot "
            "be greater than 1");
  EXPECT_NE(RefusalOf("P", R"({"RoutingConfig":{"AdditionalVersionWeights":{"2":2}}})")
                .find("Value '{2=2.0}' at " + routing + "value"),
            std::string::npos);
  EXPECT_NE(RefusalOf("P", R"({"RoutingConfig":{"AdditionalVersionWeights":{"2":-1}}})")
                .find("Value '{2=-1.0}' at " + routing + "value"),
            std::string::npos);
  EXPECT_NE(RefusalOf("P", R"({"RoutingConfig":{"AdditionalVersionWeights":{"$LATEST":0.5}}})")
                .find("Value '{$LATEST=0.5}' at " + routing + "keys"),
            std::string::npos);
  for (const char* wrong : {R"({"FunctionVersion":"PROD"})", R"({"FunctionVersion":1})",
                            R"({"Description":5})", R"({"RoutingConfig":[]})",
                            R"({"RoutingConfig":{"AdditionalVersionWeights":{"1":"x"}}})"}) {
    EXPECT_NE(RefusalOf("P", wrong), "") << wrong;
  }
  EXPECT_EQ(RefusalOf("P", R"({"RoutingConfig":{"AdditionalVersionWeights":{"2":1.0}}})"), "");
}

TEST(AliasSettings, TellARoutingThatIsTakenAwayFromOneThatStays) {
  EXPECT_FALSE(ReadAliasSettings("P", Json::object())->extra.has_value());
  for (const char* none : {R"({"RoutingConfig":{}})",
                           R"({"RoutingConfig":{"AdditionalVersionWeights":{}}})"}) {
    const auto settings = ReadAliasSettings("P", Json::parse(none));
    ASSERT_TRUE(settings->extra.has_value()) << none;
    EXPECT_FALSE(settings->extra->has_value()) << none;
  }
}

TEST(Alias, ComesBackFromItsStoredForm) {
  const FunctionRecord record = Shifting(0.25);
  const Alias& alias = record.aliases.at("PROD");
  EXPECT_EQ(AliasFromStored(ToStored(alias)).value(), alias);
  Alias plain = alias;
  plain.extra.reset();
  EXPECT_EQ(AliasFromStored(ToStored(plain)).value(), plain);
  EXPECT_FALSE(AliasFromStored(Json{{"name", 1}}));
}

TEST(Resolve, SendsAsManyCallsToTheSecondVersionAsItsWeightSays) {
  const FunctionRecord record = Shifting(0.25);
  const auto version = [&record](double (*choose)()) {
    return Resolve(record, "PROD", choose)->version;
  };
  EXPECT_EQ(version([] { return 0.0; }), "2");
  EXPECT_EQ(version([] { return 0.2499; }), "2");
  EXPECT_EQ(version([] { return 0.25; }), "1");
  EXPECT_EQ(version([] { return 0.9999; }), "1");
  EXPECT_EQ(Resolve(Shifting(0), "PROD", [] { return 0.0; })->version, "1");
  EXPECT_EQ(Resolve(Shifting(1), "PROD", [] { return 0.9999; })->version, "2");
  EXPECT_EQ(ResolveForReading(Shifting(1), "PROD")->version, "1");
}

TEST(Resolve, KnowsNumbersAliasesAndNothingElse) {
  const FunctionRecord record = Shifting(0.5);
  const auto none = [] { return 1.0; };
  EXPECT_EQ(Resolve(record, "", none)->version, "$LATEST");
  EXPECT_EQ(Resolve(record, "$LATEST", none)->version, "$LATEST");
  EXPECT_EQ(Resolve(record, "2", none)->version, "2");
  for (const char* absent : {"3", "0", "01", "-1", "2 ", "prod", "$latest", "99999999999999999999",
                             "PROD2"}) {
    EXPECT_EQ(Resolve(record, absent, none), nullptr) << absent;
  }
}

TEST(ProvisionedByVersion, FollowsAnAliasToBothOfItsVersions) {
  FunctionRecord record = Shifting(0.25);
  record.provisioned["PROD"].requested = 10;
  EXPECT_EQ(ProvisionedByVersion(record), (std::map<uint64_t, uint32_t>{{1, 7}, {2, 3}}));
  record.provisioned["2"].requested = 4;
  EXPECT_EQ(ProvisionedByVersion(record), (std::map<uint64_t, uint32_t>{{1, 7}, {2, 7}}));
  record.aliases.clear();  // Its configuration has nothing to stand for any more.
  EXPECT_EQ(ProvisionedByVersion(record), (std::map<uint64_t, uint32_t>{{2, 4}}));
}

TEST(Publish, MakesNothingWhereNothingHasChanged) {
  FunctionRecord record = Shifting(0);
  FunctionVersion latest;
  latest.name = "F";
  latest.description = "first";
  latest.revision_id = "a";
  record.versions.clear();
  record.latest = std::make_shared<const FunctionVersion>(latest);
  const FunctionRef one = Publish(record, 0, "of the version");
  EXPECT_EQ(one->version, "1");
  EXPECT_EQ(one->description, "of the version");
  EXPECT_NE(one->revision_id, "a");
  // Another revision, other tags, another description asked for: the content is the same.
  latest.revision_id = "b";
  latest.tags = {{"k", "v"}};
  record.latest = std::make_shared<const FunctionVersion>(latest);
  EXPECT_EQ(Publish(record, 1, "something else"), one);
  latest.description = "second";
  record.latest = std::make_shared<const FunctionVersion>(latest);
  EXPECT_EQ(Publish(record, 1, std::nullopt)->version, "2");
  latest.timeout = std::chrono::seconds(9);
  record.latest = std::make_shared<const FunctionVersion>(latest);
  const FunctionRef three = Publish(record, 2, std::nullopt);
  EXPECT_EQ(three->version, "3");
  EXPECT_EQ(three->timeout, std::chrono::seconds(9));
  EXPECT_EQ(record.versions.at(1)->timeout, std::chrono::seconds(3));
  EXPECT_EQ(LiveRevisions(record).size(), 4u);
}

}  // namespace
}  // namespace hearth::invoker
