// QueuePoller: one event source mapping at work: receives from its queue, makes batches, calls the
// function, and settles what came of it.
//
//   receive (a long poll of the engine's: nothing is asked again and again) -> filter (what no
//   pattern takes is deleted) -> gather, until the batch or the event is full or the window is over
//   -> call -> delete what was handled. What failed stays until its visibility timeout is over, so
//   that it counts as received, and goes to a dead-letter queue in its time.
//
// What never reached the function (the host or the function's concurrency let no call in, the
// function is gone or not ready, the mapping was stopped) is given back: visible at once, and not
// counted. The poller then waits until one of its calls has ended, or, where none runs, for a
// back-off that doubles. At a crash all of this is as with any client that dies: the visibility
// timeout ends, the messages come again.
// Owner: QueueSource. Loop's thread only; windows, back-off and pace are in the service's time.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "invoker/event_source_mapping.h"
#include "invoker/invoker.h"
#include "invoker/registry.h"
#include "io/timer.h"
#include "triggers/sqs/batch_pace.h"
#include "triggers/sqs/event_budget.h"
#include "triggers/sqs/message_filter.h"
#include "triggers/sqs/queue_engine.h"
#include "triggers/sqs/queue_event.h"

namespace hearth::sqs {

struct PollerParts {
  io::Loop& loop;
  QueueEngine& engine;
  const invoker::Registry& registry;
  invoker::Invoker& invoker;
  const invoker::Account& account;
  EventBudget& budget;
  // The mapping's LastProcessingResult.
  std::function<void(const std::string& uuid, std::string result)> report;
};

class QueuePoller {
 public:
  // All of `parts` outlives it. It begins with the first Pump.
  QueuePoller(const PollerParts& parts, invoker::MappingRef mapping);
  ~QueuePoller();
  QueuePoller(const QueuePoller&) = delete;
  QueuePoller& operator=(const QueuePoller&) = delete;

  // Receives as far as it may. To be called where the budget has room again.
  void Pump();
  // There is a queue of this name again.
  void OnQueueCreated(const std::string& name);
  // Receives and calls no more. `stopped` runs once, never inside this call, when its calls have
  // ended and what came of them is durable.
  void Stop(std::function<void()> stopped);
  // It waits for messages, for time, or for its queue.
  bool IsQuiet() const;
  size_t batches() const { return batches_.size(); }
  size_t allowed() const { return pace_.allowed(); }

 private:
  struct Batch {
    std::vector<std::string> ids;
    std::vector<std::string> handles;
    std::string event{kEventHead};  // But for its tail.
    size_t charged = 0;             // To the budget, for `event`.
    size_t reserved = 0;            // To the budget, for what is being received.
    enum class Stage { kWaiting, kReceiving, kCalling } stage = Stage::kReceiving;
    uint64_t receive = 0;               // kWaiting: the engine's number.
    std::unique_ptr<io::Timer> window;  // From its first message on.
    base::MonoTime closes{};
    bool is_over = false;  // Called as soon as what is being received is there.
  };
  using Received = base::Result<std::vector<ReceivedMessage>>;

  bool may_receive() const { return !is_stopping_ && !is_lost_ && !pause_.active(); }
  bool HasWindow() const { return mapping_->window_s > 0; }

  void Receive(uint64_t number);
  ReceiveOptions OptionsFor(const Batch& batch, const QueueRecord& queue) const;
  void OnReceived(uint64_t number, Received received);
  void OnNoMessages(uint64_t number, bool has_waited);
  // Into the batch; what no pattern takes is deleted, what the event has no room for given back.
  // False: it had no room for all.
  bool Add(Batch& batch, std::vector<ReceivedMessage> messages);
  bool IsFull(const Batch& batch) const;
  void OpenWindow(uint64_t number);
  void OnWindowOver(uint64_t number);
  // What it has is called; gathering ends.
  void Close(uint64_t number);
  void Call(uint64_t number);
  void OnAnswer(uint64_t number, const invoker::InvocationResult& result);
  void Settle(Batch& batch, const invoker::InvocationResult& result);
  // Its messages never reached the function.
  void Abandon(uint64_t number);
  void End(uint64_t number);

  void Delete(std::vector<std::string> handles);
  void GiveBack(std::vector<std::string> handles);
  QueueEngine::Outcomes Settling();
  // A call was not let in, or cannot be made.
  void BackOff();
  void Pause(base::Duration wait);
  void PauseLonger();
  void StopGathering();
  void OnQueueGone();
  void Report(std::string result);
  // All that may run does, and there is more.
  bool HasBacklog() const;
  void WatchPace();
  void EndIfStopped();

  const PollerParts parts_;
  const invoker::MappingRef mapping_;
  const std::string queue_;
  const MessageFilter filter_;
  EventOrigin origin_;
  BatchPace pace_;
  std::map<uint64_t, Batch> batches_;
  uint64_t next_batch_ = 1;
  uint64_t gatherer_ = 0;  // The batch that gets what comes next; 0: none does.
  size_t calls_ = 0;
  size_t settling_ = 0;  // Writes that are not durable yet.
  base::Duration back_off_{};
  io::Timer pause_;
  io::Timer tick_;
  bool is_lost_ = false;  // There is no such queue.
  bool is_stopping_ = false;
  std::function<void()> stopped_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace hearth::sqs
