// LogEngine::Queue: what the engine has of a queue in memory.
#pragma once

#include <list>
#include <map>

#include "io/timer.h"
#include "triggers/sqs/log_engine.h"

namespace hearth::sqs {

struct LogEngine::Queue {
  struct Waiter {
    uint64_t number = 0;  // As Receive gave it.
    ReceiveOptions options;
    Received received;
    std::unique_ptr<io::Timer> patience;
  };
  struct Attempt {  // Of a receive with an attempt id, that may be made again.
    std::vector<std::pair<uint64_t, uint32_t>> messages;  // Sequence and receipt.
    int64_t until_ms = 0;
  };

  Queue(LogEngine& engine, QueueRecord made);
  QueueRecord record;
  QueueState state;
  std::list<Waiter> waiters;
  io::Timer timer;
  std::optional<int64_t> armed_ms;
  std::map<std::string, Attempt> attempts;
  std::optional<int64_t> purged_ms;
  bool is_purge_durable = false;   // Of the purge that goes on.
  int64_t raised_retention_s = 0;  // While it is being raised.
  bool is_refresh_posted = false;
  bool is_removed = false;  // Only its messages are still to be erased.
};

}  // namespace hearth::sqs
