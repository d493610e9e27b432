// Admission: how many calls may run, and how much memory the sandboxes may hold together.
//
// A value with two counters; who asks decides what a refusal means. An instance holds its whole
// size while it may run; an idle one that is frozen holds what it uses (it cannot grow), so that
// many more functions stay warm than would fit at their limits. Owner: the invoker.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/check.h"

namespace hearth::invoker {

class Admission {
 public:
  Admission(uint32_t concurrency, base::Bytes memory_budget)
      : concurrency_(concurrency), budget_(memory_budget) {}

  // A call begins; false: the account's concurrency is used up.
  bool BeginCall() {
    if (calls_ >= concurrency_) return false;
    ++calls_;
    return true;
  }
  void EndCall() {
    CHECK(calls_ > 0);
    --calls_;
  }

  bool Reserve(base::Bytes size) {
    if (size > budget_ || used_ > budget_ - size) return false;
    used_ += size;
    return true;
  }
  void Release(base::Bytes size) {
    CHECK(size <= used_);
    used_ -= size;
  }

  uint32_t calls() const { return calls_; }
  base::Bytes used() const { return used_; }
  base::Bytes budget() const { return budget_; }
  // What a reservation of `size` lacks; zero where it would succeed.
  base::Bytes Lacking(base::Bytes size) const {
    return used_ + size > budget_ ? used_ + size - budget_ : base::Bytes();
  }

 private:
  const uint32_t concurrency_;
  const base::Bytes budget_;
  uint32_t calls_ = 0;
  base::Bytes used_;
};

}  // namespace hearth::invoker
