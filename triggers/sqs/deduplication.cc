#include "triggers/sqs/deduplication.h"

#include <cstring>

#include "base/digest.h"

namespace hearth::sqs {

DeduplicationKey MakeDeduplicationKey(uint32_t queue, std::string_view group,
                                      std::string_view deduplication_id) {
  std::string text(reinterpret_cast<const char*>(&queue), sizeof queue);
  text.append(group).push_back('\0');
  text.append(deduplication_id);
  const base::Sha256Digest digest = base::Sha256Of(text);
  DeduplicationKey key;
  std::memcpy(key.data(), digest.data(), key.size());
  return key;
}

size_t Deduplication::Hash::operator()(const DeduplicationKey& key) const {
  size_t out;
  std::memcpy(&out, key.data(), sizeof out);
  return out;
}

Deduplication::Entry* Deduplication::Find(const DeduplicationKey& key, int64_t now_ms) {
  const auto found = entries_.find(key);
  return found == entries_.end() || found->second.until_ms <= now_ms ? nullptr : &found->second;
}

void Deduplication::Add(const DeduplicationKey& key, const Entry& entry) {
  if (const auto found = entries_.find(key); found != entries_.end()) Drop(found);
  Entry& added = entries_[key] = entry;
  added.segment = 0;
  by_end_.emplace_back(entry.until_ms, key);
  if (entry.segment != 0) Place(key, entry.sequence, entry.segment);
}

void Deduplication::Place(const DeduplicationKey& key, uint64_t sequence, uint32_t segment) {
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.sequence != sequence) return;
  Unplace(found->second);
  found->second.segment = segment;
  Segment& place = by_segment_[segment];
  ++place.live;
  place.keys.push_back(key);
}

void Deduplication::Unplace(const Entry& entry) {
  const auto place = by_segment_.find(entry.segment);
  if (place != by_segment_.end() && --place->second.live == 0) by_segment_.erase(place);
}

void Deduplication::Drop(Entries::iterator entry) {
  Unplace(entry->second);
  entries_.erase(entry);
}

void Deduplication::Remove(const DeduplicationKey& key, uint64_t sequence) {
  const auto found = entries_.find(key);
  if (found != entries_.end() && found->second.sequence == sequence) Drop(found);
}

void Deduplication::Expire(int64_t now_ms, size_t most) {
  for (; most > 0 && !by_end_.empty() && by_end_.front().first <= now_ms; --most) {
    const auto found = entries_.find(by_end_.front().second);
    if (found != entries_.end() && found->second.until_ms <= now_ms) Drop(found);
    by_end_.pop_front();
  }
}

std::vector<DeduplicationRecord::Entry> Deduplication::InSegment(uint32_t segment, size_t most) {
  std::vector<DeduplicationRecord::Entry> out;
  const auto place = by_segment_.find(segment);
  if (place == by_segment_.end()) return out;
  auto& keys = place->second.keys;
  // What is told is Placed elsewhere before anybody asks again: else it is asked for once more.
  for (size_t at = keys.size(); at > 0 && out.size() < most; --at) {
    const auto found = entries_.find(keys[at - 1]);
    if (found == entries_.end() || found->second.segment != segment) {
      keys.erase(keys.begin() + static_cast<ptrdiff_t>(at - 1));
      continue;
    }
    const Entry& entry = found->second;
    out.push_back({found->first, entry.message_id, entry.sequence, entry.until_ms});
  }
  return out;
}

}  // namespace hearth::sqs
