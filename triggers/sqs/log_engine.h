// LogEngine: the queue engine on this machine's disk: messages in a SegmentLog, an index of them in
// memory, what the queues are in SQLite (docs/decisions/0007).
//
// Every answer waits until its records are durable, receives too: a crash loses no receive count,
// and brings nothing back that was deleted. Memory changes when a record is durable, but for what
// hides a message (Receive, dead letters), which is undone where the record fails. A message with a
// record under way is offered to nobody else, so that memory and log agree on what came first.
// Owner: host; destroyed before the loop, the database and the writer.
#pragma once

#include <deque>
#include <map>
#include <unordered_map>

#include "store/database.h"
#include "triggers/sqs/deduplication.h"
#include "triggers/sqs/queue_engine.h"
#include "triggers/sqs/queue_store.h"
#include "triggers/sqs/receipt_handle.h"

namespace hearth::sqs {

class LogEngine final : public QueueEngine {
 public:
  // Blocking: reads the log of an earlier process. `database` is used only through `writer`.
  static base::Result<std::unique_ptr<LogEngine>> Open(io::Loop& loop, store::Database& database,
                                                       io::Offload& writer,
                                                       const std::string& folder,
                                                       SegmentLogOptions options = {});
  ~LogEngine() override;

  // log_engine.cc
  const QueueRecord* Find(std::string_view name) const override;
  std::vector<const QueueRecord*> List() const override;
  void Create(QueueRecord record, Done done) override;
  void Change(const std::string& name, std::function<bool(QueueRecord&)> change,
              Done done) override;
  void Remove(const std::string& name, Done done) override;
  void OnCreated(std::function<void(const std::string& name)> created) override {
    created_ = std::move(created);
  }
  std::optional<int64_t> RemovedMs(std::string_view name) const override;
  void Purge(const std::string& name, Done done) override;
  std::optional<int64_t> PurgedMs(const std::string& name) const override;
  QueueCounts Counts(const std::string& name) override;
  void EndWaits() override;
  bool IsQuiet() const override;

  // log_engine_messages.cc
  void Send(const std::string& name, std::vector<OutgoingMessage> messages, Sent sent) override;
  void Delete(const std::string& name, std::vector<std::string> handles,
              Outcomes outcomes) override;
  void ChangeVisibility(const std::string& name, std::vector<Visibility> changes,
                        Outcomes outcomes) override;
  void GiveBack(const std::string& name, std::vector<std::string> handles,
                Outcomes outcomes) override;

  // log_engine_moves.cc
  void MoveOne(const std::string& from, const std::string& to,
               std::function<void(base::Result<bool>)> moved) override;

  // log_engine_receive.cc
  uint64_t Receive(const std::string& name, ReceiveOptions options, Received received) override;
  bool StopWaiting(uint64_t receive) override;

  size_t log_segments() const { return log_->segments(); }

 private:
  struct Queue;  // log_engine_queue.h
  struct Delivery;
  struct Arrival;
  struct Move;

  LogEngine(io::Loop& loop, store::Database& database, io::Offload& writer, ReceiptHandles handles);
  base::Result<void> Load(const std::string& folder, SegmentLogOptions options);

  // log_engine_start.cc
  void Replay(const LogRecord& record, LogPosition at);
  void ReplayMessage(const MessageRecord& message, LogPosition at);
  void ReplayRelocation(const RelocationRecord& moved);
  void Forget(uint64_t sequence);  // Out of the index.
  void ForgetAll(const std::function<bool(const Message&)>& is_gone);

  int64_t NowMs() const;
  Queue* FindQueue(std::string_view name) const;
  Queue* FindQueue(uint32_t id) const;  // None that is removed.
  Queue& OwnerOf(const Message& message) { return *queues_by_id_.at(message.queue); }
  template <typename T>
  void Fail(std::function<void(base::Result<T>)> done, base::ErrorKind kind, std::string text);
  Queue& Enter(QueueRecord record);
  void StartNextChange();
  void WriteChange(QueueRecord changed, Done done);
  void FinishPurge(const PurgeRecord& purge, bool is_written);
  // Visits the queue's messages below `before`, a slice a turn of the loop, the first at once; then
  // `ended`. `visit` may erase what it is given.
  void Walk(uint32_t queue, uint64_t before, uint64_t from, std::function<void(Message&)> visit,
            std::function<void()> ended);

  // What time has done: timeouts are over, old messages go; a slice of it, the rest later.
  void Refresh(Queue& queue);
  void RefreshSoon(Queue& queue);
  bool EraseExpired(Queue& queue, int64_t sent_by_ms);  // False: there are more.
  int64_t ExpiredByMs(const Queue& queue) const;
  void Tick(Queue& queue);  // Refresh, then whoever waits is served.
  void Rearm(Queue& queue);
  // A record of it has ended; whether it holds is seen to first.
  void EndRecord(uint64_t sequence);
  void Insert(Message message, std::string_view group);
  void Erase(uint64_t sequence);
  void Locate(Message& message, LogPosition at);

  // Of one send's messages: what is to be written, or the earlier one that each repeats.
  void Prepare(Queue& queue, const std::vector<OutgoingMessage>& messages, Arrival& arrival);
  void Arrive(Arrival& arrival, base::Result<std::vector<LogPosition>> written);

  enum class Undo { kNothing, kReceive };
  void ChangeStates(const std::string& name, Undo undo, const std::vector<Visibility>& changes,
                    Outcomes outcomes);
  void ApplyVisibility(Queue& queue, const StateRecord::State& state);

  std::vector<uint64_t> Take(Queue& queue, const ReceiveOptions& options);
  std::vector<uint64_t> TakeAgain(Queue& queue, const ReceiveOptions& options);
  Queue* DeadLetterQueueOf(const Queue& queue, const Message& message) const;
  void GiveUp(Queue& queue, Message& message, Queue& target);
  enum class Taken { kNew, kAgain };
  void Deliver(Queue& queue, const std::vector<uint64_t>& taken, Taken how, Received received);
  void OnDeliveryWritten(Delivery& delivery, base::Result<std::vector<LogPosition>> written);
  void FinishDelivery(Delivery& delivery);
  size_t InFlightLimit(const Queue& queue) const;
  void WriteMove(const std::shared_ptr<Move>& move, base::Result<std::string> payload);
  void FinishMove(Move& move, base::Result<std::vector<LogPosition>> written);
  void PutBack(uint64_t sequence, std::string_view group, base::Duration wait = {});

  // log_cleaner.cc: old segments go when nothing in them lives, or, where most of the log is dead,
  // after what lives in them was written anew.
  void CleanSoon();
  void Clean();
  void CleanOldest();
  void CopyLiving(SegmentLog::Part part);
  void KeepDeduplications(uint32_t segment);

  struct Use {
    size_t messages = 0;
    size_t bytes = 0;
  };

  io::Loop& loop_;
  io::Offload& writer_;
  QueueStore store_;
  ReceiptHandles handles_;
  std::unique_ptr<SegmentLog> log_;
  MessageIndex index_;
  Deduplication deduplication_;
  std::map<std::string, std::unique_ptr<Queue>, std::less<>> queues_;
  std::unordered_map<uint32_t, Queue*> queues_by_id_;
  std::vector<std::unique_ptr<Queue>> removed_;  // Until their messages are erased.
  std::map<std::string, int64_t, std::less<>> removed_ms_;
  std::function<void(const std::string& name)> created_;
  std::unordered_map<uint64_t, Queue*> waiting_;  // By a receive's number.
  std::map<uint32_t, Use> uses_;                  // Of segments, by what lives.
  size_t live_bytes_ = 0;
  struct PendingChange {
    std::string name;
    std::function<bool(QueueRecord&)> change;
    Done done;
  };
  std::deque<PendingChange> changes_;
  bool changing_ = false;
  bool cleaning_ = false;
  LogPosition cleaned_;  // How far the oldest segment is copied.
  bool waits_ended_ = false;
  // Of moves whose records are being written: the message that each is to become.
  std::unordered_map<uint64_t, uint64_t> successors_;
  size_t arriving_ = 0;    // Messages that are being written.
  size_t storing_ = 0;     // Of queues: creations and removals.
  size_t delivering_ = 0;  // Receives that are being read and written.
  uint64_t next_sequence_ = 1;
  uint64_t next_receive_ = 1;
  uint32_t next_receipt_ = 1;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

template <typename T>
void LogEngine::Fail(std::function<void(base::Result<T>)> done, base::ErrorKind kind,
                     std::string text) {
  loop_.Post([done = std::move(done), kind, text = std::move(text)] {
    done(base::MakeError(kind, "use a queue", text));
  });
}

}  // namespace hearth::sqs
