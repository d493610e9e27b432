// Zips that no honest tool makes. Whatever they say: a clear error, and nothing outside the folder.
#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"
#include "layers/archive.h"
#include "tests/unit/base/temporary_folder.h"
#include "tests/unit/layers/zip_builder.h"

namespace hearth::layers {
namespace {

using base::ErrorKind;
using test::TemporaryFolder;
using test::ZipBuilder;

struct Hostile {
  const char* name;
  std::string zip;
  const char* says;  // A part of the message.
};

void PrintTo(const Hostile& each, std::ostream* out) { *out << each.name; }

std::string File(const std::string& name) { return ZipBuilder().AddFile(name).Build(); }
std::string Link(const std::string& name, const std::string& target) {
  return ZipBuilder().AddLink(name, target).Build();
}
std::string Special(uint32_t type) {
  return ZipBuilder().Add({.name = "special", .mode = type | 0666}).Build();
}

std::vector<Hostile> Names() {
  return {
      {"Parent", File("../evil"), ".."},
      {"ParentInside", File("a/../../evil"), ".."},
      {"ParentThatStaysInside", File("a/../b"), ".."},
      {"OnlyParent", File(".."), ".."},
      {"ParentFolder", ZipBuilder().Add({.name = "../", .mode = S_IFDIR | 0755}).Build(), ".."},
      {"Absolute", File("/tmp/evil"), "absolute"},
      {"DoubleSlash", File("//evil"), "absolute"},
      {"Backslashes", File("..\\evil"), ".."},
      {"SlashesOfBothKinds", File("a/..\\..\\evil"), "backslash"},
      {"NameTooLong", File(std::string(600, 'a') + "/" + std::string(600, 'b')),
       "longer than 1024"},
      {"PartTooLong", File(std::string(256, 'a')), "longer than 255"},
      {"NoName", File("./."), "no name"},
      {"LocalNameLeadsOutside",
       ZipBuilder().Add({.name = "good", .content = "x", .local_name = "../evil"}).Build(), ".."},
      {"CentralNameLeadsOutside",
       ZipBuilder().Add({.name = "../evil", .content = "x", .local_name = "/evil"}).Build(), ""},
  };
}

std::vector<Hostile> Links() {
  return {
      {"LinkToRoot", Link("link", "/"), "outside"},
      {"LinkToFile", Link("link", "/etc/passwd"), "outside"},
      {"LinkToParent", Link("link", ".."), "outside"},
      {"LinkDeepToParent", Link("a/b/link", "../../../x"), "outside"},
      {"LinkDownAndOut", Link("link", "a/../../x"), "outside"},
      {"LinkToNothing", Link("link", ""), "outside"},
      {"LinkTooLong", Link("link", std::string(2000, 'a')), "long"},
      // "up" is the root: its ".." is outside, though the text climbs no higher than it went.
      {"LinkThroughALink",
       ZipBuilder().AddLink("a/b/c/up", "../../..").AddLink("out", "a/b/c/up/../../etc").Build(),
       "outside"},
      {"LinkThroughALaterLink",
       ZipBuilder().AddLink("out", "a/b/c/up/../../etc").AddLink("a/b/c/up", "../../..").Build(),
       "outside"},
      {"FileThroughALink", ZipBuilder().AddLink("a", "b").AddFile("b/c").AddFile("a/evil").Build(),
       "symbolic link"},
      {"FileThroughADanglingLink", ZipBuilder().AddLink("a", "b").AddFile("a", "evil").Build(),
       "there twice"},
      {"FolderThroughALink",
       ZipBuilder().AddLink("a", "b").Add({.name = "a/c/", .mode = S_IFDIR | 0755}).Build(),
       "symbolic link"},
      {"LinkOverAFile", ZipBuilder().AddFile("a").AddLink("a", "b").Build(), "there twice"},
  };
}

std::vector<Hostile> Contents() {
  const std::string good = ZipBuilder().AddFile("f", "content").Build();
  std::string wrong_magic = good;
  wrong_magic[0] = 'X';
  return {
      {"Empty", "", "empty"},
      {"NotAZip", "this is no zip at all", "not a zip"},
      {"ZeroBytes", std::string(1000, '\0'), "not a zip"},
      {"NoEntries", ZipBuilder().Build(), ""},
      {"OnlyFolders", ZipBuilder().Add({.name = "d/", .mode = S_IFDIR | 0755}).Build(), "no file"},
      {"Truncated", good.substr(0, good.size() - 30), "not a zip"},
      {"WithoutDirectory", good.substr(0, 40), "not a zip"},
      {"WrongMagic", wrong_magic, ""},
      {"WrongChecksum", ZipBuilder().Add({.name = "f", .content = "x", .crc = 1}).Build(), "f"},
      {"WrongSize", ZipBuilder().Add({.name = "f", .content = "x", .unpacked = 99}).Build(), "f"},
      {"UnknownMethod", ZipBuilder().Add({.name = "f", .content = "x", .method = 99}).Build(), "f"},
      {"BrokenDeflate", ZipBuilder().Add({.name = "f", .content = "\xff\xff", .method = 8}).Build(),
       "f"},
      {"Encrypted",
       ZipBuilder().Add({.name = "f", .content = std::string(40, 'x'), .flags = 1}).Build(),
       "encrypted"},
      {"FileTwice", ZipBuilder().AddFile("a/f").AddFile("a/f").Build(), "there twice"},
      {"FileTwiceBySpelling", ZipBuilder().AddFile("a/f").AddFile("a/./f").Build(), "there twice"},
      {"FileAndFolder", ZipBuilder().AddFile("a").AddFile("a/f").Build(), "both a file and a"},
      {"FolderAndFile", ZipBuilder().AddFile("a/f").AddFile("a").Build(), "a"},
      {"CharacterDevice", Special(S_IFCHR), "neither"},
      {"BlockDevice", Special(S_IFBLK), "neither"},
      {"Socket", Special(S_IFSOCK), "neither"},
  };
}

class HostileZip : public testing::TestWithParam<Hostile> {};

TEST_P(HostileZip, IsRefusedWithAReasonAndWritesNothingOutside) {
  const TemporaryFolder around;
  MUST(base::MakeFolders(around / "x/in"));
  const auto unpacked = UnpackZip(GetParam().zip, around / "x/in");
  ASSERT_FALSE(unpacked);
  EXPECT_EQ(unpacked.error().kind, ErrorKind::kInvalid) << unpacked.error().ToString();
  EXPECT_NE(unpacked.error().text.find(GetParam().says), std::string::npos)
      << unpacked.error().ToString();
  for (const std::string& name : around.Names()) {
    EXPECT_TRUE(name == "x" || name.starts_with("x/in")) << name;
  }
}

std::string NameOf(const testing::TestParamInfo<Hostile>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Name, HostileZip, testing::ValuesIn(Names()), NameOf);
INSTANTIATE_TEST_SUITE_P(Link, HostileZip, testing::ValuesIn(Links()), NameOf);
INSTANTIATE_TEST_SUITE_P(Content, HostileZip, testing::ValuesIn(Contents()), NameOf);

// The bytes that headers promise are not believed: what is unpacked is counted.
TEST(UnpackLimits, CountWhatIsUnpackedNotWhatIsPromised) {
  for (const uint64_t promised : {uint64_t{5}, uint64_t{258 * 10000 + 1}, uint64_t{4000000000}}) {
    const TemporaryFolder folder;
    const std::string bomb = ZipBuilder()
                                 .Add({.name = "bomb",
                                       .content = test::DeflatedZeros(10000),
                                       .method = 8,
                                       .unpacked = promised,
                                       .crc = 1})
                                 .Build();
    const auto unpacked = UnpackZip(bomb, folder.path(), {.unpacked = base::Bytes(1000000)});
    ASSERT_FALSE(unpacked);
    if (unpacked.error().kind == ErrorKind::kLimit) {
      EXPECT_EQ(unpacked.error().text, "Unzipped size must be smaller than 1000000 bytes");
    }
    uintmax_t size = 0;
    for (const std::string& name : folder.Names()) {
      size += std::filesystem::file_size(folder / name);
    }
    EXPECT_LE(size, 1000000u) << promised;
  }
}

TEST(UnpackLimits, AddUpOverAllFiles) {
  ZipBuilder zip;
  for (int i = 0; i < 11; ++i) zip.AddFile("f" + std::to_string(i), std::string(100, 'x'));
  const UnpackLimits limits{.unpacked = base::Bytes(1099)};
  const auto over = UnpackZip(zip.Build(), TemporaryFolder().path(), limits);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().kind, ErrorKind::kLimit);
  EXPECT_TRUE(UnpackZip(zip.Build(), TemporaryFolder().path(), {.unpacked = base::Bytes(1100)}));
}

TEST(UnpackLimits, StopAt250MiBByThemselves) {
  constexpr size_t kBlocks = 262144000 / 258 + 10000;
  const TemporaryFolder folder;
  const std::string bomb = ZipBuilder()
                               .Add({.name = "bomb",
                                     .content = test::DeflatedZeros(kBlocks),
                                     .method = 8,
                                     .unpacked = kBlocks * 258 + 1,
                                     .crc = 1})
                               .Build();
  ASSERT_LT(bomb.size(), 2000000u);
  const auto unpacked = UnpackZip(bomb, folder.path());
  ASSERT_FALSE(unpacked);
  EXPECT_EQ(unpacked.error().text, "Unzipped size must be smaller than 262144000 bytes");
}

TEST(UnpackLimits, CountEntriesAndTheFoldersThatNamesImply) {
  ZipBuilder zip;
  for (int i = 0; i < 11; ++i) zip.AddFile("f" + std::to_string(i), "");
  EXPECT_TRUE(UnpackZip(zip.Build(), TemporaryFolder().path(), {.entries = 11}));
  EXPECT_EQ(UnpackZip(zip.Build(), TemporaryFolder().path(), {.entries = 10}).error().kind,
            ErrorKind::kLimit);
  // One entry, many folders: the host's inodes are what counts.
  const TemporaryFolder folder;
  const auto deep = UnpackZip(ZipBuilder().AddFile("a/b/c/d/e/f/g/h/i/j/k/l/m").Build(),
                              folder.path(), {.entries = 10});
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().kind, ErrorKind::kLimit);
  EXPECT_LE(folder.Names().size(), 10u);
}

TEST(UnpackLimits, CountAFolderOnceAndItsRepetitionsAsEntries) {
  ZipBuilder zip;
  for (int i = 0; i < 5; ++i) zip.AddFolder("d" + std::to_string(i) + "/");
  zip.AddFile("d0/f", "");
  EXPECT_TRUE(UnpackZip(zip.Build(), TemporaryFolder().path(), {.entries = 6}));
  EXPECT_FALSE(UnpackZip(zip.Build(), TemporaryFolder().path(), {.entries = 5}));
  zip.AddFolder("d0/");
  EXPECT_FALSE(UnpackZip(zip.Build(), TemporaryFolder().path(), {.entries = 6}));
}

// A zip cut or damaged anywhere gives an answer, never a crash, and never writes outside.
TEST(DamagedZip, AlwaysGetsAnAnswer) {
  const std::string good = ZipBuilder()
                               .AddFile("a/f", "content")
                               .AddLink("l", "a/f")
                               .Add({.name = "z",
                                     .content = test::DeflatedZeros(10),
                                     .method = 8,
                                     .unpacked = 2581,
                                     .crc = test::Crc32(std::string(2581, '\0'))})
                               .Build();
  ASSERT_TRUE(UnpackZip(good, TemporaryFolder().path()));
  const TemporaryFolder around;
  const UnpackLimits limits{.unpacked = base::Bytes(100000), .entries = 20};
  const auto unpack = [&](const std::string& zip) {
    MUST(base::MakeFolders(around / "in"));
    const auto unpacked = UnpackZip(zip, around / "in", limits);
    if (!unpacked) {
      EXPECT_FALSE(unpacked.error().text.empty() && unpacked.error().error_number == 0);
    }
    MUST(base::RemoveTree(around / "in"));
    EXPECT_TRUE(around.Names().empty());
    return unpacked.has_value();
  };
  for (size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(unpack(good.substr(0, size)));
  for (size_t at = 0; at < good.size(); ++at) {
    for (const char flip : {'\x01', '\x80', '\xff'}) {
      std::string damaged = good;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      unpack(damaged);
    }
  }
}

}  // namespace
}  // namespace hearth::layers
