#include "store/group_commit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "tests/unit/base/temporary_folder.h"

namespace hearth::store {
namespace {

using base::ErrorKind;
using base::Result;
using testing::ElementsAre;

const std::vector<Migration> kThings = {
    {"make things", "CREATE TABLE things (name TEXT PRIMARY KEY) STRICT"}};

class GroupCommitTest : public testing::Test {
 protected:
  ~GroupCommitTest() override {
    commits.reset();
    writer.reset();
  }
  static GroupCommit::Work Insert(std::vector<std::string> names) {
    return [names = std::move(names)](Database& database) -> Result<void> {
      for (const std::string& name : names) {
        const Value values[] = {name};
        TRY(database.Run("INSERT INTO things (name) VALUES (?)", values));
      }
      return {};
    };
  }
  void Write(const std::string& label, GroupCommit::Work work) {
    ++pending;
    commits->Write(std::move(work), [this, label](const Result<void>& result) {
      --pending;
      told.push_back(label + (result ? "" : ": " + result.error().text));
    });
  }
  void Settle() {
    loop.RunUntil([this] { return pending == 0; });
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    MUST(database->Run("SELECT name FROM things ORDER BY name", {},
                       [&](const Row& row) { names.emplace_back(row.Text(0)); }));
    return names;
  }

  hearth::test::TemporaryFolder folder;
  base::VirtualClock clock{base::WallTime{}};
  io::Loop loop{clock};
  std::unique_ptr<Database> database = Database::Open(folder / "x.db", kThings).value();
  std::unique_ptr<io::Offload> writer = std::make_unique<io::Offload>(loop, 1);
  std::unique_ptr<GroupCommit> commits = std::make_unique<GroupCommit>(loop, *database, *writer);
  std::vector<std::string> told;
  int pending = 0;
};

TEST_F(GroupCommitTest, CommitsAllThatWaitTogetherAndTellsInTheOrderOfTheCalls) {
  for (const char* name : {"a", "b", "c"}) Write(name, Insert({name}));
  EXPECT_TRUE(told.empty()) << "told inside the call";
  EXPECT_FALSE(commits->IsQuiet());
  Settle();
  EXPECT_THAT(told, ElementsAre("a", "b", "c"));
  EXPECT_THAT(Names(), ElementsAre("a", "b", "c"));
  EXPECT_TRUE(commits->IsQuiet());
}

TEST_F(GroupCommitTest, UndoesAllOfWhatRefusesAndNothingOfTheOthers) {
  Write("first", Insert({"a"}));
  Write("second", Insert({"b", "a"}));
  Write("third", [](Database& database) -> Result<void> {
    TRY(database.Run("INSERT INTO things (name) VALUES ('c')"));
    return base::MakeError(ErrorKind::kNotFound, "look", "no such thing");
  });
  Write("fourth", Insert({"d"}));
  Settle();
  ASSERT_EQ(told.size(), 4u);
  EXPECT_EQ(told[0], "first");
  EXPECT_THAT(told[1], testing::StartsWith("second: UNIQUE"));
  EXPECT_EQ(told[2], "third: no such thing");
  EXPECT_EQ(told[3], "fourth");
  EXPECT_THAT(Names(), ElementsAre("a", "d"));
}

TEST_F(GroupCommitTest, TellsNobodyOfASuccessThatTheDiskDidNotTake) {
  Write("first", Insert({"a"}));
  Write("second", [](Database&) -> Result<void> {
    return base::MakeError(ErrorKind::kLimit, "write", "the disk is full");
  });
  Write("third", Insert({"c"}));
  Settle();
  EXPECT_THAT(told, ElementsAre("first: the disk is full", "second: the disk is full",
                                "third: the disk is full"));
  EXPECT_THAT(Names(), ElementsAre());
  Write("fourth", Insert({"a"}));
  Settle();
  EXPECT_THAT(Names(), ElementsAre("a"));
}

TEST_F(GroupCommitTest, ARefusalThatNobodyCouldMakeIsTheDisksFailure) {
  Write("first", Insert({"a"}));
  Settle();
  std::optional<Result<void>> told_of;
  commits->Write(Insert({"b"}), [&](Result<void> result) { told_of = std::move(result); });
  commits->Write(Insert({"a"}), [](const Result<void>&) {}, GroupCommit::Refuses::kNever);
  loop.RunUntil([&] { return told_of.has_value(); });
  EXPECT_EQ(told_of->error().kind, ErrorKind::kSystem);
  EXPECT_THAT(Names(), ElementsAre("a"));
}

TEST_F(GroupCommitTest, WhatMayBeLostWithThePowerIsKeptOverAKillAndOrderedWithTheRest) {
  commits->WriteLazily(Insert({"a"}), [this](const Result<void>& result) {
    told.push_back(result ? "lazy" : result.error().text);
  });
  loop.RunUntil([this] { return told.size() == 1; });
  // Another connection sees it, as a process would that comes after a kill.
  std::vector<std::string> seen;
  MUST(MUST(Database::Open(folder / "x.db", kThings))
           ->Run("SELECT name FROM things", {},
                 [&](const Row& row) { seen.emplace_back(row.Text(0)); }));
  EXPECT_THAT(seen, ElementsAre("a"));
  int64_t sync = 0;
  MUST(database->Run("PRAGMA synchronous", {}, [&](const Row& row) { sync = row.Int(0); }));
  EXPECT_EQ(sync, 2) << "the next one would not wait for the disk";
  commits->WriteLazily(Insert({"b"}), [this](const Result<void>&) { told.push_back("b"); });
  Write("c", Insert({"c"}));
  loop.RunUntil([this] { return told.size() == 3; });
  EXPECT_THAT(told, ElementsAre("lazy", "b", "c"));
  EXPECT_THAT(Names(), ElementsAre("a", "b", "c"));
}

TEST_F(GroupCommitTest, AReadSeesWhatWasToldBeforeIt) {
  Write("first", Insert({"a"}));
  Settle();
  std::optional<int64_t> seen;
  commits->Load(
      [](Database& from) -> Result<int64_t> {
        int64_t count = 0;
        TRY(from.Run("SELECT COUNT(*) FROM things", {},
                     [&](const Row& row) { count = row.Int(0); }));
        return count;
      },
      [&](Result<int64_t> count) { seen = *count; });
  EXPECT_FALSE(commits->IsQuiet());
  loop.RunUntil([&] { return seen.has_value(); });
  EXPECT_EQ(seen, 1);
}

TEST_F(GroupCommitTest, CallsNobodyBackOnceItIsGone) {
  Write("first", Insert({"a"}));
  loop.RunOnce();
  commits.reset();
  writer.reset();
  for (int i = 0; i < 3; ++i) loop.RunOnce();
  EXPECT_TRUE(told.empty());
}

}  // namespace
}  // namespace hearth::store
