#include "triggers/s3/body_writer.h"

#include <malloc.h>

#include "base/md5.h"
#include "tests/unit/triggers/s3/store_fixture.h"
#include "triggers/s3/checksum.h"

namespace hearth::s3 {
namespace {

using BodyWriterTest = test::StoreTest;
using ::testing::SizeIs;

std::string Pattern(size_t size, uint32_t state = 1) {
  std::string out(size, '\0');
  for (char& c : out) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return out;
}

TEST_F(BodyWriterTest, BodiesOfEverySizeAreDigestedAndWhole) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{4096}, size_t{262143}, size_t{262144},
                            size_t{262145}, size_t{3000000}}) {
    const std::string bytes = Pattern(size);
    bool has_room = true;
    const auto writer = store->Write({"CRC32C", "SHA256"}, [&] { has_room = true; });
    for (size_t at = 0; at < size; at += 65536) {
      loop.RunUntil([&] { return has_room; });
      has_room = writer->Write(std::string_view(bytes).substr(at, 65536));
    }
    const auto body =
        MustHave(Ask<StagedBody>([&](auto done) { writer->Finish(std::move(done)); }));
    EXPECT_EQ(body.size, size);
    EXPECT_EQ(body.md5, base::Md5Hex(bytes));
    EXPECT_EQ(body.checksums.at("CRC32C"), ChecksumOf(ChecksumKind::kCrc32c, bytes));
    EXPECT_THAT(body.checksums.at("SHA256"), SizeIs(32));
    EXPECT_THAT(body.extents, SizeIs(size == 0 ? 0 : 1));
    EXPECT_TRUE(BytesOf({.extents = body.extents}) == bytes) << size;
  }
}

TEST_F(BodyWriterTest, AWriterThatIsDestroyedAtAnyMomentLeavesNothing) {
  const std::string bytes = Pattern(600000);
  for (int turns = 0; turns < 60; ++turns) {
    auto writer = store->Write({}, [] {});
    writer->Write(bytes);
    if (turns % 3 != 0) {
      writer->Finish([this](Answer<StagedBody> body) { store->Discard(MustHave(body).extents); });
    }
    for (int i = 0; i < turns / 6; ++i) loop.RunOnce();
  }
  loop.RunUntil([&] { return store->IsQuiet(); });
  EXPECT_EQ(CountFiles(), 0u);
}

TEST_F(BodyWriterTest, AsManyAsThereAreEachHoldLessThanItsShare) {
  std::vector<std::unique_ptr<BodyWriter>> writers;
  for (int i = 0; i < 2000; ++i) writers.push_back(store->Write({}, [] {}));
  const std::string piece = Pattern(4096);
  size_t taken = 0;
  for (int i = 0; i < 256 && writers[0]->Write(piece); ++i) ++taken;
  EXPECT_LE(taken * piece.size(), limits::kUploadBuffers / 1000);
  writers.clear();
  taken = 0;
  const auto writer = store->Write({}, [] {});
  while (writer->Write(piece)) ++taken;
  EXPECT_GT(taken * piece.size(), limits::kUploadBuffer / 2);
  EXPECT_LE(taken * piece.size(), limits::kUploadBuffer);
}

TEST_F(BodyWriterTest, MoreThanThereIsRoomForAreRefused) {
  constexpr size_t kMost = limits::kUploadBuffers / 16384;
  std::vector<std::unique_ptr<BodyWriter>> writers;
  for (size_t i = 0; i < kMost; ++i) writers.push_back(store->Write({}, [] {}));
  const auto refused = Stage("x");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().type, "SlowDown");
  writers.pop_back();
  EXPECT_TRUE(Stage("x").has_value());
}

TEST_F(BodyWriterTest, OneThatWasStoppedGoesOnThoughManyOthersCome) {
  const std::string piece = Pattern(150000);  // Some of it is still gathering when it is stopped.
  bool has_room = false;
  const auto writer = store->Write({}, [&] { has_room = true; });
  while (writer->Write(piece)) {
  }
  std::vector<std::unique_ptr<BodyWriter>> others;
  for (int i = 0; i < 400; ++i) others.push_back(store->Write({}, [] {}));
  loop.RunUntil([&] { return store->IsQuiet(); });
  EXPECT_TRUE(has_room);
}

size_t Memory() {
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

TEST_F(BodyWriterTest, ThoseThatPauseHoldNoBuffersButWhatHasCome) {
  constexpr size_t kBodies = 50;
  const std::string piece = Pattern(65536);
  const size_t before = Memory();
  std::vector<std::unique_ptr<BodyWriter>> writers;
  for (size_t i = 0; i < kBodies; ++i) {
    bool has_room = true;
    writers.push_back(store->Write({}, [&] { has_room = true; }));
    for (int pieces = 0; pieces < 48; ++pieces) {
      loop.RunUntil([&] { return has_room; });
      has_room = writers.back()->Write(piece);
    }
    loop.RunUntil([&] { return store->IsQuiet(); });
  }
  EXPECT_LT(Memory(), before + kBodies * limits::kUploadBuffer / 4);
}

TEST_F(BodyWriterTest, ALargeBodyHoldsNoMoreThanItsBuffers) {
  const std::string piece = Pattern(65536);
  const size_t before = Memory();
  bool has_room = true;
  const auto writer = store->Write({}, [&] { has_room = true; });
  for (int i = 0; i < 1000; ++i) {
    loop.RunUntil([&] { return has_room; });
    has_room = writer->Write(piece);
  }
  EXPECT_LT(Memory(), before + 8 * limits::kUploadBuffer);
}

}  // namespace
}  // namespace hearth::s3
