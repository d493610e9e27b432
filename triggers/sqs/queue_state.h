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
  // What is due by now becomes ready, at most so many; false: more is due.
  bool Advance(int64_t now_ms, size_t most);

  // Offers ready messages in order, at most `most` of them, none that is held; `visit` must Take or
  // Remove each, and may not erase it from the index before it returns. False: it is to be offered
  // no more.
  void OfferReady(size_t most, const std::function<bool(Message&)>& visit);
  // A record of it is under way, or a purge is to take it.
  bool IsHeld(const Message& message) const { return message.under_way > 0 || IsPurged(message); }
  // It may be held no more.
  void Release(Message& message);

  // Messages sent at or before then, at most so many; each is to be removed by `visit`. False:
  // there are more.
  bool OfferSentBy(int64_t sent_ms, size_t most, const std::function<void(Message&)>& visit);
  // Drops what is no more from the ends of its lists, at most so much of each.
  void Trim(size_t most);

  // From here to EndPurge, what is here and older than that sequence is held. What comes with an
  // older one while the purge goes on is spared.
  void StartPurge(uint64_t before);
  void Spare(uint64_t sequence);
  void EndPurge() { purge_.reset(); }
  bool is_purging() const { return purge_.has_value(); }
  bool IsPurged(const Message& message) const {
    return purge_ && message.sequence < purge_->before &&
           !purge_->spared.contains(message.sequence);
  }

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
  struct Purge {
    uint64_t before = 0;
    std::set<uint64_t> spared;
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
  std::optional<Purge> purge_;
  uint32_t next_group_ = 1;
  std::unordered_map<uint32_t, Group> groups_;
  std::unordered_map<std::string, uint32_t> group_numbers_;
  std::set<std::pair<uint64_t, uint32_t>> open_;  // Groups that have something to offer.
};

}  // namespace hearth::sqs
