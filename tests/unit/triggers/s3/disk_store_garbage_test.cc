// What is removed, and when.
#include "tests/unit/triggers/s3/store_fixture.h"

namespace hearth::s3 {
namespace {

using DiskStoreGarbageTest = test::StoreTest;

TEST_F(DiskStoreGarbageTest, IsCollectedThoughReadersAlwaysHaveABacklog) {
  MakeBucket("b");
  Put("b", "k", "old");
  // Each read is followed by the next one: at no moment there is none under way.
  constexpr int kBacklog = 40;
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
  while (CountFiles() > 1 && ended - before < 200 * kBacklog) {
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
