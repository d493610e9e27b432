#include "layers/code_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/digest.h"
#include "base/file.h"
#include "tests/unit/base/temporary_folder.h"
#include "tests/unit/layers/zip_builder.h"

namespace hearth::layers {
namespace {

using base::ErrorKind;
using test::TemporaryFolder;
using test::ZipBuilder;

class CodeStoreTest : public testing::Test {
 protected:
  void SetUp() override { Reopen(); }
  void Reopen() { store_ = MUST(CodeStore::Open(folder_.path())); }
  std::string ZipPath(const std::string& digest) { return folder_ / ("zip/" + digest + ".zip"); }
  std::string TreePath(const std::string& digest) { return folder_ / ("tree/" + digest); }

  const std::string one_ = ZipBuilder().AddFile("app.py", "one").AddFile("d/e", "22").Build();
  const std::string two_ = ZipBuilder().AddFile("app.py", "two").Build();
  TemporaryFolder folder_;
  std::unique_ptr<CodeStore> store_;
};

TEST_F(CodeStoreTest, StoresTheSameBytesOnce) {
  const StoredCode first = MUST(store_->Put(one_));
  EXPECT_EQ(first.digest, base::ToHex(base::Sha256Of(one_)));
  EXPECT_EQ(first.zipped.count(), one_.size());
  EXPECT_EQ(first.unzipped.count(), 5u);
  struct stat before{};
  ASSERT_EQ(::stat(TreePath(first.digest).c_str(), &before), 0);
  const StoredCode second = MUST(store_->Put(one_));
  EXPECT_EQ(second.digest, first.digest);
  EXPECT_EQ(second.unzipped, first.unzipped);
  struct stat after{};
  ASSERT_EQ(::stat(TreePath(first.digest).c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino) << "it was unpacked again";
  EXPECT_NE(MUST(store_->Put(two_)).digest, first.digest);
}

TEST_F(CodeStoreTest, GivesBackWhatWasPutAlsoAfterReopening) {
  const std::string digest = MUST(store_->Put(one_)).digest;
  Reopen();
  EXPECT_TRUE(store_->Has(digest));
  EXPECT_EQ(MUST(store_->ReadZip(digest)), one_);
  const std::string tree = MUST(store_->TreeFolder(digest));
  EXPECT_EQ(MUST(base::ReadFile(tree + "/app.py")), "one");
  struct stat status{};
  ASSERT_EQ(::stat(tree.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0755u);
}

TEST_F(CodeStoreTest, LetsAFunctionReadItsCodeWhateverTheUmask) {
  const mode_t before = ::umask(0077);
  const auto stored = store_->Put(one_);
  ::umask(before);
  ASSERT_TRUE(stored);
  struct stat status{};
  for (const char* name : {"", "/d"}) {
    ASSERT_EQ(::stat((TreePath(stored->digest) + name).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0755u) << name;
  }
}

TEST_F(CodeStoreTest, KnowsNothingThatWasNeverPut) {
  const std::string digest(64, 'a');
  for (const std::string& asked : {digest, std::string(), std::string(".."), std::string("../tree"),
                                   std::string(64, 'A'), std::string("/etc")}) {
    EXPECT_FALSE(store_->Has(asked)) << asked;
    EXPECT_EQ(store_->TreeFolder(asked).error().kind, ErrorKind::kNotFound) << asked;
    EXPECT_EQ(store_->ReadZip(asked).error().kind, ErrorKind::kNotFound) << asked;
  }
}

TEST_F(CodeStoreTest, LeavesNothingOfABadZip) {
  const auto before = folder_.Names();
  EXPECT_EQ(store_->Put("no zip").error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(store_->Put(ZipBuilder().AddFile("good").AddFile("../evil").Build()).error().kind,
            ErrorKind::kInvalid);
  EXPECT_EQ(folder_.Names(), before);
}

TEST_F(CodeStoreTest, RefusesAZipOverTheLimitBeforeItLooksInside) {
  const auto over = store_->Put(std::string(262144001, 'x'));
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().kind, ErrorKind::kLimit);
  EXPECT_EQ(over.error().text, "Unzipped size must be smaller than 262144000 bytes");
}

TEST_F(CodeStoreTest, RemovesWhatACrashLeftBehind) {
  const std::string digest = MUST(store_->Put(one_)).digest;
  const auto whole = folder_.Names();
  // A tree half unpacked, a zip half written, a tree whose zip was never published.
  MUST(base::MakeFolders(folder_ / "tree/.tmp-0123/d"));
  std::ofstream(folder_ / "tree/.tmp-0123/d/f") << "half";
  std::ofstream(ZipPath(std::string(64, 'b')) + ".tmp-4567") << "half";
  MUST(base::MakeFolders(TreePath(std::string(64, 'c'))));
  Reopen();
  EXPECT_EQ(folder_.Names(), whole);
  EXPECT_TRUE(store_->Has(digest));
}

TEST_F(CodeStoreTest, MakesALostTreeAgainWhenItsCodeIsPut) {
  const std::string digest = MUST(store_->Put(one_)).digest;
  MUST(base::RemoveTree(TreePath(digest)));
  EXPECT_FALSE(store_->Has(digest));
  EXPECT_EQ(store_->TreeFolder(digest).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(MUST(store_->Put(one_)).digest, digest);
  EXPECT_EQ(MUST(base::ReadFile(TreePath(digest) + "/app.py")), "one");
}

TEST_F(CodeStoreTest, DoesNotHandOutAZipThatIsNoLongerWhatWasPut) {
  const std::string digest = MUST(store_->Put(one_)).digest;
  std::ofstream(ZipPath(digest), std::ios::binary) << two_;
  const auto read = store_->ReadZip(digest);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::kCorrupt);
}

TEST_F(CodeStoreTest, CollectRemovesAllButWhatIsKept) {
  const std::string first = MUST(store_->Put(one_)).digest;
  const std::string second = MUST(store_->Put(two_)).digest;
  EXPECT_EQ(MUST(store_->Collect({first, std::string(64, 'f')})), 1u);
  EXPECT_TRUE(store_->Has(first));
  EXPECT_FALSE(store_->Has(second));
  EXPECT_FALSE(base::FileExists(TreePath(second)));
  EXPECT_EQ(MUST(store_->Collect({first})), 0u);
  EXPECT_EQ(MUST(base::ReadFile(TreePath(first) + "/app.py")), "one");
}

TEST_F(CodeStoreTest, CollectTouchesNothingThatIsNotItsOwn) {
  const std::string digest = MUST(store_->Put(one_)).digest;
  std::ofstream(folder_ / "zip/.zip") << "its digest would be empty, its tree all trees";
  std::ofstream(folder_ / "zip/notes") << "mine";
  EXPECT_EQ(MUST(store_->Collect({digest})), 0u);
  EXPECT_TRUE(store_->Has(digest));
  EXPECT_TRUE(base::FileExists(folder_ / "zip/notes"));
}

TEST(CodeStore, NamesAFolderItCannotUse) {
  const TemporaryFolder folder;
  std::ofstream(folder / "file") << "x";
  EXPECT_FALSE(CodeStore::Open(folder / "file"));
}

}  // namespace
}  // namespace hearth::layers
