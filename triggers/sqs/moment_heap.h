// MomentHeap: sequences by the moment at which something is due for them.
//
// What is no more due stays until it comes to the top, or until it is most of what there is: the
// owner says what still holds. Times only grow for most uses, so that Add moves nothing.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

namespace hearth::sqs {

class MomentHeap {
 public:
  struct Moment {
    int64_t at_ms = 0;
    uint64_t sequence = 0;
    bool operator>(const Moment& other) const {
      return at_ms != other.at_ms ? at_ms > other.at_ms : sequence > other.sequence;
    }
  };

  void Add(Moment moment) {
    moments_.push_back(moment);
    std::ranges::push_heap(moments_, std::greater<>());
  }
  bool empty() const { return moments_.empty(); }
  const Moment& top() const { return moments_.front(); }
  void Pop() {
    std::ranges::pop_heap(moments_, std::greater<>());
    moments_.pop_back();
  }
  void Clear() { moments_ = {}; }
  // Drops what no longer holds, where that is most of it: `live` moments hold.
  template <typename Holds>
  void Pack(size_t live, Holds holds) {
    if (moments_.size() < 2 * live + kSlack) return;
    std::erase_if(moments_, [&](const Moment& each) { return !holds(each); });
    moments_.shrink_to_fit();
    std::ranges::make_heap(moments_, std::greater<>());
  }
  size_t size() const { return moments_.size(); }
  const std::vector<Moment>& all() const { return moments_; }

 private:
  static constexpr size_t kSlack = 4096;
  std::vector<Moment> moments_;
};

}  // namespace hearth::sqs
