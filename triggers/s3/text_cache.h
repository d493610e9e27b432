// TextCache: what a configuration of a bucket means, read once for each text that it has had.
//
// Owner: whoever asks; one thread. What it gives is shared and never changes.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "triggers/s3/object_record.h"

namespace hearth::s3 {

template <typename T>
class TextCache {
 public:
  using Ref = std::shared_ptr<const T>;
  // `name` is the text's in BucketRecord::texts. `read` may give nullptr: it means nothing.
  TextCache(std::string name, std::function<Ref(const BucketRecord&)> read)
      : name_(std::move(name)), read_(std::move(read)) {}

  // nullptr: the bucket has no such text, or one that means nothing.
  Ref Of(const BucketRecord& bucket) {
    const auto text = bucket.texts.find(name_);
    if (text == bucket.texts.end()) {
      entries_.erase(bucket.name);
      return nullptr;
    }
    const auto [at, is_new] = entries_.try_emplace(bucket.name);
    if (is_new || at->second.text != text->second) at->second = {text->second, read_(bucket)};
    return at->second.value;
  }

 private:
  struct Entry {
    std::string text;
    Ref value;
  };
  const std::string name_;
  const std::function<Ref(const BucketRecord&)> read_;
  std::map<std::string, Entry> entries_;  // By bucket; as many as there were, at most.
};

}  // namespace hearth::s3
