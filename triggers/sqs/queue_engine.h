// QueueEngine: queues and their messages, as values. What the wire API, dead letters of functions
// and event source mappings are written against; another engine (JetStream) may serve it.
//
// A callback runs once, later, on the loop: what it reports as done is durable. A result of the
// kind kNotFound: there is no such queue (any more). Loop's thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "triggers/sqs/queue_settings.h"
#include "triggers/sqs/queue_state.h"
#include "triggers/sqs/record.h"

namespace hearth::sqs {

// A queue, but for its messages.
struct QueueRecord {
  uint32_t id = 0;  // Never used again.
  std::string name;
  QueueSettings settings;
  std::map<std::string, std::string> tags;
  int64_t created_ms = 0;
  int64_t modified_ms = 0;
};

struct OutgoingMessage {
  std::string body;
  std::vector<MessageAttribute> attributes;
  std::string trace_header;
  std::string group;
  std::string deduplication_id;    // FIFO queues: always; made of the body where the queue says so.
  std::optional<int64_t> delay_s;  // nullopt: the queue's.
};
struct SentMessage {
  std::string id;
  uint64_t sequence = 0;
};

struct ReceiveOptions {
  size_t most = 1;
  size_t most_bytes = SIZE_MAX;         // Of their records; the first always comes.
  std::optional<int64_t> visibility_s;  // nullopt: the queue's.
  base::Duration wait{};                // In the machine's time, as clients wait.
  std::string attempt_id;               // FIFO queues.
};
struct ReceivedMessage {
  std::string id;
  std::string receipt_handle;
  std::string body;
  std::vector<MessageAttribute> attributes;
  std::string trace_header;
  std::string group;
  std::string deduplication_id;
  std::string source_queue;  // The name of the queue that gave it up; empty: none.
  uint64_t sequence = 0;
  int64_t sent_ms = 0;
  int64_t first_receive_ms = 0;
  uint32_t receive_count = 0;
};

// What became of a delete or a change of visibility.
enum class HandleOutcome {
  kDone,
  kInvalid,      // No such handle was ever given.
  kExpired,      // FIFO queues: the message is visible again, or was received since.
  kNotInFlight,  // ChangeVisibility.
  kGone,         // ChangeVisibility: the message is.
  kFailed,       // The host could not write it.
};

class QueueEngine {
 public:
  virtual ~QueueEngine() = default;

  using Done = std::function<void(base::Result<void>)>;
  // nullptr: there is none. Good until the next turn of the loop.
  virtual const QueueRecord* Find(std::string_view name) const = 0;
  virtual std::vector<const QueueRecord*> List() const = 0;  // By name.
  // The record's name, settings and tags count. kConflict: there is one; kLimit: too many.
  virtual void Create(QueueRecord record, Done done) = 0;
  // `change` runs later, when those before it are done; false: it is not to be, and nothing
  // changes.
  virtual void Change(const std::string& name, std::function<bool(QueueRecord&)> change,
                      Done done) = 0;
  virtual void Remove(const std::string& name, Done done) = 0;
  // `created` runs whenever there is a new queue, with its name.
  virtual void OnCreated(std::function<void(const std::string& name)> created) = 0;
  // When a queue of that name was last removed by this process; kQueueNameRest later, maybe
  // nullopt.
  virtual std::optional<int64_t> RemovedMs(std::string_view name) const = 0;

  using Sent = std::function<void(base::Result<std::vector<SentMessage>>)>;
  // All or none. kLimit: the disk, or what may wait, is full.
  virtual void Send(const std::string& name, std::vector<OutgoingMessage> messages, Sent sent) = 0;
  using Received = std::function<void(base::Result<std::vector<ReceivedMessage>>)>;
  // kLimit: too many are in flight; kSystem with ENOSPC: the disk is full. The number is for
  // StopWaiting; 0: it does not wait.
  virtual uint64_t Receive(const std::string& name, ReceiveOptions options, Received received) = 0;
  // Its callback is not called. False: it no longer waits, and will be answered.
  virtual bool StopWaiting(uint64_t receive) = 0;

  using Outcomes = std::function<void(std::vector<HandleOutcome>)>;
  virtual void Delete(const std::string& name, std::vector<std::string> handles,
                      Outcomes outcomes) = 0;
  struct Visibility {
    std::string handle;
    int64_t seconds = 0;
  };
  virtual void ChangeVisibility(const std::string& name, std::vector<Visibility> changes,
                                Outcomes outcomes) = 0;
  // Undoes receives: the messages are visible at once, and as often received as before. What was
  // not durable at a crash stays counted.
  virtual void GiveBack(const std::string& name, std::vector<std::string> handles,
                        Outcomes outcomes) = 0;
  // kConflict: an earlier purge of it goes on.
  virtual void Purge(const std::string& name, Done done) = 0;
  // When the queue was last purged by this process.
  virtual std::optional<int64_t> PurgedMs(const std::string& name) const = 0;
  virtual QueueCounts Counts(const std::string& name) = 0;

  // Redrive: the first ready message goes on, as a new one, in `to`; empty: in the queue that gave
  // it up. False: none is ready. kNotFound, with the queue's name as text: it is gone.
  virtual void MoveOne(const std::string& from, const std::string& to,
                       std::function<void(base::Result<bool>)> moved) = 0;

  // At the host's end: long polls are answered with what there is, and wait no more.
  virtual void EndWaits() = 0;
  // Nothing is being written.
  virtual bool IsQuiet() const = 0;
};

}  // namespace hearth::sqs
