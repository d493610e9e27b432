// Archives: what comes to a bus is kept in them, and told again by replays.
//
// Events are on the disk alone, and go when they are old enough. A replay reads them page by page,
// in the order of their times; each page's deliveries and how far it came are one transaction, so
// that it goes on where it was after a crash. Owner: EventBusService. Loop's thread only.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "io/timer.h"
#include "io/wall_timer.h"
#include "triggers/events/archive_keeper.h"
#include "triggers/events/archive_rows.h"
#include "triggers/events/bus_commits.h"
#include "triggers/events/disk_event_buses.h"
#include "triggers/events/event_writer.h"

namespace hearth::events {

class Archives final : public ArchiveKeeper {
 public:
  // Goes on with what an earlier process left, on a later turn.
  Archives(io::Loop& loop, store::GroupCommit& commits, EventWriter& writer, DiskEventBuses& buses);

  void Create(ArchiveRecord archive, EventBuses::Done done) override;
  void Change(ArchiveChange change, DoneWith<ArchiveRecord> done) override;
  void Delete(const std::string& name, EventBuses::Done done) override;
  void Find(const std::string& name, DoneWith<ArchiveRecord> done) override;
  // By name, those behind `after`, all of them.
  void List(const std::string& after, DoneWith<std::vector<ArchiveRecord>> done);

  void StartReplay(ReplayRecord replay, EventBuses::Done done);
  void CancelReplay(const std::string& name, EventBuses::Done done);
  void FindReplay(const std::string& name, DoneWith<ReplayRecord> done);
  void ListReplays(ReplayFilter filter, DoneWith<std::vector<ReplayRecord>> done);

  bool IsQuiet() const { return replaying_.empty() && !is_sweeping_; }

 private:
  // Behind which event, and of the next one behind which rule: an event may cause more than one
  // transaction takes. After a crash that event is told from its first rule on.
  struct Progress {
    ArchiveCursor at;
    int64_t behind = 0;
  };
  struct Replay {
    ReplayRecord record;
    Progress progress;
    std::set<std::string> only;
  };
  using ReplayPtr = std::shared_ptr<Replay>;

  int64_t NowMs() const { return base::EpochMillis(loop_.service_clock().WallNow()); }
  template <typename T>
  void Load(std::function<base::Result<T>(ArchiveRows&)> read, std::function<void(T)> done,
            std::function<void(const base::Error&)> failed);
  template <typename T>
  void LoadFor(std::function<base::Result<T>(ArchiveRows&)> read, DoneWith<T> done);
  void Resume();
  void Begin(ReplayRecord record, ArchiveCursor at);
  void Step(const ReplayPtr& replay);
  Progress RoutePage(const Replay& replay, ArchivePage& page, Routed& routed) const;
  void OnPage(const ReplayPtr& replay, ArchivePage page);
  void End(const ReplayPtr& replay, ReplayState state, const std::string& reason);
  void StepLater(const ReplayPtr& replay, const base::Error& error);
  void Sweep();
  void SweepAt(int64_t at_ms);
  // There is what goes when it is old.
  void OnAgeing();

  io::Loop& loop_;
  BusCommits commits_;
  EventWriter& writer_;
  DiskEventBuses& buses_;
  EventRouter router_;
  std::set<std::string> replaying_;
  io::WallTimer sweep_timer_;
  bool is_sweeping_ = false;
  bool is_ageing_ = false;  // Of what came during a sweep, which it may not have seen.
  std::vector<std::unique_ptr<io::Timer>> retries_;  // Of replays, after a failure of the disk.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace hearth::events
