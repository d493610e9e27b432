// FileNumbers: gives data files their numbers, from blocks that the index has reserved, and knows
// which of those may still have a file without a row. Loop's thread. Owner: DiskStore.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "triggers/s3/data_files.h"

namespace hearth::s3 {

class FileNumbers {
 public:
  void Grant(int64_t block) { blocks_.push_back(block); }
  // nullopt: a block must be granted first. The number is in flight until it is settled.
  std::optional<int64_t> Take() {
    if (blocks_.empty()) return std::nullopt;
    const int64_t block = blocks_.front();
    const int64_t number = FirstOfBlock(block) + used_;
    ++in_flight_[block];
    if (FirstOfBlock(block) + ++used_ == FirstOfBlock(block + 1)) {
      blocks_.pop_front();
      used_ = 0;
    }
    return number;
  }
  // Whether so many can be taken.
  bool Has(size_t count) const {
    return static_cast<int64_t>(count) <=
           FirstOfBlock(static_cast<int64_t>(blocks_.size())) - used_;
  }
  // It has a row now, or there is no such file.
  void Settle(int64_t number) {
    const auto at = in_flight_.find(BlockOf(number));
    if (at == in_flight_.end() || --at->second > 0) return;
    in_flight_.erase(at);
    if (!IsGiving(BlockOf(number))) retired_.push_back(BlockOf(number));
  }
  // Half of the last one is used.
  bool wants_block() const {
    return blocks_.empty() || (blocks_.size() == 1 && used_ >= FirstOfBlock(1) / 2);
  }
  // Blocks that are used up, with nothing in flight: none of them needs a look at the next start.
  std::vector<int64_t> TakeRetired() { return std::exchange(retired_, {}); }
  // A file of it may come yet.
  bool IsInUse(int64_t block) const { return IsGiving(block) || in_flight_.contains(block); }

 private:
  bool IsGiving(int64_t block) const {
    return std::find(blocks_.begin(), blocks_.end(), block) != blocks_.end();
  }

  std::deque<int64_t> blocks_;
  int64_t used_ = 0;  // Of the first of them.
  std::map<int64_t, int> in_flight_;
  std::vector<int64_t> retired_;
};

}  // namespace hearth::s3
