#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>

#include "tests/unit/base/temporary_folder.h"

namespace hearth::base {
namespace {

using test::TemporaryFolder;
namespace fs = std::filesystem;

void Put(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

TEST(ReadFile, ReadsUpToItsLimitAndNotAByteMore) {
  const TemporaryFolder folder;
  const std::string path = folder / "f";
  Put(path, std::string(100000, 'x'));
  EXPECT_EQ(MUST(ReadFile(path, Bytes(100000))).size(), 100000u);
  const auto over = ReadFile(path, Bytes(99999));
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().kind, ErrorKind::kLimit);
  // A file that never ends is no different.
  EXPECT_EQ(ReadFile("/dev/zero", Bytes::MiB(1)).error().kind, ErrorKind::kLimit);
}

TEST(ReadFile, NamesTheFileThatIsMissingOrAFolder) {
  const TemporaryFolder folder;
  const auto absent = ReadFile(folder / "absent");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().error_number, ENOENT);
  EXPECT_NE(absent.error().ToString().find("absent"), std::string::npos);
  EXPECT_EQ(ReadFile(folder.path()).error().error_number, EISDIR);
}

TEST(ReadFile, KeepsNulBytes) {
  const TemporaryFolder folder;
  const std::string text("a\0b\0", 4);
  MUST(WriteFileAtomically(folder / "f", text));
  EXPECT_EQ(MUST(ReadFile(folder / "f")), text);
}

TEST(ReadFromStart, ReadsTheWholeOfAKernelFileEachTime) {
  const UniqueFd fd(::open("/proc/self/status", O_RDONLY | O_CLOEXEC));
  const std::string first = MUST(ReadFromStart(fd.get()));
  EXPECT_TRUE(first.starts_with("Name:"));
  EXPECT_TRUE(MUST(ReadFromStart(fd.get())).starts_with("Name:"));
  EXPECT_FALSE(ReadFromStart(-1));
}

TEST(WriteFileAtomically, ReplacesTheOldContentAndLeavesOneName) {
  const TemporaryFolder folder;
  MUST(WriteFileAtomically(folder / "f", "old and long"));
  MUST(WriteFileAtomically(folder / "f", "new", 0600));
  EXPECT_EQ(MUST(ReadFile(folder / "f")), "new");
  EXPECT_EQ(folder.Names(), std::set<std::string>{"f"});
  struct stat status{};
  ASSERT_EQ(::stat((folder / "f").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST(WriteFileAtomically, LeavesNothingWhereItFails) {
  const TemporaryFolder folder;
  // A folder in the file's place: the rename fails after the temporary file was written.
  MUST(MakeFolders(folder / "taken"));
  EXPECT_FALSE(WriteFileAtomically(folder / "taken", "x"));
  EXPECT_EQ(folder.Names(), std::set<std::string>{"taken"});
  EXPECT_FALSE(WriteFileAtomically(folder / "absent/f", "x"));
  EXPECT_EQ(folder.Names(), std::set<std::string>{"taken"});
}

TEST(WriteFileAtomically, KeepsTheOldContentWhereItFails) {
  const TemporaryFolder folder;
  MUST(WriteFileAtomically(folder / "f", "old"));
  // /dev/full's twin for a regular file: a limit on the size of what this process writes.
  struct rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  const struct rlimit small{1024, old.rlim_max};
  const auto before = ::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto written = WriteFileAtomically(folder / "f", std::string(5000, 'x'));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
  ::signal(SIGXFSZ, before);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().error_number, EFBIG);
  EXPECT_EQ(MUST(ReadFile(folder / "f")), "old");
  EXPECT_EQ(folder.Names(), std::set<std::string>{"f"});
}

TEST(MakeFolders, MakesEveryMissingPartAndAcceptsWhatIsThere) {
  const TemporaryFolder folder;
  MUST(MakeFolders(folder / "a//b/c/"));
  MUST(MakeFolders(folder / "a/b"));
  EXPECT_TRUE(fs::is_directory(folder / "a/b/c"));
  Put(folder / "file", "");
  EXPECT_EQ(MakeFolders(folder / "file").error().error_number, ENOTDIR);
  EXPECT_EQ(MakeFolders(folder / "file/x").error().error_number, ENOTDIR);
  EXPECT_FALSE(MakeFolders(""));
}

TEST(RemoveTree, DoesNotFollowLinksOutOfTheTree) {
  const TemporaryFolder outside;
  Put(outside / "precious", "x");
  const TemporaryFolder folder;
  MUST(MakeFolders(folder / "tree/sub"));
  fs::create_symlink(outside.path(), folder / "tree/sub/link");
  fs::create_symlink(outside / "precious", folder / "tree/file-link");
  MUST(RemoveTree(folder / "tree"));
  EXPECT_FALSE(FileExists(folder / "tree"));
  EXPECT_TRUE(FileExists(outside / "precious"));
}

TEST(RemoveTree, RemovesALinkAndNotWhatItNames) {
  const TemporaryFolder folder;
  MUST(MakeFolders(folder / "kept"));
  Put(folder / "kept/f", "x");
  fs::create_symlink(folder / "kept", folder / "link");
  MUST(RemoveTree(folder / "link"));
  EXPECT_TRUE(FileExists(folder / "kept/f"));
  EXPECT_FALSE(fs::exists(fs::symlink_status(folder / "link")));
}

TEST(RemoveTree, TakesAbsenceAsSuccessAndADeepTreeAsAnyOther) {
  const TemporaryFolder folder;
  MUST(RemoveTree(folder / "absent"));
  std::string deep = folder / "deep";
  for (int i = 0; i < 500; ++i) deep += "/d";
  MUST(MakeFolders(deep));
  MUST(RemoveTree(folder / "deep"));
  EXPECT_TRUE(folder.Names().empty());
}

TEST(WriteKernelFile, FailsOnAFileThatIsNotThere) {
  const TemporaryFolder folder;
  EXPECT_FALSE(WriteKernelFile(folder / "absent", "1"));
  EXPECT_FALSE(FileExists(folder / "absent"));
  EXPECT_EQ(WriteKernelFile("/dev/full", "1").error().error_number, ENOSPC);
}

}  // namespace
}  // namespace hearth::base
