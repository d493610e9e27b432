#include "store/database.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "base/file.h"
#include "tests/unit/base/temporary_folder.h"

namespace hearth::store {
namespace {

using base::ErrorKind;
using base::Result;
using test::TemporaryFolder;

const std::vector<Migration> kTables = {
    {"make things", "CREATE TABLE things (name TEXT PRIMARY KEY, value ANY) STRICT"},
    {"make others",
     "CREATE TABLE others (id INTEGER PRIMARY KEY);"
     "INSERT INTO others (id) VALUES (7)"}};

class DatabaseTest : public testing::Test {
 protected:
  void SetUp() override { Reopen(); }
  void Reopen() {
    database_.reset();
    database_ = MUST(Database::Open(path_, kTables));
  }
  Result<int64_t> Put(const std::string& name, Value value) {
    const Value values[] = {name, std::move(value)};
    return database_->Run("INSERT INTO things (name, value) VALUES (?, ?)", values);
  }
  std::vector<std::string> Names(Database& database) {
    std::vector<std::string> names;
    MUST(database.Run("SELECT name FROM things ORDER BY name", {},
                      [&](const Row& row) { names.emplace_back(row.Text(0)); }));
    return names;
  }
  std::string Pragma(const std::string& name) {
    std::string value;
    MUST(database_->Run("PRAGMA " + name, {}, [&](const Row& row) { value = row.Text(0); }));
    return value;
  }

  TemporaryFolder folder_;
  const std::string path_ = folder_ / "state.db";
  std::unique_ptr<Database> database_;
};

TEST_F(DatabaseTest, WritesAheadAndSyncsFullyInEverySession) {
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Pragma("journal_mode"), "wal");
    EXPECT_EQ(Pragma("synchronous"), "2");  // FULL
    EXPECT_EQ(Pragma("foreign_keys"), "1");
    EXPECT_EQ(Pragma("trusted_schema"), "0");
    Reopen();
  }
}

TEST_F(DatabaseTest, KeepsWhatIsCommittedAcrossReopening) {
  MUST(Put("a", int64_t{1}));
  Reopen();
  EXPECT_EQ(Names(*database_), (std::vector<std::string>{"a"}));
}

// As after kill -9: the files are what another process finds while nothing was closed.
TEST_F(DatabaseTest, HasOnDiskWhatRunHasReturnedFor) {
  for (int i = 0; i < 100; ++i) MUST(Put("name" + std::to_string(i), int64_t{i}));
  const TemporaryFolder copy;
  for (const char* suffix : {"", "-wal"}) {
    std::filesystem::copy_file(path_ + suffix, copy / (std::string("state.db") + suffix));
  }
  const auto other = MUST(Database::Open(copy / "state.db", kTables));
  EXPECT_EQ(Names(*other).size(), 100u);
}

TEST_F(DatabaseTest, ForgetsATailThatWasNeverCommittedWhole) {
  MUST(Put("first", int64_t{1}));
  const auto whole = std::filesystem::file_size(path_ + "-wal");
  MUST(Put("second", int64_t{2}));
  const TemporaryFolder copy;
  std::filesystem::copy_file(path_, copy / "state.db");
  std::filesystem::copy_file(path_ + "-wal", copy / "state.db-wal");
  // Power went while the second commit was being written.
  std::filesystem::resize_file(copy / "state.db-wal", whole + 100);
  const auto other = MUST(Database::Open(copy / "state.db", kTables));
  EXPECT_EQ(Names(*other), (std::vector<std::string>{"first"}));
}

TEST_F(DatabaseTest, AppliesEachMigrationOnce) {
  for (int i = 0; i < 3; ++i) Reopen();  // Its INSERT would conflict with itself.
  std::vector<Migration> more = kTables;
  more.push_back({"add more", "INSERT INTO others (id) VALUES (8)"});
  for (int i = 0; i < 2; ++i) {
    database_ = nullptr;
    database_ = MUST(Database::Open(path_, more));
    int64_t count = 0;
    MUST(database_->Run("SELECT count(*) FROM others", {},
                        [&](const Row& row) { count = row.Int(0); }));
    EXPECT_EQ(count, 2);
  }
}

TEST_F(DatabaseTest, RefusesADatabaseOfANewerHearthOrOfAnotherHistory) {
  database_.reset();
  const auto newer = Database::Open(path_, std::span(kTables).first(1));
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().kind, ErrorKind::kUnsupported);
  EXPECT_NE(newer.error().text.find("make others"), std::string::npos);
  std::vector<Migration> renamed = kTables;
  renamed[0].name = "another beginning";
  EXPECT_EQ(Database::Open(path_, renamed).error().kind, ErrorKind::kUnsupported);
  EXPECT_TRUE(Database::Open(path_, kTables)) << "a refusal has changed it";
}

TEST_F(DatabaseTest, RollsAFailedMigrationBackAndTriesItAgain) {
  database_.reset();
  std::vector<Migration> bad = kTables;
  bad.push_back({"half good", "CREATE TABLE half (id INTEGER); INSERT INTO nowhere VALUES (1)"});
  const auto opened = Database::Open(path_, bad);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().ToString().find("half good"), std::string::npos);
  bad[2].sql = "CREATE TABLE half (id INTEGER)";  // Would fail if the first half had stayed.
  EXPECT_TRUE(Database::Open(path_, bad));
}

TEST_F(DatabaseTest, CallsAFileThatIsNoDatabaseCorrupt) {
  std::ofstream(folder_ / "text") << std::string(10000, 'x');
  const auto text = Database::Open(folder_ / "text", kTables);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(MUST(base::ReadFile(folder_ / "text")), std::string(10000, 'x')) << "it was changed";
  // A real one with its middle overwritten.
  database_.reset();
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(100);
  file << std::string(3000, '\xff');
  file.close();
  const auto damaged = Database::Open(path_, kTables);
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().kind, ErrorKind::kCorrupt) << damaged.error().ToString();
}

TEST_F(DatabaseTest, NamesThePathItCannotOpen) {
  const auto absent = Database::Open(folder_ / "absent/state.db", kTables);
  ASSERT_FALSE(absent);
  EXPECT_NE(absent.error().ToString().find("absent/state.db"), std::string::npos);
  EXPECT_FALSE(Database::Open(folder_.path(), kTables));
}

TEST_F(DatabaseTest, GivesBackEveryValueAsItWas) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  const std::string texts[] = {"",
                               "plain",
                               std::string("\0", 1),
                               std::string("a\0b\0", 4),
                               "é",
                               "\xff\xfe",
                               all,
                               std::string(7000000, 'x'),
                               "1",
                               "1e5"};
  for (size_t i = 0; i < std::size(texts); ++i) MUST(Put(std::to_string(i), texts[i]));
  size_t at = 0;
  MUST(database_->Run("SELECT value FROM things ORDER BY rowid", {}, [&](const Row& row) {
    EXPECT_FALSE(row.IsNull(0)) << at;
    EXPECT_EQ(row.Text(0), texts[at]) << at;
    ++at;
  }));
  EXPECT_EQ(at, std::size(texts));
}

TEST_F(DatabaseTest, GivesBackNumbersAndNothing) {
  const int64_t numbers[] = {0, -1, std::numeric_limits<int64_t>::max(),
                             std::numeric_limits<int64_t>::min()};
  for (size_t i = 0; i < std::size(numbers); ++i) MUST(Put("n" + std::to_string(i), numbers[i]));
  MUST(Put("real", 0.1));
  MUST(Put("null", nullptr));
  const auto check = [&](const std::string& name, const std::function<void(const Row&)>& see) {
    const Value values[] = {name};
    int rows = 0;
    MUST(database_->Run("SELECT value FROM things WHERE name = ?", values, [&](const Row& row) {
      ++rows;
      see(row);
    }));
    EXPECT_EQ(rows, 1) << name;
  };
  for (size_t i = 0; i < std::size(numbers); ++i) {
    check("n" + std::to_string(i), [&](const Row& row) { EXPECT_EQ(row.Int(0), numbers[i]); });
  }
  check("real", [](const Row& row) { EXPECT_EQ(row.Real(0), 0.1); });
  check("null", [](const Row& row) {
    EXPECT_TRUE(row.IsNull(0));
    EXPECT_EQ(row.Text(0), "");
  });
}

TEST_F(DatabaseTest, TakesNoParameterForSql) {
  const std::string evil = "x'); DROP TABLE things; --";
  MUST(Put(evil, int64_t{1}));
  EXPECT_EQ(Names(*database_), (std::vector<std::string>{evil}));
}

TEST_F(DatabaseTest, CountsTheRowsThatAStatementChanged) {
  for (const char* name : {"a", "b", "c"}) EXPECT_EQ(MUST(Put(name, int64_t{1})), 1);
  EXPECT_EQ(MUST(database_->Run("UPDATE things SET value = 2")), 3);
  EXPECT_EQ(MUST(database_->Run("SELECT * FROM things")), 0);
  EXPECT_EQ(MUST(database_->Run("DELETE FROM things WHERE name = 'z'")), 0);
  EXPECT_EQ(MUST(database_->Run("DELETE FROM things WHERE name < 'c'")), 2);
  EXPECT_EQ(MUST(database_->Run("CREATE TABLE more (id INTEGER)")), 0);
}

TEST_F(DatabaseTest, TellsAConflictFromAMistake) {
  MUST(Put("a", int64_t{1}));
  EXPECT_EQ(Put("a", int64_t{2}).error().kind, ErrorKind::kConflict);
  EXPECT_FALSE(database_->Run("INSERT INTO others (id) VALUES ('word')"));
  const auto bad = database_->Run("SELEC 1");
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().ToString().find("SELEC 1"), std::string::npos);
  const Value two[] = {int64_t{1}, int64_t{2}};
  EXPECT_EQ(database_->Run("SELECT ?", two).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(database_->Run("SELECT ?").error().kind, ErrorKind::kInvalid);
  EXPECT_TRUE(Put("b", int64_t{1})) << "an error has spoiled the statement";
}

TEST_F(DatabaseTest, RefusesTextThatIsNotOneStatement) {
  for (const char* sql : {"", "  ", "-- nothing", "DELETE FROM others; DELETE FROM things"}) {
    const auto ran = database_->Run(sql);
    ASSERT_FALSE(ran) << sql;
    EXPECT_EQ(ran.error().kind, ErrorKind::kInvalid) << sql;
  }
  EXPECT_TRUE(database_->Run("SELECT 1 ; "));
}

TEST_F(DatabaseTest, ATransactionIsAllOrNothing) {
  MUST(database_->Transaction([&]() -> Result<void> {
    TRY(Put("a", int64_t{1}));
    TRY(Put("b", int64_t{2}));
    return {};
  }));
  const auto failed = database_->Transaction([&]() -> Result<void> {
    TRY(Put("c", int64_t{3}));
    return base::Invalid("test", "no");
  });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().text, "no");
  const auto conflict = database_->Transaction([&]() -> Result<void> {
    TRY(Put("d", int64_t{4}));
    TRY(Put("a", int64_t{5}));
    return {};
  });
  EXPECT_EQ(conflict.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(Names(*database_), (std::vector<std::string>{"a", "b"}));
  Reopen();
  EXPECT_EQ(Names(*database_), (std::vector<std::string>{"a", "b"}));
}

TEST_F(DatabaseTest, RefusesATransactionInsideAnotherAndKeepsTheOuterOne) {
  MUST(database_->Transaction([&]() -> Result<void> {
    TRY(Put("outer", int64_t{1}));
    EXPECT_FALSE(database_->Transaction([]() -> Result<void> { return {}; }));
    return {};
  }));
  EXPECT_EQ(Names(*database_), (std::vector<std::string>{"outer"}));
}

// A row's callback may ask for more, also with the text of the statement that is running.
TEST_F(DatabaseTest, StatementsMayNest) {
  for (int i = 0; i < 300; ++i) MUST(Put(std::to_string(1000 + i), int64_t{i}));
  const std::string outer = "SELECT name FROM things ORDER BY name";
  size_t seen = 0;
  MUST(database_->Run(outer, {}, [&](const Row& row) {
    EXPECT_EQ(row.Text(0), std::to_string(1000 + seen));
    ++seen;
    // More texts than the cache holds.
    MUST(database_->Run("SELECT " + std::to_string(seen)));
    if (seen == 5) {
      size_t inner = 0;
      MUST(database_->Run(outer, {}, [&](const Row&) { ++inner; }));
      EXPECT_EQ(inner, 300u);
    }
  }));
  EXPECT_EQ(seen, 300u);
}

TEST_F(DatabaseTest, ManyTextsDoNotFillTheMemoryWithStatements) {
  for (int i = 0; i < 1000; ++i) MUST(database_->Run("SELECT " + std::to_string(i)));
  MUST(Put("a", int64_t{1}));
  EXPECT_EQ(Names(*database_).size(), 1u);
}

}  // namespace
}  // namespace hearth::store
