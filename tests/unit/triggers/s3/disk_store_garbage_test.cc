// What is removed, and when.
#include "tests/unit/triggers/s3/store_fixture.h"

namespace hearth::s3 {
namespace {

using DiskStoreGarbageTest = test::StoreTest;

TEST_F(DiskStoreGarbageTest, IsCollectedThoughReadersAlwaysHaveABacklog) {
  MakeBucket("b");
  Put("b", "k", "old");
  int made = 0;  // A list takes a while.
  for (int i = 0; i < 1000; ++i) {
    store->Put({.bucket = "b", .object = {.key = std::to_string(i)}},
               [&](Answer<ObjectRecord>) { ++made; });
  }
  loop.RunUntil([&] { return made == 1000; });
  // Each read is followed by the next one, and waits for so many others that one of those that are
  // under way at one look is still under way at the next.
  constexpr int kBacklog = 300;
  int ended = 0;
  bool is_over = false;
  const std::function<void()> read = [&] {
    store->List({.bucket = "b"}, [&](Answer<ListPage>) {
      ++ended;
      if (!is_over) read();
    });
  };
  for (int i = 0; i < kBacklog; ++i) read();
  Put("b", "k", "new");
  const int before = ended;
  while (CountFiles() > 1 && ended - before < 10 * kBacklog) {
    machine.Advance(std::chrono::seconds(1));
    loop.ClockMoved();
    loop.RunOnce();
  }
  EXPECT_EQ(CountFiles(), 1u);
  is_over = true;
  loop.RunUntil([&] { return store->IsQuiet(); });
}

}  // namespace
}  // namespace hearth::s3
