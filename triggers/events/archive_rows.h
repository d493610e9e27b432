// ArchiveRows: archives, what they hold, and replays, in the database.
//
// On the writer's thread; within GroupCommit's work. A refusal leaves everything as it was.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/database.h"
#include "triggers/events/archive.h"
#include "triggers/events/bus_rows.h"
#include "triggers/events/event_router.h"

namespace hearth::events {

// Behind BusMigrations.
std::vector<store::Migration> ArchiveMigrations();

// Where a page of an archive's events begins: behind that event.
struct ArchiveCursor {
  int64_t time_ms = INT64_MIN;
  int64_t id = 0;
};
struct ArchivePage {
  bool is_archive_gone = false;
  struct Entry {
    std::string text;
    ArchiveCursor at;
  };
  std::vector<Entry> entries;
};

// Which replays are listed: those behind `after`, by name.
struct ReplayFilter {
  std::string after;
  std::string prefix;
  std::string state;    // As NameOf writes it; empty: any.
  std::string archive;  // Its name; empty: any.
  int64_t most = 0;
};

class ArchiveRows {
 public:
  using Refusal = std::optional<aws::ApiError>;
  template <typename T>
  using Result = base::Result<T>;

  ArchiveRows(store::Database& database, Refusal& refusal)
      : database_(database), refusal_(refusal) {}

  Result<RuleRow> Create(const ArchiveRecord& archive);
  // Nothing of the rule changes where the pattern does not.
  Result<std::pair<ArchiveRecord, RuleRow>> Change(const ArchiveChange& change);
  // Its rule's id, 0: there was none. What it held goes by and by (Sweep).
  Result<int64_t> Delete(const std::string& name);
  Result<std::optional<ArchiveRecord>> Find(const std::string& name);
  // By name, those behind `after`.
  Result<std::vector<ArchiveRecord>> List(const std::string& after, int64_t most);

  // What of it belongs to an archive that is gone is left out.
  static Result<void> Append(store::Database& database, std::span<const ArchivedEvent> events,
                             int64_t now_ms);
  // Of what was there when the replay began.
  Result<ArchivePage> Page(const ReplayRecord& replay, ArchiveCursor after);
  struct Swept {
    bool is_done = true;             // Nothing more is to go now.
    std::optional<int64_t> next_ms;  // When the next one is; nullopt: nothing is held that ages.
  };
  Result<Swept> Sweep(int64_t now_ms);

  Result<ReplayRecord> StartReplay(ReplayRecord replay);
  Result<std::optional<ReplayRecord>> FindReplay(const std::string& name);
  Result<std::vector<ReplayRecord>> ListReplays(const ReplayFilter& filter);
  struct Unfinished {
    ReplayRecord replay;
    ArchiveCursor at;
  };
  Result<std::vector<Unfinished>> UnfinishedReplays();
  Result<ReplayRecord> CancelReplay(const std::string& name);
  // kConflict: it is cancelled.
  static Result<void> AdvanceReplay(store::Database& database, const std::string& name,
                                    ArchiveCursor at);
  static Result<void> EndReplay(store::Database& database, const std::string& name,
                                ReplayState state, const std::string& reason, int64_t now_ms);

 private:
  Result<int64_t> SweepOne(int64_t archive, int64_t before_ms);

  store::Database& database_;
  Refusal& refusal_;
};

}  // namespace hearth::events
