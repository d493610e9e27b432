// What functions ran in a month, and what of it outlives a kill.
#include "invoker/usage.h"

#include <gmock/gmock.h>

#include <optional>

#include "tests/unit/base/temporary_folder.h"

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;

class UsageTest : public ::testing::Test {
 protected:
  UsageTest() { Open(); }
  ~UsageTest() override { Kill(); }
  void Open() {
    writer = std::make_unique<io::Offload>(loop, 1);
    database = MUST(store::Database::Open(folder / "db", UsageMigrations()));
    metrics = std::make_unique<Metrics>();
    usage = std::make_unique<UsageStore>(loop, *metrics, *database, *writer);
  }
  void Kill() {
    writer.reset();
    usage.reset();
    metrics.reset();
    database.reset();
  }
  void Call(const std::string& function, uint64_t billed_ms) {
    InvocationResult result;
    result.billed_ms = billed_ms;
    metrics->Count(*metrics->Of(function), result, 1024);
  }
  void Flush() {
    bool done = false;
    usage->Flush([&] { done = true; });
    loop.RunUntil([&] { return done; });
  }
  std::map<std::string, Usage> Read(const std::string& month) {
    std::optional<std::map<std::string, Usage>> out;
    usage->Read(month, [&](auto read) { out = MUST(std::move(read)); });
    loop.RunUntil([&] { return out.has_value(); });
    return *out;
  }

  hearth::test::TemporaryFolder folder;
  base::VirtualClock clock{base::WallTime(1764000000000ms)};  // 2025-11-24.
  io::Loop loop{clock};
  std::unique_ptr<io::Offload> writer;
  std::unique_ptr<store::Database> database;
  std::unique_ptr<Metrics> metrics;
  std::unique_ptr<UsageStore> usage;
};

TEST_F(UsageTest, AddsUpByFunctionAndMonth) {
  Call("F", 100);
  Call("F", 50);
  Call("G", 1);
  EXPECT_EQ(Read("2025-11").at("F").requests, 2u);  // What is not written yet is read too.
  clock.Advance(240h);
  Call("F", 7);
  EXPECT_EQ(Read("2025-11").at("F").mib_ms, 150u * 1024);
  EXPECT_EQ(Read("2025-11").at("G").requests, 1u);
  EXPECT_EQ(Read("2025-12").at("F").mib_ms, 7u * 1024);
  EXPECT_TRUE(Read("2024-01").empty());
}

TEST_F(UsageTest, IsWrittenWithinFiveSecondsAndOutlivesAKill) {
  Call("F", 100);
  clock.Advance(UsageStore::kFlushEvery);
  loop.ClockMoved();
  bool done = false;  // What the timer began, on the one thread.
  writer->Run([] { return 0; }, [&](int) { done = true; });
  loop.RunUntil([&] { return done; });
  Call("F", 1);  // Lost.
  Kill();
  Open();
  EXPECT_EQ(Read("2025-11").at("F").requests, 1u);
  Call("F", 1);
  Flush();
  Kill();
  Open();
  EXPECT_EQ(Read("2025-11").at("F").requests, 2u);
}

TEST(Month, IsWrittenAsYearAndMonth) {
  EXPECT_TRUE(IsMonth("2026-11"));
  for (const char* bad :
       {"", "2026-13", "2026-00", "2026-1", "26-11", "2026/11", "2026-11-01", "2026-1a"}) {
    EXPECT_FALSE(IsMonth(bad)) << bad;
  }
}

}  // namespace
}  // namespace hearth::invoker
