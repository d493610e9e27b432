// EventOutbox: brings the events that were committed with their objects to their targets, each at
// least once.
//
// The rows are the store's; a row is forgotten once its target has it durably, or never will. Rows
// of one target go in order, several at a time; a target that fails is tried with one row, after 1
// s and twice as long each time to 5 min, and after 24 h of nothing but failures what waits for it
// is given up. Others do not wait for it. What is held in memory is bounded, of one target and of
// all: the rest is read from the store again, page by page, when there is room. After a crash all
// that was not forgotten goes again. Owner: host; destroyed before the store, the queue of
// asynchronous events and the loop. Loop's thread only. Source: S3 User Guide, "Amazon S3 Event
// Notifications" (at least once; order is not promised).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "io/loop.h"
#include "io/timer.h"
#include "triggers/s3/object_record.h"

namespace hearth::s3 {

struct OutboxCounters {
  uint64_t delivered = 0;
  uint64_t retries = 0;
  uint64_t given_up = 0;  // The target is gone, refuses for good, or failed for too long.
};

class EventOutbox {
 public:
  using Sent = std::function<void(base::Result<void>)>;
  // `sent` runs once, maybe inside the call: the target has it durably; kInvalid, kNotFound or
  // kUnsupported: it never will; another error: later, maybe.
  using Deliver = std::function<void(const OutgoingEvent& event, Sent sent)>;
  // Of the store: ObjectStore::LoadOutbox and ForgetOutbox.
  struct Rows {
    std::function<void(int64_t after, int most, Done<std::vector<OutboxRow>> done)> load;
    std::function<void(std::vector<int64_t> ids)> forget;
  };

  // Begins with what an earlier process left, on the loop's next turn.
  EventOutbox(io::Loop& loop, Deliver deliver, Rows rows);
  EventOutbox(const EventOutbox&) = delete;
  EventOutbox& operator=(const EventOutbox&) = delete;

  // Rows that were just committed: ObjectStore::OnOutbox. In the order of their ids, all of them.
  void Add(std::vector<OutboxRow> rows);

  // All that is left waits for a later time.
  bool IsQuiet() const;
  size_t held() const { return held_; }
  OutboxCounters counters() const { return counters_; }

 private:
  struct Target {
    std::map<int64_t, OutgoingEvent> waiting;  // By id.
    size_t in_flight = 0;
    int failures = 0;  // Without a success between them.
    int64_t due_ms = 0;
    int64_t failing_since_ms = 0;
    // Rows behind this id were left on the disk, for want of room; none of them is held.
    std::optional<int64_t> left_after;
  };
  using Targets = std::map<std::string, Target>;

  void Take(OutboxRow row);
  bool HasRoom(const Target& target) const;
  void Hold(Target& target, OutboxRow row);
  bool CanSend(const Target& target, int64_t now) const;
  void Pump();
  void PumpLater();
  bool SendOne(Targets::iterator at, int64_t now);
  void OnSent(const std::string& arn, int64_t id, base::Result<void> sent);
  void OnFailure(const std::string& arn, Target& target, int64_t id, OutgoingEvent event,
                 const base::Error& error);
  void GiveUpAll(const std::string& arn, Target& target);
  void Forget(int64_t id);
  void StartTimer(int64_t now);
  std::optional<int64_t> NextScan() const;
  void Scan();
  void OnPage(int64_t after, int most, Answer<std::vector<OutboxRow>> page);
  void MoveOn(int64_t after, int64_t end, bool is_last);
  int64_t NowMillis() const;

  io::Loop& loop_;
  const Deliver deliver_;
  const Rows rows_;
  io::Timer timer_;   // Of targets that failed.
  io::Timer reload_;  // Of the store, where it could not be read: in the machine's time.
  Targets targets_;   // Those that something waits for, or is on its way to.
  std::map<int64_t, OutgoingEvent> in_flight_;  // By id.
  size_t held_ = 0;                             // Rows, of both.
  size_t held_bytes_ = 0;
  // Rows behind this id were not looked at yet, whoever they are for; nullopt: all were.
  std::optional<int64_t> unseen_after_ = 0;
  bool is_loading_ = false;
  std::vector<OutboxRow> heard_;  // While loading, of what is read from the disk.
  bool heard_too_many_ = false;   // More than that holds.
  std::vector<int64_t> done_;
  bool is_pump_posted_ = false;
  OutboxCounters counters_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// Ours: of rows in memory, each of some 1 KB; a row that alone has no other in memory always may
// be.
inline constexpr size_t kMaxHeldEvents = 4096;
inline constexpr size_t kMaxHeldEventsOfOne = 1024;
inline constexpr size_t kMaxHeldEventBytes = 8u << 20;
inline constexpr int kOutboxPage = 256;
// Ours: of limits::kMaxObjectEvents, so that one target that is slow to answer leaves room.
inline constexpr size_t kMaxEventsInFlightOfOne = 64;

}  // namespace hearth::s3
