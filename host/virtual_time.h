// VirtualTime: a host's service time where it moves by hand (`--clock virtual`), so that retries,
// ages, keep-alive and schedules of days are tried in milliseconds.
//
// It stands still between two moves. A move stops at every moment at which something is due, and
// goes on once all that it set off has ended: what happens, and in what order, does not depend on
// how fast the machine is. Functions themselves run in the machine's time: their timeouts, their
// own clocks and their log lines are real. Where it stands survives the host. Owner: host.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "io/offload.h"
#include "io/timer.h"

namespace hearth::host {

class VirtualTime {
 public:
  // Stands where it stood when the last host of this state folder ended; the first time at `now`.
  static base::Result<std::unique_ptr<VirtualTime>> Open(const std::string& state_folder,
                                                         base::WallTime now);
  const base::VirtualClock& clock() const { return clock_; }

  // Before the first move: the loop, one of whose times this is; a thread for its file; and what
  // tells that nothing is under way.
  void Attach(io::Loop& loop, io::Offload& disk, std::function<bool()> is_quiet);

  // One move after the other. `done` runs once, never inside the call, when the clock has moved by
  // `by` and that is on the disk. kTimeout: it stopped on its way, as something was under way for
  // limits::kClockPatience. CHECKs that `by` is not negative.
  using Done = std::function<void(base::Result<void>)>;
  void Advance(base::Duration by, Done done);
  // No move goes on, and none is answered. Before the loop ends, which this outlives.
  void Stop();

 private:
  struct Move {
    base::Duration by;
    Done done;
  };

  explicit VirtualTime(std::string path, base::WallTime start)
      : path_(std::move(path)), clock_(start) {}
  void Begin();
  void Go();
  void GoLater();
  void Finish(base::Result<void> result);

  const std::string path_;
  base::VirtualClock clock_;
  io::Loop* loop_ = nullptr;
  io::Offload* disk_ = nullptr;
  std::function<bool()> is_quiet_;
  std::unique_ptr<io::Timer> poll_;
  std::deque<Move> moves_;  // The first is under way.
  base::MonoTime target_{};
  base::MonoTime gives_up_{};  // In the machine's time.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace hearth::host
