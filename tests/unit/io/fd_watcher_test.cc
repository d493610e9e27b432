#include "io/fd_watcher.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "tests/unit/io/raw_client.h"

namespace hearth::io {
namespace {

using test::Settle;

class FdWatcherTest : public testing::Test {
 protected:
  void SetUp() override {
    auto [left, right] = MUST(base::sys::SocketPair(base::sys::SocketType::kStream));
    left_ = std::move(left);
    right_ = std::move(right);
  }
  void Watch(int events) {
    watcher_ = MUST(FdWatcher::Create(loop_, left_.get(), events, [this](int got) {
      ++calls_;
      last_ = got;
      char byte;
      if ((got & FdWatcher::kReadable) != 0 && take_) {
        ASSERT_EQ(::read(left_.get(), &byte, 1), 1);
      }
    }));
  }
  void Put() { ASSERT_EQ(::write(right_.get(), "x", 1), 1); }

  base::VirtualClock clock_{base::WallTime{}};
  Loop loop_{clock_};
  base::UniqueFd left_;
  base::UniqueFd right_;
  std::unique_ptr<FdWatcher> watcher_;
  int calls_ = 0;
  int last_ = 0;
  bool take_ = true;
};

TEST_F(FdWatcherTest, CallsOnceForEachThingToRead) {
  Watch(FdWatcher::kReadable);
  Settle(loop_);
  EXPECT_EQ(calls_, 0);
  Put();
  Settle(loop_);
  EXPECT_EQ(calls_, 1);
  EXPECT_EQ(last_, FdWatcher::kReadable);
}

TEST_F(FdWatcherTest, TellsWhatHoldsOfWhatWasAskedFor) {
  Watch(FdWatcher::kReadable | FdWatcher::kWritable);
  loop_.RunOnce();
  EXPECT_EQ(last_, FdWatcher::kWritable);
  Put();
  loop_.RunOnce();
  EXPECT_EQ(last_, FdWatcher::kReadable | FdWatcher::kWritable);
}

TEST_F(FdWatcherTest, IsSilentWhilePaused) {
  Watch(FdWatcher::kReadable);
  watcher_->SetEvents(0);
  Put();
  Settle(loop_);
  EXPECT_EQ(calls_, 0);
  watcher_->SetEvents(FdWatcher::kReadable);
  Settle(loop_);
  EXPECT_EQ(calls_, 1);
}

TEST_F(FdWatcherTest, TellsOfAPeerThatHasLeft) {
  take_ = false;
  Watch(FdWatcher::kReadable);
  right_.Reset();
  loop_.RunOnce();
  EXPECT_EQ(last_ & FdWatcher::kReadable, FdWatcher::kReadable);
}

TEST_F(FdWatcherTest, MayBeDestroyedInItsOwnCallbackAndIsThenSilent) {
  int calls = 0;
  watcher_ = MUST(FdWatcher::Create(loop_, left_.get(), FdWatcher::kReadable,
                                    [&, kept = std::make_shared<int>(7)](int) {
                                      ++calls;
                                      watcher_.reset();
                                      EXPECT_EQ(*kept, 7);  // Captures outlive the watcher.
                                    }));
  Put();
  Settle(loop_);
  EXPECT_EQ(calls, 1);
}

TEST_F(FdWatcherTest, StopsAtOnceWhenDestroyed) {
  Watch(FdWatcher::kReadable);
  Put();
  watcher_.reset();
  Settle(loop_);
  EXPECT_EQ(calls_, 0);
}

TEST_F(FdWatcherTest, RefusesWhatCannotBeWatched) {
  const base::UniqueFd regular(::open("/usr/bin/env", O_RDONLY | O_CLOEXEC));
  EXPECT_FALSE(FdWatcher::Create(loop_, regular.get(), FdWatcher::kReadable, [](int) {}));
  EXPECT_FALSE(FdWatcher::Create(loop_, -1, FdWatcher::kReadable, [](int) {}));
}

}  // namespace
}  // namespace hearth::io
