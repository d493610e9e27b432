// QueueState: which of a queue's messages may be received now, and in what order. No I/O, no time
// of its own.
//
// A standard queue hands out messages as they became ready. A FIFO queue hands out a group's in the
// order of their sequences, and none of a group while one of it is in flight; groups come in the
// order of their first messages. Owner: the engine, one for each queue; messages live in its index.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "triggers/sqs/message_index.h"
#include "triggers/sqs/moment_heap.h"

namespace hearth::sqs {

struct QueueCounts {
  size_t ready = 0;
  size_t delayed = 0;
  size_t in_flight = 0;
  size_t all() const { return ready + delayed + in_flight; }
};

class QueueState {
 public:
  QueueState(MessageIndex& index, uint32_t queue, bool is_fifo)
      : index_(index), queue_(queue), is_fifo_(is_fifo) {}

  // Of a FIFO queue: the number of a group, for Message::group. A group is kept while it has
  // messages.
  uint32_t GroupNumber(std::string_view name);
  const std::string& GroupName(uint32_t number) const { return groups_.at(number).name; }
  // Of a start: groups whose messages were all found to be gone.
  void DropEmptyGroups();

  // A message that is in the index and in no queue: by its visible_at_ms and receive_count it is
  // ready, delayed or in flight. FIFO messages may come in any order.
  void Add(Message& message, int64_t now_ms);
  // Takes it out, whatever its state; it stays in the index.
  void Remove(Message& message);
  // A ready message is received, until so.
  void Take(Message& message, int64_t visible_at_ms);
  // One in flight stays so until then; at once ready where that is not later than now.
  void ChangeVisibility(Message& message, int64_t visible_at_ms, int64_t now_ms);
  // What is due by now becomes ready.
  void Advance(int64_t now_ms);

  // Offers ready messages in order, at most `most` of them; `visit` must Take or Remove each, and
  // may not erase it from the index before it returns. False: it is to be offered no more.
  void OfferReady(size_t most, const std::function<bool(Message&)>& visit);

  // Messages sent at or before then; each is to be removed by `visit`.
  void OfferSentBy(int64_t sent_ms, const std::function<void(Message&)>& visit);
  std::vector<uint64_t> Sequences() const;

  const QueueCounts& counts() const { return counts_; }
  // When a message becomes ready by itself, and when the oldest was sent.
  std::optional<int64_t> next_ready_ms();
  std::optional<int64_t> oldest_sent_ms();

 private:
  struct Group {
    std::string name;
    std::deque<uint64_t> waiting;  // Ready and delayed, by sequence.
    size_t in_flight = 0;
    uint64_t offered_as = 0;  // Its key in open_; 0: it is not there.
  };
  bool IsMine(const Message* message) const {
    return message != nullptr && message->queue == queue_ &&
           message->state != MessageState::kMoving;
  }
  bool IsTimed(const MomentHeap::Moment& moment);
  void Count(const Message& message, int change);
  void EnterReady(Message& message);
  void EnterWaiting(const Message& message);
  void LeaveWaiting(const Message& message);
  void Reopen(uint32_t number, Group& group);
  void OfferOfGroups(size_t most, const std::function<bool(Message&)>& visit);

  MessageIndex& index_;
  const uint32_t queue_;
  const bool is_fifo_;
  QueueCounts counts_;
  std::deque<uint64_t> ready_;  // Standard queues; what is no more ready is passed over.
  MomentHeap timed_;            // Delayed and in flight, by visible_at_ms.
  MomentHeap by_age_;           // All, by sent_ms.
  uint32_t next_group_ = 1;
  std::unordered_map<uint32_t, Group> groups_;
  std::unordered_map<std::string, uint32_t> group_numbers_;
  std::set<std::pair<uint64_t, uint32_t>> open_;  // Groups that have something to offer.
};

}  // namespace hearth::sqs
