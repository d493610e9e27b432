#include "layers/merge.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "layers/code_store.h"
#include "tests/unit/base/temporary_folder.h"
#include "tests/unit/layers/zip_builder.h"

namespace hearth::layers {
namespace {

using base::ErrorKind;
using test::TemporaryFolder;
using test::ZipBuilder;

class MergeTest : public testing::Test {
 protected:
  MergeTest() {
    for (const char* name : {"a", "b", "into"}) MUST(base::MakeFolders(folder_ / name));
  }
  void Write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(folder_ / path).parent_path());
    std::ofstream(folder_ / path) << text;
  }
  void Link(const std::string& target, const std::string& path) {
    std::filesystem::create_symlink(target, folder_ / path);
  }
  base::Result<void> Merge() {
    return MergeTrees({folder_ / "a", folder_ / "b"}, folder_ / "into");
  }
  std::string Read(const std::string& path) {
    const auto text = base::ReadFile(folder_ / ("into/" + path));
    return text ? *text : "(absent)";
  }

  TemporaryFolder folder_;
};

TEST_F(MergeTest, JoinsFoldersAndLetsTheLaterTreesFileStay) {
  Write("a/python/one.py", "1");
  Write("a/python/both.py", "first");
  Write("b/python/both.py", "second");
  Write("b/bin/two", "2");
  ASSERT_TRUE(Merge());
  EXPECT_EQ(Read("python/one.py"), "1");
  EXPECT_EQ(Read("python/both.py"), "second");
  EXPECT_EQ(Read("bin/two"), "2");
  EXPECT_EQ(MUST(base::ReadFile(folder_ / "a/python/both.py")), "first") << "a source was written";
}

TEST_F(MergeTest, LetsAFileReplaceAFolderAndAFolderAFile) {
  Write("a/x/inner", "gone");
  Write("b/x", "file");
  Write("a/y", "gone");
  Write("b/y/inner", "folder");
  ASSERT_TRUE(Merge());
  EXPECT_EQ(Read("x"), "file");
  EXPECT_EQ(Read("y/inner"), "folder");
}

TEST_F(MergeTest, WritesThroughNoSymbolicLinkThatAnEarlierTreePlanted) {
  Write("outside/victim", "untouched");
  Link("../outside", "a/lib");
  Link("../outside/victim", "a/file");
  Write("b/lib/victim", "new");
  Write("b/file", "new");
  ASSERT_TRUE(Merge());
  EXPECT_EQ(MUST(base::ReadFile(folder_ / "outside/victim")), "untouched");
  EXPECT_EQ(Read("lib/victim"), "new");
  EXPECT_EQ(Read("file"), "new");
}

TEST_F(MergeTest, KeepsSymbolicLinksAndModes) {
  Write("a/bin/tool", "t");
  ASSERT_EQ(::chmod((folder_ / "a/bin/tool").c_str(), 0755), 0);
  Link("tool", "a/bin/alias");
  ASSERT_TRUE(Merge());
  EXPECT_EQ(std::filesystem::read_symlink(folder_ / "into/bin/alias"), "tool");
  struct stat status{};
  ASSERT_EQ(::stat((folder_ / "into/bin/tool").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0755u);
  EXPECT_EQ(status.st_nlink, 2u) << "it was copied, not linked";
}

TEST_F(MergeTest, LetsAFunctionReadItWhateverTheUmask) {
  Write("a/d/f", "x");
  const mode_t before = ::umask(0077);
  const auto merged = Merge();
  ::umask(before);
  ASSERT_TRUE(merged);
  struct stat status{};
  ASSERT_EQ(::stat((folder_ / "into/d").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0755u);
}

TEST_F(MergeTest, CountsFilesAndFoldersOfAllTrees) {
  Write("a/one/f", "1");
  Write("b/two/f", "2");
  const std::vector<std::string> sources{folder_ / "a", folder_ / "b"};
  EXPECT_EQ(MergeTrees(sources, folder_ / "into", 3).error().text,
            "Layers have more than 3 files and folders together");
  EXPECT_TRUE(MergeTrees(sources, folder_ / "into", 4));
}

class MergedCodeTest : public testing::Test {
 protected:
  MergedCodeTest() { Reopen(); }
  void Reopen() { store_ = MUST(CodeStore::Open(folder_.path())); }
  std::string Put(const std::string& name, const std::string& content) {
    return MUST(store_->Put(ZipBuilder().AddFile(name, content).Build())).digest;
  }
  std::string ReadMerged(const std::vector<std::string>& digests, const std::string& name) {
    return MUST(base::ReadFile(MUST(store_->MergedFolder(digests)) + "/" + name));
  }
  TemporaryFolder folder_;
  std::unique_ptr<CodeStore> store_;
};

TEST_F(MergedCodeTest, IsMadeOncePerListAndItsOrderCounts) {
  const std::string a = Put("f", "aa");
  const std::string b = Put("f", "bbb");
  EXPECT_EQ(store_->MergedFolder({a, b}).error().kind, ErrorKind::kNotFound);
  MUST(store_->Merge({a, b}));
  MUST(store_->Merge({b, a}));
  EXPECT_EQ(ReadMerged({a, b}, "f"), "bbb");
  EXPECT_EQ(ReadMerged({b, a}, "f"), "aa");
  struct stat before{}, after{};
  ASSERT_EQ(::stat(MUST(store_->MergedFolder({a, b})).c_str(), &before), 0);
  MUST(store_->Merge({a, b}));
  ASSERT_EQ(::stat(MUST(store_->MergedFolder({a, b})).c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino) << "it was merged again";
  Reopen();
  EXPECT_EQ(ReadMerged({a, b}, "f"), "bbb");
  EXPECT_EQ(MUST(store_->UnzippedSize(b)).count(), 3u);
}

TEST_F(MergedCodeTest, OfOneLayerIsThatLayersOwnTree) {
  const std::string a = Put("f", "aa");
  MUST(store_->Merge({a}));
  EXPECT_EQ(MUST(store_->MergedFolder({a})), MUST(store_->TreeFolder(a)));
}

TEST_F(MergedCodeTest, ALayerThatWasNeverPutIsNotMerged) {
  const std::string a = Put("f", "aa");
  const std::string absent(64, 'e');
  EXPECT_EQ(store_->Merge({a, absent}).error().kind, ErrorKind::kNotFound);
  EXPECT_FALSE(store_->MergedFolder({a, absent}));
}

TEST_F(MergedCodeTest, GoesWhenNoListNamesItAndAfterACrash) {
  const std::string a = Put("f", "aa");
  const std::string b = Put("f", "bbb");
  MUST(store_->Merge({a, b}));
  MUST(store_->Merge({b, a}));
  EXPECT_EQ(MUST(store_->CollectMerged({{a, b}})), 1u);
  EXPECT_TRUE(store_->MergedFolder({a, b}));
  EXPECT_FALSE(store_->MergedFolder({b, a}));
  MUST(base::MakeFolders(folder_ / "merged/.tmp-0123/d"));
  Reopen();
  EXPECT_FALSE(base::FileExists(folder_ / "merged/.tmp-0123"));
  EXPECT_TRUE(store_->MergedFolder({a, b}));
}

}  // namespace
}  // namespace hearth::layers
