#include "invoker/usage.h"

#include "base/log.h"

namespace hearth::invoker {
namespace {

using Amounts = std::map<std::pair<std::string, std::string>, Usage>;  // By month and function.

base::Result<void> Write(store::Database& database, const Amounts& amounts) {
  return database.Transaction([&]() -> base::Result<void> {
    for (const auto& [key, usage] : amounts) {
      const std::vector<store::Value> row{key.first, key.second,
                                          static_cast<int64_t>(usage.requests),
                                          static_cast<int64_t>(usage.mib_ms)};
      TRY(database.Run(
          "INSERT INTO usage (month, function, requests, mib_ms) VALUES (?, ?, ?, ?) "
          "ON CONFLICT (month, function) DO UPDATE SET requests = requests + excluded.requests, "
          "mib_ms = mib_ms + excluded.mib_ms",
          row));
    }
    return {};
  });
}

}  // namespace

std::vector<store::Migration> UsageMigrations() {
  return {{"usage",
           "CREATE TABLE usage (month TEXT NOT NULL, function TEXT NOT NULL, "
           "requests INTEGER NOT NULL, mib_ms INTEGER NOT NULL, "
           "PRIMARY KEY (month, function)) WITHOUT ROWID"}};
}

bool IsMonth(std::string_view text) {
  if (text.size() != 7 || text[4] != '-') return false;
  for (const size_t at : {0, 1, 2, 3, 5, 6}) {
    if (text[at] < '0' || text[at] > '9') return false;
  }
  return text.substr(5) >= "01" && text.substr(5) <= "12";
}

UsageStore::UsageStore(io::Loop& loop, Metrics& metrics, store::Database& database,
                       io::Offload& writer)
    : loop_(loop), metrics_(metrics), database_(database), writer_(writer), timer_(loop) {
  metrics_.OnUnbilled([this] {
    if (!timer_.active()) timer_.Start(kFlushEvery, [this] { Flush(nullptr); });
  });
}

UsageStore::~UsageStore() { metrics_.OnUnbilled(nullptr); }

std::string UsageStore::ThisMonth() const {
  return base::FormatIso8601(loop_.clock().WallNow()).substr(0, 7);
}

void UsageStore::Flush(std::function<void()> done) {
  timer_.Cancel();
  const std::string month = ThisMonth();
  for (auto& [function, usage] : metrics_.TakeUnbilled()) {
    Usage& owed = owed_[{month, function}];
    owed.requests += usage.requests;
    owed.mib_ms += usage.mib_ms;
  }
  auto amounts = std::make_shared<Amounts>(std::exchange(owed_, {}));
  writer_.Run(
      [&database = database_, amounts] {
        return amounts->empty() ? base::Result<void>() : Write(database, *amounts);
      },
      [this, alive = std::weak_ptr<bool>(alive_), amounts,
       done](const base::Result<void>& written) {
        if (!alive.expired() && !written) {
          HLOG_ERROR("usage is not written: {}", written.error().ToString());
          for (auto& [key, usage] : *amounts) {
            owed_[key].requests += usage.requests;
            owed_[key].mib_ms += usage.mib_ms;
          }
          timer_.Start(kFlushEvery, [this] { Flush(nullptr); });
        }
        if (done) done();
      });
}

void UsageStore::Read(const std::string& month,
                      std::function<void(base::Result<std::map<std::string, Usage>>)> done) {
  Flush(nullptr);  // Before it, on the same thread.
  writer_.Run(
      [&database = database_, month]() -> base::Result<std::map<std::string, Usage>> {
        std::map<std::string, Usage> out;
        const std::vector<store::Value> key{month};
        TRY(database.Run("SELECT function, requests, mib_ms FROM usage WHERE month = ?", key,
                         [&out](const store::Row& row) {
                           out[std::string(row.Text(0))] = {static_cast<uint64_t>(row.Int(1)),
                                                            static_cast<uint64_t>(row.Int(2))};
                         }));
        return out;
      },
      std::move(done));
}

}  // namespace hearth::invoker
