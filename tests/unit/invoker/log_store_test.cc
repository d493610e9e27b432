#include "invoker/log_store.h"

#include "base/limits.h"
#include "tests/unit/invoker/log_store_fixture.h"

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;
using test::kGroup;
using test::kStream;
using test::Messages;
using ::testing::ElementsAre;
using ::testing::SizeIs;

class LogStoreOnDisk : public test::LogStoreOnDisk {};

TEST_F(LogStoreOnDisk, ALineIsReadableAtOnceWithItsSequenceAndTime) {
  Append("one");
  clock.Advance(5ms);
  Append("two");
  const auto events = store->Read(kGroup, 0, 10);
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_EQ(events[0].sequence, 1u);
  EXPECT_EQ(events[0].timestamp_ms, 1764000000000);
  EXPECT_EQ(events[0].stream, kStream);
  EXPECT_EQ(events[0].message, "one");
  EXPECT_EQ(events[1].sequence, 2u);
  EXPECT_EQ(events[1].timestamp_ms, 1764000000005);
}

TEST_F(LogStoreOnDisk, ReadGoesOnAfterItsCursorAndKeepsItsLimit) {
  for (int i = 1; i <= 10; ++i) Append(std::to_string(i));
  EXPECT_THAT(Messages(store->Read(kGroup, 0, 3)), ElementsAre("1", "2", "3"));
  EXPECT_THAT(Messages(store->Read(kGroup, 3, 3)), ElementsAre("4", "5", "6"));
  EXPECT_THAT(Messages(store->Read(kGroup, 9, 3)), ElementsAre("10"));
  EXPECT_THAT(store->Read(kGroup, 10, 3), SizeIs(0));
  EXPECT_THAT(store->Read(kGroup, UINT64_MAX, 3), SizeIs(0));
  EXPECT_THAT(store->Read(kGroup, 0, 0), SizeIs(0));
  EXPECT_THAT(Messages(store->Tail(kGroup, 2)), ElementsAre("9", "10"));
  EXPECT_THAT(store->Tail(kGroup, 99), SizeIs(10));
  EXPECT_THAT(store->Read("/aws/lambda/Other", 0, 3), SizeIs(0));
  EXPECT_THAT(store->Tail("/aws/lambda/Other", 3), SizeIs(0));
}

TEST_F(LogStoreOnDisk, GroupsDoNotMix) {
  Append("mine");
  store->Append("/aws/lambda/G", kStream, "theirs");
  EXPECT_THAT(Messages(store->Read(kGroup, 0, 10)), ElementsAre("mine"));
  EXPECT_EQ(store->Read("/aws/lambda/G", 0, 10)[0].sequence, 1u);
}

TEST_F(LogStoreOnDisk, ALineIsOnDiskWithinAFifthOfASecond) {
  Append("one");
  EXPECT_THAT(Files(), SizeIs(0));
  Pass(200ms);
  loop.RunUntil([&] { return disk->pending() == 0 && !Files().empty(); });
  EXPECT_EQ(FileText("1.log"), std::string("1\t1764000000000\t") + kStream + "\tone\n");
}

TEST_F(LogStoreOnDisk, WhatIsFlushedOutlivesARestartAndTheSequenceGoesOn) {
  Append("one");
  Append("two");
  Flush();
  Reopen();
  EXPECT_THAT(Messages(store->Read(kGroup, 0, 10)), ElementsAre("one", "two"));
  EXPECT_THAT(Messages(store->Tail(kGroup, 1)), ElementsAre("two"));
  Append("three");
  const auto events = store->Read(kGroup, 1, 10);
  ASSERT_THAT(Messages(events), ElementsAre("two", "three"));
  EXPECT_EQ(events[1].sequence, 3u);
  EXPECT_THAT(Messages(store->Tail(kGroup, 2)), ElementsAre("two", "three"));
  Flush();
  EXPECT_THAT(Files(), ElementsAre("1.log", "3.log"));
}

TEST_F(LogStoreOnDisk, EveryMessageComesBackAsItWas) {
  const std::vector<std::string> hostile{"",
                                         "\n",
                                         "a\nb\n",
                                         "\\n",
                                         "\\",
                                         "\\\\n",
                                         "tab\tin it",
                                         std::string("nul\0in it", 9),
                                         "\xff\xfe not UTF-8",
                                         "\r\n",
                                         "9\t1\tforged\tline",
                                         std::string(300000, '\\')};
  for (const auto& message : hostile) Append(message);
  EXPECT_EQ(Messages(store->Read(kGroup, 0, 100)), hostile);
  Flush();
  Reopen();
  EXPECT_EQ(Messages(store->Read(kGroup, 0, 100)), hostile);
}

TEST_F(LogStoreOnDisk, ReadAndTailJoinDiskAndMemoryWithoutAGap) {
  // More than memory keeps, some of it flushed, some in memory alone.
  const int count = static_cast<int>(limits::kMaxLogEventsInMemory) * 2;
  for (int i = 1; i <= count; ++i) Append(std::to_string(i));
  Flush();
  for (int i = count + 1; i <= count + 10; ++i) Append(std::to_string(i));
  const auto all = store->Read(kGroup, 0, 100000);
  ASSERT_THAT(all, SizeIs(count + 10));
  for (int i = 0; i < count + 10; ++i) {
    ASSERT_EQ(all[static_cast<size_t>(i)].sequence, static_cast<uint64_t>(i + 1));
    ASSERT_EQ(all[static_cast<size_t>(i)].message, std::to_string(i + 1));
  }
  EXPECT_EQ(Messages(store->Read(kGroup, 5, 2)), (std::vector<std::string>{"6", "7"}));
  const auto tail = store->Tail(kGroup, static_cast<size_t>(count));
  ASSERT_THAT(tail, SizeIs(count));
  EXPECT_EQ(tail.front().sequence, 11u);
  EXPECT_EQ(tail.back().sequence, static_cast<uint64_t>(count + 10));
}

TEST_F(LogStoreOnDisk, AFloodWithinOneFlushIsReadWithoutAGap) {
  const size_t count = limits::kMaxLogEventsInMemory * 5;
  const auto expect_all = [&](const char* when) {
    uint64_t cursor = 0;
    size_t seen = 0;
    while (true) {  // As a follower reads: batch by batch.
      const auto events = store->Read(kGroup, cursor, 700);
      if (events.empty()) break;
      for (const auto& event : events) {
        ASSERT_EQ(event.sequence, cursor + 1) << when;
        cursor = event.sequence;
        ++seen;
      }
    }
    EXPECT_EQ(seen, count) << when;
    EXPECT_THAT(store->Tail(kGroup, count), SizeIs(count)) << when;
  };
  for (size_t i = 0; i < count; ++i) Append("line");
  expect_all("before the flush");
  bool done = false;
  store->Flush([&](const base::Result<void>&) { done = true; });
  expect_all("while it is written");
  loop.RunUntil([&] { return done; });
  expect_all("after the flush");
}

TEST_F(LogStoreOnDisk, FollowersHearOnceATurnAndAfterAppend) {
  int heard = 0;
  store->Follow(kGroup, [&] { ++heard; });
  for (int i = 0; i < 100; ++i) Append("x");
  EXPECT_EQ(heard, 0);
  loop.RunOnce();
  EXPECT_EQ(heard, 1);
  loop.RunOnce();
  EXPECT_EQ(heard, 1);
  store->Append("/aws/lambda/Other", kStream, "x");
  loop.RunOnce();
  EXPECT_EQ(heard, 1);
  Append("y");
  loop.RunOnce();
  EXPECT_EQ(heard, 2);
}

TEST_F(LogStoreOnDisk, AFollowerMayLeaveWhenItIsCalledAndTakeOthersWithIt) {
  int first = 0;
  int second = 0;
  uint64_t tokens[2] = {};
  tokens[0] = store->Follow(kGroup, [&] {
    ++first;
    store->Unfollow(tokens[0]);
    store->Unfollow(tokens[1]);
  });
  tokens[1] = store->Follow(kGroup, [&] { ++second; });
  Append("x");
  loop.RunOnce();
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 0) << "called after it had left";
  Append("y");
  loop.RunOnce();
  EXPECT_EQ(first, 1);
  store->Unfollow(99);  // Of nobody.
}

TEST_F(LogStoreOnDisk, OneThatLeavesBeforeItIsToldIsNotTold) {
  int heard = 0;
  const auto token = store->Follow(kGroup, [&] { ++heard; });
  Append("x");
  store->Unfollow(token);
  loop.RunOnce();
  EXPECT_EQ(heard, 0);
}

TEST_F(LogStoreOnDisk, ARemovedGroupIsEmptyAtOnceAndItsCursorsGoOn) {
  Append("old");
  Flush();
  Append("old too");
  int heard = 0;
  store->Follow(kGroup, [&] { ++heard; });
  store->Remove(kGroup, [](const base::Result<void>&) {});
  EXPECT_THAT(store->Read(kGroup, 0, 10), SizeIs(0));
  EXPECT_THAT(store->Tail(kGroup, 10), SizeIs(0));
  Append("new");
  EXPECT_THAT(Messages(store->Tail(kGroup, 10)), ElementsAre("new"));
  EXPECT_EQ(store->Read(kGroup, 2, 10)[0].sequence, 3u);
  Flush();
  EXPECT_THAT(Messages(store->Read(kGroup, 0, 10)), ElementsAre("new"));
  EXPECT_EQ(heard, 1);
  Reopen();
  EXPECT_THAT(Messages(store->Read(kGroup, 0, 10)), ElementsAre("new"));
}

TEST_F(LogStoreOnDisk, ARemovalWhileItsLinesAreWrittenWins) {
  Append("old");
  bool done = false;
  store->Flush([&](const base::Result<void>&) { done = true; });
  store->Remove(kGroup, [](const base::Result<void>&) {});
  loop.RunUntil([&] { return done; });
  Flush();
  EXPECT_THAT(Files(), SizeIs(0));
  Reopen();
  EXPECT_THAT(store->Read(kGroup, 0, 10), SizeIs(0));
}

TEST_F(LogStoreOnDisk, AFloodFasterThanTheDiskIsDroppedAndTheLossIsTold) {
  const std::string line(250 << 10, 'x');
  const size_t fit = limits::kMaxLogBytesUnwritten / line.size() + 1;
  for (size_t i = 0; i < fit + 7; ++i) Append(line);
  Flush();
  Append("after");
  const auto tail = store->Tail(kGroup, 2);
  EXPECT_EQ(tail[0].message, "7 log lines were dropped: they came faster than the disk takes them");
  EXPECT_EQ(tail[1].message, "after");
  EXPECT_EQ(tail[1].sequence, fit + 2);
  Append("more");
  EXPECT_EQ(store->Tail(kGroup, 2)[0].message, "after");  // Told once.
}

TEST_F(LogStoreOnDisk, EveryFlushIsAnsweredOnceAlsoWhereThereIsNothingToWrite) {
  int done = 0;
  for (int i = 0; i < 3; ++i) store->Flush([&](const base::Result<void>&) { ++done; });
  Append("x");
  store->Flush([&](const base::Result<void>&) { ++done; });
  loop.RunUntil([&] { return done == 4; });
  for (int i = 0; i < 10; ++i) loop.RunOnce();
  EXPECT_EQ(done, 4);
  EXPECT_THAT(Files(), ElementsAre("1.log"));
}

TEST(LogStoreInMemory, KeepsTheNewestAndWritesNothing) {
  base::VirtualClock clock{base::WallTime(1764000000000ms)};
  io::Loop loop(clock);
  io::Offload disk(loop, 1);
  const auto store = MUST(LogStore::Open(loop, disk, ""));
  for (size_t i = 0; i < limits::kMaxLogEventsInMemory + 50; ++i) {
    store->Append(kGroup, kStream, std::to_string(i));
  }
  EXPECT_THAT(store->Read(kGroup, 0, 100000), SizeIs(limits::kMaxLogEventsInMemory));
  EXPECT_EQ(store->Read(kGroup, 0, 1)[0].message, "50");
  bool done = false;
  store->Flush([&](const base::Result<void>&) { done = true; });
  loop.RunUntil([&] { return done; });
  store->Remove(kGroup, [](const base::Result<void>&) {});
  EXPECT_THAT(store->Read(kGroup, 0, 10), SizeIs(0));
}

}  // namespace
}  // namespace hearth::invoker
