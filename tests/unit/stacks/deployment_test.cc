#include "stacks/deployment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.h"

namespace hearth::stacks {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DeploymentTest : public StacksOverFakes {
 protected:
  DeploymentTest() { Restart(); }

  // As after a kill: only what is durable (database, functions, code) is left.
  void Restart() {
    control = std::make_unique<FakeControlPlane>(loop, registry);
    auto loaded = StackStore::Load(database, writer);
    ASSERT_TRUE(loaded.has_value());
    stacks = *std::move(loaded);
  }

  DeploymentHost host() {
    return {*control, registry, code,      disk,    *stacks, clock,    destinations,
            account,  queues,   *mappings, objects, buses,   archives, schedules};
  }

  FunctionState Function(const std::string& name, const std::string& zip, int64_t memory = 128) {
    FunctionState state;
    state.settings.name = name;
    state.settings.runtime = "python3.12";
    state.settings.handler = "app.handler";
    state.settings.memory_mib = memory;
    state.settings.tags[kStackNameTag] = "shop";
    state.code_digest = code.Put(zip)->digest;
    return state;
  }

  Change To(const FunctionState& after) {
    return {after.settings.name, after.settings.name, CurrentState(registry, after.settings.name),
            after};
  }
  Change Away(const std::string& name) {
    return {name, name, CurrentState(registry, name), std::nullopt};
  }

  StackRecord Record(const std::vector<Change>& changes) {
    StackRecord record;
    record.name = "shop";
    for (const auto& change : changes) {
      if (change.after)
        record.resources.push_back({change.logical_id, kFunctionType, change.function});
    }
    return record;
  }

  // Runs until it has ended, or until nothing moves any more (a "killed" host): then nothing.
  std::optional<DeploymentStatus> Deploy(std::vector<Change> changes) {
    std::optional<DeploymentStatus> status;
    events.clear();
    reason.clear();
    auto record = Record(changes);
    Deployment::Start(host(), "shop", std::move(changes), std::move(record), Emit(), End(status));
    Settle(status);
    return status;
  }
  std::optional<DeploymentStatus> Recover() {
    std::optional<DeploymentStatus> status;
    events.clear();
    Deployment::Recover(host(), "shop", Emit(), End(status));
    Settle(status);
    return status;
  }
  Deployment::Emit Emit() {
    return [this](const base::Json& event) {
      events.push_back(event.at("action").get<std::string>() + " " +
                       event.at("physical_id").get<std::string>() + " " +
                       event.at("status").get<std::string>());
    };
  }
  Deployment::Done End(std::optional<DeploymentStatus>& status) {
    return [this, &status](DeploymentStatus result, const std::string& why) {
      status = result;
      reason = why;
    };
  }
  void Settle(const std::optional<DeploymentStatus>& status) {
    // A killed call leaves nothing pending in the offloads.
    const auto dies = [this] {
      return !control->calls.empty() && (control->dies_before.contains(control->calls.back()) ||
                                         control->dies_after.contains(control->calls.back()));
    };
    loop.RunUntil([&] { return status.has_value() || dies(); });
  }

  std::string CodeOf(const std::string& name) {
    return code.zips[registry.Find(name)->code_digest];
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const auto& [name, function] : registry.functions) names.push_back(name);
    return names;
  }

  std::unique_ptr<FakeControlPlane> control;
  std::unique_ptr<StackStore> stacks;
  std::vector<std::string> events;
  std::string reason;
};

TEST_F(DeploymentTest, CreatesInOrderAndRecordsTheStack) {
  EXPECT_EQ(Deploy({To(Function("A", "a1")), To(Function("B", "b1"))}),
            DeploymentStatus::kSucceeded);
  EXPECT_THAT(events, ElementsAre("create A started", "create A done", "create B started",
                                  "create B done"));
  EXPECT_THAT(Names(), ElementsAre("A", "B"));
  Restart();
  ASSERT_NE(stacks->Find("shop"), nullptr);
  EXPECT_EQ(stacks->Find("shop")->resources.size(), 2u);
  EXPECT_EQ(stacks->OwnerOf("B"), "shop");
  EXPECT_THAT(database.intents, IsEmpty());
}

TEST_F(DeploymentTest, ASecondTimeNothingIsChanged) {
  Deploy({To(Function("A", "a1", 200))});
  control->calls.clear();
  EXPECT_EQ(Deploy({To(Function("A", "a1", 200))}), DeploymentStatus::kSucceeded);
  EXPECT_THAT(events, ElementsAre("unchanged A done"));
  EXPECT_THAT(control->calls, IsEmpty());
}

TEST_F(DeploymentTest, AFunctionThatSomebodyElseChangedIsBroughtBack) {
  Deploy({To(Function("A", "a1"))});
  auto drifted = *registry.Find("A");
  drifted.memory_mib = 512;
  registry.functions["A"] = std::make_shared<const invoker::FunctionVersion>(drifted);
  EXPECT_EQ(Deploy({To(Function("A", "a1"))}), DeploymentStatus::kSucceeded);
  EXPECT_EQ(registry.Find("A")->memory_mib, 128u);
}

TEST_F(DeploymentTest, UpdatesWhatChangedAndDeletesWhatVanishedLast) {
  Deploy({To(Function("A", "a1")), To(Function("B", "b1")), To(Function("C", "c1"))});
  EXPECT_EQ(Deploy({To(Function("A", "a2")), To(Function("B", "b1")), Away("C")}),
            DeploymentStatus::kSucceeded);
  EXPECT_THAT(events, ElementsAre("update A started", "update A done", "unchanged B done",
                                  "delete C started", "delete C done"));
  EXPECT_EQ(CodeOf("A"), "a2");
  EXPECT_THAT(Names(), ElementsAre("A", "B"));
}

TEST_F(DeploymentTest, AReservationIsMadeChangedAndTakenAway) {
  auto wanted = Function("a", "code");
  wanted.settings.reserved = 5;
  EXPECT_EQ(Deploy({To(wanted)}), DeploymentStatus::kSucceeded);
  EXPECT_EQ(registry.Find("a")->reserved, 5u);
  EXPECT_EQ(CurrentState(registry, "a")->settings.reserved, 5);
  wanted.settings.reserved = 0;
  EXPECT_EQ(Deploy({To(wanted)}), DeploymentStatus::kSucceeded);
  EXPECT_EQ(registry.Find("a")->reserved, 0u);
  wanted.settings.reserved.reset();
  EXPECT_EQ(Deploy({To(wanted)}), DeploymentStatus::kSucceeded);
  EXPECT_EQ(registry.Find("a")->reserved, std::nullopt);
}

TEST_F(DeploymentTest, ControlsAreMadeTakenAwayAndRolledBack) {
  auto wanted = Function("a", "code");
  wanted.settings.allows_loops = true;
  wanted.settings.update_runtime_on = "FunctionUpdate";
  EXPECT_EQ(Deploy({To(wanted)}), DeploymentStatus::kSucceeded);
  EXPECT_TRUE(registry.Find("a")->allows_loops);
  EXPECT_EQ(Deploy({To(wanted)}), DeploymentStatus::kSucceeded);
  EXPECT_THAT(events, ElementsAre("unchanged a done"));
  control->dies_before = {"create b"};
  EXPECT_EQ(Deploy({To(Function("a", "code")), To(Function("b", "code"))}), std::nullopt);
  EXPECT_FALSE(registry.Find("a")->allows_loops);
  Restart();
  EXPECT_EQ(Recover(), DeploymentStatus::kRolledBack);
  EXPECT_TRUE(registry.Find("a")->allows_loops);
  EXPECT_EQ(registry.Find("a")->update_runtime_on, "FunctionUpdate");
}

TEST_F(DeploymentTest, AFailureLeavesAllAsItWas) {
  Deploy({To(Function("A", "a1", 128)), To(Function("C", "c1"))});
  control->failing = {"delete C"};
  EXPECT_EQ(Deploy({To(Function("A", "a2", 256)), To(Function("B", "b1")), Away("C")}),
            DeploymentStatus::kRolledBack);
  EXPECT_THAT(reason, HasSubstr("delete C was told to fail"));
  EXPECT_THAT(events,
              ElementsAre("update A started", "update A done", "create B started", "create B done",
                          "delete C started", "delete C failed", "delete B started",
                          "delete B done", "update A started", "update A done"));
  EXPECT_THAT(Names(), ElementsAre("A", "C"));
  EXPECT_EQ(CodeOf("A"), "a1");
  EXPECT_EQ(registry.Find("A")->memory_mib, 128u);
  EXPECT_EQ(stacks->Find("shop")->resources.size(), 2u);
  EXPECT_THAT(database.intents, IsEmpty());
}

TEST_F(DeploymentTest, AFunctionThatCouldNotBeCreatedIsNotDeleted) {
  Change change = To(Function("A", "a1"));
  // Somebody else creates A between the check and the change.
  auto other = control->Check(change.after->settings)->function;
  other.code_digest = code.Put("theirs")->digest;
  other.tags.clear();
  other.memory_mib = 512;
  control->failing = {"replace A", "create A"};
  registry.functions["A"] = std::make_shared<const invoker::FunctionVersion>(other);
  EXPECT_EQ(Deploy({change}), DeploymentStatus::kRolledBack);
  EXPECT_EQ(CodeOf("A"), "theirs");
}

TEST_F(DeploymentTest, WithoutADurableIntentNothingIsChanged) {
  database.fails = true;
  EXPECT_EQ(Deploy({To(Function("A", "a1"))}), DeploymentStatus::kRolledBack);
  EXPECT_THAT(reason, HasSubstr("database is full"));
  EXPECT_THAT(control->calls, IsEmpty());
}

TEST_F(DeploymentTest, AFailedRollbackKeepsTheIntentAndASecondTryEndsIt) {
  Deploy({To(Function("A", "a1"))});
  control->failing = {"create B", "replace A"};
  // The update's own replace must work: it is told to fail only afterwards.
  control->failing.erase("replace A");
  Change update = To(Function("A", "a2"));
  code.zips.erase(update.before->code_digest);  // The former code is gone: no way back.
  EXPECT_EQ(Deploy({update, To(Function("B", "b1"))}), DeploymentStatus::kRollbackFailed);
  EXPECT_EQ(database.intents.size(), 1u);
  code.Put("a1");
  EXPECT_EQ(Recover(), DeploymentStatus::kRolledBack);
  EXPECT_EQ(CodeOf("A"), "a1");
  EXPECT_THAT(database.intents, IsEmpty());
}

// A kill before and after the effect of every call of a deployment that updates, creates and
// deletes.
class KilledAt : public DeploymentTest,
                 public ::testing::WithParamInterface<std::pair<const char*, bool>> {};

TEST_P(KilledAt, EveryMomentIsRolledBackAfterARestart) {
  Deploy({To(Function("A", "a1")), To(Function("C", "c1"))});
  const auto [call, is_after] = GetParam();
  (is_after ? control->dies_after : control->dies_before).insert(call);
  EXPECT_EQ(Deploy({To(Function("A", "a2")), To(Function("B", "b1")), Away("C")}), std::nullopt);
  EXPECT_EQ(database.intents.size(), 1u);

  Restart();
  ASSERT_TRUE(stacks->intents().contains("shop"));
  EXPECT_EQ(Recover(), DeploymentStatus::kRolledBack);
  EXPECT_THAT(Names(), ElementsAre("A", "C"));
  EXPECT_EQ(CodeOf("A"), "a1");
  EXPECT_EQ(CodeOf("C"), "c1");
  EXPECT_THAT(database.intents, IsEmpty());

  // And the stack can be deployed as if nothing had been.
  EXPECT_EQ(Deploy({To(Function("A", "a2")), To(Function("B", "b1")), Away("C")}),
            DeploymentStatus::kSucceeded);
  EXPECT_THAT(Names(), ElementsAre("A", "B"));
}

INSTANTIATE_TEST_SUITE_P(
    Calls, KilledAt,
    ::testing::Values(std::pair{"replace A", false}, std::pair{"replace A", true},
                      std::pair{"create B", false}, std::pair{"create B", true},
                      std::pair{"delete C", false}, std::pair{"delete C", true}));

TEST_F(DeploymentTest, RecoveryLeavesAFunctionOfSomebodyElseAlone) {
  control->dies_before = {"create B"};
  EXPECT_EQ(Deploy({To(Function("B", "b1"))}), std::nullopt);
  auto other = control->Check(Function("B", "theirs").settings)->function;
  other.tags.clear();
  other.code_digest = code.Put("theirs")->digest;
  registry.functions["B"] = std::make_shared<const invoker::FunctionVersion>(other);
  Restart();
  EXPECT_EQ(Recover(), DeploymentStatus::kRolledBack);
  EXPECT_THAT(Names(), ElementsAre("B"));
}

TEST(StackStore, ARecordThatCannotBeReadIsAnErrorThatNamesTheStack) {
  base::SystemClock clock;
  io::Loop loop(clock);
  io::Offload writer(loop, 1);
  FakeDatabase database;
  database.stacks["shop"] = R"({"name": 1})";
  const auto loaded = StackStore::Load(database, writer);
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error().kind, base::ErrorKind::kCorrupt);
  EXPECT_THAT(loaded.error().text, HasSubstr("shop"));
}

}  // namespace
}  // namespace hearth::stacks
