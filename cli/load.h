// Load: which call is due when, and what came of it. Pure: no loop, no socket, no clock of its own.
//
// Closed loop: a free connection calls at once. Open loop (rate > 0): call number i is meant for
// start + i / rate; where no connection is free then, it goes out late, but its latency counts from
// the intended time, so that a stall of the host shows in every call it delayed ("coordinated
// omission": Gil Tene, How NOT to Measure Latency).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cli/histogram.h"
#include "io/http_message.h"

namespace hearth::cli {

struct LoadPlan {
  size_t connections = 8;
  double rate = 0;  // Calls a second; 0: closed loop.
  base::Duration warm_up{};
  base::Duration duration{};
};

// One call: when it is meant to leave.
struct Shot {
  base::MonoTime intended;
  bool is_warm_up = false;
};

class LoadSchedule {
 public:
  LoadSchedule(const LoadPlan& plan, base::MonoTime start);
  // What a free connection does now; nullopt where nothing is due yet, or any more. Open loop: a
  // call meant for before the end is due even after it.
  std::optional<Shot> Next(base::MonoTime now);
  // When something will be due; nullopt where nothing will.
  std::optional<base::MonoTime> NextDue() const;
  // Open loop: how many calls were meant to leave by now, but have not.
  uint64_t Overdue(base::MonoTime now) const;
  base::MonoTime measuring_from() const { return measuring_from_; }
  base::MonoTime end() const { return end_; }

 private:
  base::MonoTime IntendedTime(uint64_t index) const;
  double rate_;
  base::MonoTime start_;
  base::MonoTime measuring_from_;
  base::MonoTime end_;
  uint64_t next_index_ = 0;
};

struct Step {
  std::string name;  // As the host calls it: "queue", "start", "init", "handler", "total".
  Histogram time;
};

struct LoadResult {
  Histogram all;   // Calls that succeeded: from the intended time to the last byte of the reply.
  Histogram warm;  // Of these, those that met a warm instance.
  Histogram cold;  // Cold starts, those of the warm-up too: they are rare, and most happen there.
  uint64_t cold_in_warm_up = 0;
  uint64_t warm_up_calls = 0;
  uint64_t calls = 0;                      // Measured, whatever came of them.
  std::map<std::string, uint64_t> errors;  // By kind: "HTTP 429", "function error", ...
  std::vector<Step> steps;                 // In the host's order.
  base::Duration elapsed{};                // From the end of the warm-up to the last reply.
  base::Duration generator_cpu{};          // Processor time of this program, warm-up included.

  uint64_t failed() const;
  double throughput() const;  // Calls that succeeded, a second.
};

// What one reply means for the result. `text` is the reply of X-Hearth-Spans:
// "cold=0;queue=12;start=0;init=0;handler=230;total=260", microseconds.
class LoadRecorder {
 public:
  explicit LoadRecorder(LoadResult& result) : result_(result) {}
  void RecordReply(const Shot& shot, base::MonoTime now, const io::HttpResponse& response);
  void RecordError(const Shot& shot, const std::string& kind, uint64_t count = 1);

 private:
  bool RecordSpans(std::string_view text, bool is_warm_up);  // True: a cold start.
  LoadResult& result_;
};

}  // namespace hearth::cli
