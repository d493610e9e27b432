// Data files: what a crash at each step of a put or a delete leaves, and what the next start finds.
#include "triggers/s3/data_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>

#include "tests/unit/triggers/s3/store_fixture.h"
#include "triggers/s3/file_numbers.h"

namespace hearth::s3 {
namespace {

using test::StoreTest;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class DataFilesTest : public StoreTest {
 protected:
  // The index, as what died had left it.
  void Change(const std::function<base::Result<void>(ObjectIndex&)>& change) {
    store.reset();
    auto index = MUST(ObjectIndex::Open(folder / "objects/index.db"));
    MUST(index->Commit([&] { return change(*index); }));
  }
  std::set<std::string> Names() {
    std::set<std::string> out;
    for (const std::string& name : folder.Names()) {
      if (name.starts_with("objects/data/") || name.starts_with("objects/new/")) out.insert(name);
    }
    return out;
  }
};

TEST_F(DataFilesTest, AFileHasNoNameBeforeItIsWhole) {
  const auto files = MUST(DataFiles::Open(folder / "objects"));
  {
    auto file = MUST(files.Create());
    ASSERT_EQ(::write(file.fd(), "x", 1), 1);
    EXPECT_EQ(CountFiles(), 0u);
  }
  auto file = MUST(files.Create());
  const int64_t block = 1000;
  MUST(files.MakeBlock(block));
  MUST(files.Keep(file, FirstOfBlock(block) + 5));
  EXPECT_THAT(MUST(files.Numbers(block)), ElementsAre(FirstOfBlock(block) + 5));
  EXPECT_FALSE(files.Keep(file, FirstOfBlock(block) + 5).has_value()) << "none is overwritten";
  files.RemoveBlock(block);
  MUST(files.Remove(FirstOfBlock(block) + 5));
  MUST(files.Remove(FirstOfBlock(block) + 5));
  files.RemoveBlock(block);
  EXPECT_EQ(files.OpenFile(FirstOfBlock(block) + 5).error().error_number, ENOENT);
  EXPECT_THAT(MUST(files.Numbers(block)), IsEmpty());
}

TEST_F(DataFilesTest, AfterACrashWhileWritingTheTemporaryNameGoes) {
  store.reset();
  std::ofstream(folder / "objects/new/half") << "half";
  Open();
  EXPECT_FALSE(base::FileExists(folder / "objects/new/half"));
}

TEST_F(DataFilesTest, AfterACrashBetweenTheFileAndItsRowTheFileGoesAndOthersStay) {
  MakeBucket("b");
  Put("b", "kept", "kept");
  const auto orphan = MustHave(Stage("orphan"));
  const std::string path = PathOf(orphan.extents[0].file);
  ASSERT_TRUE(base::FileExists(path));
  Reopen();
  EXPECT_FALSE(base::FileExists(path));
  EXPECT_EQ(Get("b", "kept"), "kept");
  Reopen();
  EXPECT_EQ(Get("b", "kept"), "kept");
}

TEST_F(DataFilesTest, AfterACrashWithinTheSweepTheNextStartSweepsAgain) {
  const auto orphan = MustHave(Stage("orphan"));
  const std::string path = PathOf(orphan.extents[0].file);
  // The file is gone; its block is still reserved.
  ASSERT_EQ(::unlink(path.c_str()), 0);
  Reopen();
  Reopen();
  EXPECT_EQ(CountFiles(), 0u);
}

TEST_F(DataFilesTest, AfterACrashBetweenARowOfGarbageAndTheRemovalOfItsFileTheFileGoes) {
  MakeBucket("b");
  const auto object = Put("b", "k", "x");
  Delete({.bucket = "b", .key = "k"});
  Reopen();
  ASSERT_EQ(CountFiles(), 1u);
  Settle();
  EXPECT_EQ(CountFiles(), 0u);
  // Between the removal of a file and of its row: there is nothing left to remove.
  Change([&](ObjectIndex& index) { return index.AddGarbage(object.extents); });
  Open();
  Settle();
  Change([&](ObjectIndex& index) -> base::Result<void> {
    EXPECT_THAT(TRY(index.LoadGarbage(0, INT64_MAX, 10)), IsEmpty());
    return {};
  });
  Open();
}

TEST_F(DataFilesTest, AfterACrashBetweenABlocksFolderAndItsReservationNumbersGoOn) {
  store.reset();
  const auto files = MUST(DataFiles::Open(folder / "objects"));
  int64_t newest = 0;
  Change([&](ObjectIndex& index) -> base::Result<void> {
    newest = TRY(index.ReservedBlocks()).back();
    return {};
  });
  MUST(files.MakeBlock(newest + 1));
  Open();
  MakeBucket("b");
  Put("b", "k", "x");
  EXPECT_EQ(Get("b", "k"), "x");
}

TEST_F(DataFilesTest, FoldersOfEmptyBlocksGo) {
  MakeBucket("b");
  for (int i = 0; i < 20; ++i) {
    Put("b", "k", std::to_string(i));
    Reopen();
  }
  Settle();
  Reopen();
  size_t folders = 0;
  for (const std::string& name : Names()) {
    folders += std::ranges::count(name, '/') == 2 && name.starts_with("objects/data/") ? 1 : 0;
  }
  EXPECT_LE(folders, 2u) << "the object's and the one that is being filled";
}

TEST(FileNumbers, AskForABlockInTimeAndRetireItWhenNothingIsInFlight) {
  FileNumbers numbers;
  EXPECT_TRUE(numbers.wants_block());
  EXPECT_EQ(numbers.Take(), std::nullopt);
  numbers.Grant(7);
  EXPECT_FALSE(numbers.wants_block());
  std::vector<int64_t> taken;
  for (int i = 0; i < 2048; ++i) taken.push_back(*numbers.Take());
  EXPECT_TRUE(numbers.wants_block());
  EXPECT_TRUE(numbers.Has(2048));
  EXPECT_FALSE(numbers.Has(2049));
  numbers.Grant(9);
  EXPECT_TRUE(numbers.Has(2048 + 4096));
  for (int i = 0; i < 2048; ++i) taken.push_back(*numbers.Take());
  EXPECT_EQ(*numbers.Take(), FirstOfBlock(9));
  for (const int64_t number : taken) {
    EXPECT_EQ(BlockOf(number), 7);
    EXPECT_TRUE(numbers.IsInUse(7));
    EXPECT_THAT(numbers.TakeRetired(), IsEmpty());
    numbers.Settle(number);
  }
  EXPECT_FALSE(numbers.IsInUse(7));
  EXPECT_THAT(numbers.TakeRetired(), ElementsAre(7));
  numbers.Settle(FirstOfBlock(9));
  EXPECT_THAT(numbers.TakeRetired(), IsEmpty()) << "there is more of it to give";
}

}  // namespace
}  // namespace hearth::s3
