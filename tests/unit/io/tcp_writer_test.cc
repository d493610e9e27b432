#include "io/tcp_writer.h"

#include <optional>

#include "tests/unit/io/raw_client.h"
#include "tests/unit/io/raw_listener.h"

namespace hearth::io {
namespace {

using test::RawListener;

class TcpWriterTest : public testing::Test {
 protected:
  void TearDown() override {
    writer_.reset();
    test::Settle(loop_);
  }
  void Write(std::string bytes) {
    outcome_.reset();
    writer_->Write(std::make_shared<const std::string>(std::move(bytes)),
                   [this](base::Result<void> done) { outcome_ = std::move(done); });
    EXPECT_FALSE(outcome_.has_value()) << "inside Write";
  }
  bool Wrote() {
    loop_.RunUntil([&] { return outcome_.has_value(); });
    return outcome_->has_value();
  }

  base::VirtualClock clock_{base::WallTime(std::chrono::seconds(1786019696))};
  Loop loop_{clock_};
  RawListener listener_;
  std::unique_ptr<TcpWriter> writer_ = std::make_unique<TcpWriter>(loop_, listener_.port());
  std::optional<base::Result<void>> outcome_;
};

TEST_F(TcpWriterTest, WritesInOrderOnOneConnection) {
  writer_->UseSocket(RawListener::Socket());
  Write("one\n");
  ASSERT_TRUE(Wrote());
  EXPECT_TRUE(writer_->connected());
  Write("two\n");
  ASSERT_TRUE(Wrote());
  const auto peer = listener_.Accept();
  EXPECT_EQ(RawListener::Read(peer.get()), "one\ntwo\n");
  EXPECT_FALSE(listener_.Accept().valid());
}

TEST_F(TcpWriterTest, WaitsForAPeerThatReadsSlowly) {
  writer_->UseSocket(RawListener::Socket());
  const std::string bytes(32 << 20, 'x');
  Write(bytes);
  test::Settle(loop_);
  EXPECT_FALSE(outcome_.has_value());
  const auto peer = listener_.Accept();
  size_t read = 0;
  while (read < bytes.size()) {
    read += RawListener::Read(peer.get()).size();
    loop_.RunOnce();
  }
  EXPECT_TRUE(Wrote());
}

TEST_F(TcpWriterTest, SaysWhatFailedAndMayBeUsedAgain) {
  Write("no socket");
  EXPECT_FALSE(Wrote());
  {
    RawListener gone;
    writer_ = std::make_unique<TcpWriter>(loop_, gone.port());
  }
  writer_->UseSocket(RawListener::Socket());
  Write("nobody");
  ASSERT_FALSE(Wrote());
  EXPECT_EQ(outcome_->error().error_number, ECONNREFUSED);
  EXPECT_FALSE(writer_->connected());
  writer_ = std::make_unique<TcpWriter>(loop_, listener_.port());
  writer_->UseSocket(RawListener::Socket());
  Write("a");
  ASSERT_TRUE(Wrote());
  listener_.Accept().Reset();  // With bytes unread: a reset.
  Write("b");
  EXPECT_FALSE(Wrote());
  writer_->UseSocket(RawListener::Socket());
  Write("c");
  EXPECT_TRUE(Wrote());
}

TEST_F(TcpWriterTest, CallsNobodyBackOnceDestroyed) {
  writer_->UseSocket(RawListener::Socket());
  Write(std::string(32 << 20, 'x'));
  writer_.reset();
  test::Settle(loop_);
  EXPECT_FALSE(outcome_.has_value());
}

}  // namespace
}  // namespace hearth::io
