// A log store on disk, in a folder and on a clock of the test's own.
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "invoker/log_store.h"
#include "tests/unit/base/temporary_folder.h"

namespace hearth::invoker::test {

using namespace std::chrono_literals;

inline constexpr char kGroup[] = "/aws/lambda/F";
inline constexpr char kStream[] = "2026/11/24/[$LATEST]0123456789abcdef0123456789abcdef";

inline std::vector<std::string> Messages(const std::vector<LogEvent>& events) {
  std::vector<std::string> out;
  for (const auto& event : events) out.push_back(event.message);
  return out;
}

class LogStoreOnDisk : public ::testing::Test {
 protected:
  LogStoreOnDisk() { Open(); }
  ~LogStoreOnDisk() override { Close(); }

  void Open() {
    disk = std::make_unique<io::Offload>(loop, 1);
    store = MUST(LogStore::Open(loop, *disk, root()));
  }
  // As a kill does it: what has not been flushed is lost.
  void Close() {
    disk.reset();
    store.reset();
  }
  void Reopen() {
    Close();
    Open();
  }
  void Append(std::string_view message) { store->Append(kGroup, kStream, message); }
  void Flush() {
    bool done = false;
    store->Flush([&](const base::Result<void>&) { done = true; });
    EXPECT_FALSE(done);
    loop.RunUntil([&] { return done; });
  }
  void Pass(base::Duration time) {
    clock.Advance(time);
    loop.ClockMoved();
  }
  std::string root() const { return folder / "logs"; }
  std::string GroupFolder() const { return root() + "/%aws%lambda%F"; }
  std::vector<std::string> Files() const {
    std::vector<std::string> out;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(GroupFolder(), none)) {
      if (entry.path().extension() == ".log") out.push_back(entry.path().filename());
    }
    std::ranges::sort(out);
    return out;
  }
  std::string FileText(const std::string& name) const {
    return MUST(base::ReadFile(GroupFolder() + "/" + name));
  }

  hearth::test::TemporaryFolder folder;
  base::VirtualClock clock{base::WallTime(1764000000000ms)};
  io::Loop loop{clock};
  std::unique_ptr<io::Offload> disk;
  std::unique_ptr<LogStore> store;
};

}  // namespace hearth::invoker::test
