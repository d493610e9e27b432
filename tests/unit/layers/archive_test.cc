#include "layers/archive.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>
#include <fstream>

#include "base/file.h"
#include "tests/unit/base/temporary_folder.h"
#include "tests/unit/layers/zip_builder.h"

namespace hearth::layers {
namespace {

using test::TemporaryFolder;
using test::ZipBuilder;
namespace fs = std::filesystem;

uint32_t ModeOf(const std::string& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

void Put(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

TEST(UnpackZip, MakesFilesAndFoldersAndCountsThem) {
  const TemporaryFolder folder;
  const std::string zip = ZipBuilder()
                              .AddFile("app.py", "print()")
                              .Add({.name = "empty/", .mode = S_IFDIR | 0755})
                              .AddFile("deep/er/data.bin", std::string("a\0b", 3))
                              .AddFile("./dot/./file", "dotted")
                              .AddFile("nothing", "")
                              .Build();
  const Unpacked unpacked = MUST(UnpackZip(zip, folder.path()));
  EXPECT_EQ(unpacked.files, 4u);
  EXPECT_EQ(unpacked.size.count(), 7u + 3 + 6);
  EXPECT_EQ(folder.Names(), (std::set<std::string>{"app.py", "deep", "deep/er", "deep/er/data.bin",
                                                   "dot", "dot/file", "empty", "nothing"}));
  EXPECT_EQ(MUST(base::ReadFile(folder / "deep/er/data.bin")), std::string("a\0b", 3));
}

TEST(UnpackZip, ReadsDeflatedContent) {
  const TemporaryFolder folder;
  const std::string zeros(258 * 3 + 1, '\0');
  const std::string zip = ZipBuilder()
                              .Add({.name = "zeros",
                                    .content = test::DeflatedZeros(3),
                                    .method = 8,
                                    .unpacked = zeros.size(),
                                    .crc = test::Crc32(zeros)})
                              .Build();
  MUST(UnpackZip(zip, folder.path()));
  EXPECT_EQ(MUST(base::ReadFile(folder / "zeros")), zeros);
}

TEST(UnpackZip, GivesEachFileOneOfTwoModesWhateverTheArchiveAndTheUmaskSay) {
  const TemporaryFolder folder;
  const mode_t before = ::umask(0077);
  const auto unpacked = UnpackZip(ZipBuilder()
                                      .Add({.name = "plain", .mode = S_IFREG | 0600})
                                      .Add({.name = "none", .mode = S_IFREG})
                                      .Add({.name = "world", .mode = S_IFREG | 0666})
                                      .Add({.name = "run", .mode = S_IFREG | 0700})
                                      .Add({.name = "setuid", .mode = S_IFREG | 06755})
                                      .Add({.name = "sub/deep/f", .mode = S_IFREG | 0600})
                                      .Add({.name = "closed/", .mode = S_IFDIR | 0700})
                                      .Build(),
                                  folder.path());
  ::umask(before);
  ASSERT_TRUE(unpacked) << unpacked.error().ToString();
  for (const char* name : {"plain", "none", "world"}) EXPECT_EQ(ModeOf(folder / name), 0644u);
  for (const char* name : {"run", "setuid", "sub", "sub/deep", "closed"}) {
    EXPECT_EQ(ModeOf(folder / name), 0755u) << name;
  }
}

TEST(UnpackZip, KeepsNamesInAnyLanguage) {
  const TemporaryFolder folder;
  const std::string zip = ZipBuilder()
                              .Add({.name = "grüße/文.py", .content = "1", .flags = 0x800})
                              .Add({.name = "plain-é", .content = "2"})
                              .Add({.name = "link", .content = "grüße/文.py",
                                    .mode = S_IFLNK | 0777, .flags = 0x800})
                              .Build();
  const auto unpacked = UnpackZip(zip, folder.path());
  ASSERT_TRUE(unpacked) << unpacked.error().ToString();
  EXPECT_EQ(folder.Names(),
            (std::set<std::string>{"grüße", "grüße/文.py", "link", "plain-é"}));
  EXPECT_EQ(MUST(base::ReadFile(folder / "link")), "1");
}

TEST(UnpackZip, KeepsLinksThatStayInside) {
  const TemporaryFolder folder;
  const std::string zip = ZipBuilder()
                              .AddLink("bin/run", "../lib/run.sh")
                              .AddFile("lib/run.sh", "echo")
                              .AddLink("lib/self", ".")
                              .AddLink("dangling", "lib/absent")
                              .AddLink("a/b/c/up", "../../..")
                              .Build();
  MUST(UnpackZip(zip, folder.path()));
  EXPECT_EQ(fs::read_symlink(folder / "bin/run"), "../lib/run.sh");
  EXPECT_EQ(MUST(base::ReadFile(folder / "bin/run")), "echo");
  EXPECT_EQ(fs::read_symlink(folder / "a/b/c/up"), "../../..");
}

TEST(UnpackZip, TakesAFolderThatIsNamedTwice) {
  const TemporaryFolder folder;
  const ZipBuilder zip = ZipBuilder()
                             .AddFile("a/f")
                             .Add({.name = "a/", .mode = S_IFDIR | 0755})
                             .Add({.name = "a/", .mode = S_IFDIR | 0755});
  EXPECT_TRUE(UnpackZip(zip.Build(), folder.path()));
}

TEST(UnpackZip, NamesAFolderThatIsNotThere) {
  const auto unpacked = UnpackZip(ZipBuilder().AddFile("f").Build(), "/no/such/folder");
  ASSERT_FALSE(unpacked);
  EXPECT_EQ(unpacked.error().error_number, ENOENT);
}

TEST(PackZip, GivesEqualBytesForEqualContent) {
  const TemporaryFolder first;
  const TemporaryFolder second;
  MUST(base::MakeFolders(first / "z/y"));
  for (const char* name : {"a", "z/b", "z/y/c", "z.txt"}) Put(first / name, name);
  fs::permissions(first / "a", fs::perms::owner_exec, fs::perm_options::add);
  // The other way round, at another time, with other bits that do not count.
  MUST(base::MakeFolders(second / "z/y"));
  for (const char* name : {"z.txt", "z/y/c", "z/b", "a"}) Put(second / name, name);
  fs::permissions(second / "a", fs::perms::all);
  fs::last_write_time(second / "z/b", fs::file_time_type::clock::now() - std::chrono::hours(9999));
  const std::string zip = MUST(PackZip(first.path()));
  EXPECT_EQ(zip, MUST(PackZip(second.path())));
  // On a machine with another time zone, too.
  const char* zone = ::getenv("TZ");
  const std::string before = zone == nullptr ? "" : zone;
  for (const char* other : {"XXX+11", "YYY-13"}) {
    ::setenv("TZ", other, 1);
    ::tzset();
    EXPECT_EQ(zip, MUST(PackZip(second.path()))) << other;
  }
  zone == nullptr ? ::unsetenv("TZ") : ::setenv("TZ", before.c_str(), 1);
  ::tzset();
}

TEST(PackZip, SurvivesUnpacking) {
  const TemporaryFolder source;
  const TemporaryFolder target;
  MUST(base::MakeFolders(source / "sub"));
  Put(source / "sub/data", std::string(100000, 'd'));
  Put(source / "run", "#!");
  fs::permissions(source / "run", fs::perms::owner_exec, fs::perm_options::add);
  Put(source / "ünïcode", "u");
  fs::create_symlink("sub/data", source / "link");
  MUST(UnpackZip(MUST(PackZip(source.path())), target.path()));
  EXPECT_EQ(target.Names(), source.Names());
  EXPECT_EQ(MUST(base::ReadFile(target / "link")), std::string(100000, 'd'));
  EXPECT_EQ(ModeOf(target / "run"), 0755u);
  EXPECT_EQ(ModeOf(target / "sub/data"), 0644u);
}

TEST(PackZip, RefusesWhatAZipOfCodeCannotHold) {
  const TemporaryFolder folder;
  EXPECT_FALSE(PackZip(folder.path())) << "an empty folder";
  EXPECT_FALSE(PackZip(folder / "absent"));
  Put(folder / "f", "x");
  EXPECT_TRUE(PackZip(folder.path()));
  fs::create_symlink("/etc/passwd", folder / "link");
  const auto outside = PackZip(folder.path());
  ASSERT_FALSE(outside) << "a link that leads outside";
  EXPECT_NE(outside.error().ToString().find("link"), std::string::npos);
  fs::remove(folder / "link");
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_FALSE(PackZip(folder.path())) << "it would wait for a writer";
}

TEST(PackZipOfText, HoldsTheOneFile) {
  const TemporaryFolder folder;
  const std::string zip = MUST(PackZipOfText("index.py", "def handler(): pass"));
  EXPECT_EQ(zip, MUST(PackZipOfText("index.py", "def handler(): pass")));
  EXPECT_EQ(MUST(UnpackZip(zip, folder.path())).files, 1u);
  EXPECT_EQ(MUST(base::ReadFile(folder / "index.py")), "def handler(): pass");
  EXPECT_TRUE(UnpackZip(MUST(PackZipOfText("empty.py", "")), TemporaryFolder().path()));
}

}  // namespace
}  // namespace hearth::layers
