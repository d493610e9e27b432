#include "runtime/log_capture.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <vector>

#include "base/file.h"
#include "base/limits.h"
#include "base/sys.h"
#include "tests/unit/io/raw_client.h"

namespace hearth::runtime {
namespace {

using test::Settle;
using Lines = std::vector<std::string>;

class LogCaptureTest : public testing::Test {
 protected:
  void SetUp() override {
    base::sys::Pipe pipe = MUST(base::sys::MakePipe());
    write_ = std::move(pipe.write);
    ASSERT_GE(::fcntl(write_.get(), F_SETPIPE_SZ, 1 << 20), 1 << 20);
    capture_ = LogCapture::Create(loop_, std::move(pipe.read), [this](std::string_view line) {
      lines_.emplace_back(line);
    });
  }
  void Put(std::string_view text) { MUST(base::WriteAll(write_.get(), text)); }
  Lines Taken() { return std::exchange(lines_, {}); }

  base::VirtualClock clock_{base::WallTime{}};
  io::Loop loop_{clock_};
  base::UniqueFd write_;
  std::unique_ptr<LogCapture> capture_;
  Lines lines_;
};

TEST_F(LogCaptureTest, CutsWhatItReadsIntoLines) {
  Put("one\ntwo\n\nfour\r\n");
  Settle(loop_);
  EXPECT_EQ(Taken(), (Lines{"one", "two", "", "four\r"}));
}

TEST_F(LogCaptureTest, JoinsALineThatComesInPieces) {
  for (const char* piece : {"a", "bc", "d\ne", "f", "\n", "\n"}) {
    Put(piece);
    Settle(loop_);
  }
  EXPECT_EQ(Taken(), (Lines{"abcd", "ef", ""}));
}

TEST_F(LogCaptureTest, DrainReadsAllThatIsThereWithoutALoop) {
  Put("one\ntwo\nhalf");
  capture_->Drain(false);
  EXPECT_EQ(Taken(), (Lines{"one", "two"})) << "half a line is none yet";
  Put(" and half\nlast");
  capture_->Drain(true);
  EXPECT_EQ(Taken(), (Lines{"half and half", "last"}));
  capture_->Drain(true);
  EXPECT_TRUE(Taken().empty()) << "a flushed line comes once";
  Put(" more\n");
  capture_->Drain(true);
  EXPECT_EQ(Taken(), (Lines{" more"}));
}

TEST_F(LogCaptureTest, DrainReadsAWholePipeFull) {
  const std::string line(99, 'x');
  std::string text;
  while (text.size() + 100 <= 1u << 20) text += line + "\n";
  Put(text);
  capture_->Drain(true);
  EXPECT_EQ(Taken().size(), text.size() / 100);
}

TEST_F(LogCaptureTest, KeepsEveryByteExceptTheNewline) {
  std::string all;
  for (int i = 0; i < 256; ++i) {
    if (i != '\n') all.push_back(static_cast<char>(i));
  }
  Put(all + "\n");
  Settle(loop_);
  EXPECT_EQ(Taken(), Lines{all});
}

TEST_F(LogCaptureTest, SplitsALineAtItsLimitAndNotBefore) {
  constexpr size_t kMax = limits::kMaxLogLine;
  for (const size_t size : {kMax - 1, kMax, kMax + 1, 2 * kMax, 2 * kMax + 1, 3 * kMax - 1}) {
    Put(std::string(size, 'x') + "\nnext\n");
    Settle(loop_);
    const Lines lines = Taken();
    ASSERT_EQ(lines.size(), (size + kMax - 1) / kMax + 1) << size;
    size_t total = 0;
    for (size_t i = 0; i + 1 < lines.size(); ++i) {
      EXPECT_LE(lines[i].size(), kMax);
      total += lines[i].size();
    }
    EXPECT_EQ(total, size);
    EXPECT_EQ(lines.back(), "next");
  }
}

TEST_F(LogCaptureTest, HoldsNoMoreThanOneLineOfAFloodWithoutNewlines) {
  size_t total = 0;
  for (int i = 0; i < 40; ++i) {
    Put(std::string(100000, 'x'));
    Settle(loop_);
    for (const std::string& line : Taken()) {
      EXPECT_EQ(line.size(), limits::kMaxLogLine);
      total += line.size();
    }
  }
  EXPECT_GT(total + limits::kMaxLogLine, 4000000u);
}

// A turn reads a bounded part of a flood, so that what else is ready gets its turn.
TEST_F(LogCaptureTest, LetsOthersHaveTheirTurnInAFlood) {
  Put(std::string(1 << 20, '\n'));
  loop_.RunOnce();
  EXPECT_LE(lines_.size(), 512u * 1024);
  EXPECT_GT(lines_.size(), 0u);
  Settle(loop_);
  EXPECT_EQ(lines_.size(), 1u << 20);
}

TEST_F(LogCaptureTest, CatchesUpWithAFloodThatTheTurnHasLeftBehind) {
  Put(std::string(1 << 20, '\n'));
  loop_.RunOnce();
  ASSERT_LT(lines_.size(), 1u << 20);
  capture_->CatchUp();
  EXPECT_EQ(Taken().size(), 1u << 20);
}

TEST_F(LogCaptureTest, CatchesUpWithoutAReadWhereTheTurnHasLeftNothing) {
  Put("one\n");
  loop_.RunOnce();
  ASSERT_EQ(Taken(), (Lines{"one"}));
  Put("two\n");
  capture_->CatchUp();
  EXPECT_TRUE(Taken().empty()) << "it is the next turn's";
  Settle(loop_);
  EXPECT_EQ(Taken(), (Lines{"two"}));
}

TEST_F(LogCaptureTest, DrainEndsThoughTheFunctionGoesOnWriting) {
  // As a process that writes all the while: each line makes another.
  size_t lines = 0;
  base::sys::Pipe pipe = MUST(base::sys::MakePipe());
  const int writer = pipe.write.get();
  const auto endless = LogCapture::Create(loop_, std::move(pipe.read), [&](std::string_view) {
    ++lines;
    MUST(base::WriteAll(writer, "xxxxxxxxxxxxxxx\n"));
  });
  MUST(base::WriteAll(writer, std::string(4000, '\n')));
  endless->Drain(true);
  EXPECT_GE(lines, 4000u);
  EXPECT_LT(lines, 4u << 20);
}

TEST_F(LogCaptureTest, IsQuietAfterTheEndAndStillFlushesTheLastLine) {
  Put("whole\nlast");
  write_.Reset();
  Settle(loop_);
  EXPECT_EQ(Taken(), (Lines{"whole"}));
  capture_->Drain(true);
  EXPECT_EQ(Taken(), (Lines{"last"}));
  capture_->Drain(true);
  EXPECT_TRUE(Taken().empty());
  loop_.Run();  // A pipe at its end must not keep the loop busy: this returns.
}

TEST_F(LogCaptureTest, LeavesTheWritersEndBlocking) {
  EXPECT_EQ(::fcntl(write_.get(), F_GETFL) & O_NONBLOCK, 0);
}

}  // namespace
}  // namespace hearth::runtime
