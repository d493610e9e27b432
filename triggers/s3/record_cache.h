// RecordCache: current objects as they were last committed, those used longest ago leave first.
// Loop's thread. Owner: DiskStore, which says of each commit what it made of a key.
#pragma once

#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "triggers/s3/object_record.h"

namespace hearth::s3 {

class RecordCache {
 public:
  explicit RecordCache(size_t most_bytes) : most_bytes_(most_bytes) {}

  const ObjectRecord* Find(int64_t bucket, const std::string& key) {
    const auto at = entries_.find(Name(bucket, key));
    if (at == entries_.end()) return nullptr;
    by_use_.splice(by_use_.begin(), by_use_, at->second);
    return &at->second->record;
  }

  // A large one is not kept: it would drive out many.
  void Keep(int64_t bucket, const ObjectRecord& record) {
    Forget(bucket, record.key);
    const size_t bytes = BytesOf(record);
    if (bytes > kMostOfOne || bytes > most_bytes_) return;
    while (bytes_ + bytes > most_bytes_) Drop(std::prev(by_use_.end()));
    by_use_.push_front({Name(bucket, record.key), record, bytes});
    entries_.emplace(by_use_.front().name, by_use_.begin());
    bytes_ += bytes;
  }

  void Forget(int64_t bucket, const std::string& key) {
    const auto at = entries_.find(Name(bucket, key));
    if (at != entries_.end()) Drop(at->second);
  }

  size_t bytes() const { return bytes_; }

 private:
  static constexpr size_t kMostOfOne = 8192;
  struct Entry {
    std::string name;
    ObjectRecord record;
    size_t bytes = 0;
  };
  using Place = std::list<Entry>::iterator;

  static std::string Name(int64_t bucket, const std::string& key) {
    return std::to_string(bucket) + "/" + key;
  }
  static size_t BytesOf(const ObjectRecord& record) {
    constexpr size_t kNode = 128;  // A map's, with its two strings.
    size_t bytes =
        sizeof(Entry) + kNode + 2 * record.key.size() + record.extents.size() * sizeof(Extent);
    for (const Words* words : {&record.headers, &record.tags}) {
      for (const auto& [name, value] : *words) bytes += kNode + name.size() + value.size();
    }
    return bytes;
  }
  void Drop(Place place) {
    bytes_ -= place->bytes;
    entries_.erase(place->name);
    by_use_.erase(place);
  }

  const size_t most_bytes_;
  size_t bytes_ = 0;
  std::list<Entry> by_use_;
  std::unordered_map<std::string_view, Place> entries_;  // By the name in the list's entry.
};

}  // namespace hearth::s3
