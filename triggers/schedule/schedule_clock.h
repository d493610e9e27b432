// ScheduleClock: fires what is due: those due next are in memory, a timer waits for the first, and
// each firing is one transaction of its deliveries and the schedule's next occurrence.
//
// Whoever changes schedules tells each change in its commit's callback. A firing of what was
// changed meanwhile does nothing. Where the disk fails, a firing is tried again after a second.
// Owner: Scheduler; loop's thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "invoker/delivery_queue.h"
#include "invoker/function.h"
#include "io/loop.h"
#include "io/timer.h"
#include "io/wall_timer.h"
#include "store/due_window.h"
#include "store/group_commit.h"
#include "triggers/schedule/firing_plan.h"
#include "triggers/schedule/schedule_rows.h"

namespace hearth::schedule {

class ScheduleClock {
 public:
  struct Parts {
    io::Loop& loop;
    store::GroupCommit& commits;
    invoker::DeliveryQueue& deliveries;
    invoker::Account account;
    std::function<void()> on_removed;  // A schedule deleted itself.
  };
  explicit ScheduleClock(Parts parts);
  ScheduleClock(const ScheduleClock&) = delete;
  ScheduleClock& operator=(const ScheduleClock&) = delete;

  // Made or changed; it may not be due at all.
  void OnChange(const ScheduleRow& row);
  void OnRemoval(int64_t id);

  const ScheduleCounters& counters() const { return counters_; }
  bool IsQuiet() const;

 private:
  void Pump();
  void PumpLater();
  bool HasRoom() const;
  // What it holds in memory until it is committed, in bytes.
  size_t Fire(DueRow row, int64_t now_ms);
  void OnFired(DueRow row, const FiringPlan& plan, bool is_removed, const base::Result<void>& done);
  int64_t NowMs() const { return base::EpochMillis(parts_.loop.service_clock().WallNow()); }

  const Parts parts_;
  ScheduleCounters counters_;
  size_t in_flight_ = 0;
  size_t bytes_in_flight_ = 0;
  bool is_pump_posted_ = false;
  io::WallTimer timer_;
  io::Timer pause_;  // After a failure of the disk.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  store::DueWindow<DueRow> window_;
};

// Ours: of rows in memory; a million schedules are 250 pages.
inline constexpr size_t kMaxHeldSchedules = 4096;
inline constexpr size_t kMaxHeldScheduleBytes = 16u << 20;
// Ours: being committed.
inline constexpr size_t kMaxFiringsInFlight = 512;
inline constexpr size_t kMaxFiringBytesInFlight = 16u << 20;  // One may be more.
// Ours: fired in one turn of the loop, whose other work waits: of small ones some hundreds, of the
// largest one or two (an input of 256 KB is some ms).
inline constexpr size_t kMaxFiringBytesATurn = 256u << 10;

}  // namespace hearth::schedule
