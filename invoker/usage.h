// UsageStore: how much each function has run in each calendar month (UTC), as Lambda bills it.
//
// Written to the database some seconds after the first call that is not in it, and at a stop: a
// kill loses at most that. Owner: host; destroyed before the invoker. Source: Lambda's pricing
// page.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "invoker/metrics.h"
#include "io/loop.h"
#include "io/offload.h"
#include "io/timer.h"
#include "store/database.h"

namespace hearth::invoker {

class UsageStore {
 public:
  static constexpr auto kFlushEvery = std::chrono::seconds(5);

  // `database` is used only through `writer`, which has one thread.
  UsageStore(io::Loop& loop, Metrics& metrics, store::Database& database, io::Offload& writer);
  ~UsageStore();

  // Everything that was counted is in the database when `done` runs.
  void Flush(std::function<void()> done);
  // Of a month, "2026-11", by function.
  void Read(const std::string& month,
            std::function<void(base::Result<std::map<std::string, Usage>>)> done);
  std::string ThisMonth() const;

 private:
  io::Loop& loop_;
  Metrics& metrics_;
  store::Database& database_;
  io::Offload& writer_;
  io::Timer timer_;
  // What could not be written, which is tried again.
  std::map<std::pair<std::string, std::string>, Usage> owed_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

std::vector<store::Migration> UsageMigrations();
// "2026-11"
bool IsMonth(std::string_view text);

}  // namespace hearth::invoker
