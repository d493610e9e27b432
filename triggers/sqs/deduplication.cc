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
  entries_.insert_or_assign(key, entry);
  by_end_.emplace_back(entry.until_ms, key);
}

void Deduplication::Remove(const DeduplicationKey& key, uint64_t sequence) {
  const auto found = entries_.find(key);
  if (found != entries_.end() && found->second.sequence == sequence) entries_.erase(found);
}

void Deduplication::Expire(int64_t now_ms) {
  while (!by_end_.empty() && by_end_.front().first <= now_ms) {
    const auto found = entries_.find(by_end_.front().second);
    if (found != entries_.end() && found->second.until_ms <= now_ms) entries_.erase(found);
    by_end_.pop_front();
  }
}

std::vector<DeduplicationRecord::Entry> Deduplication::InSegment(uint32_t segment) const {
  std::vector<DeduplicationRecord::Entry> out;
  for (const auto& [key, entry] : entries_) {
    if (entry.segment != segment) continue;
    out.push_back({key, entry.message_id, entry.sequence, entry.until_ms});
  }
  return out;
}

}  // namespace hearth::sqs
