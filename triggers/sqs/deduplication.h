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
    uint32_t segment = 0;  // Of the log, where a start would read of it.
  };
  // Pointers are good until the next call.
  Entry* Find(const DeduplicationKey& key, int64_t now_ms);
  void Add(const DeduplicationKey& key, const Entry& entry);
  // Only where it is that message's.
  void Remove(const DeduplicationKey& key, uint64_t sequence);
  void Expire(int64_t now_ms);
  // Those that a start would read in that segment.
  std::vector<DeduplicationRecord::Entry> InSegment(uint32_t segment) const;
  size_t size() const { return entries_.size(); }

 private:
  struct Hash {
    size_t operator()(const DeduplicationKey& key) const;
  };
  std::unordered_map<DeduplicationKey, Entry, Hash> entries_;
  std::deque<std::pair<int64_t, DeduplicationKey>> by_end_;
};

}  // namespace hearth::sqs
