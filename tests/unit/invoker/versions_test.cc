// Versions and aliases over a real database: what is durable, and what the data plane is told.
#include <gtest/gtest.h>

#include "control_fixture.h"

namespace hearth::invoker {
namespace {

class Versions : public test::ControlFixture {
 protected:
  std::expected<FunctionRef, aws::ApiError> Publish(PublishSettings settings = {}) {
    return Wait([&](auto done) {
      control->versions().Publish("Hello", std::move(settings), std::move(done));
    });
  }
  FunctionRef SetTimeout(int seconds, base::Json more = base::Json::object()) {
    more["Timeout"] = seconds;
    return Wait([&](auto done) { control->UpdateConfiguration("Hello", more, std::move(done)); })
        .value();
  }
  std::expected<Alias, aws::ApiError> PutAlias(const std::string& name, const std::string& version,
                                               std::optional<ExtraVersion> extra = {}) {
    AliasSettings settings{.name = name, .version = version, .extra = extra};
    const bool is_new = !registry->Record("Hello")->aliases.contains(name);
    return Wait<Alias>([&](auto done) {
      auto& versions = control->versions();
      if (is_new) return versions.CreateAlias("Hello", settings, std::move(done));
      versions.UpdateAlias("Hello", settings, std::move(done));
    });
  }
  std::expected<void, aws::ApiError> DeleteVersion(const std::string& version) {
    return Wait<void>([&](auto done) {
      control->versions().DeleteVersion("Hello", version, std::move(done));
    });
  }
  void Restart() {
    Stop();
    Start();
  }
  FunctionRef Find(const std::string& qualifier) { return registry->Resolve({"Hello", qualifier}); }
  void RunUntilActive(const std::string& version) {
    loop.RunUntil([&] { return Find(version)->state != VersionState::kPending; });
  }
};

TEST_F(Versions, StayAsTheyWereAndOutliveARestart) {
  ASSERT_TRUE(Create("Hello"));
  const FunctionRef one = Publish({.description = "one"}).value();
  SetTimeout(9);
  const FunctionRef two = Publish().value();
  ASSERT_TRUE(PutAlias("PROD", "1", ExtraVersion{"2", 0.0}));
  Restart();
  EXPECT_EQ(ToStored(*Find("1")), ToStored(*one));
  EXPECT_EQ(ToStored(*Find("2")), ToStored(*two));
  EXPECT_EQ(Find("1")->timeout, std::chrono::seconds(3));
  EXPECT_EQ(Find("PROD")->version, "1");
  EXPECT_EQ(Publish().value()->version, "2");  // A restart is no change.
}

TEST_F(Versions, ANumberIsNeverUsedAgain) {
  ASSERT_TRUE(Create("Hello"));
  ASSERT_EQ(Publish().value()->version, "1");
  ASSERT_TRUE(DeleteVersion("1"));
  EXPECT_EQ(Find("1"), nullptr);
  EXPECT_EQ(Publish().value()->version, "2");  // Its content is no version any more.
  ASSERT_TRUE(Wait([&](auto done) { control->Delete("Hello", std::move(done)); }));
  Restart();
  ASSERT_TRUE(Create("Hello", Publication::kVersion));
  EXPECT_EQ(registry->Record("Hello")->versions.begin()->first, 3u);
}

TEST_F(Versions, APreconditionThatFailsPublishesNothing) {
  const FunctionRef made = Create("Hello").value();
  const FunctionRef changed = SetTimeout(9);
  const auto stale = Publish({.expected_revision_id = made->revision_id});
  EXPECT_EQ(stale.error().status, 412);
  const auto other_code = Publish({.expected_code_sha256 = "other"});
  EXPECT_EQ(other_code.error().message,
            "CodeSHA256 (other) is different from current CodeSHA256 in $LATEST (" +
                changed->code_sha256 + "). Please try again with the CodeSHA256 in $LATEST.");
  EXPECT_TRUE(registry->Record("Hello")->versions.empty());
  EXPECT_TRUE(Publish({.expected_code_sha256 = changed->code_sha256,
                       .expected_revision_id = changed->revision_id}));
}

TEST_F(Versions, AVersionThatAnAliasStandsForIsNotDeleted) {
  ASSERT_TRUE(Create("Hello", Publication::kVersion));
  SetTimeout(9);
  ASSERT_TRUE(Publish());
  ASSERT_TRUE(PutAlias("PROD", "1", ExtraVersion{"2", 0.5}));
  ASSERT_TRUE(PutAlias("BETA", "2"));
  EXPECT_EQ(DeleteVersion("2").error().message,
            "Unable to delete version because the following aliases reference it: [BETA, PROD]");
  EXPECT_EQ(DeleteVersion("2").error().status, 409);
  EXPECT_EQ(DeleteVersion("$LATEST").error().type, "InvalidParameterValueException");
  EXPECT_EQ(DeleteVersion("PROD").error().message,
            "Deletion of aliases is not currently supported.");
  EXPECT_TRUE(DeleteVersion("77"));  // As AWS: what is gone already is no error.
  ASSERT_TRUE(PutAlias("PROD", "1", std::nullopt));
  EXPECT_FALSE(DeleteVersion("2"));  // BETA.
}

TEST_F(Versions, EveryRevisionThatCanBeCalledStaysAlive) {
  ASSERT_TRUE(Create("Hello", Publication::kVersion));
  const std::string one = Find("1")->revision_id;
  const std::string latest = SetTimeout(9)->revision_id;
  EXPECT_EQ(invoker.live_revisions["Hello"], (std::set<std::string>{one, latest}));
  ASSERT_TRUE(DeleteVersion("1"));
  EXPECT_EQ(invoker.live_revisions["Hello"], std::set<std::string>{latest});
  ASSERT_TRUE(Wait([&](auto done) { control->Delete("Hello", std::move(done)); }));
  EXPECT_TRUE(invoker.live_revisions["Hello"].empty());
}

TEST_F(Versions, ChangesThatComeAtOnceAreAllMade) {
  ASSERT_TRUE(Create("Hello"));
  int left = 20;
  for (int i = 0; i < 10; ++i) {
    AliasSettings settings{.name = "A" + std::to_string(i), .version = "$LATEST"};
    control->versions().CreateAlias("Hello", settings, [&left](auto made) {
      EXPECT_TRUE(made) << made.error().message;
      --left;
    });
    control->versions().Publish("Hello", {}, [&left](auto made) {
      EXPECT_EQ(made.value()->version, "1");
      --left;
    });
  }
  loop.RunUntil([&] { return left == 0; });
  Restart();
  EXPECT_EQ(registry->Record("Hello")->aliases.size(), 10u);
  EXPECT_EQ(registry->Record("Hello")->versions.size(), 1u);
}

TEST_F(Versions, AreReadFromADatabaseThatKnewNone) {
  ASSERT_TRUE(Create("Hello"));
  Stop();
  // As a Hearth without versions left it.
  auto raw = MUST(store::Database::Open(root_ + "/old.db", RegistryMigrations()));
  const std::vector<store::Value> row{
      std::string("Old"), std::string("r"),
      std::string(R"({"name":"Old","version":"$LATEST","runtime":"provided","handler":"h",
        "role":"r","description":"","timeout_s":3,"memory_mib":128,"tmp_mib":512,"environment":{},
        "architecture":"x86_64","layers":[],"code_digest":"d","code_sha256":"s","code_size":1,
        "revision_id":"r","last_modified":"t","tags":{}})")};
  MUST(raw->Run("INSERT INTO functions (name, revision_id, definition) VALUES (?, ?, ?)", row));
  raw.reset();
  ASSERT_EQ(::rename((root_ + "/old.db").c_str(), (root_ + "/state.db").c_str()), 0);
  Start();
  ASSERT_NE(registry->Find("Old"), nullptr);
  EXPECT_FALSE(registry->Find("Old")->snap_start);
  EXPECT_EQ(Wait([&](auto done) { control->versions().Publish("Old", {}, std::move(done)); })
                .value()
                ->version,
            "1");
}

TEST_F(Versions, CodeOfAPublishedVersionIsKept) {
  ASSERT_TRUE(Create("Hello", Publication::kVersion));
  const std::string first = Find("1")->code_digest;
  ASSERT_TRUE(Wait([&](auto done) {
    control->UpdateCode("Hello", {.zip = MUST(layers::PackZipOfText("bootstrap", "#!/bin/bash\n"))},
                        std::move(done));
  }));
  const std::string second = Find("")->code_digest;
  EXPECT_EQ(CodeInUse(*registry), (std::set<std::string>{first, second}));
  EXPECT_EQ(MUST(code->Collect(CodeInUse(*registry))), 0u);
  ASSERT_TRUE(DeleteVersion("1"));
  EXPECT_EQ(MUST(code->Collect(CodeInUse(*registry))), 1u);
}

TEST_F(Versions, AnEventGoesToWhatItsAliasStandsForWhenItIsDelivered) {
  ASSERT_TRUE(Create("Hello", Publication::kVersion));
  SetTimeout(9);
  ASSERT_TRUE(Publish());
  ASSERT_TRUE(PutAlias("PROD", "1"));
  invoker.next.status = InvocationStatus::kThrottled;  // Tried again in a second.
  events->Put({.request_id = "r1",
               .function_name = "Hello",
               .invoked_arn = FunctionArn({}, "Hello", "PROD"),
               .trace_id = "t",
               .payload = "{}"},
              [](base::Result<void>) {});
  loop.RunUntil([&] { return events->counters().retries == 1; });
  ASSERT_TRUE(PutAlias("PROD", "2"));
  invoker.next.status = InvocationStatus::kSuccess;
  loop.RunUntil([&] { return events->counters().delivered == 1; });
  ASSERT_EQ(invoker.requests.size(), 2u);
  EXPECT_EQ(invoker.requests[0].function->version, "1");
  EXPECT_EQ(invoker.requests[1].function->version, "2");
  EXPECT_EQ(invoker.requests[1].invoked_arn, FunctionArn({}, "Hello", "PROD"));
}

TEST_F(Versions, OfSnapStartIsPendingUntilItsSnapshotIsMade) {
  if (!catalog.Find("python3.12")) GTEST_SKIP() << "no python3 on this machine";
  ASSERT_TRUE(Create("Hello"));
  SetTimeout(3, {{"Runtime", "python3.12"}, {"SnapStart", {{"ApplyOn", "PublishedVersions"}}}});
  invoker.holds_preparations = true;
  ASSERT_EQ(Publish().value()->state, VersionState::kPending);
  EXPECT_EQ(CheckInvocable(*Find("1"))->type, "SnapStartNotReadyException");
  EXPECT_FALSE(CheckInvocable(*Find("")));  // $LATEST starts as ever.
  EXPECT_EQ(invoker.prepared, std::vector<std::string>{"Hello:1"});
  SetTimeout(4);  // Another change prepares nothing twice.
  EXPECT_EQ(invoker.prepared.size(), 1u);
  const std::string revision = Find("1")->revision_id;
  invoker.Prepared({});
  RunUntilActive("1");
  EXPECT_EQ(Find("1")->state, VersionState::kActive);
  EXPECT_EQ(Find("1")->revision_id, revision);

  // Snapshots end with the process: after a restart it serves, and is prepared again.
  Restart();
  EXPECT_EQ(invoker.prepared.size(), 2u);
  EXPECT_EQ(Find("1")->state, VersionState::kActive);
}

TEST_F(Versions, OfSnapStartFailsWithItsReasonAndMaySucceedAfterARestart) {
  if (!catalog.Find("python3.12")) GTEST_SKIP() << "no python3 on this machine";
  ASSERT_TRUE(Create("Hello"));
  SetTimeout(3, {{"Runtime", "python3.12"}, {"SnapStart", {{"ApplyOn", "PublishedVersions"}}}});
  invoker.holds_preparations = true;
  ASSERT_TRUE(Publish());
  invoker.Prepared(base::MakeError(base::ErrorKind::kInvalid, "init", "the module has no handler"));
  RunUntilActive("1");
  EXPECT_EQ(Find("1")->state, VersionState::kFailed);
  EXPECT_EQ(Find("1")->state_reason, "the module has no handler");
  EXPECT_EQ(CheckInvocable(*Find("1"))->status, 409);
  Restart();
  invoker.Prepared({});
  loop.RunUntil([&] { return Find("1")->state == VersionState::kActive; });
  EXPECT_EQ(Find("1")->state_reason, "");
}

TEST_F(Versions, ProvisionedConcurrencyFollowsItsAliasAndOutlivesARestart) {
  ASSERT_TRUE(Create("Hello", Publication::kVersion));
  SetTimeout(9);
  ASSERT_TRUE(Publish());
  ASSERT_TRUE(PutAlias("PROD", "1"));
  const auto put = [this](const std::string& qualifier, uint32_t count) {
    return Wait<ProvisionedState>([&](auto done) {
      control->versions().PutProvisioned({"Hello", qualifier}, count, std::move(done));
    });
  };
  ASSERT_TRUE(put("PROD", 8));
  EXPECT_EQ(invoker.provisioned["1"], 8u);
  ASSERT_TRUE(PutAlias("PROD", "1", ExtraVersion{"2", 0.25}));
  EXPECT_EQ(invoker.provisioned["1"], 6u);
  EXPECT_EQ(invoker.provisioned["2"], 2u);
  EXPECT_EQ(put("1", 1).error().message, "Version is pointed by a Provisioned Concurrency alias");
  EXPECT_EQ(put("$LATEST", 1).error().type, "InvalidParameterValueException");
  EXPECT_EQ(put("PROD", 1001).error().message,
            "Specified ConcurrentExecutions for function is greater than account's unreserved "
            "concurrency [1000].");
  EXPECT_EQ(put("PROD", 901).error().message,
            "Specified ConcurrentExecutions for function decreases account's "
            "UnreservedConcurrentExecution below its minimum value of [100].");
  invoker.provisioned.clear();
  Restart();
  EXPECT_EQ(invoker.provisioned["1"], 6u);
  EXPECT_EQ(control->versions().Provisioned(*registry->Record("Hello")).at("PROD").ready, 8u);
  ASSERT_TRUE(Wait<void>([&](auto done) {
    control->versions().DeleteProvisioned({"Hello", "PROD"}, std::move(done));
  }));
  EXPECT_EQ(invoker.provisioned["1"], 0u);
  EXPECT_EQ(invoker.provisioned["2"], 0u);
}

}  // namespace
}  // namespace hearth::invoker
