#include "sandbox/process_map.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"

namespace hearth::sandbox {
namespace {

TEST(ProcessMapTest, ALineHasRangeProtectionFileAndName) {
  const auto regions = ParseMaps(
      "00400000-0041f000 r-xp 0001f000 fe:10 277 /usr/bin/a b\n"
      "7f0000000000-7f0000002000 rw-s 00000000 00:01 12  /memfd:x (deleted)\n"
      "7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0 [stack]\n"
      "7ffd00022000-7ffd00023000 ---p 00000000 00:00 0 \n");
  ASSERT_TRUE(regions.has_value()) << regions.error().ToString();
  ASSERT_EQ(regions->size(), 4u);
  const MemoryRegion& first = (*regions)[0];
  EXPECT_EQ(first.start, 0x400000u);
  EXPECT_EQ(first.length(), 0x1f000u);
  EXPECT_EQ(first.protection, static_cast<uint32_t>(PROT_READ | PROT_EXEC));
  EXPECT_EQ(first.offset, 0x1f000u);
  EXPECT_EQ(first.device_major, 0xfeu);
  EXPECT_EQ(first.device_minor, 0x10u);
  EXPECT_EQ(first.inode, 277u);
  EXPECT_EQ(first.name, "/usr/bin/a b");
  EXPECT_TRUE((*regions)[1].shared);
  EXPECT_EQ((*regions)[1].name, "/memfd:x (deleted)");
  EXPECT_EQ((*regions)[2].name, "[stack]");
  EXPECT_EQ((*regions)[3].protection, 0u);
  EXPECT_EQ((*regions)[3].name, "");
}

TEST(ProcessMapTest, WhatIsNoMapIsRefused) {
  for (const char* text :
       {"x", "400000-300000 r--p 0 0:0 0 \n", "400001-500000 r--p 0 0:0 0 \n", "400000-500000 r-\n",
        "400000-500000 r--p 0 0:0\n", "-500000 r--p 0 0:0 0 \n", "\n"}) {
    EXPECT_FALSE(ParseMaps(text).has_value()) << text;
  }
}

TEST(ProcessMapTest, OwnPagesAreThoseThatWereWritten) {
  constexpr size_t kPages = 64;
  void* const memory = ::mmap(nullptr, kPages * kPageSize, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  ASSERT_EQ(::madvise(memory, kPages * kPageSize, MADV_NOHUGEPAGE), 0);
  auto* const bytes = static_cast<char*>(memory);
  for (const size_t page : {3u, 5u, 40u}) bytes[page * kPageSize] = 1;
  const base::UniqueFd pagemap(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(pagemap.valid());
  MemoryRegion region;
  region.start = reinterpret_cast<uint64_t>(memory);
  region.end = region.start + kPages * kPageSize;
  const auto runs = OwnPages(pagemap.get(), region, 2);
  ASSERT_TRUE(runs.has_value()) << runs.error().ToString();
  ASSERT_EQ(runs->size(), 2u);
  EXPECT_EQ((*runs)[0].start, region.start + 3 * kPageSize);
  EXPECT_EQ((*runs)[0].end, region.start + 6 * kPageSize) << "the gap of one page is taken in";
  EXPECT_EQ((*runs)[1].start, region.start + 40 * kPageSize);
  EXPECT_EQ((*runs)[1].end, region.start + 41 * kPageSize);
  ::munmap(memory, kPages * kPageSize);
}

TEST(ProcessMapTest, PagesThatAreTooScatteredAreRefused) {
  constexpr size_t kPages = 2 * (kMaxPageRuns + 1);
  void* const memory = ::mmap(nullptr, kPages * kPageSize, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  ASSERT_EQ(::madvise(memory, kPages * kPageSize, MADV_NOHUGEPAGE), 0);
  auto* const bytes = static_cast<char*>(memory);
  const base::UniqueFd pagemap(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(pagemap.valid());
  MemoryRegion region;
  region.start = reinterpret_cast<uint64_t>(memory);
  region.end = region.start + kPages * kPageSize;
  for (size_t page = 2; page < kPages; page += 2) bytes[page * kPageSize] = 1;
  EXPECT_TRUE(OwnPages(pagemap.get(), region, 0).has_value());
  bytes[0] = 1;
  EXPECT_FALSE(OwnPages(pagemap.get(), region, 0).has_value());
  ::munmap(memory, kPages * kPageSize);
}

TEST(ProcessMapTest, ANameCannotForgeTheFieldsAfterIt) {
  const auto stat = ParseStat("12 (a) S 99 (b) S 1 -2 3\n");
  ASSERT_TRUE(stat.has_value());
  EXPECT_EQ(*stat, (std::vector<uint64_t>{0, 1, 0, 3}));
  EXPECT_FALSE(ParseStat("12 (a S 1").has_value());
  EXPECT_FALSE(ParseStat("12 (a)").has_value());
}

TEST(ProcessMapTest, StatusFieldsAreFoundByTheirWholeName) {
  constexpr std::string_view status = "Name:\tThreads: 9\nThreadsX:\t7\nThreads:\t1\nLast:\t";
  EXPECT_EQ(StatusField(status, "Threads"), "1");
  EXPECT_EQ(StatusField(status, "Name"), "Threads: 9");
  EXPECT_EQ(StatusField(status, "Last"), "");
  EXPECT_EQ(StatusField(status, "Thread"), "");
}

}  // namespace
}  // namespace hearth::sandbox
