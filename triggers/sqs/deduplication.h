// Deduplication: what FIFO queues have taken in during the last five minutes, by queue (and group)
// and deduplication id. Some 120 bytes each.
#pragma once

#include <deque>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "triggers/sqs/record.h"

namespace hearth::sqs {

DeduplicationKey MakeDeduplicationKey(uint32_t queue, std::string_view group,
                                      std::string_view deduplication_id);

class Deduplication {
 public:
  struct Entry {
    std::array<char, 36> message_id{};
    uint64_t sequence = 0;
    int64_t until_ms = 0;
    uint32_t segment = 0;  // 0: it is not written yet.
  };
  // Pointers are good until the next call.
  Entry* Find(const DeduplicationKey& key, int64_t now_ms);
  void Add(const DeduplicationKey& key, const Entry& entry);
  // Only where it is that message's.
  void Remove(const DeduplicationKey& key, uint64_t sequence);
  // What that message's is, stands in that segment of the log now: a start would read it there.
  void Place(const DeduplicationKey& key, uint64_t sequence, uint32_t segment);
  // At most so many.
  void Expire(int64_t now_ms, size_t most);
  bool HasIn(uint32_t segment) const { return by_segment_.contains(segment); }
  std::vector<DeduplicationRecord::Entry> InSegment(uint32_t segment, size_t most);
  size_t size() const { return entries_.size(); }

 private:
  struct Hash {
    size_t operator()(const DeduplicationKey& key) const;
  };
  using Entries = std::unordered_map<DeduplicationKey, Entry, Hash>;
  struct Segment {
    size_t live = 0;
    std::vector<DeduplicationKey> keys;  // Also of what is there no more.
  };
  void Drop(Entries::iterator entry);
  void Unplace(const Entry& entry);

  Entries entries_;
  std::unordered_map<uint32_t, Segment> by_segment_;
  std::deque<std::pair<int64_t, DeduplicationKey>> by_end_;
};

}  // namespace hearth::sqs
