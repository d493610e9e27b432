// The log: what is answered for is there again, whatever was cut off behind it.
#include "triggers/sqs/segment_log.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "base/file.h"
#include "base/md5.h"
#include "tests/unit/base/temporary_folder.h"
#include "triggers/sqs/record.h"

namespace hearth::sqs {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

class SegmentLogTest : public ::testing::Test {
 protected:
  std::vector<std::string> Open() {
    std::vector<std::string> found;
    log.reset();
    auto opened = SegmentLog::Open(
        loop, folder.path() + "/log",
        [&](std::string_view payload, LogPosition) { found.emplace_back(payload); }, options);
    if (!opened) {
      error = opened.error();
      return found;
    }
    log = std::move(*opened);
    return found;
  }
  base::Result<std::vector<LogPosition>> TryAppend(std::vector<std::string> payloads,
                                                   SegmentLog::Need need) {
    std::optional<base::Result<std::vector<LogPosition>>> result;
    log->Append(std::move(payloads), need, [&](auto written) { result = std::move(written); });
    loop.RunUntil([&] { return result.has_value(); });
    return std::move(*result);
  }
  std::vector<LogPosition> Append(std::vector<std::string> payloads) {
    return MUST(TryAppend(std::move(payloads), SegmentLog::Need::kRoom));
  }
  // Bytes of payload that are taken until one is refused.
  size_t Fill(SegmentLog::Need need) {
    const std::string payload(50, 'x');
    for (size_t bytes = 0; bytes < (1 << 20); bytes += payload.size()) {
      const auto written = TryAppend({payload}, need);
      if (written) continue;
      EXPECT_EQ(written.error().kind, base::ErrorKind::kLimit) << written.error().ToString();
      return bytes;
    }
    ADD_FAILURE() << "nothing was refused";
    return 0;
  }
  // A disk on which no file may grow, as long as it is full.
  base::Result<void> Preallocate(int fd, size_t from, size_t to) {
    ++asked;
    if (::lseek(fd, 0, SEEK_END) >= static_cast<off_t>(to)) return {};
    if (is_full) return base::MakeError(base::ErrorKind::kLimit, "test", "the disk is full");
    return PreallocateOnDisk(fd, from, to);
  }

  bool is_full = false;
  int asked = 0;
  SegmentLogOptions options{
      .segment_bytes = 4096,
      .reserve_bytes = 512,
      .preallocate = [this](int fd, size_t from, size_t to) { return Preallocate(fd, from, to); }};
  hearth::test::TemporaryFolder folder;
  base::VirtualClock clock{base::WallTime{}};
  io::Loop loop{clock};
  std::unique_ptr<SegmentLog> log;
  std::optional<base::Error> error;
};

TEST_F(SegmentLogTest, WhatWasAppendedIsReadAgainInOrderAcrossSegments) {
  Open();
  std::vector<std::string> all;
  std::vector<LogPosition> at;
  for (int i = 0; i < 40; ++i) {
    all.push_back(std::string(300, static_cast<char>('a' + i % 26)) + std::to_string(i));
    at.push_back(Append({all.back()}).at(0));
  }
  EXPECT_GT(log->segments(), 3u);
  std::optional<base::Result<std::vector<std::string>>> read;
  log->Read(at, [&](auto result) { read = std::move(result); });
  loop.RunUntil([&] { return read.has_value(); });
  ASSERT_TRUE(read->has_value());
  EXPECT_EQ(**read, all);
  EXPECT_EQ(Open(), all);
}

TEST_F(SegmentLogTest, CutAnywhereItHasTheRecordsThatWereWholeAndGoesOn) {
  Open();
  const auto first = Append({"first"}).at(0);
  const auto second = Append({"second"}).at(0);
  const std::string path = folder.path() + "/log/0000000001.log";
  const std::string whole = MUST(base::ReadFile(path));
  log.reset();
  for (size_t cut = 32; cut <= second.offset + second.size; ++cut) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << whole.substr(0, cut);
    const auto found = Open();
    const size_t expected = cut >= second.offset + second.size ? 2
                            : cut >= first.offset + first.size ? 1
                                                               : 0;
    ASSERT_THAT(found, SizeIs(expected)) << cut;
    Append({"third"});
    ASSERT_EQ(Open().back(), "third") << cut;
    log.reset();
  }
}

TEST_F(SegmentLogTest, AFlippedBitEndsTheNewestSegmentAndIsRefusedInAnOlderOne) {
  Open();
  Append({"first"});
  const auto second = Append({"second"}).at(0);
  const std::string path = folder.path() + "/log/0000000001.log";
  log.reset();
  std::string bytes = MUST(base::ReadFile(path));
  bytes[second.offset] ^= 1;
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  EXPECT_THAT(Open(), ElementsAre("first"));
  for (int i = 0; i < 20; ++i) Append({std::string(400, 'x')});
  ASSERT_GT(log->segments(), 1u);
  log.reset();
  bytes = MUST(base::ReadFile(path));
  bytes[100] ^= 1;
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  Open();
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind, base::ErrorKind::kCorrupt);
}

TEST_F(SegmentLogTest, AMissingSegmentIsToldNotPassedOver) {
  Open();
  for (int i = 0; i < 30; ++i) Append({std::string(400, 'x')});
  ASSERT_GT(log->segments(), 2u);
  log.reset();
  ASSERT_TRUE(std::filesystem::remove(folder.path() + "/log/0000000002.log"));
  Open();
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind, base::ErrorKind::kCorrupt);
}

TEST_F(SegmentLogTest, AFullDiskRefusesSendsThenReceivesAndLastOfAllDeletes) {
  options.reserve_bytes = 1024;
  Open();
  Append({"first"});
  is_full = true;
  using Need = SegmentLog::Need;
  EXPECT_GT(Fill(Need::kRoom), 2000u);
  EXPECT_EQ(Fill(Need::kRoom), 0u);
  EXPECT_GT(Fill(Need::kLittle), 300u);
  EXPECT_EQ(Fill(Need::kRoom) + Fill(Need::kLittle), 0u);
  EXPECT_GT(Fill(Need::kLeast), 300u);
  EXPECT_EQ(Fill(Need::kLeast), 0u);
  is_full = false;
  clock.Advance(options.full_pause);
  Append({"again"});
  EXPECT_EQ(Open().back(), "again");
}

TEST_F(SegmentLogTest, AFullDiskIsAskedAgainAfterAPauseOrAfterAFileIsRemoved) {
  Open();
  while (log->segments() < 3) Append({std::string(300, 'x')});
  is_full = true;
  Fill(SegmentLog::Need::kRoom);
  asked = 0;
  for (int i = 0; i < 100; ++i) Fill(SegmentLog::Need::kRoom);
  EXPECT_EQ(asked, 0);
  clock.Advance(options.full_pause);
  for (int i = 0; i < 100; ++i) Fill(SegmentLog::Need::kRoom);
  EXPECT_EQ(asked, 1);
  is_full = false;
  EXPECT_EQ(Fill(SegmentLog::Need::kRoom), 0u) << "the pause is not over";
  log->RemoveOldest();
  Append({std::string(300, 'x')});
  EXPECT_EQ(asked, 2);
}

TEST_F(SegmentLogTest, ARestartOnAFullDiskKeepsWhatIsKeptForDeletes) {
  Open();
  Append({"first"});
  is_full = true;
  Fill(SegmentLog::Need::kRoom);
  const auto last = MUST(TryAppend({"last"}, SegmentLog::Need::kLeast)).at(0);
  log.reset();
  // A write that a kill has cut.
  const std::string path = folder.path() + "/log/0000000001.log";
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(last.offset + last.size);
  file << std::string("\x40\0\0\0torn", 8) << std::string(100, '!');
  file.close();
  EXPECT_EQ(Open().back(), "last");
  EXPECT_TRUE(TryAppend({"a delete"}, SegmentLog::Need::kLeast).has_value());
  EXPECT_EQ(Open().back(), "a delete");
  EXPECT_FALSE(error.has_value());
}

TEST(QueueRecord, IsReadAsItWasWrittenAndCutAnywhereItIsRefused) {
  const std::string attributes = EncodeAttributes({{"n", "Number", "1"}, {"b", "Binary", "\1"}});
  const MessageRecord message{.sequence = 7,
                              .queue = 3,
                              .id = "123456789012345678901234567890123456",
                              .group = "g",
                              .attributes = attributes,
                              .body = "body"};
  const LogRecord records[] = {message,
                               DeleteRecord{{1, 2}},
                               StateRecord{{{1, 2, 3, 4, 5}}},
                               PurgeRecord{1, 2},
                               RelocationRecord{.sequence = 1, .queue = 2, .group = "g"},
                               DeduplicationRecord{{{}}},
                               ExpiryRecord{1, 2}};
  for (const LogRecord& record : records) {
    const std::string bytes = Encode(record);
    const auto read = MUST(Decode(bytes));
    EXPECT_EQ(read.index(), record.index());
    EXPECT_EQ(Encode(read), bytes);
    for (size_t cut = 0; cut < bytes.size(); ++cut) {
      EXPECT_FALSE(Decode(bytes.substr(0, cut)).has_value()) << record.index() << " " << cut;
    }
  }
  EXPECT_THAT(MUST(DecodeAttributes(attributes)), SizeIs(2));
}

TEST(Checksums, AreThoseOfTheirSpecifications) {
  EXPECT_EQ(base::Md5Hex(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(base::Md5Hex("msg"), "6e2baaf3b97dbeef01c0043275f9a0e7");
}

}  // namespace
}  // namespace hearth::sqs
