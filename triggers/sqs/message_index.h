// MessageIndex: what is in memory of every message of every queue, by its sequence: some 80 bytes.
// Bodies are on disk, where `at` says.
//
// Sequences only grow, so messages stand in chunks in that order: a look-up is two binary searches,
// and an empty chunk goes as a whole. A chunk that is mostly dead is packed by itself, so that no
// pause grows with the number of messages. A Message* is good until the next Insert or Erase.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "triggers/sqs/segment_log.h"

namespace hearth::sqs {

enum class MessageState : uint8_t {
  kReady,
  kDelayed,   // Not visible before visible_at_ms; never received.
  kInFlight,  // Received; visible again at visible_at_ms.
  kMoving,    // On its way to another queue: in none.
};

struct Message {
  uint64_t sequence = 0;  // Of all queues; 0: none. Also what FIFO queues show.
  int64_t sent_ms = 0;
  int64_t visible_at_ms = 0;
  int64_t first_receive_ms = 0;
  LogPosition at;
  uint32_t queue = 0;         // Queue ids, see QueueRecord.
  uint32_t source_queue = 0;  // From which it came as a dead letter; 0: from none.
  uint32_t receive_count = 0;
  uint32_t receipt = 0;  // Of the latest receive's handle.
  uint32_t group = 0;    // The FIFO queue's number for its group.
  // Records of it that are being written: while there is one, nobody is offered it and nobody
  // copies it, so that what memory says of it is what the log says, in the same order.
  uint32_t under_way = 0;
  MessageState state = MessageState::kReady;
  bool passed_over = false;  // QueueState's: ready, but for its place in line.
};

class MessageIndex {
 public:
  Message& Insert(const Message& message);  // CHECKs that the sequence is new.
  Message* Find(uint64_t sequence);
  void Erase(uint64_t sequence);
  size_t size() const { return size_; }
  // In order of sequence; not to change the index.
  void ForEach(const std::function<void(Message&)>& visit);
  // A part of that: looks at so many places, from that sequence on. Gives where the next part
  // begins; 0: there is none.
  uint64_t ForSome(uint64_t from, size_t most, const std::function<void(Message&)>& visit);

 private:
  struct Chunk {
    std::vector<Message> messages;  // By sequence; queue 0: it is gone.
    size_t live = 0;
  };
  std::map<uint64_t, Chunk>::iterator ChunkOf(uint64_t sequence);
  // Gives back what its dead hold, where that is most of it.
  void Pack(std::map<uint64_t, Chunk>::iterator chunk);

  std::map<uint64_t, Chunk> chunks_;  // By a bound below their sequences.
  size_t size_ = 0;
};

}  // namespace hearth::sqs
