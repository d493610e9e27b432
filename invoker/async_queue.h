// AsyncQueue: events of asynchronous invocations, durable from the 202 until they are dealt with.
//
// At least once: an event is deleted after its call has ended, so a crash in between delivers it
// again. Function errors are tried again after 1 and after 2 minutes, then given up; throttles and
// host errors with 1 s to 5 min of exponential back-off, until the event is 6 h old; less of both
// where the function's settings say so (event_invoke.h), and none for a function with a reserved
// concurrency of zero. Who is named there hears of the end: the
// event is deleted once a destination has the record, and its function is not called for it again.
// Inserts and deletes that wait for the disk share one transaction (group commit). Owner: host;
// destroyed before the registry and the invoker. Source: developer guide, "Asynchronous
// invocation"; aws-facts 4.5.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "invoker/destinations.h"
#include "invoker/invoker.h"
#include "invoker/registry.h"
#include "io/loop.h"
#include "io/offload.h"
#include "store/database.h"

namespace hearth::invoker {

struct AsyncEvent {
  std::string request_id;
  std::string function_name;
  std::string invoked_arn;
  std::string trace_id;
  std::string payload;
};

struct AsyncCounters {
  uint64_t delivered = 0;
  uint64_t retries = 0;
  uint64_t given_up = 0;  // Retries exhausted, too old, or the function is gone.
};

class AsyncQueue {
 public:
  // Loads what an earlier process left and dispatches it on the loop's next turn. Blocking: called
  // once, at start. `database` is used only through `writer`, which has one thread.
  static base::Result<std::unique_ptr<AsyncQueue>> Open(io::Loop& loop, store::Database& database,
                                                        io::Offload& writer, Registry& registry,
                                                        Invoker& invoker);
  virtual ~AsyncQueue() = default;

  // `done` runs once, when the event is durable; it is dispatched after. kLimit where the queue is
  // full (limits below): the caller is throttled.
  virtual void Put(AsyncEvent event, std::function<void(base::Result<void>)> done) = 0;
  virtual size_t pending() const = 0;
  // Functions are served by the queue itself; other services attach themselves.
  virtual Destinations& destinations() = 0;
  virtual AsyncCounters counters() const = 0;
  // All that is left waits for a later time.
  virtual bool IsQuiet() const = 0;
};

// Ours: what waits is held in memory too.
constexpr size_t kMaxAsyncEvents = 100000;
constexpr base::Bytes kMaxAsyncBytes = base::Bytes::MiB(256);
constexpr size_t kMaxAsyncInFlight = 256;
// One slow function leaves room for the others.
constexpr size_t kMaxAsyncInFlightOfOne = 64;

std::vector<store::Migration> AsyncQueueMigrations();

}  // namespace hearth::invoker
