// RangeTree: things under ranges of numbers, and those whose range a number is in.
//
// A treap by the ranges' beginnings; each branch knows the last end in it, so what is found costs
// the depth, about the logarithm of how many there are. Pointers to a thing are good until it is
// erased.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include "expressions/pattern_condition.h"

namespace hearth::events {

template <typename T>
class RangeTree {
 public:
  using Range = expressions::NumberRange;

  bool empty() const { return root_ == nullptr; }
  // Makes it where it is not there.
  T& At(const Range& range) {
    if (T* found = Find(range)) return *found;
    auto leaf = std::make_unique<Branch>(range, NextPriority());
    T& thing = leaf->thing;
    root_ = Insert(std::move(root_), std::move(leaf));
    return thing;
  }
  T* Find(const Range& range) const {
    Branch* at = root_.get();
    while (at != nullptr && !IsSame(at->range, range)) {
      at = IsBefore(range, at->range) ? at->left.get() : at->right.get();
    }
    return at == nullptr ? nullptr : &at->thing;
  }
  void Erase(const Range& range) { root_ = Erase(std::move(root_), range); }
  // Tells `visit` of each that `number` is in.
  void Visit(int64_t number, auto&& visit) const { Visit(root_.get(), number, visit); }

 private:
  struct Branch {
    Branch(const Range& range, uint64_t priority)
        : range(range), priority(priority), last(range.last) {}
    Range range;
    uint64_t priority;
    int64_t last;  // Of it and all below.
    T thing{};
    std::unique_ptr<Branch> left;
    std::unique_ptr<Branch> right;
  };
  using Owner = std::unique_ptr<Branch>;

  static bool IsSame(const Range& a, const Range& b) {
    return a.first == b.first && a.last == b.last;
  }
  static bool IsBefore(const Range& a, const Range& b) {
    return a.first != b.first ? a.first < b.first : a.last < b.last;
  }
  uint64_t NextPriority() {
    seed_ ^= seed_ << 13;
    seed_ ^= seed_ >> 7;
    return seed_ ^= seed_ << 17;
  }
  static Owner Fixed(Owner at) {
    at->last = at->range.last;
    if (at->left) at->last = std::max(at->last, at->left->last);
    if (at->right) at->last = std::max(at->last, at->right->last);
    return at;
  }
  static Owner Insert(Owner at, Owner leaf) {
    if (!at) return leaf;
    const bool is_left = IsBefore(leaf->range, at->range);
    Owner& side = is_left ? at->left : at->right;
    side = Insert(std::move(side), std::move(leaf));
    if (side->priority <= at->priority) return Fixed(std::move(at));
    Owner top = std::move(side);
    side = std::move(is_left ? top->right : top->left);
    (is_left ? top->right : top->left) = Fixed(std::move(at));
    return Fixed(std::move(top));
  }
  // Of two whose ranges do not mix: all of `left`'s are before `right`'s.
  static Owner Join(Owner left, Owner right) {
    if (!left) return right;
    if (!right) return left;
    if (left->priority > right->priority) {
      left->right = Join(std::move(left->right), std::move(right));
      return Fixed(std::move(left));
    }
    right->left = Join(std::move(left), std::move(right->left));
    return Fixed(std::move(right));
  }
  static Owner Erase(Owner at, const Range& range) {
    if (!at) return at;
    if (IsSame(at->range, range)) return Join(std::move(at->left), std::move(at->right));
    Owner& side = IsBefore(range, at->range) ? at->left : at->right;
    side = Erase(std::move(side), range);
    return Fixed(std::move(at));
  }
  static void Visit(const Branch* at, int64_t number, auto& visit) {
    if (at == nullptr || at->last < number) return;
    Visit(at->left.get(), number, visit);
    if (at->range.first > number) return;
    if (at->range.Has(number)) visit(at->thing);
    Visit(at->right.get(), number, visit);
  }

  Owner root_;
  uint64_t seed_ = 0x2545F4914F6CDD1DULL;
};

}  // namespace hearth::events
