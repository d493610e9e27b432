// What a log store leaves on disk: bounds, crashes, and disks that fail.
#include "invoker/log_files.h"

#include <spdlog/sinks/ostream_sink.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "base/limits.h"
#include "base/log.h"
#include "tests/unit/invoker/log_store_fixture.h"

namespace hearth::invoker {
namespace {

using test::kGroup;
using test::Messages;
using ::testing::ElementsAre;
using ::testing::SizeIs;

class LogFilesOnDisk : public test::LogStoreOnDisk {};

TEST_F(LogFilesOnDisk, HalfALineOfACrashIsLeftOutAndWritingGoesOnInANewFile) {
  Append("one");
  Append("two");
  Flush();
  Close();
  ASSERT_EQ(::truncate((GroupFolder() + "/1.log").c_str(),
                       static_cast<off_t>(FileText("1.log").size() - 2)),
            0);
  Open();
  EXPECT_THAT(Messages(store->Read(kGroup, 0, 10)), ElementsAre("one"));
  Append("three");
  Flush();
  Reopen();
  EXPECT_THAT(Messages(store->Read(kGroup, 0, 10)), ElementsAre("one", "three"));
}

TEST_F(LogFilesOnDisk, AFileThatHoldsOnlyHalfALineTakesNoNewLines) {
  Close();
  MUST(base::MakeFolders(GroupFolder()));
  std::ofstream(GroupFolder() + "/7.log") << "7\t17640";
  Open();
  Append("new");
  Flush();
  Reopen();
  const auto events = store->Read(kGroup, 0, 10);
  ASSERT_THAT(Messages(events), ElementsAre("new"));
  EXPECT_GT(events[0].sequence, 7u);
}

TEST_F(LogFilesOnDisk, WhatIsNotALogFileIsLeftAlone) {
  Append("one");
  Flush();
  Close();
  std::ofstream(GroupFolder() + "/notes.log") << "no number\n";
  std::ofstream(GroupFolder() + "/2.txt") << "2\t1\ts\tno\n";
  std::ofstream(GroupFolder() + "/3.log") << "x\t1\ts\tbad\n5\ty\ts\tbad\nbad\n6\t1\ts\tgood\n";
  Open();
  EXPECT_THAT(Messages(store->Read(kGroup, 0, 10)), ElementsAre("one", "good"));
  Append("next");
  EXPECT_EQ(store->Tail(kGroup, 1)[0].sequence, 7u);
}

TEST_F(LogFilesOnDisk, LongLinesComeInPagesThatLeaveNothingOut) {
  const std::string line(limits::kMaxLogLine, 'x');
  constexpr uint64_t kLines = 80;  // 20 MB, of which memory keeps 1.
  for (uint64_t i = 0; i < kLines; ++i) {
    Append(line);
    if (i % 10 == 9) Flush();
  }
  uint64_t after = 0;
  size_t pages = 0;
  for (auto page = store->Read(kGroup, 0, 10000); !page.empty();
       page = store->Read(kGroup, after, 10000)) {
    ++pages;
    EXPECT_LE(page.size(), LogFiles::kMaxReadBytes / line.size() + 5);
    for (const auto& event : page) ASSERT_EQ(event.sequence, ++after);
  }
  EXPECT_EQ(after, kLines);
  EXPECT_GE(pages, 4u);
  const auto tail = store->Tail(kGroup, 10000);
  EXPECT_LE(tail.size(), LogFiles::kMaxReadBytes / line.size() + 5);
  EXPECT_EQ(tail.back().sequence, kLines);
  EXPECT_EQ(tail.front().sequence, kLines + 1 - tail.size());
}

TEST_F(LogFilesOnDisk, MemoryKeepsOnlyTheNewest) {
  for (size_t i = 0; i < limits::kMaxLogEventsInMemory + 5; ++i) Append("x");
  Flush();
  std::filesystem::remove_all(GroupFolder());
  EXPECT_THAT(store->Read(kGroup, 0, 100000), SizeIs(limits::kMaxLogEventsInMemory));
  const std::string large(300 << 10, 'x');
  for (int i = 0; i < 10; ++i) Append(large);
  Flush();
  std::filesystem::remove_all(GroupFolder());
  EXPECT_THAT(store->Read(kGroup, 0, 100000), SizeIs(3));  // 1 MiB of them.
}

TEST_F(LogFilesOnDisk, FilesRotateAndTheirTotalStaysWithinItsBound) {
  const std::string line(251600, 'x');
  uintmax_t most = 0;
  for (int round = 0; round < 12; ++round) {
    for (int i = 0; i < 29; ++i) Append(line);  // Less than a file's limit; two are more.
    Flush();
    uintmax_t total = 0;
    for (const auto& name : Files()) {
      total += std::filesystem::file_size(GroupFolder() + "/" + name);
    }
    most = std::max(most, total);
  }
  EXPECT_LE(most, limits::kMaxLogBytes);
  EXPECT_GT(most, limits::kMaxLogBytes / 2);
  EXPECT_LE(Files().size(), limits::kMaxLogFiles);
  // The oldest have gone; what is left reads in order and without a gap.
  auto events = store->Read(kGroup, 0, 100000);
  ASSERT_FALSE(events.empty());
  uint64_t last = events.front().sequence - 1;
  EXPECT_GT(last, 0u);
  for (; !events.empty(); events = store->Read(kGroup, last, 100000)) {
    for (const auto& event : events) ASSERT_EQ(event.sequence, ++last);
  }
  EXPECT_EQ(last, 12u * 29);
}

TEST_F(LogFilesOnDisk, ManyRestartsLeaveNoMoreFilesThanAllowed) {
  for (size_t i = 0; i < limits::kMaxLogFiles + 6; ++i) {
    Append(std::to_string(i));
    Flush();
    Reopen();
  }
  EXPECT_EQ(Files().size(), limits::kMaxLogFiles);
  EXPECT_THAT(store->Read(kGroup, 0, 1000), SizeIs(limits::kMaxLogFiles));
}

TEST_F(LogFilesOnDisk, AFailureToWriteIsLoggedOnceAndIsOverWhenItWorksAgain) {
  std::ostringstream said;
  const auto before = spdlog::default_logger();
  spdlog::set_default_logger(std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(said)));
  std::ofstream(GroupFolder()) << "in the way";
  for (int i = 0; i < 3; ++i) {
    Append("lost");
    Flush();
  }
  ASSERT_TRUE(std::filesystem::remove(GroupFolder()));
  Append("kept");
  Flush();
  spdlog::set_default_logger(before);
  const std::string text = said.str();
  const auto first = text.find("logs are not written");
  ASSERT_NE(first, std::string::npos) << text;
  EXPECT_EQ(text.find("logs are not written", first + 1), std::string::npos) << text;
  Reopen();
  EXPECT_THAT(Messages(store->Read(kGroup, 0, 10)), ElementsAre("kept"));
}

TEST_F(LogFilesOnDisk, AFolderThatVanishesIsMadeAgain) {
  Append("one");
  Flush();
  std::filesystem::remove_all(root());
  Append("lost");
  Flush();
  Append("kept");
  Flush();
  Reopen();
  ASSERT_THAT(store->Tail(kGroup, 1), SizeIs(1));
  EXPECT_EQ(store->Tail(kGroup, 1)[0].message, "kept");
}

TEST_F(LogFilesOnDisk, LogsAreForTheirOwnerAlone) {
  Append("x");
  Flush();
  struct stat info{};
  ASSERT_EQ(::stat((GroupFolder() + "/1.log").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  ASSERT_EQ(::stat(GroupFolder().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700u);
}

}  // namespace
}  // namespace hearth::invoker
