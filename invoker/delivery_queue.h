// DeliveryQueue: what rules and schedules send to their targets, durable from the moment at which
// its sender commits it until the target has it, at least once.
//
// A delivery that fails is tried again after 1 s and twice as long each time to 10 min, with
// jitter, as often and as long as its policy says; what is refused for good is not. What is given
// up goes to its dead-letter queue, with attributes that say why, or is dropped. Many wait on the
// disk, few in memory. A function is invoked asynchronously: what becomes of the call is the
// function's own affair. Owner: host; destroyed before `commits`, the AsyncQueue and the loop.
// Source: EventBridge User Guide, "Event retry policy and using dead-letter queues"; EventBridge
// Scheduler User Guide, "Configuring a schedule's dead-letter queue".
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "invoker/async_queue.h"
#include "invoker/destinations.h"
#include "invoker/registry.h"
#include "invoker/retry_policy.h"
#include "io/loop.h"
#include "store/group_commit.h"

namespace hearth::invoker {

struct TargetDelivery {
  Destinations::Delivery to;  // Without attributes.
  // Whom the target's policy is asked about; without a service nobody asks (a role was given).
  Destinations::Source from{};
  int64_t accepted_ms = 0;  // From which its age counts.
  int64_t max_retries = kMaxDeliveryRetries;
  int64_t max_age_s = kMaxDeliveryAgeS;
  std::string dead_letter_arn{};  // Of a queue; empty: what is given up is dropped.
  // What the dead letter says; empty: what the target would have got.
  std::string dead_letter_body{};
  // Of the dead letter: RULE_ARN, SCHEDULE_ARN, ...; the queue adds the target and what was wrong.
  std::vector<Destinations::Attribute> marks{};
  // `kAttemptMark` in the record stands for the number of the attempt.
  bool tells_attempt = false;
};
inline constexpr char kAttemptMark[] = "<aws.scheduler.attempt-number>";

struct DeliveryCounters {
  uint64_t delivered = 0;
  uint64_t retries = 0;
  uint64_t dead_letters = 0;
  uint64_t dropped = 0;
};

class DeliveryQueue {
 public:
  using Done = store::GroupCommit::Done;

  // Begins with what an earlier process left, on the loop's next turn. Blocking: called once, at
  // start, with the database of `commits`, which has had DeliveryMigrations. Functions are called
  // through `events`, which knows the other destinations too.
  static base::Result<std::unique_ptr<DeliveryQueue>> Open(
      io::Loop& loop, store::Database& database, store::GroupCommit& commits, AsyncQueue& events,
      const Registry& registry, Account account);
  virtual ~DeliveryQueue() = default;

  // With `work`, which may be empty, in one transaction: both or nothing. They are sent after
  // `done`.
  virtual void Put(std::vector<TargetDelivery> deliveries, store::GroupCommit::Work work,
                   Done done) = 0;
  virtual DeliveryCounters counters() const = 0;
  // All that is left waits for a later time.
  virtual bool IsQuiet() const = 0;
};

// Ours: of rows in memory.
inline constexpr size_t kMaxHeldDeliveries = 8192;
inline constexpr size_t kMaxHeldDeliveryBytes = 32u << 20;
// Ours: sent and not answered for, or answered for and not yet written down.
inline constexpr size_t kMaxDeliveriesInFlight = 1024;
inline constexpr size_t kMaxDeliveryBytesInFlight = 32u << 20;

std::vector<store::Migration> DeliveryMigrations();

}  // namespace hearth::invoker
